//! What is tried against accounts, and refused: other people's pages, scripts, guesses, storms.

use crate::accounts::{PASSWORD, cookie, registration, send, signed_up, token};
use crate::support::{City, Reply, hold_of};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ticketing_server::auth::{Role, mint};
use ticketing_server::limits::RateLimit;
use ticketing_server::settings::Environment;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_page_of_another_site_can_not_make_a_browser_act() {
    let allowed = ticketing_server::cors::AllowedOrigins::parse("https://shop.example").unwrap();
    let city = City::start_with(|config| config.http.allowed_origins = allowed).await;
    let made = signed_up(&city, "ada@example.org").await;
    let session = cookie(&made);
    let own = format!("http://{}", city.running.address());
    let rows: [(&[(&str, &str)], u16); 8] = [
        (&[], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("referer", "https://evil.example/page")], 403),
        (&[("origin", "https://evil.example"), ("referer", &own)], 403),
        (&[("origin", "https://shop.example")], 200),
        (&[("referer", &format!("{own}/page"))], 200),
        (&[("origin", &own)], 200),
    ];
    for (headers, expected) in rows {
        let all = [&[("cookie", session.as_str())][..], headers].concat();
        let reply = city.send("POST", "/api/users/signout", None, &all, None).await;
        assert_eq!(reply.status, expected, "{headers:?} {}", reply.text);
        if expected == 403 {
            reply.is(403, "ORIGIN_REFUSED");
            let still = city.send("GET", "/api/users/currentuser", None, &[("cookie", &session)], None).await;
            assert_eq!(still.data()["currentUser"]["email"], "ada@example.org", "nothing was done");
        }
    }
    // Nor sign its visitor in as somebody else, or up; who sends no Origin is no browser.
    let body = json!({"email": "ada@example.org", "password": PASSWORD}).to_string();
    for path in ["/api/users/signin", "/api/users/signup"] {
        let evil = [("origin", "https://evil.example"), ("content-type", "text/plain")];
        let reply = city.send("POST", path, None, &evil, Some(body.clone())).await;
        reply.is(403, "ORIGIN_REFUSED");
        assert!(reply.headers.get("set-cookie").is_none());
    }
    // A bearer token is sent on purpose: it needs no page.
    let again = send(&city, "POST", "/api/users/signin", None, serde_json::from_str(&body).unwrap()).await;
    let evil = [("origin", "https://evil.example")];
    let out = city.send("POST", "/api/users/signout", Some(&token(&again)), &evil, None).await;
    assert_eq!(out.status, 200);
    city.running.stop().await;
}

#[tokio::test]
async fn a_script_gets_no_cookie_and_a_cookie_opens_nothing_but_the_marketplace() {
    let city = City::start_with(|config| {
        config.http.environment = Environment::Production;
        config.jwt_secret = Some("0f8a7c21b94e4d3f9a6b5c7d8e9f0a1b2c3d4e5f".into());
    })
    .await;
    let made = signed_up(&city, "ada@example.org").await;
    let set = made.headers["set-cookie"].to_str().unwrap();
    for part in ["; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(set.contains(part), "{part} in {set}");
    }
    assert_eq!(made.headers["cache-control"], "no-store");
    let session = cookie(&made);
    let own = format!("http://{}", city.running.address());
    let headers = [("cookie", session.as_str()), ("origin", own.as_str())];
    let ops = mint(city.running.secret(), "ops", Role::Operator, Duration::from_secs(60)).unwrap();
    let as_operator = [("cookie", &*format!("session={ops}")), ("origin", own.as_str())];
    let coach = city.coach().await;
    let id = made.id();
    let calls: [(&str, String, Option<Value>); 6] = [
        ("POST", "/api/tickets/commands/book".into(), Some(hold_of(&coach, json!({})))),
        ("GET", "/api/tickets/queries/my-tickets".into(), None),
        ("GET", format!("/v1/users/{id}"), None),
        ("DELETE", format!("/v1/users/{id}"), None),
        ("GET", "/v1/users".into(), None),
        ("POST", "/api/admin/commands".into(), Some(json!({"args": ["status"]}))),
    ];
    for (method, path, body) in calls {
        for headers in [&headers, &as_operator] {
            let body = body.as_ref().map(Value::to_string);
            city.send(method, &path, None, headers, body).await.is(401, "UNAUTHORIZED");
        }
    }
    // Two sessions at once: some other host of the site set one of them. Neither is believed.
    let two = format!("{session}; session={ops}");
    let reply = city.send("GET", "/api/users/currentuser", None, &[("cookie", &two)], None).await;
    assert_eq!(reply.data()["currentUser"], Value::Null);
    city.running.stop().await;
}

/// What an answer says, but for its correlation id.
fn said(reply: &Reply) -> (u16, Value, Vec<String>) {
    let mut headers: Vec<String> = reply.headers.keys().map(|name| name.as_str().to_owned()).collect();
    headers.sort_unstable();
    (reply.status, reply.json()["error"].clone(), headers)
}

