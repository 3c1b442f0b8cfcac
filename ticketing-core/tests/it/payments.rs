//! The Stripe adapter and its guard, against a scripted provider over real HTTP, and against Stripe's own mock.

use crate::support::scripted_provider::{Fault, Moved, On, Rates, ScriptedProvider};
use crate::support::stripe_mock;
use std::time::Duration;
use ticketing_core::adapters::payments::guard::{BreakerState, Guard, Limits};
use ticketing_core::adapters::payments::stripe::KEY_KEPT_MS;
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

#[tokio::test]
async fn a_charge_is_made_first_and_confirmed_then_and_asking_again_moves_nothing_more() {
    let (scripted, stripe) = stripe().await;
    for token in ["tok_visa", "pm_card_visa"] {
        let call = charge(token);
        let first = stripe.ask(&call).await;
        assert!(charged(&first).starts_with("pi_"));
        for again in [call.clone(), in_doubt(&call, true), in_doubt(&call, false)] {
            assert_eq!(stripe.ask(&again).await, first, "{token}");
        }
        let booking_id = call.booking_id.map(|id| id.to_string());
        assert_eq!(
            moved(&scripted, &call),
            Moved { captured: 2500, charges: 1, booking_id, ..Moved::default() }
        );
    }
    assert_eq!(scripted.seen()[..3], [On::Method, On::Create, On::Confirm]);
}

#[tokio::test]
async fn a_declined_card_is_declined_every_time_and_says_why() {
    let (scripted, stripe) = stripe().await;
    let rows = [
        ("tok_chargeDeclined", "generic_decline"),
        ("tok_missing", "resource_missing"),
        ("tok_requiresAction", "authentication_required"),
    ];
    for (token, code) in rows {
        let call = charge(token);
        let first = stripe.ask(&call).await;
        assert_eq!(declined(&first), code, "{token}");
        declined(&stripe.ask(&call).await);
        declined(&stripe.ask(&in_doubt(&call, true)).await);
        assert_eq!(moved(&scripted, &call).charges, 0, "{token}");
    }
    let before = scripted.seen().len();
    let nothing = call(AttemptKind::Charge, None);
    assert_eq!(declined(&stripe.ask(&nothing).await), "missing_payment_method");
    assert_eq!(scripted.seen().len(), before, "nobody is asked to charge nothing");
}

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

#[tokio::test]
async fn whatever_goes_wrong_at_whatever_step_the_buyer_is_charged_once() {
    let (scripted, stripe) = stripe().await;
    for fault in FAULTS {
        for on in [On::Method, On::Create, On::Confirm] {
            // A stored 500 is repeated for a day: that is for a person, below.
            if fault == Fault::DoneBut500 && on != On::Confirm {
                continue;
            }
            let call = charge("tok_visa");
            scripted.script(on, [fault, fault]);
            let first = stripe.ask(&call).await;
            assert!(matches!(first, Answer::Unclear { .. }), "{fault:?} on {on:?}: {first:?}");
            charged(&settle(&stripe, &in_doubt(&call, true)).await);
            assert_eq!(moved(&scripted, &call).charges, 1, "{fault:?} on {on:?}");
            scripted.script(on, []);
        }
        let call = charge("tok_visa");
        scripted.script(On::Confirm, [Fault::LoseAnswer]);
        scripted.script(On::Read, [fault]);
        assert!(matches!(stripe.ask(&call).await, Answer::Unclear { .. }));
        charged(&settle(&stripe, &in_doubt(&call, true)).await);
        assert_eq!(moved(&scripted, &call).charges, 1, "{fault:?} on a read");
    }
}

#[tokio::test]
async fn a_stored_failure_to_make_the_charge_stays_unclear_and_moves_nothing() {
    let (scripted, stripe) = stripe().await;
    for on in [On::Method, On::Create] {
        let call = charge("tok_visa");
        scripted.script(on, [Fault::DoneBut500]);
        for call in [call.clone(), in_doubt(&call, true), in_doubt(&call, false)] {
            assert!(matches!(stripe.ask(&call).await, Answer::Unclear { .. }), "{on:?}");
        }
        assert_eq!(moved(&scripted, &call).charges, 0, "{on:?}");
    }
}

