//! Stripe: charges as payment intents, refunds, and what has become of them.
//!
//! **A charge is two requests.** The first makes a payment intent, with the attempt's id as its idempotency key,
//! and moves no money. The second confirms it: that moves the money. (Before both, a token of the older kind,
//! `tok_…`, is made a payment method, which is what an intent takes; with a key too, as a token is good for one.)
//! One intent moves money at most once, in whatever order and however often it is confirmed, and once it is
//! cancelled it never does. So every doubt can be settled by asking, without a guess and without waiting:
//!
//! - The first request, sent again, names the same intent; reading that says how it stands now.
//! - A charge that is still wanted is confirmed, again if need be.
//! - One that is not wanted any more is cancelled. If Stripe takes that, a confirmation that is still on its way
//!   comes too late: it is `Closed`. If it does not, the money has moved, and reading the intent says so.
//!
//! With one request (`confirm=true`) an unwanted charge could only be searched for by its metadata; that search
//! lags by a minute, by an hour on a bad day, and "not found" would be a guess about money.
//!
//! Stripe keeps a key for 24 hours. An attempt that is nearly that old is searched for by its metadata first,
//! which by then is consistent.
//!
//! **A refund** is one request with the attempt's id as its key. One in doubt is looked for in the list of its
//! charge's refunds, and sent again with the same key if it is not there: refunds are always wanted.
//!
//! What Stripe refuses for a reason of ours (a wrong key, too many requests) is no decline of the buyer's card,
//! and says nothing about the money: it is `Unclear`. So is every answer that can't be read.

mod words;

use super::http::{Failure, Http, Reply, escaped};
use super::{Call, ProviderConfigError, StripeConfig, fault};
use crate::clock::Clock;
use crate::domain::money::Money;
use crate::domain::payment::AttemptKind;
use crate::saga::Answer;
use hyper::Method;
use serde::de::DeserializeOwned;
use words::{List, Named, Problem, Refused, declined, unclear};

pub(super) use words::{Intent, RefundOf};

/// The version of Stripe's API that this speaks.
pub const API_VERSION: &str = "2024-06-20";
/// How long an idempotency key is counted on, in milliseconds: an hour less than Stripe keeps it.
pub const KEY_KEPT_MS: i64 = 23 * 3_600_000;
/// How many refunds of a charge are asked for at once; Stripe's own maximum.
const REFUNDS_PAGE: usize = 100;
/// How many pages of refunds one charge may have.
const REFUND_PAGES_MAX: usize = 20;

/// Stripe, or what speaks like it.
#[derive(Debug)]
pub struct Stripe {
    http: Http,
    clock: Clock,
}

/// A request that did not do what was asked.
enum Stop {
    /// It says nothing about the money, or that nothing was sent.
    Answer(Answer),
    /// Stripe will not do it, for good.
    Refused(Problem),
    /// The key was used for another request.
    KeyUsed(Problem),
}