#[tokio::test]
async fn nobody_learns_which_accounts_there_are_from_a_sign_in() {
    let city = City::start().await;
    send(&city, "POST", "/v1/users/register", None, registration("ada")).await;
    let sign_in = async |path: &str, body: Value| {
        let began = Instant::now();
        let reply = send(&city, "POST", path, None, body).await;
        (said(&reply), began.elapsed())
    };
    let rows = [
        ("/api/users/signin", "email", "ada@example.org", "nobody@example.org"),
        ("/v1/users/login", "email", "ada@example.org", "nobody@example.org"),
        ("/v1/users/login", "username", "ada", "nobody"),
    ];
    for (path, field, known, unknown) in rows {
        let body = |name: &str| json!({field: name, "password": "wrong horse"});
        let (mut of_known, mut of_unknown) = (Vec::<Duration>::new(), Vec::<Duration>::new());
        // The quickest tells most: what the machine does besides only adds to it. So on a busy machine more are tried.
        let quickest = |times: &[Duration]| times.iter().min().map_or(0.0, Duration::as_secs_f64);
        let apart = |a: f64, b: f64| a.max(b) / a.min(b);
        for round in 0..90 {
            if round >= 15 && apart(quickest(&of_known), quickest(&of_unknown)) < 1.5 {
                break;
            }
            let (wrong, took) = sign_in(path, body(known)).await;
            of_known.push(took);
            let (nobody, took) = sign_in(path, body(unknown)).await;
            of_unknown.push(took);
            assert_eq!(wrong, nobody, "word for word");
            assert_eq!((wrong.0, &wrong.1["code"]), (401, &json!("BAD_CREDENTIALS")));
        }
        let (a, b) = (quickest(&of_known), quickest(&of_unknown));
        assert!(apart(a, b) < 1.5, "{path} {field}: {a} s and {b} s");
        assert!(a > 0.005, "both take a hash: {a} s");
    }
    city.running.stop().await;
}

#[tokio::test]
async fn nobody_reaches_another_s_account_by_its_id() {
    let city = City::start().await;
    let (ada, bob) = (signed_up(&city, "ada@example.org").await, signed_up(&city, "bob@example.org").await);
    let (bobs, service) = (token(&bob), city.token_as("svc", Role::Service));
    let ghost = uuid::Uuid::now_v7().to_string();
    for token in [&bobs, &service] {
        for (id, what) in [(ada.id(), "another's"), (ghost.clone(), "nobody's"), ("x".to_owned(), "no id")] {
            let path = format!("/v1/users/{id}");
            for (method, body) in
                [("GET", None), ("PUT", Some(json!({"firstName": "Eve"}))), ("DELETE", None)]
            {
                let reply = city.send(method, &path, Some(token), &[], body.map(|b| b.to_string())).await;
                reply.is(404, "USER_NOT_FOUND");
                assert_eq!(reply.json()["error"]["message"], format!("There is no user {id}."), "{what}");
            }
        }
        city.get("/v1/users?search=ada", Some(token), "").await.is(403, "FORBIDDEN");
        let status = format!("/v1/users/{}/status", ada.id());
        let body = json!({"status": "SUSPENDED", "reason": "r"});
        send(&city, "PUT", &status, Some(token), body).await.is(403, "FORBIDDEN");
    }
    // Nobody makes themselves more than a user, whatever they send.
    for (path, mut body) in [
        ("/v1/users/register", registration("eve")),
        ("/api/users/signup", json!({"email": "eve@example.org", "password": PASSWORD})),
    ] {
        body["role"] = json!("admin");
        send(&city, "POST", path, None, body).await.is(422, "VALIDATION_FAILED");
    }
    let own = format!("/v1/users/{}", bob.id());
    for field in ["role", "status", "id", "passwordHash"] {
        send(&city, "PUT", &own, Some(&bobs), json!({field: "x"})).await.is(422, "VALIDATION_FAILED");
    }
    for (method, path) in
        [("GET", own.clone()), ("PUT", own.clone()), ("DELETE", own), ("GET", "/v1/users".into())]
    {
        city.send(method, &path, None, &[], None).await.is(401, "UNAUTHORIZED");
    }
    city.running.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_named_field_by_field() {
    let city = City::start().await;
    let rows: [(&str, Value, &[&str]); 9] = [
        ("/api/users/signup", json!({}), &["email", "password"]),
        ("/api/users/signup", json!({"email": "x", "password": "short"}), &["email", "password"]),
        ("/api/users/signup", json!({"email": "a@b.c", "password": "x".repeat(129)}), &["password"]),
        ("/api/users/signin", json!({"email": 7, "password": null}), &["email", "password"]),
        ("/v1/users/register", json!({}), &["username", "email", "password", "firstName", "lastName"]),
        (
            "/v1/users/register",
            json!({"username": "a b", "email": "a@b.c", "password": PASSWORD, "firstName": " ", "lastName": "x".repeat(201)}),
            &["username", "firstName", "lastName"],
        ),
        ("/v1/users/login", json!({"password": "x"}), &["email"]),
        ("/v1/users/login", json!({"email": "a@b.c", "username": "ada", "password": "x"}), &["username"]),
        ("/v1/users/login", json!({"username": "ada"}), &["password"]),
    ];
    for (path, body, fields) in rows {
        let reply = send(&city, "POST", path, None, body.clone()).await;
        reply.is(422, "VALIDATION_FAILED");
        let details = reply.json()["error"]["details"].clone();
        let named: Vec<&str> =
            details.as_array().unwrap().iter().map(|d| d["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{path} {body}");
        assert!(!reply.text.contains("short"), "what was typed as a password is not repeated");
    }
    for path in ["/api/users/signup", "/api/users/signin", "/v1/users/register", "/v1/users/login"] {
        city.send("POST", path, None, &[], Some("[]".into())).await.is(400, "INVALID_JSON");
        city.send("POST", path, None, &[], Some("x".repeat(300_000))).await.is(413, "PAYLOAD_TOO_LARGE");
        let key = [("idempotency-key", "a b")];
        city.send("POST", path, None, &key, Some("{}".into())).await.is(400, "IDEMPOTENCY_KEY_INVALID");
    }
    city.running.stop().await;
}

#[tokio::test]
async fn sign_ins_are_limited_by_address_and_by_account_and_sign_ups_apart() {
    let few = RateLimit::parse("3/1h").unwrap();
    let proxies = ticketing_server::client::TrustedProxies::parse("127.0.0.1").unwrap();
    let city = City::start_with(|config| {
        config.http.sign_in_limit = few;
        config.http.trusted_proxies = proxies;
    })
    .await;
    let post = async |path: &str, from: &str, email: &str| {
        let body = json!({"email": email, "password": PASSWORD}).to_string();
        city.send("POST", path, None, &[("x-forwarded-for", from)], Some(body)).await
    };
    assert_eq!(post("/api/users/signup", "192.0.2.1", "ada@example.org").await.status, 201);
    // One address, many accounts.
    for n in 0..3 {
        post("/api/users/signin", "192.0.2.2", &format!("nobody{n}@example.org"))
            .await
            .is(401, "BAD_CREDENTIALS");
    }
    let limited = post("/api/users/signin", "192.0.2.2", "ada@example.org").await;
    limited.is(429, "RATE_LIMITED");
    let wait: u32 = limited.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1_190..=1_200).contains(&wait), "{wait}");
    // Many addresses, one account, whether there is one or not.
    for (email, status) in [("ada@example.org", 200), ("ghost@example.org", 401)] {
        for n in 10..13 {
            assert_eq!(post("/api/users/signin", &format!("198.51.100.{n}"), email).await.status, status);
        }
        post("/api/users/signin", "203.0.113.7", &email.to_uppercase()).await.is(429, "RATE_LIMITED");
    }
    // Signing up counts by itself, and nothing else is slowed.
    assert_eq!(post("/api/users/signup", "192.0.2.2", "new@example.org").await.status, 201);
    assert_eq!(city.get("/api/routes", None, "Page_Route").await.status, 200);
    city.running.stop().await;
}

