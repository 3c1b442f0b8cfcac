//! What happens at once at the marketplace, over HTTP, on both engines: a buyer is suspended in mid-order, an order is
//! cancelled while it is paid. At the end of each, everything verifies.

use crate::accounts::{signed_up, token};
use crate::postgres::database;
use crate::support::{City, Reply};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::domain::id::BookingId;
use ticketing_core::ops::verify::{Check, Told, verify};
use ticketing_core::store::sagas;
use ticketing_server::auth::Role;
use uuid::Uuid;

/// How long anything that goes on by itself may take.
const IN_TIME: Duration = Duration::from_secs(60);

macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() { super::$name(crate::support::City::start().await).await; }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
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
    a_buyer_who_is_suspended_in_mid_order_orders_nothing_after_it,
    an_order_that_is_cancelled_while_it_is_paid_is_never_paid_and_lost,
    a_listing_is_taken_down_or_ordered_and_never_both,
    what_a_closed_account_sells_is_not_ordered,
    what_a_command_does_not_know_is_refused_and_nothing_is_done,
);

async fn post(city: &City, path: &str, token: &str, body: Value) -> Reply {
    city.send("POST", path, Some(token), &[], Some(body.to_string())).await
}

async fn listed(city: &City) -> String {
    let reply =
        post(city, "/api/tickets", &city.token("sam"), json!({"title": "Jazz", "price": "25.00"})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.id()
}

async fn ordered(city: &City, token: &str, ticket: &str) -> Reply {
    post(city, "/api/orders", token, json!({"ticketId": ticket})).await
}

/// Waits until the read model is up to the log, and checks everything.
async fn everything_holds(city: &City) {
    let app = city.running.app();
    let head = *app.engine.head().borrow();
    assert!(app.read.reached(&app.stores, head).await.unwrap());
    let mut found = Vec::new();
    let mut tell = |told| match told {
        Told::Found(finding) => found.push(finding),
        Told::Progress { .. } => {}
    };
    verify(app, &Check::ALL, &mut tell).await.unwrap();
    assert_eq!(found, []);
}

async fn what_a_command_does_not_know_is_refused_and_nothing_is_done(city: City) {
    let (ben, ticket) = (city.token("ben"), listed(&city).await);
    let dry = post(&city, "/api/tickets?dry=1", &ben, json!({"title": "x", "price": "1"})).await;
    dry.is(422, "VALIDATION_FAILED");
    post(&city, "/api/orders?dry=1", &ben, json!({"ticketId": ticket})).await.is(422, "VALIDATION_FAILED");
    let order = ordered(&city, &ben, &ticket).await;
    assert_eq!(order.status, 201, "{}", order.text);
    let path = format!("/api/orders/{}", order.id());
    for (path, body) in [(path.clone(), Some(json!({"reason": "x"}))), (format!("{path}?force=1"), None)] {
        let body = body.map(|body| body.to_string());
        let refused = city.send("DELETE", &path, Some(&ben), &[], body).await;
        refused.is(422, "VALIDATION_FAILED");
    }
    let path = format!("{path}?{}", City::after(&order));
    let kept = city.send("GET", &path, Some(&ben), &[], None).await;
    assert_eq!(kept.data()["status"], "created", "{}", kept.text);
    let seller = city.token("sam");
    let taken = json!({"reason": "x"}).to_string();
    let refused =
        city.send("DELETE", &format!("/api/tickets/{ticket}"), Some(&seller), &[], Some(taken)).await;
    refused.is(422, "VALIDATION_FAILED");
    everything_holds(&city).await;
}

async fn what_a_closed_account_sells_is_not_ordered(city: City) {
    let account = signed_up(&city, "zoe@example.org").await;
    let (zoe, id) = (token(&account), account.id());
    let sell = async || {
        let reply = post(&city, "/api/tickets", &zoe, json!({"title": "Aida", "price": "40.00"})).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.id()
    };
    let (first, second) = (sell().await, sell().await);
    let ops = city.token_as("ops", Role::Operator);
    let set = async |status: &str| {
        let body = json!({"status": status, "reason": "fraud"}).to_string();
        let reply = city.send("PUT", &format!("/v1/users/{id}/status"), Some(&ops), &[], Some(body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    };
    let ben = city.token("ben");
    set("SUSPENDED").await;
    ordered(&city, &ben, &first).await.is(409, "OFFERING_CANCELLED");
    set("ACTIVE").await;
    assert_eq!(ordered(&city, &ben, &first).await.status, 201);
    let body = Some(json!({"reason": "she asked"}).to_string());
    let gone = city.send("DELETE", &format!("/v1/users/{id}"), Some(&ops), &[], body).await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    ordered(&city, &ben, &second).await.is(409, "OFFERING_CANCELLED");
    everything_holds(&city).await;
}

async fn a_buyer_who_is_suspended_in_mid_order_orders_nothing_after_it(city: City) {
    let city = Arc::new(city);
    let account = signed_up(&city, "ben@example.org").await;
    let (ben, id) = (token(&account), account.id());
    let mut tickets = Vec::new();
    for _ in 0..24 {
        tickets.push(listed(&city).await);
    }
    let buying = tickets.iter().cloned().map(|ticket| {
        let (city, ben) = (Arc::clone(&city), ben.clone());
        tokio::spawn(async move {
            let reply = ordered(&city, &ben, &ticket).await;
            (ticket, reply, Instant::now())
        })
    });
    let buying: Vec<_> = buying.collect();
    let ops = city.token_as("ops", Role::Operator);
    let body = json!({"status": "SUSPENDED", "reason": "a stolen card"}).to_string();
    let out = city.send("PUT", &format!("/v1/users/{id}/status"), Some(&ops), &[], Some(body)).await;
    assert_eq!(out.status, 200, "{}", out.text);
    // From the answer on, nothing of his is taken.
    for (method, path, body) in [
        ("POST", "/api/orders".to_owned(), json!({"ticketId": tickets[0]})),
        ("POST", "/api/tickets".into(), json!({"title": "x", "price": "1"})),
        ("DELETE", format!("/api/tickets/{}", tickets[0]), json!({})),
        ("GET", "/api/orders".into(), json!({})),
    ] {
        let reply = city.send(method, &path, Some(&ben), &[], Some(body.to_string())).await;
        reply.is(403, "ACCOUNT_SUSPENDED");
    }
    let mut made = BTreeSet::new();
    for one in buying {
        let (ticket, reply, _) = one.await.unwrap();
        match reply.status {
            201 => assert!(made.insert(ticket)),
            _ => reply.is(403, "ACCOUNT_SUSPENDED"),
        }
    }
    // What he was told is what is held, and nothing else.
    let head = *city.running.app().engine.head().borrow();
    let path = format!("/api/tickets?status=reserved&seller=sam&limit=100&minPosition={head}");
    let held = city.get(&path, None, "Page_Listing").await.data();
    let held: BTreeSet<String> =
        held.as_array().unwrap().iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(held, made);
    everything_holds(&city).await;
}

async fn an_order_that_is_cancelled_while_it_is_paid_is_never_paid_and_lost(city: City) {
    let city = Arc::new(city);
    let ben = city.token("ben");
    let mut orders = Vec::new();
    for round in 0..30_u64 {
        let order = ordered(&city, &ben, &listed(&city).await).await.id();
        let (path, body) = (format!("/api/orders/{order}"), json!({"orderId": order, "token": "tok_visa"}));
        let (paying, cancelling) = tokio::join!(post(&city, "/api/payments", &ben, body), async {
            tokio::time::sleep(Duration::from_millis(round)).await;
            city.send("DELETE", &path, Some(&ben), &[], None).await
        });
        assert_eq!(cancelling.status, 200, "{}", cancelling.text);
        assert_eq!(cancelling.data()["status"], "cancelled");
        match paying.status {
            201 | 202 => {}
            409 => paying.is(409, "INVALID_STATE"),
            _ => panic!("round {round}: {}", paying.text),
        }
        orders.push(BookingId(Uuid::parse_str(&order).unwrap()));
    }
    // Whatever was captured goes back: none is complete, and none is cancelled with its money kept.
    let db = &city.running.app().stores.write;
    let began = Instant::now();
    for order in orders {
        loop {
            let case = sagas::cases(db, &[order.into()]).await.unwrap().pop().expect("a saga");
            let kept: i64 =
                case.payments.iter().map(ticketing_core::domain::payment::Payment::kept_minor).sum();
            let is_over = case.attempts.iter().all(|attempt| !attempt.state.is_open());
            if is_over && kept == 0 {
                break;
            }
            assert!(began.elapsed() < IN_TIME, "{kept} is kept: {case:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    everything_holds(&city).await;
}

async fn a_listing_is_taken_down_or_ordered_and_never_both(city: City) {
    let city = Arc::new(city);
    let (sam, ben) = (city.token("sam"), city.token("ben"));
    let (mut down, mut sold) = (0, 0);
    for round in 0..20 {
        let ticket = listed(&city).await;
        let path = format!("/api/tickets/{ticket}");
        // Now the one is first, now the other.
        let (taking, ordering) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(round % 4)).await;
                city.send("DELETE", &path, Some(&sam), &[], None).await
            },
            async {
                tokio::time::sleep(Duration::from_millis((round + 2) % 4)).await;
                ordered(&city, &ben, &ticket).await
            },
        );
        match (taking.status, ordering.status) {
            (200, 409) => {
                ordering.is(409, "OFFERING_CANCELLED");
                down += 1;
            }
            (409, 201) => {
                taking.is(409, "TICKET_LOCKED");
                sold += 1;
            }
            _ => panic!("round {round}: {} and {}", taking.text, ordering.text),
        }
    }
    assert_eq!(down + sold, 20);
    everything_holds(&city).await;
}
