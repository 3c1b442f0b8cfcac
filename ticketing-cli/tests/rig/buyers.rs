//! Buyers with their apps: each request has its key, and is sent again until it is answered, whoever dies meanwhile.

use super::broker::{Notice, PaymentService};
use super::plan::{Fate, Item};
use super::platform::{Doors, SECRET};
use super::service::{client, say};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use ticketing_server::auth::{Role, mint};
use ticketing_server::secret::Secret;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Requests under way at once.
const CONNECTIONS: usize = 16;
/// How long an app waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How soon it asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long a payment may take to confirm, with processes dying around it.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(120);
/// A request that is not answered for so long is the end of the test.
const GIVE_UP_AFTER: Duration = Duration::from_secs(180);
/// An answer that takes longer, in milliseconds, is mentioned.
const SLOW_MS: u64 = 1_500;
/// How long the short holds last.
const SHORT_HOLD_SECONDS: u64 = 2;

/// What all buyers share.
pub struct Buyers {
    client: reqwest::Client,
    doors: Doors,
    payments: PaymentService,
    connections: Semaphore,
    secret: Secret,
    /// Bookings that were begun.
    pub begun: AtomicUsize,
    /// Bookings whose story is over for the buyer.
    pub done: AtomicUsize,
    /// Bookings that were acknowledged.
    pub booked: AtomicUsize,
    /// The longest that any whole answer took, in milliseconds.
    pub slowest_ms: AtomicU64,
    /// Requests that got no whole answer, or a 503.
    pub unanswered: AtomicUsize,
    /// Those of them that were given up after [`ANSWER_WITHIN`].
    pub given_up: AtomicUsize,
}

impl Buyers {
    pub fn new(doors: Doors, payments: PaymentService) -> Arc<Self> {
        Arc::new(Self {
            client: client().timeout(ANSWER_WITHIN).build().unwrap(),
            doors,
            payments,
            connections: Semaphore::new(CONNECTIONS),
            secret: Secret::new(SECRET).unwrap(),
            begun: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            slowest_ms: AtomicU64::new(0),
            unanswered: AtomicUsize::new(0),
            booked: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
        })
    }

    /// Lives all items, one begun every `pace`; returns the number of each booking.
    pub async fn live(self: &Arc<Self>, items: &[Item], pace: Duration) -> BTreeMap<String, usize> {
        let began = tokio::time::Instant::now();
        let mut lives = JoinSet::new();
        for (place, item) in items.iter().cloned().enumerate() {
            let me = Arc::clone(self);
            lives.spawn(async move {
                tokio::time::sleep_until(began + pace * u32::try_from(place).unwrap()).await;
                me.begun.fetch_add(1, Ordering::SeqCst);
                let ids = me.life(&item).await;
                me.done.fetch_add(1, Ordering::SeqCst);
                ids.into_iter().map(move |id| (id, item.n)).collect::<Vec<_>>()
            });
        }
        lives.join_all().await.into_iter().flatten().collect()
    }

