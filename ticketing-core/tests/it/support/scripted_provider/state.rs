//! What the provider knows and does.

use super::wire::{Request, error};
use super::{Fault, On, Rates, Wire};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct State {
    pub(super) intents: BTreeMap<String, Intent>,
    pub(super) refunds: Vec<Refund>,
    /// By idempotency key: what was asked, and what was answered.
    pub(super) keys: HashMap<String, (String, u16, Value)>,
    pub(super) scripted: HashMap<On, VecDeque<Fault>>,
    pub(super) rates: Rates,
    pub(super) search_lag: Duration,
    pub(super) seen: Vec<On>,
    pub(super) wire: Vec<Wire>,
}

#[derive(Clone)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) token: String,
    pub(super) status: &'static str,
    pub(super) captured: i64,
    pub(super) charges: u32,
    /// Until it is done: how often it must be read.
    pub(super) reads_left: u32,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) made_at: Instant,
}

#[derive(Clone)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) reads_left: u32,
    pub(super) metadata: BTreeMap<String, String>,
}

impl State {
    pub(super) fn next_fault(&mut self, on: On) -> Option<Fault> {
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
    pub(super) fn act(&mut self, request: &Request, fault: Option<Fault>) -> (u16, Value) {
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