#[tokio::test]
async fn a_charge_that_is_not_wanted_any_more_is_found_or_prevented_for_good() {
    let (scripted, stripe) = stripe().await;
    for fault in FAULTS {
        let call = charge("tok_visa");
        scripted.script(On::Confirm, [fault]);
        assert!(matches!(stripe.ask(&call).await, Answer::Unclear { .. }));
        let answer = settle(&stripe, &in_doubt(&call, false)).await;
        let charges = moved(&scripted, &call).charges;
        match fault {
            Fault::LoseAnswer | Fault::DoneBut500 => {
                charged(&answer);
                assert_eq!(charges, 1, "{fault:?}");
            }
            _ => {
                assert_eq!((answer, charges), (Answer::Unknown, 0), "{fault:?}");
                // Not by a saga that has not heard of it either.
                declined(&stripe.ask(&call).await);
                assert_eq!(moved(&scripted, &call).charges, 0, "{fault:?}");
            }
        }
    }
    let never_sent = charge("tok_visa");
    for _ in 0..2 {
        assert_eq!(stripe.ask(&in_doubt(&never_sent, false)).await, Answer::Unknown);
    }
    assert_eq!(moved(&scripted, &never_sent).charges, 0);
}

#[tokio::test]
async fn a_confirmation_that_arrives_after_unknown_was_answered_charges_nobody() {
    let (scripted, stripe) = stripe().await;
    let call = charge("tok_visa");
    let late = Duration::from_millis(300);
    scripted.script(On::Confirm, [Fault::DoneLate(late)]);
    assert!(matches!(stripe.ask(&call).await, Answer::Unclear { .. }));
    assert_eq!(stripe.ask(&in_doubt(&call, false)).await, Answer::Unknown);
    tokio::time::sleep(late * 2).await;
    assert_eq!(moved(&scripted, &call).charges, 0);
    assert_eq!(stripe.ask(&in_doubt(&call, false)).await, Answer::Unknown);
}

#[tokio::test]
async fn a_withdrawal_whose_answer_is_lost_is_still_final() {
    let (scripted, stripe) = stripe().await;
    for fault in [Fault::LoseAnswer, Fault::LoseRequest, Fault::Status(500), Fault::DoneBut500] {
        let call = charge("tok_visa");
        scripted.script(On::Confirm, [Fault::LoseRequest]);
        scripted.script(On::Cancel, [fault]);
        assert!(matches!(stripe.ask(&call).await, Answer::Unclear { .. }));
        assert!(matches!(stripe.ask(&in_doubt(&call, false)).await, Answer::Unclear { .. }), "{fault:?}");
        assert_eq!(stripe.ask(&in_doubt(&call, false)).await, Answer::Unknown, "{fault:?}");
        assert_eq!(moved(&scripted, &call).charges, 0);
    }
}

#[tokio::test]
async fn a_charge_that_takes_its_time_is_worked_on_until_it_is_done() {
    let (scripted, stripe) = stripe().await;
    for is_wanted in [true, false] {
        let call = charge("tok_visa");
        scripted.script(On::Confirm, [Fault::Processing(2)]);
        assert_eq!(stripe.ask(&call).await, Answer::Working);
        assert_eq!(stripe.ask(&in_doubt(&call, is_wanted)).await, Answer::Working);
        charged(&stripe.ask(&in_doubt(&call, is_wanted)).await);
        assert_eq!(moved(&scripted, &call).charges, 1);
    }
}

#[tokio::test]
async fn the_answer_is_what_was_moved_not_what_was_asked_for() {
    let (scripted, stripe) = stripe().await;
    scripted.script(On::Confirm, [Fault::Captures(2400)]);
    let answer = stripe.ask(&charge("tok_visa")).await;
    assert!(matches!(answer, Answer::Succeeded { amount, .. } if amount.amount_minor == 2400), "{answer:?}");
    let mut króna = charge("tok_visa");
    króna.attempt.amount.currency = Currency::parse("ISK").unwrap();
    let answer = stripe.ask(&króna).await;
    assert!(
        matches!(answer, Answer::Succeeded { amount, .. } if amount == króna.attempt.amount),
        "{answer:?}"
    );
    assert_eq!(moved(&scripted, &króna).captured, 250_000, "Stripe counts krónur in hundredths");
}

#[tokio::test]
async fn several_processes_that_ask_at_once_charge_once() {
    let (scripted, stripe) = stripe().await;
    let stripe = std::sync::Arc::new(stripe);
    for _ in 0..20 {
        let call = charge("tok_visa");
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (stripe, call) =
                (stripe.clone(), if n % 2 == 0 { call.clone() } else { in_doubt(&call, true) });
            asking.spawn(async move { stripe.ask(&call).await });
        }
        for answer in asking.join_all().await {
            charged(&answer);
        }
        assert_eq!(moved(&scripted, &call).charges, 1);
    }
}

