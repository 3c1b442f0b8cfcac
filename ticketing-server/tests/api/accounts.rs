//! Accounts over HTTP, in both ways of speaking: every call, with what it answers.

use crate::postgres::database;
use crate::support::{City, Reply, hold_of};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ticketing_server::auth::Role;
use uuid::Uuid;

pub const PASSWORD: &str = "correct horse";

/// Sends a JSON body, with a token or none.
pub async fn send(city: &City, method: &str, path: &str, token: Option<&str>, body: Value) -> Reply {
    city.send(method, path, token, &[], Some(body.to_string())).await
}

/// Signs somebody up in the marketplace's way.
pub async fn signed_up(city: &City, email: &str) -> Reply {
    let body = json!({"email": email, "password": PASSWORD});
    let reply = send(city, "POST", "/api/users/signup", None, body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    city.assert_fits(&reply, "Success_SignedIn");
    reply
}

/// The body of a registration.
pub fn registration(name: &str) -> Value {
    json!({"username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
        "firstName": "Ada", "lastName": "Lovelace"})
}

pub fn token(reply: &Reply) -> String {
    reply.data()["token"].as_str().unwrap_or_else(|| panic!("{}", reply.text)).to_owned()
}

/// The session's cookie of an answer, without its attributes.
pub fn cookie(reply: &Reply) -> String {
    let header = reply.headers["set-cookie"].to_str().unwrap();
    header.split(';').next().unwrap().to_owned()
}

/// A city on an engine: a folder, or the test's PostgreSQL.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::support::City::start().await).await; })+
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    let Some(database) = super::database().await else { return };
                    let url = database.url();
                    let city =
                        crate::support::City::start_with(|config| config.stores.database_url = Some(url)).await;
                    super::$name(city).await;
                }
            )+
        }
    };
}

on_both_engines!(
    the_marketplace_signs_up_in_and_out,
    a_venue_registers_signs_in_and_keeps_a_profile,
    operators_search_suspend_and_let_in_again,
    who_leaves_is_erased_and_their_bookings_stay,
    a_repeated_request_is_answered_as_before,
);

async fn the_marketplace_signs_up_in_and_out(city: City) {
    let made = signed_up(&city, " Ada@Example.org ").await;
    let data = made.data();
    assert_eq!(
        (&data["email"], &data["username"], &data["status"]),
        (&json!("ada@example.org"), &json!(null), &json!("ACTIVE"))
    );
    let set = made.headers["set-cookie"].to_str().unwrap();
    for part in ["session=", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=86400"] {
        assert!(set.contains(part), "{part} in {set}");
    }
    assert!(!set.contains("Secure"), "in development there is no https");
    assert_eq!(cookie(&made), format!("session={}", token(&made)));

    // By cookie and by token alike, and by nothing.
    let session = cookie(&made);
    for headers in [vec![("cookie", session.as_str())], vec![("cookie", "a=b")], vec![]] {
        let reply = city.send("GET", "/api/users/currentuser", None, &headers, None).await;
        city.assert_fits(&reply, "Success_CurrentUser");
        let user = reply.data()["currentUser"].clone();
        match headers.first() {
            Some((_, value)) if *value == session => {
                assert_eq!(
                    (&user["id"], &user["email"], &user["role"]),
                    (&data["id"], &data["email"], &json!("user"))
                );
            }
            _ => assert_eq!(user, Value::Null),
        }
    }
    let by_token = city.get("/api/users/currentuser", Some(&token(&made)), "Success_CurrentUser").await;
    assert_eq!(by_token.data()["currentUser"]["id"], data["id"]);
    let of_nobody = city
        .get("/api/users/currentuser", Some(&city.token_as("ops", Role::Operator)), "Success_CurrentUser")
        .await;
    assert_eq!(of_nobody.data()["currentUser"]["role"], "operator");
    city.get("/api/users/currentuser", Some("nonsense"), "").await.is(401, "UNAUTHORIZED");

    let credentials = json!({"email": "ADA@example.org", "password": PASSWORD});
    let signed_in = send(&city, "POST", "/api/users/signin", None, credentials).await;
    city.assert_fits(&signed_in, "Success_SignedIn");
    assert_eq!((signed_in.status, &signed_in.data()["id"]), (200, &data["id"]));
    let host = city.running.address().to_string();
    let origin = format!("http://{host}");
    let second = cookie(&signed_in);
    let out = city
        .send("POST", "/api/users/signout", None, &[("cookie", &second), ("origin", &origin)], None)
        .await;
    assert_eq!((out.status, out.data()["currentUser"].clone()), (200, Value::Null));
    assert!(out.headers["set-cookie"].to_str().unwrap().starts_with("session=; "));
    // The session that was signed out is over, wherever its token is; the other one goes on.
    city.get("/api/users/currentuser", Some(&token(&signed_in)), "").await.is(401, "UNAUTHORIZED");
    let gone = city.send("GET", "/api/users/currentuser", None, &[("cookie", &second)], None).await;
    assert_eq!(gone.data()["currentUser"], Value::Null);
    assert_eq!(
        city.get("/api/users/currentuser", Some(&token(&made)), "Success_CurrentUser").await.status,
        200
    );
    // Whoever is signed out already is so afterwards.
    assert_eq!(city.send("POST", "/api/users/signout", None, &[], None).await.status, 200);
    let (ups, ins) = (city.metric("user_registrations_total").await, city.metric("user_logins_total").await);
    assert_eq!((ups, ins), (1.0, 1.0));

    // The account books, and its bookings are its own.
    let coach = city.coach().await;
    let booked = city.command("book", &token(&made), &hold_of(&coach, json!({}))).await;
    assert_eq!((booked.status, &booked.data()["userId"]), (201, &data["id"]), "{}", booked.text);
    city.running.stop().await;
}

