//! A simulated life of the platform, from a seed: buyers, operators, two processes, a payment provider that loses,
//! delays, doubles and reorders its answers, and crashes at every transaction's boundary.
//!
//! What decides is the real thing ([`super::decide`], [`super::state`], the saga); what is simulated is everything
//! around it: the clock, the store (which holds what PostgreSQL's keys would hold), the network. At the end all
//! gets quiet, and the checker asks the provider's own books where the money is.

mod check;
mod provider;
mod rng;
mod store;
mod world;

use world::{Sabotage, World};

/// Lives of one run of the tests; more with `TICKETING_SEEDS`.
const SEEDS: u64 = 10_000;
/// Threads that share them.
const THREADS: u64 = 2;

fn live(seed: u64, sabotage: Sabotage) -> Result<(), String> {
    let mut world = World::new(seed, sabotage);
    world.run()?;
    world.settle()?;
    check::check(&world)
}

#[test]
fn whatever_answers_come_and_whoever_crashes_money_and_seats_agree_in_the_end() {
    let seeds = std::env::var("TICKETING_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS);
    let one = std::env::var("TICKETING_SEED").ok().and_then(|n| n.parse().ok());
    let seeds = one.map_or(0..seeds, |seed: u64| seed..seed + 1);
    let lives: Vec<_> = (0..THREADS)
        .map(|thread| {
            let seeds = seeds.clone();
            std::thread::spawn(move || {
                for seed in seeds.filter(|seed| seed % THREADS == thread) {
                    if let Err(why) = live(seed, Sabotage::None) {
                        panic!("seed {seed}: {why}\nto see it again: TICKETING_SEED={seed} cargo test -p ticketing-core simulation");
                    }
                }
            })
        })
        .collect();
    for life in lives {
        life.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}

#[test]
fn a_seed_always_gives_the_same_life() {
    for seed in 0..20 {
        let told = |seed| {
            let mut world = World::new(seed, Sabotage::None);
            world.run().and_then(|()| world.settle()).unwrap();
            format!("{:?}", world.store.log)
        };
        assert_eq!(told(seed), told(seed), "seed {seed}");
    }
}

#[test]
fn the_checker_sees_each_rule_that_is_broken_on_purpose() {
    for sabotage in
        [Sabotage::SellTwice, Sabotage::KeepMoney, Sabotage::NewKeyPerTry, Sabotage::AnswerBeforeCommit]
    {
        let caught = (0..400).find(|seed| live(*seed, sabotage).is_err());
        assert!(caught.is_some(), "{sabotage:?} went unseen in 400 lives");
    }
}

#[test]
fn the_lives_are_eventful() {
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    for seed in 0..300 {
        let mut world = World::new(seed, Sabotage::None);
        world.run().and_then(|()| world.settle()).unwrap();
        for entry in &world.store.log {
            *seen.entry(entry.event.type_name()).or_default() += 1;
        }
        *seen.entry("crash").or_default() += world.crashes;
        *seen.entry("stale").or_default() += world.stales;
        *seen.entry("parked").or_default() += world.parked;
        *seen.entry("taken again").or_default() += world.taken_again();
    }
    let expected = [
        "TicketBooked",
        "TicketReserved",
        "TicketConfirmed",
        "TicketCancelled",
        "TicketExpired",
        "RefundRequested",
        "TicketRefunded",
        "PaymentRequested",
        "PaymentCreated",
        "PaymentFailed",
        "PaymentRefunded",
        "crash",
        "stale",
        "parked",
        "taken again",
    ];
    for what in expected {
        assert!(seen.get(what).is_some_and(|n| *n >= 20), "{what} happened too seldom: {seen:?}");
    }
}
