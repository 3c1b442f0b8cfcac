//! Refunds: paid once, whatever goes wrong.

use super::{FAULTS, NOW, charge, charged, declined, in_doubt, moved, refund, settle, stripe, stripe_at};
use crate::support::scripted_provider::{Fault, Moved, On, ScriptedProvider};
use ticketing_core::adapters::payments::stripe::KEY_KEPT_MS;
use ticketing_core::clock::Clock;
use ticketing_core::saga::Answer;

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
