//! Charges: made once, found again, or prevented for good.

use super::{
    FAULTS, NOW, call, charge, charged, declined, in_doubt, moved, refund, settle, stripe, stripe_at,
};
use crate::support::scripted_provider::{Fault, Moved, On, Rates, ScriptedProvider};
use std::time::Duration;
use ticketing_core::adapters::payments::stripe::KEY_KEPT_MS;
use ticketing_core::clock::Clock;
use ticketing_core::domain::money::Currency;
use ticketing_core::domain::payment::AttemptKind;
use ticketing_core::saga::Answer;

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
                assert_eq!((answer, charges), (Answer::Closed, 0), "{fault:?}");
                // Not by a saga that has not heard of it either.
                declined(&stripe.ask(&call).await);
                assert_eq!(moved(&scripted, &call).charges, 0, "{fault:?}");
            }
        }
    }
    let never_sent = charge("tok_visa");
    for _ in 0..2 {
        assert_eq!(stripe.ask(&in_doubt(&never_sent, false)).await, Answer::Closed);
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
    assert_eq!(stripe.ask(&in_doubt(&call, false)).await, Answer::Closed);
    tokio::time::sleep(late * 2).await;
    assert_eq!(moved(&scripted, &call).charges, 0);
    assert_eq!(stripe.ask(&in_doubt(&call, false)).await, Answer::Closed);
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
        assert_eq!(stripe.ask(&in_doubt(&call, false)).await, Answer::Closed, "{fault:?}");
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
    assert_eq!(stripe.ask(&in_doubt(&refused, false)).await, Answer::Closed);
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
                Answer::Declined { .. } | Answer::Closed => assert_eq!(charges, 0, "seed {seed}"),
                Answer::Working | Answer::Unknown | Answer::Unclear { .. } | Answer::NotSent { .. } => {
                    panic!("{answer:?}")
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_tls_is_sent_no_key() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let answerer = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut hello = vec![0; 4096];
        let length = socket.read(&mut hello).await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        hello.truncate(length);
        hello
    });
    let stripe = stripe_at(&url, "sk_live_1", Clock::manual(NOW));
    let answer = stripe.ask(&charge("pm_card_visa")).await;
    assert!(matches!(answer, Answer::NotSent { .. }), "{answer:?}");
    let hello = answerer.await.unwrap();
    assert_eq!(hello[0], 22, "a TLS handshake and nothing else");
    assert!(!hello.windows(7).any(|seven| seven == b"sk_live"));
}