#[tokio::test]
async fn an_attempt_older_than_its_key_is_searched_for_before_it_is_sent() {
    let scripted = ScriptedProvider::start().await;
    let clock = Clock::manual(NOW);
    let stripe = stripe_at(scripted.url(), "sk_test_1", clock.clone());
    let (wanted, unwanted, refused) = (charge("tok_visa"), charge("tok_visa"), charge("tok_visa"));
    for call in [&wanted, &unwanted] {
        scripted.script(On::Confirm, [Fault::LoseAnswer]);
        assert!(matches!(stripe.ask(call).await, Answer::Unclear { .. }));
    }
    assert!(!scripted.seen().contains(&On::Search), "a young one is never searched for");
    clock.advance(KEY_KEPT_MS);
    scripted.forget_keys();
    scripted.script(On::Search, [Fault::Status(500)]);
    assert!(matches!(stripe.ask(&in_doubt(&wanted, true)).await, Answer::Unclear { .. }));
    charged(&stripe.ask(&in_doubt(&wanted, true)).await);
    charged(&stripe.ask(&in_doubt(&unwanted, false)).await);
    assert_eq!(stripe.ask(&in_doubt(&refused, false)).await, Answer::Unknown);
    let charges = [&wanted, &unwanted, &refused].map(|call| moved(&scripted, call).charges);
    assert_eq!(charges, [1, 1, 0]);
}

#[tokio::test]
async fn a_key_that_was_used_for_other_words_is_never_guessed_about() {
    let (scripted, stripe) = stripe().await;
    let call = charge("tok_visa");
    scripted.script(On::Confirm, [Fault::LoseAnswer]);
    assert!(matches!(stripe.ask(&call).await, Answer::Unclear { .. }));
    let mut other = in_doubt(&call, false);
    other.reference = "another".into();
    scripted.search_lag(Duration::from_secs(3600));
    let answer = stripe.ask(&other).await;
    assert!(
        matches!(answer, Answer::Unclear { .. }),
        "what the search can't see yet is in doubt: {answer:?}"
    );
    scripted.search_lag(Duration::ZERO);
    charged(&stripe.ask(&other).await);
    assert_eq!(moved(&scripted, &call).charges, 1);
}

#[tokio::test]
async fn a_refund_is_paid_once_whatever_goes_wrong() {
    let scripted = ScriptedProvider::start().await;
    let clock = Clock::manual(NOW);
    let stripe = stripe_at(scripted.url(), "sk_test_1", clock.clone());
    for fault in FAULTS {
        let paid = charge("tok_visa");
        let of = charged(&stripe.ask(&paid).await);
        let (part, rest) = (refund(&of, 1000), refund(&of, 1500));
        scripted.script(On::Refund, [fault]);
        assert!(matches!(stripe.ask(&part).await, Answer::Unclear { .. }), "{fault:?}");
        scripted.script(On::ListRefunds, [fault]);
        for call in [&part, &rest] {
            let answer = settle(&stripe, &in_doubt(call, true)).await;
            assert!(
                matches!(&answer, Answer::Succeeded { provider_ref, amount }
                if provider_ref.starts_with("re_") && *amount == call.attempt.amount),
                "{fault:?}: {answer:?}"
            );
            assert_eq!(stripe.ask(&in_doubt(call, true)).await, answer, "{fault:?}");
        }
        let over = refund(&of, 1);
        assert_eq!(declined(&stripe.ask(&over).await), "charge_already_refunded");
        let Moved { captured, refunded, charges, refunds, .. } = moved(&scripted, &paid);
        assert_eq!((captured, refunded, charges, refunds), (2500, 2500, 1, 2), "{fault:?}");
    }
    let of = charged(&stripe.ask(&charge("tok_visa")).await);
    let old = refund(&of, 1000);
    assert!(matches!(stripe.ask(&old).await, Answer::Succeeded { .. }));
    clock.advance(KEY_KEPT_MS);
    scripted.forget_keys();
    assert!(matches!(stripe.ask(&old).await, Answer::Succeeded { .. }));
    assert_eq!(moved(&scripted, &old).refunds, 1, "its key is forgotten, but it is not paid again");
}

#[tokio::test]
async fn a_refund_is_found_behind_any_number_of_others() {
    let (scripted, stripe) = stripe().await;
    let of = charged(&stripe.ask(&charge("tok_visa")).await);
    let call = refund(&of, 7);
    scripted.script(On::Refund, [Fault::DoneBut500]);
    assert!(matches!(stripe.ask(&call).await, Answer::Unclear { .. }));
    for _ in 0..250 {
        scripted.refund_by_hand(&of, 1);
    }
    assert!(matches!(stripe.ask(&in_doubt(&call, true)).await, Answer::Succeeded { .. }));
    assert_eq!(scripted.seen().iter().filter(|on| **on == On::ListRefunds).count(), 3);
    assert_eq!(declined(&stripe.ask(&refund(&of, 2500)).await), "amount_too_large");
    let mut unnamed = refund(&of, 1);
    unnamed.charge_ref = None;
    assert_eq!(declined(&stripe.ask(&unnamed).await), "charge_unknown");
}

