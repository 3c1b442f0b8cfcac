//! A payment provider over real HTTP that speaks enough of Stripe, does what a test scripts, and keeps a ledger.
//!
//! It needs tokio and serde_json only, so that the tests of other crates can include this file by its path:
//! `#[path = "…/ticketing-core/tests/it/support/scripted_provider/mod.rs"] mod scripted_provider;`.
//! Charges are declined by token (`…chargeDeclined`, `…requiresAction`), faults are scripted one by one
//! ([`ScriptedProvider::script`]) or come at random from a seed ([`ScriptedProvider::rates`]), and
//! [`ScriptedProvider::ledger`] says what was moved, and how many times, for each attempt.

#![allow(dead_code, reason = "not every crate that includes this scripts everything")]

mod state;
mod wire;

use state::{Refund, State};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum On {
    Method,
    Create,
    Confirm,
    Cancel,
    Read,
    Search,
    Refund,
    ListRefunds,
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and the connection drops.
    LoseAnswer,
    /// The connection drops, and nothing is done.
    LoseRequest,
    /// It is done at once, and answered late.
    Late(Duration),
    /// It is done late, whoever still waits for it.
    DoneLate(Duration),
    /// Nothing is done; this status is answered, and not kept with the key.
    Status(u16),
    /// It is done; 500 is answered, and kept with the key as Stripe does.
    DoneBut500,
    /// Another amount than was asked for is captured.
    Captures(i64),
    /// The charge is `processing` until it was read so often.
    Processing(u32),
    /// The refund is `pending` until it was listed so often.
    Pending(u32),
    /// It is answered with this text, which is no JSON of Stripe's.
    Says(u16, &'static str),
}

/// Faults at random, in per mille of all requests. The same seed gives the same faults to the same requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    pub seed: u64,
    pub lost_answers: u64,
    pub lost_requests: u64,
    pub errors: u64,
    pub late: u64,
    pub late_by: Duration,
}

/// A request as it came: method, target, body.
pub type Wire = (String, String, String);

/// What was moved for one attempt, in the provider's units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub captured: i64,
    /// Given back: of a charge, all its refunds together; of a refund, itself.
    pub refunded: i64,
    /// How often money moved from the buyer. Never more than once, if all is well.
    pub charges: u32,
    pub refunds: u32,
    /// Of a charge: the booking that it names.
    pub booking_id: Option<String>,
}

/// The provider; it stops with this value.
pub struct ScriptedProvider {
    url: String,
    state: Arc<Mutex<State>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl ScriptedProvider {
    /// Starts one on a free port of this machine.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let server = tokio::spawn(async move {
            // The connections end with the server.
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(wire::serve(socket, shared.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { url, state, server }
    }

    /// Where it is, as `STRIPE_API_BASE` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Lets the next requests of a kind, one after the other, go wrong like this.
    pub fn script(&self, on: On, faults: impl IntoIterator<Item = Fault>) {
        self.state().scripted.entry(on).or_default().extend(faults);
    }

    /// Lets requests go wrong at random from now on; those that are scripted go as scripted.
    pub fn rates(&self, rates: Rates) {
        self.state().rates = rates;
    }

    /// Lets the search find an intent only when it is so old.
    pub fn search_lag(&self, lag: Duration) {
        self.state().search_lag = lag;
    }

    /// Forgets all idempotency keys, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.state().keys.clear();
    }

    /// What was asked so far, in order.
    pub fn seen(&self) -> Vec<On> {
        self.state().seen.clone()
    }

    /// Every request as it came, in order.
    pub fn wire(&self) -> Vec<Wire> {
        self.state().wire.clone()
    }

    /// What was moved, by the attempt's id. An attempt that came here but moved nothing is in it too.
    pub fn ledger(&self) -> BTreeMap<String, Moved> {
        let state = self.state();
        let mut ledger: BTreeMap<String, Moved> = BTreeMap::new();
        let attempt =
            |metadata: &BTreeMap<String, String>| metadata.get("attempt_id").cloned().unwrap_or_default();
        for intent in state.intents.values() {
            let moved = ledger.entry(attempt(&intent.metadata)).or_default();
            moved.captured += intent.captured;
            moved.charges += intent.charges;
            moved.booking_id = intent.metadata.get("booking_id").cloned();
        }
        for refund in &state.refunds {
            let charge = attempt(&state.intents[&refund.intent].metadata);
            for id in [attempt(&refund.metadata), charge] {
                let moved = ledger.entry(id).or_default();
                moved.refunded += refund.amount;
                moved.refunds += 1;
            }
        }
        ledger
    }

    /// Makes a refund that nobody asked for by the API, as a person at Stripe's pages would.
    pub fn refund_by_hand(&self, intent: &str, amount: i64) {
        let mut state = self.state();
        let refund = Refund {
            id: format!("re_{}", state.refunds.len() + 1),
            intent: intent.to_owned(),
            amount,
            reads_left: 0,
            metadata: BTreeMap::new(),
        };
        state.refunds.push(refund);
    }
}
