//! What is sent to Stripe, held against Stripe's published API.

use super::{NOW, charge, charged, declined, in_doubt, refund, stripe_at};
use crate::support::scripted_provider::{On, ScriptedProvider};
use crate::support::stripe_mock;
use ticketing_core::adapters::payments::stripe::KEY_KEPT_MS;
use ticketing_core::clock::Clock;
use ticketing_core::saga::Answer;

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
    assert_eq!(stripe.ask(&in_doubt(&charge("tok_visa"), false)).await, Answer::Closed);
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