#[tokio::test]
async fn a_refund_that_takes_its_time_is_worked_on_until_it_is_done() {
    let (scripted, stripe) = stripe().await;
    let of = charged(&stripe.ask(&charge("tok_visa")).await);
    let call = refund(&of, 2500);
    scripted.script(On::Refund, [Fault::Pending(2)]);
    assert_eq!(stripe.ask(&call).await, Answer::Working);
    assert_eq!(stripe.ask(&in_doubt(&call, true)).await, Answer::Working);
    assert!(matches!(stripe.ask(&in_doubt(&call, true)).await, Answer::Succeeded { .. }));
    assert_eq!(moved(&scripted, &call).refunds, 1);
}

#[tokio::test]
async fn a_wrong_key_is_no_decline_and_a_closed_door_is_nothing_sent() {
    let scripted = ScriptedProvider::start().await;
    let wrong = stripe_at(scripted.url(), "pk_1", Clock::manual(NOW));
    let answer = wrong.ask(&charge("tok_visa")).await;
    assert!(matches!(&answer, Answer::Unclear { error } if error.contains("401")), "{answer:?}");
    assert!(!format!("{answer:?} {wrong:?}").contains("pk_1"));
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let away = stripe_at(&url, "sk_test_1", Clock::manual(NOW));
    for call in [charge("tok_visa"), in_doubt(&charge("tok_visa"), false), refund("pi_1", 1)] {
        let answer = away.ask(&call).await;
        assert!(matches!(answer, Answer::NotSent { .. }), "{answer:?}");
    }
}