async fn a_venue_registers_signs_in_and_keeps_a_profile(city: City) {
    let made = send(&city, "POST", "/v1/users/register", None, registration("ada")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    city.assert_fits(&made, "Success_User");
    assert!(made.headers.get("set-cookie").is_none(), "there are no cookies here");
    let id = made.id();
    for (field, value, code) in
        [("username", "other", "EMAIL_TAKEN"), ("email", "other@example.org", "USERNAME_TAKEN")]
    {
        let mut again = registration("ADA");
        again["email"] = json!("ada@example.org");
        again[field] = json!(value);
        send(&city, "POST", "/v1/users/register", None, again).await.is(409, code);
    }
    let mut ada = String::new();
    for login in [
        json!({"email": "ada@example.org", "password": PASSWORD}),
        json!({"username": "Ada", "password": PASSWORD}),
    ] {
        let reply = send(&city, "POST", "/v1/users/login", None, login).await;
        city.assert_fits(&reply, "Success_SignedIn");
        assert_eq!((reply.status, reply.id()), (200, id.clone()));
        ada = token(&reply);
    }
    let path = format!("/v1/users/{id}");
    let mine = city.get(&path, Some(&ada), "Success_User").await.data();
    assert_eq!((&mine["firstName"], &mine["version"]), (&json!("Ada"), &json!(1)));
    let put = async |body: Value| send(&city, "PUT", &path, Some(&ada), body).await;
    let named = put(json!({"lastName": "Byron", "version": 1})).await;
    city.assert_fits(&named, "Success_User");
    assert_eq!((&named.data()["lastName"], &named.data()["version"]), (&json!("Byron"), &json!(2)));
    put(json!({"lastName": "King", "version": 1})).await.is(409, "VERSION_MOVED");
    let stale = [("if-match", "\"1\"")];
    city.send("PUT", &path, Some(&ada), &stale, Some(r#"{"lastName":"King"}"#.into()))
        .await
        .is(409, "VERSION_MOVED");
    assert_eq!(put(json!({})).await.data()["version"], 2, "nothing was to change");
    assert_eq!(put(json!({"email": "ada@example.org"})).await.data()["version"], 2);
    put(json!({"email": "countess@example.org"})).await.is(422, "PASSWORD_NEEDED");
    put(json!({"email": "countess@example.org", "currentPassword": "wrong horse"}))
        .await
        .is(403, "WRONG_PASSWORD");
    let moved = put(json!({"email": "Countess@example.org", "currentPassword": PASSWORD})).await;
    assert_eq!(moved.data()["email"], "countess@example.org", "{}", moved.text);
    send(&city, "POST", "/v1/users/register", None, registration("bob")).await;
    put(json!({"username": "BOB"})).await.is(409, "USERNAME_TAKEN");
    put(json!({"email": "bob@example.org", "currentPassword": PASSWORD})).await.is(409, "EMAIL_TAKEN");

    // A new password ends the sessions from before, and only it signs in.
    let renewed = put(json!({"password": "battery staple", "currentPassword": PASSWORD})).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    city.get(&path, Some(&ada), "").await.is(401, "UNAUTHORIZED");
    let login = async |password: &str| {
        send(&city, "POST", "/v1/users/login", None, json!({"username": "ada", "password": password})).await
    };
    login(PASSWORD).await.is(401, "BAD_CREDENTIALS");
    let again = login("battery staple").await;
    assert_eq!(city.get(&path, Some(&token(&again)), "Success_User").await.status, 200);
    city.running.stop().await;
}

async fn operators_search_suspend_and_let_in_again(city: City) {
    let ops = city.token_as("ops", Role::Operator);
    let mut ids = Vec::new();
    for name in ["ada", "bob", "cid"] {
        ids.push(send(&city, "POST", "/v1/users/register", None, registration(name)).await.id());
    }
    let login = json!({"username": "ada", "password": PASSWORD});
    let ada = token(&send(&city, "POST", "/v1/users/login", None, login.clone()).await);
    let list = async |query: &str| city.get(&format!("/v1/users?{query}"), Some(&ops), "Page_User").await;
    let names = |reply: &Reply| -> Vec<String> {
        let all = reply.data();
        all.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&list("").await), ["cid", "bob", "ada"]);
    assert_eq!(names(&list("search=ADA@").await), ["ada"]);
    assert_eq!(names(&list("search=lovelace&limit=2").await), ["cid", "bob"]);
    assert_eq!(
        list("limit=2&page=2").await.json()["pagination"],
        json!({"page": 2, "limit": 2, "total": 3, "totalPages": 2})
    );
    assert_eq!(names(&list("search=%25").await), Vec::<String>::new(), "a sign is a sign");
    list("status=GONE").await.is(422, "VALIDATION_FAILED");

    let path = format!("/v1/users/{}/status", ids[0]);
    let set = async |status: &str| {
        send(&city, "PUT", &path, Some(&ops), json!({"status": status, "reason": "chargebacks"})).await
    };
    let coach = city.coach().await;
    assert_eq!(city.command("book", &ada, &hold_of(&coach, json!({}))).await.status, 201);
    let suspended = set("SUSPENDED").await;
    city.assert_fits(&suspended, "Success_User");
    assert_eq!(suspended.data()["status"], "SUSPENDED", "{}", suspended.text);
    // At once, with a token that is good by itself, everywhere; and no new one is had.
    city.command("book", &ada, &hold_of(&coach, json!({}))).await.is(403, "ACCOUNT_SUSPENDED");
    city.get("/api/tickets/queries/my-tickets", Some(&ada), "").await.is(403, "ACCOUNT_SUSPENDED");
    city.get(&format!("/v1/users/{}", ids[0]), Some(&ada), "").await.is(403, "ACCOUNT_SUSPENDED");
    send(&city, "POST", "/v1/users/login", None, login.clone()).await.is(403, "ACCOUNT_SUSPENDED");
    let wrong = json!({"username": "ada", "password": "wrong horse"});
    send(&city, "POST", "/v1/users/login", None, wrong).await.is(401, "BAD_CREDENTIALS");
    let current = city
        .send("GET", "/api/users/currentuser", None, &[("cookie", &format!("session={ada}"))], None)
        .await;
    assert_eq!(current.data()["currentUser"], Value::Null);
    assert_eq!(names(&list("status=SUSPENDED").await), ["ada"]);
    assert_eq!(set("SUSPENDED").await.data()["version"], 2, "it stands so already");
    assert_eq!(set("ACTIVE").await.data()["status"], "ACTIVE");
    assert_eq!(city.get("/api/tickets/queries/my-tickets", Some(&ada), "Page_Ticket").await.status, 200);
    assert_eq!(send(&city, "POST", "/v1/users/login", None, login).await.status, 200);

    // What operators change has a reason, and is written down without anybody's name.
    let other = format!("/v1/users/{}", ids[1]);
    send(&city, "PUT", &other, Some(&ops), json!({"lastName": "Byron"})).await.is(422, "VALIDATION_FAILED");
    send(&city, "DELETE", &other, Some(&ops), json!({})).await.is(422, "VALIDATION_FAILED");
    send(&city, "PUT", &path, Some(&ops), json!({"status": "ACTIVE"})).await.is(422, "VALIDATION_FAILED");
    let taken = json!({"username": "cid", "reason": "asked"});
    send(&city, "PUT", &other, Some(&ops), taken).await.is(409, "USERNAME_TAKEN");
    let password = json!({"password": "battery staple", "reason": "forgotten"});
    send(&city, "PUT", &other, Some(&ops), password).await.is(403, "FORBIDDEN");
    let right = json!({"lastName": "Secretname", "reason": "asked by phone"});
    assert_eq!(send(&city, "PUT", &other, Some(&ops), right).await.data()["lastName"], "Secretname");
    assert_eq!(
        send(&city, "DELETE", &other, Some(&ops), json!({"reason": "asked by mail"})).await.status,
        200
    );
    let rows = ticketing_core::ops::audit::list(city.running.app(), None).await.unwrap().0;
    let of: Vec<(&str, &str, &str)> = rows
        .iter()
        .filter(|row| row.action.starts_with("user "))
        .map(|row| (row.action.as_str(), row.actor.as_str(), row.result.as_str()))
        .collect();
    let expected =
        ["user delete", "user update", "user resume", "user suspend"].map(|action| (action, "ops", "done"));
    assert_eq!(of, expected);
    let text = serde_json::to_string(&rows).unwrap();
    for name in ["Secretname", "bob@", "ada@", "Lovelace"] {
        assert!(!text.contains(name), "{name}");
    }
    city.running.stop().await;
}

async fn who_leaves_is_erased_and_their_bookings_stay(city: City) {
    let made = signed_up(&city, "ada@example.org").await;
    let (id, ada) = (made.id(), token(&made));
    let coach = city.coach().await;
    let service = city.token_as("payments", Role::Service);
    let booked = city.command("book", &ada, &hold_of(&coach, json!({"passengerPhone": "+1 555"}))).await;
    city.command("confirm", &service, &json!({"bookingId": booked.id(), "paymentId": "p"})).await;
    let other = city.command("book", &city.token("bob"), &hold_of(&coach, json!({}))).await;
    let path = format!("/v1/users/{id}");
    let key = [("idempotency-key", "leave")];
    let gone = city.send("DELETE", &path, Some(&ada), &key, None).await;
    city.assert_fits(&gone, "Success_User");
    assert_eq!(
        (&gone.data()["status"], &gone.data()["email"]),
        (&json!("DELETED"), &json!(null)),
        "{}",
        gone.text
    );
    // Every session is dead, the address is free again, and nobody finds anything.
    city.get(&path, Some(&ada), "").await.is(401, "UNAUTHORIZED");
    let login = json!({"email": "ada@example.org", "password": PASSWORD});
    send(&city, "POST", "/v1/users/login", None, login).await.is(401, "BAD_CREDENTIALS");
    let ops = city.token_as("ops", Role::Operator);
    city.get(&path, Some(&ops), "").await.is(404, "USER_NOT_FOUND");
    assert_eq!(city.get("/v1/users", Some(&ops), "Page_User").await.data(), json!([]));
    let deleted = city.get("/v1/users?status=DELETED", Some(&ops), "Page_User").await.data();
    assert_eq!((&deleted[0]["id"], &deleted[0]["email"]), (&json!(id), &json!(null)));
    let details = format!("/api/tickets/queries/{}?{}", booked.id(), City::after(&other));
    let shown = city.get(&details, Some(&ops), "Success_TicketDetails").await.data();
    assert_eq!(
        (&shown["passenger"], &shown["status"], &shown["userId"]),
        (&Value::Null, &json!("CONFIRMED"), &json!(id))
    );
    let others =
        city.get(&format!("/api/tickets/queries/{}", other.id()), Some(&ops), "Success_TicketDetails").await;
    assert_eq!(others.data()["passenger"]["name"], "Ada Lovelace", "another's passenger stays");
    assert_ne!(signed_up(&city, "ada@example.org").await.id(), id);
    let app = city.running.app();
    let mut found = Vec::new();
    let mut tell = |told| {
        if let ticketing_core::ops::verify::Told::Found(finding) = told {
            found.push(finding);
        }
    };
    ticketing_core::ops::verify::verify(app, &ticketing_core::ops::verify::Check::ALL, &mut tell)
        .await
        .unwrap();
    assert_eq!(found, [], "the books are straight");
    city.running.stop().await;
}

async fn a_repeated_request_is_answered_as_before(city: City) {
    let key = [("idempotency-key", "k-1")];
    let body = |password: &str| json!({"email": "ada@example.org", "password": password}).to_string();
    let post = async |body: String| city.send("POST", "/api/users/signup", None, &key, Some(body)).await;
    let first = post(body(PASSWORD)).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = post(body(PASSWORD)).await;
    assert_eq!((again.status, again.data_text()), (201, first.data_text()));
    assert_eq!(again.headers["idempotent-replay"], "true");
    assert!(first.headers.get("idempotent-replay").is_none());
    post(body("another horse")).await.is(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(city.metric("user_registrations_total").await, 1.0);
    // Somebody else's key of the same name is another.
    let bob = json!({"email": "bob@example.org", "password": PASSWORD}).to_string();
    assert_eq!(post(bob).await.status, 201);
    let (id, ada) = (first.id(), token(&first));
    let path = format!("/v1/users/{id}");
    let put = async |name: &str| {
        city.send("PUT", &path, Some(&ada), &key, Some(json!({"firstName": name}).to_string())).await
    };
    let named = put("Ada").await;
    assert_eq!(named.data()["version"], 2, "{}", named.text);
    let again = put("Ada").await;
    assert_eq!(
        (again.data_text(), again.headers["idempotent-replay"].to_str().unwrap()),
        (named.data_text(), "true")
    );
    put("Eve").await.is(422, "IDEMPOTENCY_KEY_REUSED");
    let ops = city.token_as("ops", Role::Operator);
    let suspend = json!({"status": "SUSPENDED", "reason": "r"}).to_string();
    let status = format!("{path}/status");
    let once = city.send("PUT", &status, Some(&ops), &key, Some(suspend.clone())).await;
    let twice = city.send("PUT", &status, Some(&ops), &key, Some(suspend)).await;
    assert_eq!((once.status, once.data_text()), (200, twice.data_text()));
    // Nothing that was stored for a repeat has a password or a token in it.
    let rows = ticketing_core::ops::audit::list(city.running.app(), None).await.unwrap().0;
    assert!(!serde_json::to_string(&rows).unwrap().contains(PASSWORD));
    city.running.stop().await;
}

#[tokio::test]
async fn two_servers_on_one_store_keep_out_whom_either_suspends_within_a_second() {
    let Some(database) = database().await else { return };
    let url = database.url();
    let one = City::start_with(|config| config.stores.database_url = Some(url.clone())).await;
    let other = City::start_with(|config| {
        config.stores.database_url = Some(url);
        config.jwt_secret = Some(std::str::from_utf8(one.running.secret().bytes()).unwrap().to_owned());
    })
    .await;
    let made = signed_up(&one, "ada@example.org").await;
    let (ada, ops) = (token(&made), one.token_as("ops", Role::Operator));
    assert_eq!(other.get("/api/users/currentuser", Some(&ada), "Success_CurrentUser").await.status, 200);
    let path = format!("/v1/users/{}/status", made.id());
    let body = json!({"status": "SUSPENDED", "reason": "r"});
    assert_eq!(send(&one, "PUT", &path, Some(&ops), body).await.status, 200);
    let began = Instant::now();
    loop {
        let reply = other.get("/api/users/currentuser", Some(&ada), "Success_CurrentUser").await;
        if reply.status == 403 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{}", reply.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Who starts now knows it from the first answer on.
    let unknown = Uuid::now_v7().to_string();
    assert_eq!(one.get(&format!("/v1/users/{unknown}"), Some(&ops), "").await.status, 404);
    one.running.stop().await;
    other.running.stop().await;
}