impl Stripe {
    /// Makes a client; asks nobody yet.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn new(config: &StripeConfig, clock: Clock) -> Result<Self, ProviderConfigError> {
        let http = Http::new(&config.api_base, &config.key).map_err(|e| fault("STRIPE_API_BASE", e))?;
        Ok(Self { http, clock })
    }

    /// Charges, refunds, or says what has become of it.
    pub async fn ask(&self, call: &Call) -> Answer {
        let done = match call.attempt.kind {
            AttemptKind::Charge => self.charge(call).await,
            AttemptKind::Refund => self.refund(call).await,
        };
        done.unwrap_or_else(Stop::into_answer)
    }

    async fn charge(&self, call: &Call) -> Result<Answer, Stop> {
        let attempt = &call.attempt;
        let Some(token) = attempt.token.as_deref() else {
            if attempt.in_doubt {
                return self.found_without_token(call).await;
            }
            return Ok(declined("missing_payment_method", "There is nothing to charge: no token was given."));
        };
        let mut intent = self.intent(call, token).await?;
        if attempt.in_doubt && intent.is_untouched() {
            // The answer to its making is repeated as it was then.
            intent = self.read(&intent.id).await?;
        }
        if intent.is_untouched() {
            if call.is_wanted { self.confirm(&intent).await } else { self.withdraw(&intent).await }
        } else {
            self.outcome(intent, call.is_wanted).await
        }
    }

    /// Makes the attempt's intent, or finds it.
    async fn intent(&self, call: &Call, token: &str) -> Result<Intent, Stop> {
        if self.is_old(call)
            && let Some(intent) = self.search(call).await?
        {
            return Ok(intent);
        }
        let amount = call.attempt.amount;
        let units = units(amount)?;
        let method =
            if token.starts_with("tok_") { self.method(call, token).await? } else { token.to_owned() };
        let mut form = vec![
            pair("amount", units),
            pair("currency", amount.currency.code().to_ascii_lowercase()),
            pair("payment_method", method),
            pair("automatic_payment_methods[enabled]", "true"),
            // There is nobody to send to a page of the buyer's bank.
            pair("automatic_payment_methods[allow_redirects]", "never"),
        ];
        form.extend(metadata(call));
        match self.post("/v1/payment_intents", Some(&call.attempt.id.to_string()), &form).await {
            Err(Stop::KeyUsed(problem)) => match self.search(call).await? {
                Some(intent) => Ok(intent),
                None => Err(Stop::KeyUsed(problem)),
            },
            made => made,
        }
    }

    /// Makes a payment method of a token, once.
    async fn method(&self, call: &Call, token: &str) -> Result<String, Stop> {
        let form = [pair("type", "card"), pair("card[token]", token)];
        let key = format!("{}-method", call.attempt.id);
        let method: Named = self.post("/v1/payment_methods", Some(&key), &form).await?;
        Ok(method.id)
    }

    /// Moves the money.
    async fn confirm(&self, intent: &Intent) -> Result<Answer, Stop> {
        // Without a key: a key would repeat a stored 500, and an intent can't be charged twice anyway.
        match self
            .post::<Intent>(&format!("/v1/payment_intents/{}/confirm", escaped(&intent.id)), None, &[])
            .await
        {
            Ok(intent) => self.outcome(intent, true).await,
            Err(Stop::Refused(problem)) if problem.is_of_the_card() => Ok(problem.into_decline()),
            Err(Stop::Refused(problem)) => {
                // Perhaps it was confirmed before, and the answer was lost.
                let intent = self.read(&intent.id).await?;
                if !intent.is_untouched() {
                    return self.outcome(intent, true).await;
                }
                match self.withdraw(&intent).await? {
                    Answer::Closed => Ok(problem.into_decline()),
                    other => Ok(other),
                }
            }
            Err(other) => Err(other),
        }
    }

    /// Sees to it that the intent is never charged: `Closed`, if it was not.
    async fn withdraw(&self, intent: &Intent) -> Result<Answer, Stop> {
        match self
            .post::<Intent>(&format!("/v1/payment_intents/{}/cancel", escaped(&intent.id)), None, &[])
            .await
        {
            Ok(intent) if intent.status == "canceled" => Ok(Answer::Closed),
            Ok(intent) => Ok(unclear(format!("Stripe cancelled {}, but it is {}", intent.id, intent.status))),
            Err(Stop::Refused(problem)) => {
                let intent = self.read(&intent.id).await?;
                match intent.status.as_str() {
                    "canceled" => Ok(Answer::Closed),
                    _ if intent.is_untouched() => Ok(unclear(problem.sentence())),
                    _ => Ok(intent.answer()),
                }
            }
            Err(other) => Err(other),
        }
    }

    /// Says how an intent stands that was confirmed or cancelled.
    async fn outcome(&self, intent: Intent, is_wanted: bool) -> Result<Answer, Stop> {
        match intent.status.as_str() {
            "canceled" if !is_wanted => Ok(Answer::Closed),
            "requires_action" => match self.withdraw(&intent).await? {
                Answer::Closed => {
                    let message =
                        "The bank wants the buyer to confirm this payment, which can't be done here.";
                    Ok(declined("authentication_required", message))
                }
                other => Ok(other),
            },
            _ => Ok(intent.answer()),
        }
    }

    async fn read(&self, id: &str) -> Result<Intent, Stop> {
        match self.get(&format!("/v1/payment_intents/{}", escaped(id)), &[]).await {
            // What we have just been told of can't be refused for good.
            Err(Stop::Refused(problem)) => Err(Stop::Answer(unclear(problem.sentence()))),
            other => other,
        }
    }

    async fn search(&self, call: &Call) -> Result<Option<Intent>, Stop> {
        let query = format!("metadata['attempt_id']:'{}'", call.attempt.id);
        let form = [pair("query", query), pair("limit", 10)];
        let found = self.get::<List<Intent>>("/v1/payment_intents/search", &form).await;
        let mut found = found.map_err(|stop| match stop {
            Stop::Refused(problem) => Stop::Answer(unclear(problem.sentence())),
            other => other,
        })?;
        let wanted = call.attempt.id.to_string();
        found.data.retain(|intent| intent.metadata.get("attempt_id") == Some(&wanted));
        // One is all there ever should be; of several, the one that has the money.
        found.data.sort_by_key(|intent| intent.status != "succeeded");
        Ok(found.data.into_iter().next())
    }

    /// Settles a charge whose token is forgotten: it was given up, and is asked about now.
    async fn found_without_token(&self, call: &Call) -> Result<Answer, Stop> {
        match self.search(call).await? {
            Some(intent) if intent.is_untouched() => self.withdraw(&intent).await,
            Some(intent) => self.outcome(intent, false).await,
            // By then the search knows of all that there is.
            None if self.is_old(call) => Ok(Answer::Closed),
            None => Ok(unclear("Stripe knows of no such charge yet; its search lags behind.".into())),
        }
    }

    fn is_old(&self, call: &Call) -> bool {
        self.clock.now().as_millis() - call.attempt.created_at.as_millis() >= KEY_KEPT_MS
    }

    async fn refund(&self, call: &Call) -> Result<Answer, Stop> {
        let Some(charge) = call.charge_ref.as_deref() else {
            return Ok(declined("charge_unknown", "Stripe's name for the charge is not known."));
        };
        let of = if charge.starts_with("ch_") { "charge" } else { "payment_intent" };
        if (call.attempt.in_doubt || self.is_old(call))
            && let Some(refund) = self.find_refund(call, of, charge).await?
        {
            return Ok(refund.answer());
        }
        let mut form = vec![pair(of, charge), pair("amount", units(call.attempt.amount)?)];
        form.extend(metadata(call));
        let refund: RefundOf = self.post("/v1/refunds", Some(&call.attempt.id.to_string()), &form).await?;
        Ok(refund.answer())
    }

    async fn find_refund(&self, call: &Call, of: &str, charge: &str) -> Result<Option<RefundOf>, Stop> {
        let wanted = call.attempt.id.to_string();
        let mut after: Option<String> = None;
        for _ in 0..REFUND_PAGES_MAX {
            let mut form = vec![pair(of, charge), pair("limit", REFUNDS_PAGE)];
            form.extend(after.as_ref().map(|id| pair("starting_after", id)));
            let page: List<RefundOf> = match self.get("/v1/refunds", &form).await {
                // That the list is refused says nothing of the refund.
                Err(Stop::Refused(problem)) => return Err(Stop::Answer(unclear(problem.sentence()))),
                listed => listed?,
            };
            let last = page.data.last().map(|refund| refund.id.clone());
            let is_ours = |refund: &RefundOf| {
                refund.metadata.as_ref().and_then(|metadata| metadata.get("attempt_id")) == Some(&wanted)
            };
            if let Some(refund) = page.data.into_iter().find(is_ours) {
                return Ok(Some(refund));
            }
            if !page.has_more || last.is_none() {
                return Ok(None);
            }
            after = last;
        }
        Err(Stop::Answer(unclear(format!("{charge} has more refunds than can be looked through"))))
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<&str>,
        form: &[(String, String)],
    ) -> Result<T, Stop> {
        let mut headers = vec![("Stripe-Version", API_VERSION)];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        read_reply(self.http.send(Method::POST, path, &headers, form).await)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, form: &[(String, String)]) -> Result<T, Stop> {
        read_reply(self.http.send(Method::GET, path, &[("Stripe-Version", API_VERSION)], form).await)
    }
}

