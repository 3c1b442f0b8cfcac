//! What browsers and strangers can't do: every call that takes the session's cookie is tried from pages that are not
//! ours, every page that is answered is searched for the session, and everything of one user is asked for by another.

use crate::accounts::{PASSWORD, cookie, send, signed_up, token};
use crate::payments::quiet_city;
use crate::support::{City, hold_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use ticketing_server::auth::Role;
use ticketing_server::limits::RateLimit;
use ticketing_server::openapi;
use ticketing_server::settings::Environment;
use uuid::Uuid;

/// Every call that may change something, as the document has it: method and path, ids filled in.
fn unsafe_calls() -> Vec<(String, String)> {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let mut filled = String::new();
        for part in path.split('/').skip(1) {
            filled.push('/');
            match part.starts_with('{') {
                true => filled.push_str(&Uuid::from_u128(7).to_string()),
                false => filled.push_str(part),
            }
        }
        for method in methods.as_object().unwrap().keys() {
            if ["post", "put", "patch", "delete"].contains(&method.as_str()) {
                calls.push((method.to_uppercase(), filled.clone()));
            }
        }
    }
    calls
}

/// The calls that the session's cookie opens.
fn by_cookie() -> BTreeSet<(String, String)> {
    let id = Uuid::from_u128(7);
    let rows = [
        ("POST", "/api/tickets".to_owned()),
        ("PUT", format!("/api/tickets/{id}")),
        ("DELETE", format!("/api/tickets/{id}")),
        ("POST", "/api/orders".into()),
        ("DELETE", format!("/api/orders/{id}")),
        ("POST", "/api/payments".into()),
        ("POST", "/api/users/signout".into()),
    ];
    rows.into_iter().map(|(method, path)| (method.to_owned(), path)).collect()
}

#[tokio::test]
async fn no_page_but_ours_changes_anything_with_the_cookie_by_any_call_there_is() {
    let city = City::start().await;
    let session = cookie(&signed_up(&city, "ada@example.org").await);
    let own = format!("http://{}", city.running.address());
    // Whoever has no token yet is no session's: these are told from the page that sends them, if it says so.
    let open = ["/api/users/signup", "/api/users/signin"];
    let without = ["/v1/users/register", "/v1/users/login", "/v1/webhooks/stripe"];
    let calls = unsafe_calls();
    assert!(calls.len() > 20, "{calls:?}");
    let mut guarded = BTreeSet::new();
    for (method, path) in &calls {
        if without.contains(&path.as_str()) {
            continue;
        }
        let rows: [&[(&str, &str)]; 6] = [
            &[],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "https://evil.example"), ("referer", &own)],
            &[("referer", "https://evil.example/page")],
            &[("origin", "https://evil.example"), ("content-type", "text/plain")],
        ];
        for headers in rows {
            let is_silent = headers.is_empty();
            let all = [&[("cookie", session.as_str())][..], headers].concat();
            let reply = city.send(method, path, None, &all, Some("{}".into())).await;
            match reply.status {
                401 => reply.is(401, "UNAUTHORIZED"),
                422 if is_silent && open.contains(&path.as_str()) => {}
                _ => {
                    reply.is(403, "ORIGIN_REFUSED");
                    guarded.insert((method.clone(), path.clone()));
                }
            }
            assert!(reply.headers.get("set-cookie").is_none(), "{method} {path}");
        }
    }
    for path in open {
        assert!(guarded.remove(&("POST".to_owned(), path.to_owned())), "{path}");
    }
    assert_eq!(guarded, by_cookie(), "the cookie opens these, and these are guarded");
    // From our own page each of them is let in, whatever it then says of the empty body.
    let (last, others): (Vec<_>, Vec<_>) =
        by_cookie().into_iter().partition(|(_, path)| path.ends_with("/signout"));
    for (method, path) in others.into_iter().chain(last) {
        let headers = [("cookie", session.as_str()), ("origin", own.as_str())];
        let reply = city.send(&method, &path, None, &headers, Some("{}".into())).await;
        assert!(![401, 403].contains(&reply.status), "{method} {path}: {}", reply.text);
    }
    city.running.stop().await;
}

