//! The brokers of the carriers' tests, with topics of its own for each test.
//!
//! They are those of `TEST_KAFKA_BROKERS` and `TEST_NATS_URL`, which `eval "$(scripts/services up)"` starts and sets.
//! Without one its tests are left out, with one line that says so; with `TICKETING_REQUIRE_SERVICES=1`, as in
//! `.ci/run`, they fail.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use std::io::Write;
use std::sync::Once;
use std::time::Duration;
use ticketing_core::adapters::carriers::{
    CONSUMED, Carrier, CarrierConfig, KafkaConfig, NatsConfig, PUBLISHED,
};
use uuid::Uuid;

/// A broker, and a prefix that nobody else has. What was made under it is deleted with this value.
pub struct Broker {
    pub carrier: Carrier,
    /// `host:port`, or the URL.
    pub address: String,
    pub prefix: String,
}

/// Kafka; `None` if there is none and the test is to be left out.
///
/// # Panics
/// If there is none although one is required.
pub fn kafka() -> Option<Broker> {
    static SAID: Once = Once::new();
    Some(Broker::kafka(address("TEST_KAFKA_BROKERS", "Kafka", &SAID)?))
}

/// NATS; `None` if there is none and the test is to be left out.
///
/// # Panics
/// If there is none although one is required.
pub fn nats() -> Option<Broker> {
    static SAID: Once = Once::new();
    Some(Broker::nats(address("TEST_NATS_URL", "NATS", &SAID)?))
}

impl Broker {
    pub fn kafka(address: String) -> Self {
        let prefix = prefix();
        let config = KafkaConfig { brokers: address.clone(), options: Vec::new(), prefix: prefix.clone() };
        Self { carrier: Carrier::new(CarrierConfig::Kafka(config)), address, prefix }
    }

    pub fn nats(address: String) -> Self {
        let prefix = prefix();
        Self { carrier: nats_at(&address, &prefix), address, prefix }
    }

    /// The names of all topics at Kafka.
    fn topics(&self) -> Vec<String> {
        PUBLISHED.iter().chain(CONSUMED).map(|topic| format!("{}{topic}", self.prefix)).collect()
    }

    pub fn kafka_admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.address).create().unwrap()
    }

    pub async fn jetstream(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(&self.address).await.unwrap())
    }

    async fn delete(carrier: Carrier, address: String, prefix: String) {
        let of = Self { carrier, address, prefix };
        match &of.carrier {
            Carrier::Kafka(_) => {
                let topics = of.topics();
                let names: Vec<&str> = topics.iter().map(String::as_str).collect();
                let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(10)));
                let _ = of.kafka_admin().delete_topics(&names, &options).await;
            }
            Carrier::Nats(_) => {
                let jetstream = of.jetstream().await;
                for stream in ["TICKETING", "TICKETING_INBOUND", "FOREIGN"] {
                    let _ = jetstream.delete_stream(format!("{}{stream}", of.prefix)).await;
                }
            }
        }
        std::mem::forget(of);
    }
}

/// NATS at another address, such as that of a proxy, with topics that are there already.
pub fn nats_at(address: &str, prefix: &str) -> Carrier {
    Carrier::new(CarrierConfig::Nats(NatsConfig { url: address.to_owned(), prefix: prefix.to_owned() }))
}

impl Drop for Broker {
    /// Deletes what was made, on a thread of its own: a test's runtime may be busy, or gone. Best effort.
    fn drop(&mut self) {
        if !self.address_is_a_test_brokers() {
            return;
        }
        let (carrier, address, prefix) = (self.carrier.clone(), self.address.clone(), self.prefix.clone());
        let deleter = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let deleting = Self::delete(carrier, address, prefix);
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), deleting).await })
        });
        if !matches!(deleter.join(), Ok(Ok(()))) {
            say(&format!("the topics {}… could not be deleted", self.prefix));
        }
    }
}

impl Broker {
    fn address_is_a_test_brokers(&self) -> bool {
        ["TEST_KAFKA_BROKERS", "TEST_NATS_URL"].iter().any(|name| set(name).as_ref() == Some(&self.address))
    }
}

fn prefix() -> String {
    format!("t-{}-", &Uuid::new_v4().simple().to_string()[..12])
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn address(variable: &str, what: &str, said: &Once) -> Option<String> {
    if let Some(address) = set(variable) {
        return Some(address);
    }
    let start = format!("set {variable}, or start one: eval \"$(scripts/services up)\"");
    assert!(
        set("TICKETING_REQUIRE_SERVICES").as_deref() != Some("1"),
        "TICKETING_REQUIRE_SERVICES=1, but there is no {what}; {start}"
    );
    said.call_once(|| say(&format!("{what} tests left out: {start}")));
    None
}

/// Writes past the test harness, which keeps what passing tests print to itself.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
