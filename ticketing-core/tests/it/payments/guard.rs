//! The limits in front of a provider.

use super::{charge, charged, declined, in_doubt, moved, stripe};
use crate::support::scripted_provider::{Fault, On};
use std::time::Duration;
use ticketing_core::adapters::payments::guard::{BreakerState, Guard, Limits};
use ticketing_core::saga::Answer;

#[tokio::test]
async fn a_provider_that_gives_no_clear_answers_is_left_alone_and_then_tried_once() {
    let (scripted, stripe) = stripe().await;
    let open_for = Duration::from_secs(2);
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
    let (call_timeout, wait_timeout) = (Duration::from_secs(5), Duration::from_millis(200));
    let limits = Limits { calls_max: 2, call_timeout, wait_timeout, ..Limits::default() };
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
        assert!(matches!(&answer, Answer::Unclear { error } if error.contains("5000 ms")), "{answer:?}");
    }
    assert_eq!(guard.under_way(), 0);
    for call in calls {
        charged(&guard.ask(&in_doubt(&call, false)).await);
        assert_eq!(moved(&scripted, &call).charges, 1);
    }
}