#[tokio::test]
async fn a_storm_of_sign_ins_is_turned_away_at_once_and_bookings_go_on() {
    let city = std::sync::Arc::new(City::start().await);
    let coach = city.coach().await;
    let ada = city.token("ada");
    let mut storm = JoinSet::new();
    for n in 0..300 {
        let city = std::sync::Arc::clone(&city);
        storm.spawn(async move {
            let body = json!({"email": format!("nobody{n}@example.org"), "password": PASSWORD});
            let reply = send(&city, "POST", "/api/users/signin", None, body).await;
            (reply.status, reply.headers.contains_key("retry-after"))
        });
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let began = Instant::now();
        let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
        assert_eq!(booked.status, 201, "{}", booked.text);
        slowest = slowest.max(began.elapsed());
    }
    let answers = storm.join_all().await;
    // On a busy machine some wait for as long as a request may take.
    let refused = answers.iter().filter(|answer| matches!(answer, (503 | 504, true))).count();
    let tried = answers.iter().filter(|(status, _)| *status == 401).count();
    assert_eq!(refused + tried, 300, "{answers:?}");
    assert!(refused > 0 && tried > 0, "{refused} turned away, {tried} tried");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

#[tokio::test]
async fn the_marketplace_takes_the_session_s_cookie_from_its_own_pages_and_transit_does_not() {
    let city = City::start().await;
    let session = cookie(&signed_up(&city, "ada@example.org").await);
    let own = format!("http://{}", city.running.address());
    let listing = json!({"title": "Jazz", "price": "25.00"}).to_string();
    let sell = async |origin: &str| {
        let headers = [("cookie", session.as_str()), ("origin", origin)];
        city.send("POST", "/api/tickets", None, &headers, Some(listing.clone())).await
    };
    assert_eq!(sell(&own).await.status, 201);
    sell("https://evil.example").await.is(403, "ORIGIN_REFUSED");
    let cookie = [("cookie", session.as_str())];
    assert_eq!(city.send("GET", "/api/orders", None, &cookie, None).await.status, 200);
    city.send("GET", "/api/tickets/queries/my-tickets", None, &cookie, None).await.is(401, "UNAUTHORIZED");
}
