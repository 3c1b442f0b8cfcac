//! A payment provider over real HTTP that speaks enough of Stripe, does what a test scripts, and keeps a ledger.
//!
//! It needs tokio and serde_json only, so that the tests of other crates can include this file by its path.
//! Charges are declined by token (`…chargeDeclined`, `…requiresAction`), faults are scripted one by one
//! ([`ScriptedProvider::script`]) or come at random from a seed ([`ScriptedProvider::rates`]), and
//! [`ScriptedProvider::ledger`] says what was moved, and how many times, for each attempt.

use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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

#[derive(Default)]
struct State {
    intents: BTreeMap<String, Intent>,
    refunds: Vec<Refund>,
    /// By idempotency key: what was asked, and what was answered.
    keys: HashMap<String, (String, u16, Value)>,
    scripted: HashMap<On, VecDeque<Fault>>,
    rates: Rates,
    search_lag: Duration,
    seen: Vec<On>,
    wire: Vec<Wire>,
}

#[derive(Clone)]
struct Intent {
    id: String,
    amount: i64,
    currency: String,
    token: String,
    status: &'static str,
    captured: i64,
    charges: u32,
    /// Until it is done: how often it must be read.
    reads_left: u32,
    metadata: BTreeMap<String, String>,
    made_at: Instant,
}

#[derive(Clone)]
struct Refund {
    id: String,
    intent: String,
    amount: i64,
    reads_left: u32,
    metadata: BTreeMap<String, String>,
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
                connections.spawn(serve(socket, shared.clone()));
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

struct Request {
    on: On,
    /// The intent that the path names.
    id: String,
    key: Option<String>,
    form: BTreeMap<String, String>,
    text: String,
}

/// Answers the requests of one connection, until it is closed or a fault drops it.
async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    let mut buffer = Vec::new();
    while let Some((head, body)) = read_request(&mut socket, &mut buffer).await {
        let mut words = head.split(' ').map(str::to_owned);
        let wire = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), body.clone());
        state.lock().unwrap().wire.push(wire);
        let (status, answer) = match parse(&head, &body) {
            Err(refusal) => (refusal.0, refusal.1.to_string()),
            Ok(request) => {
                let fault = state.lock().unwrap().next_fault(request.on);
                let act = |request: &Request, fault| state.lock().unwrap().act(request, fault);
                match fault {
                    Some(Fault::LoseRequest) => return,
                    Some(Fault::LoseAnswer) => {
                        act(&request, None);
                        return;
                    }
                    Some(Fault::Status(status)) => {
                        (status, error(status, "api_error", "scripted", "Scripted.").1.to_string())
                    }
                    Some(Fault::Says(status, text)) => (status, text.to_owned()),
                    Some(Fault::Late(by)) => {
                        let (status, answer) = act(&request, None);
                        tokio::time::sleep(by).await;
                        (status, answer.to_string())
                    }
                    Some(Fault::DoneLate(by)) => {
                        // On its own, so that it is done however soon the caller hangs up.
                        let late = state.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(by).await;
                            late.lock().unwrap().act(&request, None);
                        });
                        return;
                    }
                    fault => {
                        let (status, answer) = act(&request, fault);
                        (status, answer.to_string())
                    }
                }
            }
        };
        let reply = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        if socket.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads the head of a request and its body; `None` when the connection ends.
async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).ok()?;
            let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap_or(0));
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8(buffer[end + 4..end + 4 + length].to_vec()).ok()?;
                buffer.drain(..end + 4 + length);
                return Some((head, body));
            }
        }
        if socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn error(status: u16, kind: &str, code: &str, message: &str) -> (u16, Value) {
    (status, json!({"error": {"type": kind, "code": code, "message": message}}))
}

fn parse(head: &str, body: &str) -> Result<Request, (u16, Value)> {
    if header(head, "authorization").is_none_or(|it| !it.starts_with("Bearer sk_test_")) {
        return Err(error(401, "invalid_request_error", "api_key", "You did not provide an API key."));
    }
    let unknown = || error(404, "invalid_request_error", "url", "Unrecognized request URL.");
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (on, id) = match (method, parts.as_slice()) {
        ("POST", ["v1", "payment_methods"]) => (On::Method, ""),
        ("POST", ["v1", "payment_intents"]) => (On::Create, ""),
        ("GET", ["v1", "payment_intents", "search"]) => (On::Search, ""),
        ("GET", ["v1", "payment_intents", id]) => (On::Read, *id),
        ("POST", ["v1", "payment_intents", id, "confirm"]) => (On::Confirm, *id),
        ("POST", ["v1", "payment_intents", id, "cancel"]) => (On::Cancel, *id),
        ("POST", ["v1", "refunds"]) => (On::Refund, ""),
        ("GET", ["v1", "refunds"]) => (On::ListRefunds, ""),
        _ => return Err(unknown()),
    };
    let text = if method == "POST" { body } else { query };
    let form = text.split('&').filter(|pair| !pair.is_empty());
    let form =
        form.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decoded(k), decoded(v)));
    Ok(Request {
        on,
        id: id.to_owned(),
        key: header(head, "idempotency-key").map(str::to_owned),
        form: form.collect(),
        text: format!("{path}?{text}"),
    })
}

fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|two| u8::from_str_radix(two, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap()
}

impl State {
    fn next_fault(&mut self, on: On) -> Option<Fault> {
        self.seen.push(on);
        if let Some(fault) = self.scripted.get_mut(&on).and_then(VecDeque::pop_front) {
            return Some(fault);
        }
        let Rates { seed, lost_answers, lost_requests, errors, late, late_by } = self.rates;
        // splitmix64 of the request's number.
        let mut z = seed.wrapping_add((self.seen.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let dice = (z ^ (z >> 31)) % 1000;
        let faults = [
            (lost_answers, Fault::LoseAnswer),
            (lost_requests, Fault::LoseRequest),
            (errors, Fault::Status(500)),
            (late, Fault::Late(late_by)),
        ];
        let mut upto = 0;
        faults.into_iter().find_map(|(rate, fault)| {
            upto += rate;
            (dice < upto).then_some(fault)
        })
    }

    /// Does what is asked, once a key; the fault says how.
    fn act(&mut self, request: &Request, fault: Option<Fault>) -> (u16, Value) {
        if let Some(key) = &request.key
            && let Some((text, status, answer)) = self.keys.get(key)
        {
            if *text != request.text {
                let message = "Keys for idempotent requests can only be used with the same parameters.";
                return error(400, "idempotency_error", "idempotency_key_reused", message);
            }
            return (*status, answer.clone());
        }
        let (mut status, mut answer) = self.act_once(request, fault);
        if fault == Some(Fault::DoneBut500) {
            (status, answer) = error(500, "api_error", "unknown", "Something went wrong.");
        }
        // Stripe keeps what began to be done, not what was refused at sight.
        if let Some(key) = &request.key
            && !matches!(status, 400 | 404)
        {
            self.keys.insert(key.clone(), (request.text.clone(), status, answer.clone()));
        }
        (status, answer)
    }

    fn act_once(&mut self, request: &Request, fault: Option<Fault>) -> (u16, Value) {
        match request.on {
            On::Method => {
                let token = request.form.get("card[token]").cloned().unwrap_or_default();
                if token.contains("missing") {
                    return error(400, "invalid_request_error", "resource_missing", "No such token.");
                }
                (200, json!({"id": format!("pm_{token}"), "object": "payment_method"}))
            }
            On::Create => self.create(request, fault),
            On::Confirm => self.confirm(&request.id, fault),
            On::Cancel => self.cancel(&request.id),
            On::Read => self.with_intent(&request.id, |intent| {
                intent.look();
                (200, intent.json())
            }),
            On::Search => {
                let query = request.form.get("query").cloned().unwrap_or_default();
                let old_enough = |intent: &&Intent| intent.made_at.elapsed() >= self.search_lag;
                let data: Vec<Value> = self
                    .intents
                    .values()
                    .filter(old_enough)
                    .filter_map(|intent| {
                        let attempt = intent.metadata.get("attempt_id")?;
                        (query == format!("metadata['attempt_id']:'{attempt}'")).then(|| intent.json())
                    })
                    .collect();
                (200, json!({"object": "search_result", "data": data, "has_more": false}))
            }
            On::Refund => self.refund(request, fault),
            On::ListRefunds => self.list_refunds(request),
        }
    }

    fn with_intent(&mut self, id: &str, act: impl FnOnce(&mut Intent) -> (u16, Value)) -> (u16, Value) {
        match self.intents.get_mut(id) {
            Some(intent) => act(intent),
            None => error(404, "invalid_request_error", "resource_missing", "No such payment_intent."),
        }
    }

    fn create(&mut self, request: &Request, fault: Option<Fault>) -> (u16, Value) {
        let get = |name: &str| request.form.get(name).cloned().unwrap_or_default();
        let amount = get("amount").parse().unwrap_or(0);
        if amount < 1 {
            return error(
                400,
                "invalid_request_error",
                "parameter_invalid_integer",
                "Invalid positive integer.",
            );
        }
        let token = get("payment_method");
        if token.contains("missing") {
            return error(400, "invalid_request_error", "resource_missing", "No such payment_method.");
        }
        let id = format!("pi_{:06}", self.intents.len() + 1);
        let metadata = metadata(&request.form);
        let intent = Intent {
            id: id.clone(),
            amount,
            currency: get("currency"),
            status: if token.is_empty() { "requires_payment_method" } else { "requires_confirmation" },
            token,
            captured: 0,
            charges: 0,
            reads_left: 0,
            metadata,
            made_at: Instant::now(),
        };
        let made = intent.json();
        self.intents.insert(id.clone(), intent);
        if get("confirm") == "true" { self.confirm(&id, fault) } else { (200, made) }
    }

    fn confirm(&mut self, id: &str, fault: Option<Fault>) -> (u16, Value) {
        self.with_intent(id, |intent| {
            if intent.status != "requires_confirmation" {
                return intent.unexpected("confirm");
            }
            if intent.token.contains("chargeDeclined") {
                intent.status = "requires_payment_method";
                intent.token.push_str(" declined");
                let mut problem = intent.json()["last_payment_error"].clone();
                problem["payment_intent"] = intent.json();
                return (402, json!({"error": problem}));
            }
            if intent.token.contains("requiresAction") {
                intent.status = "requires_action";
                return (200, intent.json());
            }
            // The money moves, or is on its way and can't be stopped any more.
            intent.captured = if let Some(Fault::Captures(other)) = fault { other } else { intent.amount };
            intent.charges += 1;
            intent.status = "succeeded";
            if let Some(Fault::Processing(reads)) = fault {
                (intent.status, intent.reads_left) = ("processing", reads);
            }
            (200, intent.json())
        })
    }

    fn cancel(&mut self, id: &str) -> (u16, Value) {
        self.with_intent(id, |intent| {
            if !matches!(
                intent.status,
                "requires_confirmation" | "requires_payment_method" | "requires_action"
            ) {
                return intent.unexpected("cancel");
            }
            intent.status = "canceled";
            (200, intent.json())
        })
    }

    fn refund(&mut self, request: &Request, fault: Option<Fault>) -> (u16, Value) {
        let get = |name: &str| request.form.get(name).cloned().unwrap_or_default();
        let intent_id = get("payment_intent");
        let back: i64 = self.refunds.iter().filter(|it| it.intent == intent_id).map(|it| it.amount).sum();
        let Some(intent) = self.intents.get(&intent_id) else {
            return error(404, "invalid_request_error", "resource_missing", "No such payment_intent.");
        };
        let left = intent.captured - back;
        let amount: i64 = get("amount").parse().unwrap_or(left);
        if left == 0 {
            return error(
                400,
                "invalid_request_error",
                "charge_already_refunded",
                "It has already been refunded.",
            );
        }
        if amount < 1 || amount > left {
            return error(
                400,
                "invalid_request_error",
                "amount_too_large",
                "More than is left of the charge.",
            );
        }
        let refund = Refund {
            id: format!("re_{}", self.refunds.len() + 1),
            intent: intent_id,
            amount,
            reads_left: if let Some(Fault::Pending(reads)) = fault { reads } else { 0 },
            metadata: metadata(&request.form),
        };
        let answer = refund.json(&intent.currency);
        self.refunds.push(refund);
        (200, answer)
    }

    fn list_refunds(&mut self, request: &Request) -> (u16, Value) {
        let of = request.form.get("payment_intent").cloned().unwrap_or_default();
        let limit: usize = request.form.get("limit").and_then(|text| text.parse().ok()).unwrap_or(10);
        let currency = self.intents.get(&of).map(|intent| intent.currency.clone()).unwrap_or_default();
        let after = request.form.get("starting_after");
        // The newest first.
        let mut all: Vec<&mut Refund> = self.refunds.iter_mut().rev().filter(|it| it.intent == of).collect();
        if let Some(at) = all.iter().position(|it| Some(&it.id) == after) {
            all.drain(..=at);
        }
        let has_more = all.len() > limit;
        let data: Vec<Value> = all
            .into_iter()
            .take(limit)
            .map(|refund| {
                refund.reads_left = refund.reads_left.saturating_sub(1);
                refund.json(&currency)
            })
            .collect();
        (200, json!({"object": "list", "data": data, "has_more": has_more}))
    }
}

fn metadata(form: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let names = form.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
        Some((name.to_owned(), value.clone()))
    });
    names.collect()
}

impl Intent {
    fn look(&mut self) {
        if self.status == "processing" {
            self.reads_left = self.reads_left.saturating_sub(1);
            if self.reads_left == 0 {
                self.status = "succeeded";
            }
        }
    }

    fn unexpected(&self, what: &str) -> (u16, Value) {
        let message =
            format!("You cannot {what} this PaymentIntent because it has a status of {}.", self.status);
        error(400, "invalid_request_error", "payment_intent_unexpected_state", &message)
    }

    fn json(&self) -> Value {
        let is_declined = self.token.ends_with(" declined");
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_received": if self.status == "succeeded" { self.captured } else { 0 },
            "currency": self.currency,
            "status": self.status,
            "metadata": self.metadata,
            "last_payment_error": if is_declined {
                json!({
                    "type": "card_error",
                    "code": "card_declined",
                    "decline_code": "generic_decline",
                    "message": "Your card was declined.",
                })
            } else {
                Value::Null
            },
        })
    }
}

impl Refund {
    fn json(&self, currency: &str) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "currency": currency,
            "payment_intent": self.intent,
            "status": if self.reads_left == 0 { "succeeded" } else { "pending" },
            "metadata": self.metadata,
        })
    }
}
