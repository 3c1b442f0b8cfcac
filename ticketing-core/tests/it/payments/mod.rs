//! The Stripe adapter and its guard, against a scripted provider over real HTTP, and against Stripe's own mock.

mod charges;
mod guard;
mod mock;
mod refunds;

use crate::support::scripted_provider::{Fault, Moved, ScriptedProvider};
use ticketing_core::adapters::payments::{Call, Provider, ProviderConfig};
use ticketing_core::clock::Clock;
use ticketing_core::domain::id::{AttemptId, BookingId, PaymentId, SagaId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::payment::{Attempt, AttemptKind, AttemptState};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::saga::Answer;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const PRICE: Money = Money { amount_minor: 2500, currency: Currency::USD };

fn stripe_at(url: &str, key: &str, clock: Clock) -> Provider {
    let get = |name: &str| match name {
        "PAYMENT_PROVIDER" => Some("stripe".to_owned()),
        "STRIPE_KEY" => Some(key.to_owned()),
        "STRIPE_API_BASE" => Some(url.to_owned()),
        _ => None,
    };
    Provider::new(ProviderConfig::read(get).unwrap(), clock).unwrap()
}

async fn stripe() -> (ScriptedProvider, Provider) {
    let scripted = ScriptedProvider::start().await;
    let stripe = stripe_at(scripted.url(), "sk_test_1", Clock::manual(NOW));
    (scripted, stripe)
}

fn call(kind: AttemptKind, token: Option<&str>) -> Call {
    let id = Uuid::now_v7();
    let attempt = Attempt {
        id: AttemptId(id),
        payment_id: PaymentId(id),
        saga_id: SagaId(id),
        kind,
        amount: PRICE,
        token: token.map(str::to_owned),
        state: AttemptState::Due,
        tries: 0,
        in_doubt: false,
        next_at: None,
        provider_ref: None,
        error: None,
        reason: None,
        created_at: NOW,
        ended_at: None,
    };
    Call {
        attempt,
        reference: "order 7 & co: 'ü'".into(),
        booking_id: Some(BookingId(id)),
        charge_ref: None,
        is_wanted: true,
        correlation_id: "test".into(),
    }
}

fn charge(token: &str) -> Call {
    call(AttemptKind::Charge, Some(token))
}

fn refund(charge_ref: &str, amount_minor: i64) -> Call {
    let mut call = call(AttemptKind::Refund, None);
    call.charge_ref = Some(charge_ref.to_owned());
    call.attempt.amount.amount_minor = amount_minor;
    call
}

fn in_doubt(call: &Call, is_wanted: bool) -> Call {
    let mut call = call.clone();
    call.attempt.in_doubt = true;
    call.is_wanted = is_wanted;
    call
}

/// Asks as a saga does: again while it is unclear, then with doubt. Returns the last answer.
async fn settle(stripe: &Provider, call: &Call) -> Answer {
    let mut call = call.clone();
    for _ in 0..30 {
        match stripe.ask(&call).await {
            Answer::Unclear { .. } | Answer::Working => call.attempt.in_doubt = true,
            Answer::NotSent { .. } => {}
            Answer::Unknown if call.is_wanted => call.attempt.in_doubt = false,
            answer => return answer,
        }
    }
    panic!("not settled after 30 calls");
}

fn moved(scripted: &ScriptedProvider, call: &Call) -> Moved {
    scripted.ledger().remove(&call.attempt.id.to_string()).unwrap_or_default()
}

#[track_caller]
fn charged(answer: &Answer) -> String {
    match answer {
        Answer::Succeeded { provider_ref, amount } => {
            assert_eq!(*amount, PRICE);
            provider_ref.clone()
        }
        other => panic!("not charged: {other:?}"),
    }
}

#[track_caller]
fn declined(answer: &Answer) -> &str {
    match answer {
        Answer::Declined { code, .. } => code,
        other => panic!("not declined: {other:?}"),
    }
}

/// What can go wrong with one request, and leave a doubt.
const FAULTS: [Fault; 10] = [
    Fault::LoseAnswer,
    Fault::LoseRequest,
    Fault::DoneBut500,
    Fault::Status(500),
    Fault::Status(503),
    Fault::Status(429),
    Fault::Status(409),
    Fault::Status(401),
    Fault::Says(502, "<html>bad gateway</html>"),
    Fault::Says(200, "{}"),
];