impl Stop {
    fn into_answer(self) -> Answer {
        match self {
            Self::Answer(answer) => answer,
            Self::Refused(problem) => problem.into_decline(),
            Self::KeyUsed(problem) => unclear(problem.sentence()),
        }
    }
}

fn read_reply<T: DeserializeOwned>(reply: Result<Reply, Failure>) -> Result<T, Stop> {
    let reply = reply.map_err(|failure| {
        Stop::Answer(match failure {
            Failure::NotSent(error) => Answer::NotSent { error },
            Failure::Unclear(error) => unclear(error),
        })
    })?;
    if reply.status == 200 {
        let value = serde_json::from_slice(&reply.body);
        return value.map_err(|e| Stop::Answer(unclear(format!("Stripe's answer can't be read: {e}"))));
    }
    let problem = serde_json::from_slice::<Refused>(&reply.body).map(|refused| refused.error);
    let readable = problem.is_ok();
    let problem = problem.unwrap_or_default();
    match reply.status {
        _ if problem.kind.as_deref() == Some("idempotency_error") && reply.status == 400 => {
            Err(Stop::KeyUsed(problem))
        }
        // Who refuses for good says why: a page of a proxy in between is not Stripe's word.
        400 | 402 | 404 if readable => Err(Stop::Refused(problem)),
        status => {
            let said = problem.message.map(|message| format!(": {message}")).unwrap_or_default();
            Err(Stop::Answer(unclear(format!("Stripe answered {status}{said}"))))
        }
    }
}

fn metadata(call: &Call) -> Vec<(String, String)> {
    let mut form = vec![
        pair("metadata[attempt_id]", call.attempt.id),
        pair("metadata[payment_id]", call.attempt.payment_id),
        pair("metadata[reference]", &call.reference),
    ];
    form.extend(call.booking_id.map(|id| pair("metadata[booking_id]", id)));
    form
}

fn pair(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// Returns an amount as Stripe counts it.
fn units(amount: Money) -> Result<i64, Stop> {
    words::units(amount).ok_or_else(|| {
        let message = format!("Stripe can't move {amount}: it has no such unit.");
        Stop::Answer(declined("amount_invalid", &message))
    })
}