#[tokio::test]
async fn the_session_is_in_no_page_but_the_answer_of_signing_in() {
    let city = City::start_with(|config| {
        config.http.environment = Environment::Production;
        config.jwt_secret = Some("0f8a7c21b94e4d3f9a6b5c7d8e9f0a1b2c3d4e5f".into());
        config.http.rate_limit = RateLimit::parse("10000/1m").unwrap();
    })
    .await;
    let made = signed_up(&city, "ada@example.org").await;
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    let signed_in = send(&city, "POST", "/api/users/signin", None, body).await;
    for reply in [&made, &signed_in] {
        let set: Vec<_> = reply.headers.get_all("set-cookie").iter().collect();
        let [set] = set.as_slice() else { panic!("{set:?}") };
        let set = set.to_str().unwrap();
        for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
            assert!(set.contains(part), "{part} in {set}");
        }
        assert_eq!(reply.headers["cache-control"], "no-store");
        // Where the contract has it, once, and in no other header.
        assert_eq!(reply.text.matches(&token(reply)).count(), 1);
        let others = reply.headers.iter().filter(|(name, _)| *name != "set-cookie");
        assert!(others.into_iter().all(|(_, value)| !value.to_str().unwrap().contains(&token(reply))));
    }
    let (session, secret) = (cookie(&signed_in), token(&signed_in));
    let signature = secret.rsplit('.').next().unwrap().to_owned();
    let own = format!("http://{}", city.running.address());
    let headers = [("cookie", session.as_str()), ("origin", own.as_str())];
    let listing = json!({"title": "Jazz", "price": "25.00"}).to_string();
    let ticket = city.send("POST", "/api/tickets", None, &headers, Some(listing)).await.id();
    let calls: [(&str, String, Option<&str>); 9] = [
        ("GET", "/api/users/currentuser".into(), None),
        ("GET", "/api/tickets".into(), None),
        ("GET", format!("/api/tickets/{ticket}"), None),
        ("GET", "/api/orders".into(), None),
        ("GET", "/api/orders/x".into(), None),
        ("POST", "/api/tickets".into(), Some("{")),
        ("POST", "/api/orders".into(), Some("{}")),
        ("DELETE", format!("/api/tickets/{ticket}"), None),
        ("POST", "/api/users/signout".into(), None),
    ];
    for (method, path, body) in calls {
        let reply = city.send(method, &path, None, &headers, body.map(str::to_owned)).await;
        let told = format!("{:?} {}", reply.headers, reply.text);
        assert!(!told.contains(&signature), "{method} {path}: {told}");
    }
    city.running.stop().await;
}

#[tokio::test]
async fn a_taken_address_signs_nobody_in_and_is_not_tried_for_long() {
    let few = RateLimit::parse("5/1h").unwrap();
    let proxies = ticketing_server::client::TrustedProxies::parse("127.0.0.1").unwrap();
    let city = City::start_with(|config| {
        config.http.sign_in_limit = few;
        config.http.trusted_proxies = proxies;
    })
    .await;
    let post = async |path: &str, from: &str, email: &str, password: &str| {
        let body = json!({"email": email, "password": password}).to_string();
        city.send("POST", path, None, &[("x-forwarded-for", from)], Some(body)).await
    };
    let made = post("/api/users/signup", "192.0.2.1", "ada@example.org", PASSWORD).await;
    assert_eq!(made.status, 201, "{}", made.text);
    // Whoever signs up with somebody else's address is no nearer to it, also with the right password.
    for password in [PASSWORD, "wrong horse"] {
        let taken = post("/api/users/signup", "192.0.2.2", "ADA@example.org", password).await;
        taken.is(409, "EMAIL_TAKEN");
        assert!(taken.headers.get("set-cookie").is_none());
        assert!(!taken.text.contains(&made.id()) && !taken.text.contains("token"), "{}", taken.text);
    }
    // Asking after many addresses from one place ends soon, and so does asking after one from many.
    let mut limited = 0;
    for n in 0..6 {
        let reply = post("/api/users/signup", "192.0.2.2", &format!("who{n}@example.org"), PASSWORD).await;
        limited += usize::from(reply.status == 429);
    }
    assert!(limited >= 3, "{limited}");
    let mut limited = 0;
    for n in 0..8 {
        let from = format!("198.51.100.{n}");
        let reply = post("/api/users/signup", &from, "ada@example.org", PASSWORD).await;
        match reply.status {
            429 => limited += 1,
            _ => reply.is(409, "EMAIL_TAKEN"),
        }
    }
    assert!(limited >= 3, "{limited}");
    city.running.stop().await;
}

