//! Which broker is set, and how it is spoken to.

use std::fmt;

/// A setting that can't be used: the name and the problem together are a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct CarrierConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong, as the rest of a sentence that begins with the variable. Never the value of a secret.
    pub problem: String,
}

/// The broker to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarrierConfig {
    /// `KAFKA_BROKERS`.
    Kafka(KafkaConfig),
    /// `NATS_URL`.
    Nats(NatsConfig),
}

/// How to speak to Kafka.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `host:port`, with commas between.
    pub brokers: String,
    /// Further settings of librdkafka by their own names: security, SASL.
    pub options: Vec<(String, String)>,
}

/// Options may be passwords, so only their names are shown.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.options.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("KafkaConfig").field("brokers", &self.brokers).field("options", &names).finish()
    }
}

/// How to speak to NATS.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// `nats://user:password@host:port`, several with commas between.
    pub url: String,
}

/// The address may hold a password.
impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig").finish_non_exhaustive()
    }
}

impl CarrierConfig {
    /// Reads which broker is set; `None` for the embedded bus.
    ///
    /// # Errors
    /// The first variable that can't be used; both brokers are set.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, CarrierConfigError> {
        let get =
            |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        match (get("KAFKA_BROKERS"), get("NATS_URL")) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                let problem =
                    "is set beside KAFKA_BROKERS: events have one carrier. Unset one of the two".into();
                Err(CarrierConfigError { variable: "NATS_URL", problem })
            }
            (Some(brokers), None) => Ok(Some(Self::Kafka(KafkaConfig { brokers, options: Vec::new() }))),
            (None, Some(url)) => Ok(Some(Self::Nats(NatsConfig { url }))),
        }
    }
}
