//! Kafka and NATS are stopped and started again, as a whole.

use crate::rig::broker::Wire;
use crate::rig::checks;
use crate::rig::own::OwnServices;
use crate::rig::postgres::database;
use crate::rig::service::{address, number};
use crate::{ALONE, Noticed, Place, while_they_book};
use std::time::Duration;

/// How long a broker is away; `TICKETING_OUTAGE_SECONDS` makes it longer.
const AWAY_SECONDS: usize = 6;
/// How often one is started anew in a row; `TICKETING_OUTAGE_RESTARTS` makes it another number.
const RESTARTS: usize = 2;
/// Between two of them.
const BETWEEN: Duration = Duration::from_millis(1_500);
/// Bookings each second, at the least, while a broker is away. The pace is 40.
const BOOKED_A_SECOND: usize = 15;

/// A broker and the platform's way to it.
struct Broker {
    name: &'static str,
    exported: &'static str,
    variable: &'static str,
}

const KAFKA: Broker = Broker { name: "kafka", exported: "TEST_KAFKA_BROKERS", variable: "KAFKA_BROKERS" };
const NATS: Broker = Broker { name: "nats", exported: "TEST_NATS_URL", variable: "NATS_URL" };

fn wire(broker: &Broker, at: &str, prefix: &str) -> Wire {
    let (at, prefix) = (at.to_owned(), prefix.to_owned());
    match broker.name {
        "kafka" => Wire::Kafka { brokers: at, prefix },
        _ => Wire::Nats { url: at, prefix },
    }
}

/// The broker goes away for a while.
async fn survives_an_outage(broker: Broker) {
    let untested = format!("an outage of {}", broker.name);
    if address(broker.exported, &untested).is_none() {
        return;
    }
    let (Some(db), Some(anew)) = (database().await, database().await) else { return };
    let _alone = ALONE.lock().await;
    let Some(own) = OwnServices::start(&[broker.name], &[]) else { return };
    let seconds = number("TICKETING_OUTAGE_SECONDS", AWAY_SECONDS);
    let place = Place::new(db, &[(broker.variable, &own.set[broker.exported])]);
    let wire = wire(&broker, &own.set[broker.exported], &place.prefix);
    // A fifth before, and some after it.
    let bookings = (seconds + 8) * 40;
    place
        .books_through(wire, bookings, Noticed::ByNobody, async |buyers, items| {
            buyers.begun(items, 20).await;
            while_they_book(buyers, seconds * BOOKED_A_SECOND, async || {
                own.stop(broker.name, false);
                tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
                own.start_again(broker.name);
            })
            .await;
        })
        .await;
    checks::read_model_is_the_fold(&place.platform, &anew.url()).await;
}

/// The broker is killed and started anew, again and again.
async fn survives_restarts(broker: Broker) {
    let untested = format!("restarts of {}", broker.name);
    if address(broker.exported, &untested).is_none() {
        return;
    }
    let Some(db) = database().await else { return };
    let _alone = ALONE.lock().await;
    let Some(own) = OwnServices::start(&[broker.name], &[]) else { return };
    let restarts = number("TICKETING_OUTAGE_RESTARTS", RESTARTS);
    let place = Place::new(db, &[(broker.variable, &own.set[broker.exported])]);
    let wire = wire(&broker, &own.set[broker.exported], &place.prefix);
    // As a broker needs some seconds to start.
    let bookings = (restarts * 7 + 5) * 40;
    place
        .books_through(wire, bookings, Noticed::ByNobody, async |buyers, items| {
            buyers.begun(items, 10).await;
            while_they_book(buyers, restarts * BOOKED_A_SECOND, async || {
                for restart in 0..restarts {
                    own.stop(broker.name, restart % 2 == 0);
                    own.start_again(broker.name);
                    tokio::time::sleep(BETWEEN).await;
                }
            })
            .await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_while_kafka_is_away() {
    survives_an_outage(KAFKA).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_while_nats_is_away() {
    survives_an_outage(NATS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_when_kafka_is_killed_and_started_again_and_again() {
    survives_restarts(KAFKA).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_when_nats_is_killed_and_started_again_and_again() {
    survives_restarts(NATS).await;
}
