//! The same server on PostgreSQL, and a PostgreSQL that goes away and comes back. Left out without
//! `TEST_POSTGRES_URL`.

use crate::postgres::database;
use crate::support::{City, hold_of};
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ticketing_server::auth::Role;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// A way to a server that can be cut and opened again.
struct Line {
    address: SocketAddr,
    cut: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Line {
    async fn open(at: SocketAddr, to: String) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, mut is_cut) = oneshot::channel();
        let ended = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = &mut is_cut => return,
                };
                let (mut near, _) = accepted.unwrap();
                let to = to.clone();
                connections.spawn(async move {
                    let mut far = TcpStream::connect(to).await.unwrap();
                    // However it ends, it is the end of this connection.
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self { address, cut, ended }
    }

    async fn cut(self) {
        self.cut.send(()).unwrap();
        self.ended.await.unwrap();
    }
}

/// Takes `host:port` out of a URL, and puts another one in.
fn rerouted(url: &str, to: SocketAddr) -> (String, String) {
    let from = url.rfind('@').unwrap() + 1;
    let until = from + url[from..].find('/').unwrap();
    (url[from..until].to_owned(), format!("{}{to}{}", &url[..from], &url[until..]))
}

#[tokio::test]
async fn a_journey_from_booking_to_refund_on_postgres() {
    let Some(database) = database().await else { return };
    let city = City::start_with(|config| config.stores.database_url = Some(database.url())).await;
    let (ada, service) = (city.token("ada"), city.token_as("payments", Role::Service));
    let coach = city.coach().await;
    let body = hold_of(&coach, json!({"seatNumber": "A1"})).to_string();
    let key = [("idempotency-key", "k")];
    let booked = city.command_with("book", &ada, &key, body.clone()).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    let again = city.command_with("book", &ada, &key, body).await;
    assert_eq!((again.status, again.data_text()), (201, booked.data_text()));
    let paid = json!({"bookingId": booked.id(), "paymentId": "p"});
    assert_eq!(city.command("confirm", &service, &paid).await.status, 200);
    let cancelled = city.command("cancel", &ada, &json!({"bookingId": booked.id()})).await;
    let path = format!("/api/tickets/queries/{}?{}", booked.id(), City::after(&cancelled));
    let began = Instant::now();
    let shown = loop {
        let shown = city.get(&path, Some(&ada), "Success_TicketDetails").await.data();
        if shown["status"] == "REFUNDED" {
            break shown;
        }
        assert!(shown["status"] == "CANCELLED" && began.elapsed() < Duration::from_secs(10), "{shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(shown["history"].as_array().unwrap().len(), 6, "{shown}");
    let ready = city.get("/api/health/ready", None, "Success_Readiness").await.data();
    assert_eq!(ready["parts"][0]["kind"], "postgres");
    let short = hold_of(&coach, json!({"holdSeconds": 1, "seatNumber": "A1"}));
    assert_eq!(city.command("reserve", &ada, &short).await.status, 201);
    let began = Instant::now();
    while city.metric("expired_reservations_released").await < 1.0 {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    city.running.stop().await;
}

#[tokio::test]
async fn while_postgres_is_away_it_is_503_and_afterwards_all_is_well_by_itself() {
    let Some(database) = database().await else { return };
    let (server, _) = rerouted(&database.url(), "127.0.0.1:0".parse().unwrap());
    let line = Line::open("127.0.0.1:0".parse().unwrap(), server.clone()).await;
    let address = line.address;
    let (_, url) = rerouted(&database.url(), address);
    let city = City::start_with(|config| config.stores.database_url = Some(url)).await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let before = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    assert_eq!(before.status, 201, "{}", before.text);

    line.cut().await;
    let began = Instant::now();
    let refused = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    refused.is(503, "UNAVAILABLE");
    assert_eq!(refused.headers["retry-after"], "2");
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    city.get("/api/routes", None, "").await.is(503, "UNAVAILABLE");
    let began = Instant::now();
    let ready = city.get("/api/health/ready", None, "").await;
    ready.is(503, "NOT_READY");
    assert_eq!(ready.detail()["field"], "writeStore");
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(city.get("/api/health/live", None, "Success_Liveness").await.status, 200);

    let _line = Line::open(address, server).await;
    let began = Instant::now();
    let after = loop {
        let reply = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
        if reply.status == 201 {
            break reply;
        }
        reply.is(503, "UNAVAILABLE");
        assert!(began.elapsed() < Duration::from_secs(20), "{}", reply.text);
    };
    let path = format!("/api/tickets/queries/{}?{}", after.id(), City::after(&after));
    let shown = loop {
        let reply = city.get(&path, Some(&ada), "Success_TicketDetails").await;
        if reply.status == 200 {
            break reply;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{}", reply.text);
    };
    assert_eq!(shown.data()["status"], "PENDING");
    assert_eq!(city.get("/api/health/ready", None, "Success_Readiness").await.status, 200);
    city.running.stop().await;
}