    /// Waits until so many hundredths of all bookings were begun.
    pub async fn begun(&self, items: &[Item], hundredths: usize) {
        while self.begun.load(Ordering::SeqCst) * 100 < items.len() * hundredths {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until this many more have booked, but no longer than `limit`.
    pub async fn more(&self, count: usize, limit: Duration) {
        let wanted = self.booked.load(Ordering::SeqCst) + count;
        let booked = async {
            while self.booked.load(Ordering::SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // Whoever waits says itself what is too few.
        let _ = tokio::time::timeout(limit, booked).await;
    }

    async fn life(&self, item: &Item) -> Vec<String> {
        let booking = self.booked(item, &item.user, "").await;
        if item.looks {
            let path = "/api/tickets/queries/my-tickets?limit=20";
            let (status, answer) = self.call(&item.user, "GET", path, &booking, None).await;
            assert_eq!(status, 200, "{answer}");
            let is_own = |ticket: &Value| ticket["userId"] == item.user.as_str();
            assert!(answer["data"].as_array().unwrap().iter().all(is_own), "{answer}");
        }
        let mut ids = vec![booking.clone()];
        let (price, currency) = (item.price(), item.currency());
        let first = format!("pay-{}", item.n);
        let second = format!("pay-{}-again", item.n);
        let tell = async |kind: &str, payment: &str, amount: &str| {
            self.payments.tell(Notice::new(kind, &booking, payment, amount, currency)).await;
        };
        match item.fate {
            Fate::Paid => {
                if item.has_rival {
                    let (status, answer) = self.book(item, &item.rival(), "-rival").await;
                    assert_eq!((status, &answer["error"]["code"]), (409, &json!("SEAT_TAKEN")), "{answer}");
                }
                tell("PaymentSucceeded", &first, &price).await;
            }
            Fate::PaidTwice => {
                tell("PaymentSucceeded", &first, &price).await;
                tell("PaymentSucceeded", &first, &price).await;
            }
            Fate::PaidBySecond => {
                tell("PaymentSucceeded", &first, &price).await;
                tell("PaymentSucceeded", &second, &price).await;
                tell("PaymentRefunded", &second, &price).await;
            }
            Fate::PaidLate => {
                self.wait_for(&booking, &item.user, "EXPIRED").await;
                tell("PaymentSucceeded", &first, &price).await;
            }
            Fate::PaymentFailed => tell("PaymentFailed", &first, &price).await,
            Fate::Unpaid | Fate::Expires => {}
            Fate::CancelledAndTakenAgain => {
                self.cancelled(item, &booking).await;
                let other = self.booked(item, &item.rival(), "-rival").await;
                self.payments.tell(Notice::new("PaymentSucceeded", &other, &second, &price, currency)).await;
                ids.push(other);
            }
            Fate::CancelledThenPaid => {
                self.cancelled(item, &booking).await;
                tell("PaymentSucceeded", &first, &price).await;
                tell("PaymentRefunded", &first, &price).await;
            }
            Fate::PaidThenCancelled => {
                tell("PaymentSucceeded", &first, &price).await;
                self.wait_for(&booking, &item.user, "CONFIRMED").await;
                self.cancelled(item, &booking).await;
                tell("PaymentRefunded", &first, &price).await;
            }
            Fate::WrongAmount => tell("PaymentSucceeded", &first, &wrong(item)).await,
            Fate::WrongAmountThenPaid => {
                tell("PaymentSucceeded", &first, &wrong(item)).await;
                tell("PaymentSucceeded", &second, &price).await;
            }
        }
        if item.unknown_booking {
            let nobody = format!("01234567-89ab-7000-8000-{:012}", item.n);
            self.payments.tell(Notice::new("PaymentSucceeded", &nobody, "pay-nobody", "1.00", "EUR")).await;
        }
        if item.no_json {
            let body = format!("{{broken {}", item.n);
            self.payments.tell(Notice { key: format!("broken-{}", item.n), body }).await;
        }
        ids
    }

    /// Sends a request until it is answered by anything but "later".
    async fn call(
        &self,
        user: &str,
        method: &str,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let token = mint(&self.secret, user, Role::User, Duration::from_secs(3600)).unwrap();
        let began = Instant::now();
        let mut tries = 0;
        loop {
            let answered = {
                let _turn = self.connections.acquire().await.unwrap();
                self.once(&token, method, path, key, body, tries).await
            };
            if let Some(answer) = answered {
                return answer;
            }
            self.unanswered.fetch_add(1, Ordering::SeqCst);
            tries += 1;
            assert!(began.elapsed() < GIVE_UP_AFTER, "{method} {path} {key}: nobody answers");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    async fn once(
        &self,
        token: &str,
        method: &str,
        path: &str,
        key: &str,
        body: Option<&Value>,
        tries: usize,
    ) -> Option<(u16, Value)> {
        let door = {
            let doors = self.doors.read().unwrap();
            // By the key, so that both are asked, and the other one at the next try.
            let place = key.bytes().map(usize::from).sum::<usize>() + tries;
            doors[place % doors.len()].clone()
        };
        let began = Instant::now();
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{door}{path}")).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("idempotency-key", key).header("x-correlation-id", key);
            request = request.body(body.to_string());
        }
        let given_up = |error: &reqwest::Error| {
            self.given_up.fetch_add(usize::from(error.is_timeout()), Ordering::SeqCst);
        };
        let response = request.send().await.inspect_err(given_up).ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.inspect_err(given_up).ok()?;
        let took = u64::try_from(began.elapsed().as_millis()).unwrap();
        if took > self.slowest_ms.fetch_max(took, Ordering::SeqCst).max(SLOW_MS) {
            say(&format!("{path} {key} was answered {status} after {took} ms"));
        }
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let later = status == 503 || answer["error"]["code"] == "IDEMPOTENCY_IN_PROGRESS";
        assert!(status < 500 || later, "{path} {key} was answered {status}: {text}");
        (!later).then_some((status, answer))
    }

    async fn book(&self, item: &Item, user: &str, suffix: &str) -> (u16, Value) {
        let mut body = json!({
            "routeId": item.schedule["routeId"],
            "scheduleId": item.schedule["id"],
            "passengerName": "Ada Lovelace",
            "passengerEmail": "ada@example.org",
            "price": item.schedule["price"],
            "currency": item.currency(),
        });
        let named =
            [("seatNumber", item.seat.as_deref()), ("fromStop", item.from_stop), ("toStop", item.to_stop)];
        for (name, value) in named {
            if let Some(value) = value {
                body[name] = value.into();
            }
        }
        let mut verb = "book";
        if matches!(item.fate, Fate::Expires | Fate::PaidLate) {
            (verb, body["holdSeconds"]) = ("reserve", SHORT_HOLD_SECONDS.into());
        }
        let path = format!("/api/tickets/commands/{verb}");
        self.call(user, "POST", &path, &format!("book-{}{suffix}", item.n), Some(&body)).await
    }

    async fn booked(&self, item: &Item, user: &str, suffix: &str) -> String {
        let (status, answer) = self.book(item, user, suffix).await;
        assert_eq!(status, 201, "{item:?}: {answer}");
        self.booked.fetch_add(1, Ordering::SeqCst);
        answer["data"]["id"].as_str().unwrap().to_owned()
    }

    async fn cancelled(&self, item: &Item, booking: &str) {
        let (path, key) = ("/api/tickets/commands/cancel", format!("cancel-{}", item.n));
        let body = json!({"bookingId": booking, "reason": "plans changed"});
        let (status, answer) = self.call(&item.user, "POST", path, &key, Some(&body)).await;
        assert_eq!((status, &answer["data"]["status"]), (200, &json!("CANCELLED")), "{item:?}: {answer}");
    }

    /// Waits until a booking is in this state, as its buyer would see it.
    async fn wait_for(&self, booking: &str, user: &str, status: &str) {
        let began = Instant::now();
        loop {
            let path = format!("/api/tickets/queries/{booking}");
            let (code, answer) = self.call(user, "GET", &path, booking, None).await;
            // A read model that has not heard of it yet says that there is none.
            assert!(code == 200 || code == 404, "{code}: {answer}");
            if answer["data"]["status"] == status {
                return;
            }
            assert!(began.elapsed() < CONFIRMED_WITHIN, "{booking} is not {status}: {answer}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

fn wrong(item: &Item) -> String {
    format!("0.{:02}", item.wrong_minor())
}
