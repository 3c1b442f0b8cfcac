//! A broker that is away: everything has an end, and says so. Needs no broker.

use crate::support::brokers::Broker;
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{ASK_TIMEOUT, CarrierError, TICKET_EVENTS};
use ticketing_core::domain::time::Timestamp;

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";
/// What a busy machine may add to a limit.
const SLACK: Duration = Duration::from_secs(5);

fn brokers() -> [Broker; 2] {
    [Broker::kafka(NOWHERE.into()), Broker::nats(NOWHERE.into())]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_ends_in_time() {
    for broker in brokers() {
        let started = Instant::now();
        let answer = broker.carrier.ping(Duration::from_millis(300)).await;
        assert!(matches!(answer, Err(CarrierError::Unreachable { .. })), "{answer:?}");
        assert!(answer.unwrap_err().to_string().contains(NOWHERE));
        assert!(started.elapsed() < Duration::from_millis(300) + SLACK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_ends_in_time_and_says_that_the_broker_is_away() {
    for broker in brokers() {
        let (carrier, started) = (&broker.carrier, Instant::now());
        let answers = tokio::join!(
            async { carrier.prepare().await },
            async { carrier.publisher().await.map(drop) },
            async { carrier.reader("g", &[TICKET_EVENTS], &[]).await.map(drop) },
            async { carrier.watermarks(&[TICKET_EVENTS]).await.map(drop) },
            async { carrier.offsets_at(&[TICKET_EVENTS], Timestamp::default()).await.map(drop) },
        );
        for answer in [answers.0, answers.1, answers.2, answers.3, answers.4] {
            assert!(matches!(answer, Err(CarrierError::Unreachable { .. })), "{answer:?}");
        }
        assert!(started.elapsed() < ASK_TIMEOUT + SLACK, "{:?}", started.elapsed());
        let dropped = Instant::now();
        drop(broker);
        assert!(dropped.elapsed() < Duration::from_millis(200), "{:?}", dropped.elapsed());
    }
}

#[test]
fn a_runtime_ends_though_its_questions_have_no_answer() {
    let started = Instant::now();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for broker in brokers() {
            let asking = broker.carrier.prepare();
            let _ = tokio::time::timeout(Duration::from_millis(50), asking).await;
        }
    });
    drop(runtime);
    assert!(started.elapsed() < ASK_TIMEOUT * 2 + SLACK, "{:?}", started.elapsed());
}