/// A third of all requests go wrong, a third of all charges stop being wanted half-way, and in the end what was
/// answered is what was moved.
#[tokio::test]
async fn under_random_faults_the_answers_are_the_ledger() {
    for seed in 1..=5 {
        let (scripted, stripe) = stripe().await;
        let late_by = Duration::from_millis(5);
        let (lost_answers, lost_requests, errors, late) = (100, 100, 100, 50);
        scripted.rates(Rates { seed, lost_answers, lost_requests, errors, late, late_by });
        let mut settled = Vec::new();
        for n in 0..100 {
            let token = if n % 10 == 9 { "tok_chargeDeclined" } else { "tok_visa" };
            let mut call = charge(token);
            let answer = match stripe.ask(&call).await {
                Answer::Unclear { .. } => {
                    call = in_doubt(&call, n % 3 != 0);
                    settle(&stripe, &call).await
                }
                answer => answer,
            };
            settled.push((call, answer));
        }
        for (call, answer) in settled {
            let charges = moved(&scripted, &call).charges;
            match answer {
                Answer::Succeeded { provider_ref, .. } => {
                    assert_eq!(charges, 1, "seed {seed}");
                    assert!(matches!(
                        settle(&stripe, &refund(&provider_ref, 2500)).await,
                        Answer::Succeeded { .. }
                    ));
                    let Moved { captured, refunded, refunds, .. } = moved(&scripted, &call);
                    assert_eq!((captured, refunded, refunds), (2500, 2500, 1), "seed {seed}");
                }
                Answer::Declined { .. } | Answer::Unknown => assert_eq!(charges, 0, "seed {seed}"),
                Answer::Working | Answer::Unclear { .. } | Answer::NotSent { .. } => panic!("{answer:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_provider_that_gives_no_clear_answers_is_left_alone_and_then_tried_once() {
    let (scripted, stripe) = stripe().await;
    let open_for = Duration::from_millis(200);
    let guard = Guard::new(stripe, Limits { failures_max: 3, open_for, ..Limits::default() });
    scripted.script(On::Create, [Fault::Status(500); 4]);
    for _ in 0..3 {
        assert!(matches!(guard.ask(&charge("tok_visa")).await, Answer::Unclear { .. }));
    }
    assert_eq!(guard.state(), BreakerState::Open);
    let before = scripted.seen().len();
    assert!(matches!(guard.ask(&charge("tok_visa")).await, Answer::NotSent { .. }));
    assert_eq!(scripted.seen().len(), before, "it is left alone");
    tokio::time::sleep(open_for).await;
    assert_eq!(guard.state(), BreakerState::HalfOpen);
    assert!(matches!(guard.ask(&charge("tok_visa")).await, Answer::Unclear { .. }));
    assert_eq!(guard.state(), BreakerState::Open, "one bad try is enough");
    tokio::time::sleep(open_for).await;
    charged(&guard.ask(&charge("tok_visa")).await);
    assert_eq!(guard.state(), BreakerState::Closed);
    declined(&guard.ask(&charge("tok_chargeDeclined")).await);
    assert_eq!(guard.state(), BreakerState::Closed, "a decline is a good answer");
    let outcomes =
        [("succeeded", 1), ("declined", 1), ("working", 0), ("unknown", 0), ("unclear", 4), ("not_sent", 1)];
    assert_eq!(guard.outcomes(), outcomes);
}

#[tokio::test]
async fn more_calls_than_fit_are_not_sent_and_none_takes_longer_than_its_time() {
    let (scripted, stripe) = stripe().await;
    let limits = Limits { calls_max: 2, call_timeout: Duration::from_millis(300), ..Limits::default() };
    let guard = std::sync::Arc::new(Guard::new(stripe, limits));
    scripted.script(On::Confirm, [Fault::Late(Duration::from_secs(60)); 2]);
    let calls = [charge("tok_visa"), charge("tok_visa")];
    let mut asking = tokio::task::JoinSet::new();
    for call in calls.clone() {
        let guard = guard.clone();
        asking.spawn(async move { guard.ask(&call).await });
    }
    while guard.under_way() < 2 {
        tokio::task::yield_now().await;
    }
    let answer = guard.ask(&charge("tok_visa")).await;
    assert!(matches!(&answer, Answer::NotSent { error } if error.starts_with("2 calls")), "{answer:?}");
    for answer in asking.join_all().await {
        assert!(matches!(&answer, Answer::Unclear { error } if error.contains("300 ms")), "{answer:?}");
    }
    assert_eq!(guard.under_way(), 0);
    for call in calls {
        charged(&guard.ask(&in_doubt(&call, false)).await);
        assert_eq!(moved(&scripted, &call).charges, 1);
    }
}

/// Stripe's own mock checks requests against Stripe's published API. Its answers are samples that say nothing
/// sensible, so every kind of request is made to the scripted provider, and then sent to the mock as it was.
#[tokio::test]
async fn stripes_own_mock_takes_every_request_that_is_sent() {
    let Some(url) = stripe_mock::url() else {
        return;
    };
    let scripted = ScriptedProvider::start().await;
    let clock = Clock::manual(NOW);
    let stripe = stripe_at(scripted.url(), "sk_test_123", clock.clone());
    let of = charged(&stripe.ask(&charge("tok_visa")).await);
    charged(&stripe.ask(&in_doubt(&charge("pm_card_visa"), true)).await);
    assert_eq!(stripe.ask(&in_doubt(&charge("tok_visa"), false)).await, Answer::Unknown);
    for call in [refund(&of, 100), in_doubt(&refund(&of, 100), true)] {
        assert!(matches!(stripe.ask(&call).await, Answer::Succeeded { .. }));
    }
    declined(&stripe.ask(&refund("ch_1", 100)).await);
    clock.advance(KEY_KEPT_MS);
    charged(&stripe.ask(&charge("tok_visa")).await);
    let kinds: std::collections::BTreeSet<On> = scripted.seen().into_iter().collect();
    assert_eq!(kinds.len(), 8, "every kind of request: {kinds:?}");

    for wire in scripted.wire() {
        let (status, answer) = stripe_mock::send(&url, &wire).await;
        assert_eq!(status, 200, "{wire:?}: {answer}");
        // So that the above can fail.
        let (method, target, body) = &wire;
        let odd = if method == "POST" {
            (method.clone(), target.clone(), [body.as_str(), "no_such_field=1"].join("&"))
        } else {
            let sign = if target.contains('?') { '&' } else { '?' };
            (method.clone(), format!("{target}{sign}no_such_field=1"), String::new())
        };
        assert_eq!(stripe_mock::send(&url, &odd).await.0, 400, "{odd:?}");
    }

    // Its samples have all the fields that Stripe's answers have, and can be read.
    let mock = stripe_at(&url, "sk_test_123", clock);
    for call in [charge("pm_card_visa"), in_doubt(&charge("tok_visa"), false), refund("pi_1", 100)] {
        let answer = mock.ask(&call).await;
        assert!(!matches!(answer, Answer::Unclear { .. } | Answer::NotSent { .. }), "{answer:?}");
    }
}
