//! What only one process does at a time.

use crate::support::place::{BEGIN, Place, clock, on_both_engines};
use ticketing_core::store::leases::{self, Lease, Process};
use ticketing_core::store::outbox;
use ticketing_core::worker::leases as keeper;
use tokio::sync::watch;
use uuid::Uuid;

on_both_engines!(
    of_two_that_take_a_lease_one_has_it_and_each_taking_is_a_new_epoch,
    a_lease_is_handed_over_at_once_in_order_and_within_seconds_after_a_death,
    a_relay_that_was_followed_by_another_can_not_move_the_checkpoint,
);

async fn of_two_that_take_a_lease_one_has_it_and_each_taking_is_a_new_epoch(place: Place) {
    let db = place.stores().await.write;
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let seen = async || -> Lease { leases::all(&db).await.unwrap().remove(0) };
    assert_eq!(leases::take(&db, "relay", None, ann, BEGIN).await.unwrap(), Some(1));
    assert_eq!(leases::take(&db, "relay", None, bob, BEGIN).await.unwrap(), None, "it is there");
    let before = seen().await;
    assert_eq!(leases::beat(&db, ann).await.unwrap(), [("relay".to_owned(), 1)]);
    assert!(leases::beat(&db, bob).await.unwrap().is_empty());
    assert_eq!(
        leases::take(&db, "relay", Some(&before), bob, BEGIN).await.unwrap(),
        None,
        "its holder has beaten"
    );
    let stands = seen().await;
    assert_eq!(leases::take(&db, "relay", Some(&stands), bob, BEGIN).await.unwrap(), Some(2));
    assert_eq!(leases::take(&db, "relay", Some(&stands), ann, BEGIN).await.unwrap(), None);
    assert!(leases::beat(&db, ann).await.unwrap().is_empty(), "it was taken");
    leases::give_back(&db, bob).await.unwrap();
    assert_eq!(seen().await.owner, None);
}

fn process() -> Process {
    Process {
        id: Uuid::now_v7(),
        host: "here".into(),
        pid: 1,
        roles: "relay".into(),
        address: None,
        version: "0".into(),
        started_at: BEGIN.as_millis(),
        seen_at: BEGIN.as_millis(),
    }
}

async fn a_lease_is_handed_over_at_once_in_order_and_within_seconds_after_a_death(place: Place) {
    let app = place.program(&clock()).await;
    let keep = |process: &Process| {
        let (told, held) = watch::channel(None);
        let task = tokio::spawn(keeper::run(app.clone(), process.clone(), vec![(keeper::RELAY, told)]));
        (task, held)
    };
    let (ann, bob, cid) = (process(), process(), process());
    let (first, mut has_ann) = keep(&ann);
    assert_eq!(*has_ann.wait_for(Option::is_some).await.unwrap(), Some(1));
    let (second, mut has_bob) = keep(&bob);
    // A death: nothing is given back. Bob waits until the beat has stood still.
    let died = tokio::time::Instant::now();
    first.abort();
    assert_eq!(*has_bob.wait_for(Option::is_some).await.unwrap(), Some(2));
    assert!(
        died.elapsed() >= std::time::Duration::from_secs(4),
        "a holder that beats late has given up by then"
    );
    assert_eq!(leases::processes(&app.stores.write).await.unwrap().len(), 2);
    // An orderly end: the next one need not wait.
    let (third, mut has_cid) = keep(&cid);
    second.abort();
    keeper::end(&app, &bob).await;
    assert_eq!(*has_cid.wait_for(Option::is_some).await.unwrap(), Some(3));
    third.abort();
}

async fn a_relay_that_was_followed_by_another_can_not_move_the_checkpoint(place: Place) {
    let db = place.stores().await.write;
    assert_eq!(outbox::begin(&db, "kafka", 3, BEGIN).await.unwrap(), Some(0));
    assert!(outbox::advance(&db, "kafka", 3, 10, BEGIN).await.unwrap());
    assert!(!outbox::advance(&db, "kafka", 3, 9, BEGIN).await.unwrap(), "never back");
    assert_eq!(outbox::begin(&db, "kafka", 4, BEGIN).await.unwrap(), Some(10));
    assert!(!outbox::advance(&db, "kafka", 3, 20, BEGIN).await.unwrap());
    assert_eq!(outbox::begin(&db, "kafka", 3, BEGIN).await.unwrap(), None);
    assert_eq!(outbox::begin(&db, "nats", 1, BEGIN).await.unwrap(), Some(0), "carriers are apart");
}