#[tokio::test]
async fn what_is_anothers_is_unknown_by_every_call_that_names_it() {
    let city = quiet_city().await;
    let owner = signed_up(&city, "ada@example.org").await;
    let (ada, eve) = (token(&owner), city.token("eve"));
    let body = |value: Value| Some(value.to_string());
    let send = async |token: &str, method: &str, path: &str, sent: Option<String>, keyed: bool| {
        let key: &[(&str, &str)] = if keyed { &[("idempotency-key", "k")] } else { &[] };
        city.send(method, path, Some(token), key, sent).await
    };
    let post =
        async |path: &str, value: Value| send(&ada, "POST", path, Some(value.to_string()), false).await;
    // A listing of hers, an order of hers of another's, a booking of hers, and a payment of it.
    let listing = post("/api/tickets", json!({"title": "Jazz", "price": "25.00"})).await.id();
    let other = json!({"title": "Rock", "price": "10.00"}).to_string();
    let sams = send(&city.token("sam"), "POST", "/api/tickets", Some(other), false).await.id();
    let order = post("/api/orders", json!({"ticketId": sams})).await.id();
    let coach = city.coach().await;
    let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    let booking = booked.id();
    let paying = post("/api/tickets/commands/pay", json!({"bookingId": booking, "token": "tok_visa"})).await;
    assert_eq!(paying.status, 202, "{}", paying.text);
    let payment = paying.data()["payment"]["id"].as_str().unwrap().to_owned();
    let head = *city.running.app().engine.head().borrow();
    let at = format!("minPosition={head}");
    let account = owner.id();

    let edit = json!({"title": "x", "price": "1"});
    let charge =
        json!({"merchant_order_id": booking, "amount_cents": 1, "currency": "USD", "token": "tok_visa"});
    let rows: Vec<(&str, String, Option<String>, bool, &str)> = vec![
        ("PUT", format!("/api/tickets/{listing}"), body(edit), false, "TICKET_NOT_FOUND"),
        ("DELETE", format!("/api/tickets/{listing}"), None, false, "TICKET_NOT_FOUND"),
        ("GET", format!("/api/orders/{order}?{at}"), None, false, "ORDER_NOT_FOUND"),
        ("DELETE", format!("/api/orders/{order}"), None, false, "ORDER_NOT_FOUND"),
        ("GET", format!("/v1/orders/{order}?{at}"), None, false, "ORDER_NOT_FOUND"),
        (
            "POST",
            "/api/payments".into(),
            body(json!({"orderId": order, "token": "tok_visa"})),
            false,
            "ORDER_NOT_FOUND",
        ),
        ("GET", format!("/api/tickets/queries/{booking}?{at}"), None, false, "BOOKING_NOT_FOUND"),
        (
            "POST",
            "/api/tickets/commands/cancel".into(),
            body(json!({"bookingId": booking})),
            false,
            "BOOKING_NOT_FOUND",
        ),
        (
            "POST",
            "/api/tickets/commands/pay".into(),
            body(json!({"bookingId": booking, "token": "tok_visa"})),
            false,
            "BOOKING_NOT_FOUND",
        ),
        (
            "POST",
            "/api/tickets/commands/confirm".into(),
            body(json!({"bookingId": booking, "paymentId": payment})),
            false,
            "BOOKING_NOT_FOUND",
        ),
        ("POST", "/v1/charge".into(), body(charge), true, "BOOKING_NOT_FOUND"),
        ("GET", format!("/v1/payments/{payment}"), None, false, "PAYMENT_NOT_FOUND"),
        ("GET", format!("/v1/users/{account}"), None, false, "USER_NOT_FOUND"),
        ("PUT", format!("/v1/users/{account}"), body(json!({"firstName": "Eve"})), false, "USER_NOT_FOUND"),
        ("DELETE", format!("/v1/users/{account}"), None, false, "USER_NOT_FOUND"),
    ];
    for (method, path, sent, keyed, code) in &rows {
        send(&eve, method, path, sent.clone(), *keyed).await.is(404, code);
    }
    // What is nobody's is answered the same, word for word but for the id: nothing is learnt by asking.
    for (method, path, sent, keyed, _) in &rows {
        // A charge may be for anything: what is nobody's booking is a reference like any other.
        if path == "/v1/charge" {
            continue;
        }
        let swap = |text: &str| {
            let mut text = text.to_owned();
            for id in [&listing, &order, &booking, &payment, &account] {
                text = text.replace(id.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057");
            }
            text
        };
        let theirs = send(&eve, method, path, sent.clone(), *keyed).await;
        let nobodys = send(&eve, method, &swap(path), sent.as_deref().map(swap), *keyed).await;
        assert_eq!(nobodys.status, theirs.status, "{method} {path}");
        let said = |text: &Value| swap(&text["error"].to_string());
        assert_eq!(said(&nobodys.json()), said(&theirs.json()), "{method} {path}");
    }
    // A refund is staff's; of another's payment nobody is told even that.
    let refund = json!({"payment_id": payment}).to_string();
    send(&eve, "POST", "/v1/refund", Some(refund), true).await.is(404, "PAYMENT_NOT_FOUND");
    for path in ["/api/orders", "/v1/orders", "/api/tickets/queries/my-tickets"] {
        let list = send(&eve, "GET", &format!("{path}?{at}"), None, false).await;
        assert_eq!(list.data(), json!([]), "{path}");
    }
    send(&eve, "GET", "/v1/users?search=ada", None, false).await.is(403, "FORBIDDEN");
    // All of it is as it was, and still hers.
    let shown = send(&ada, "GET", &format!("/api/orders/{order}"), None, false).await;
    assert_eq!(shown.data()["status"], "created", "{}", shown.text);
    let shown = send(&ada, "GET", &format!("/api/tickets/{listing}"), None, false).await;
    assert_eq!((&shown.data()["title"], &shown.data()["status"]), (&json!("Jazz"), &json!("open")));
    let shown = send(&ada, "GET", &format!("/api/tickets/queries/{booking}"), None, false).await;
    assert_eq!(shown.data()["status"], "PENDING", "{}", shown.text);
}

#[tokio::test]
async fn an_operator_s_right_is_no_cookie_s() {
    let city = quiet_city().await;
    let listing = json!({"title": "Jazz", "price": "25.00"}).to_string();
    let ticket = city.send("POST", "/api/tickets", Some(&city.token("sam")), &[], Some(listing)).await.id();
    let (ops, own) = (city.token_as("ops", Role::Operator), format!("http://{}", city.running.address()));
    let path = format!("/api/tickets/{ticket}");
    let session = format!("session={ops}");
    let headers = [("cookie", session.as_str()), ("origin", own.as_str())];
    city.send("DELETE", &path, None, &headers, None).await.is(404, "TICKET_NOT_FOUND");
    let down = city.send("DELETE", &path, Some(&ops), &[], None).await;
    assert_eq!((down.status, &down.data()["status"]), (200, &json!("cancelled")), "{}", down.text);
}
