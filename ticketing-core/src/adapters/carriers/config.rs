//! Which broker is set, and how it is spoken to. Nothing here connects, or shows a password.

use super::nats::address;
use crate::text::quoted;
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
    /// What stands before every topic's name at the broker, so that several installations can share one.
    pub prefix: String,
}

/// Options may be passwords, so only their names are shown.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.options.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("options", &names)
            .field("prefix", &self.prefix)
            .finish()
    }
}

/// How to speak to NATS.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// `nats://user:password@host:port` or `nats://token@host:port`, several with commas between.
    pub url: String,
    /// What stands before every subject and stream at the broker, so that several installations can share one.
    pub prefix: String,
}

/// The address may hold a password.
impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Our variables that are passed on, and librdkafka's own names for them.
pub(super) const KAFKA_OPTIONS: &[(&str, &str)] = &[
    ("KAFKA_SECURITY_PROTOCOL", "security.protocol"),
    ("KAFKA_SASL_MECHANISM", "sasl.mechanism"),
    ("KAFKA_SASL_USERNAME", "sasl.username"),
    ("KAFKA_SASL_PASSWORD", "sasl.password"),
    ("KAFKA_SSL_CA_LOCATION", "ssl.ca.location"),
    ("KAFKA_SSL_CERTIFICATE_LOCATION", "ssl.certificate.location"),
    ("KAFKA_SSL_KEY_LOCATION", "ssl.key.location"),
];

/// The values that `KAFKA_SECURITY_PROTOCOL` may have, whatever their case.
const SECURITY_PROTOCOLS: &[&str] = &["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"];

/// Whether this program was built with the library that TLS and SASL need.
const TLS_BUILT_IN: bool = cfg!(feature = "kafka-tls");

/// How a program is built that has it.
const TLS_BUILD: &str = "cargo build --release --features kafka-tls";

/// The longest `TOPIC_PREFIX`: Kafka ends a topic's name at 249 characters.
const PREFIX_CHARS_MAX: usize = 100;

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
            (Some(_), Some(_)) => Err(problem(
                "NATS_URL",
                "is set beside KAFKA_BROKERS: events have one carrier. Unset one of the two",
            )),
            (Some(list), None) => {
                let brokers = brokers(&list)?;
                let prefix = prefix(get)?;
                Ok(Some(Self::Kafka(KafkaConfig { brokers, options: kafka_options(get)?, prefix })))
            }
            (None, Some(url)) => {
                address::parse(&url).map_err(|what| problem("NATS_URL", what))?;
                Ok(Some(Self::Nats(NatsConfig { url, prefix: prefix(get)? })))
            }
        }
    }
}

fn problem(variable: &'static str, problem: impl Into<String>) -> CarrierConfigError {
    CarrierConfigError { variable, problem: problem.into() }
}

/// Checks a list of `host:port`, and returns it without blanks.
fn brokers(list: &str) -> Result<String, CarrierConfigError> {
    let wrong = |what: String| problem("KAFKA_BROKERS", what);
    if list.contains('@') {
        let what = "holds an @: a user and password go into KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD";
        return Err(wrong(what.into()));
    }
    let mut brokers = Vec::new();
    for broker in list.split(',').map(str::trim).filter(|broker| !broker.is_empty()) {
        let sound = broker.rsplit_once(':').is_some_and(|(host, port)| {
            let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
            let plain = !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
            (bracketed || plain) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !sound {
            let what = format!("names {}, which is no host:port such as localhost:9092", quoted(broker));
            return Err(wrong(what));
        }
        brokers.push(broker);
    }
    if brokers.is_empty() {
        return Err(wrong("names no broker: it is a list such as kafka1:9092,kafka2:9092".into()));
    }
    Ok(brokers.join(","))
}

fn kafka_options(get: impl Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, CarrierConfigError> {
    let mut options = Vec::new();
    for &(variable, name) in KAFKA_OPTIONS {
        let Some(value) = get(variable) else { continue };
        let value = if name == "security.protocol" { security_protocol(&value)? } else { value };
        options.push((name.to_owned(), value));
    }
    let secured = options.iter().any(|(name, value)| name == "security.protocol" && value != "plaintext");
    let is_set = |name: &str| options.iter().any(|(set, _)| set == name);
    let idle = KAFKA_OPTIONS.iter().find(|(_, name)| *name != "security.protocol" && is_set(name));
    if let (false, Some((variable, _))) = (secured, idle) {
        let what =
            "does nothing without KAFKA_SECURITY_PROTOCOL; set that to ssl, sasl_plaintext or sasl_ssl";
        return Err(problem(variable, what));
    }
    Ok(options)
}

fn security_protocol(value: &str) -> Result<String, CarrierConfigError> {
    let wrong = |what: String| problem("KAFKA_SECURITY_PROTOCOL", what);
    let value = value.to_ascii_lowercase();
    if !SECURITY_PROTOCOLS.contains(&value.as_str()) {
        return Err(wrong(format!("is {}; it may be {}", quoted(&value), SECURITY_PROTOCOLS.join(", "))));
    }
    if value != "plaintext" && !TLS_BUILT_IN {
        let what = format!(
            "is {value}, which this program was built without: build it with the feature kafka-tls \
             ({TLS_BUILD})"
        );
        return Err(wrong(what));
    }
    Ok(value)
}

fn prefix(get: impl Fn(&str) -> Option<String>) -> Result<String, CarrierConfigError> {
    let prefix = get("TOPIC_PREFIX").unwrap_or_default();
    let sound = prefix.len() <= PREFIX_CHARS_MAX
        && prefix.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !sound {
        let what = format!(
            "is {}; it may have {PREFIX_CHARS_MAX} letters, digits, - and _ at most",
            quoted(&prefix)
        );
        return Err(problem("TOPIC_PREFIX", what));
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::{CarrierConfig, TLS_BUILT_IN};

    fn read(set: &[(&str, &str)]) -> Result<Option<CarrierConfig>, String> {
        let get = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        CarrierConfig::read(get).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_set_decides_the_carrier() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("KAFKA_BROKERS", "  "), ("NATS_URL", "")]), Ok(None));
        let kafka = read(&[("KAFKA_BROKERS", " a:9092, b-1.c:1,[::1]:65535 "), ("TOPIC_PREFIX", "eu-")]);
        let Ok(Some(CarrierConfig::Kafka(kafka))) = kafka else { panic!("{kafka:?}") };
        assert_eq!((kafka.brokers.as_str(), kafka.prefix.as_str()), ("a:9092,b-1.c:1,[::1]:65535", "eu-"));
        let nats = read(&[("NATS_URL", "nats://u:p@h:4222,h2")]);
        let Ok(Some(CarrierConfig::Nats(nats))) = nats else { panic!("{nats:?}") };
        assert_eq!((nats.url.as_str(), nats.prefix.as_str()), ("nats://u:p@h:4222,h2", ""));
    }

    #[test]
    fn what_can_not_be_used_is_refused_with_a_sentence() {
        let kafka = ("KAFKA_BROKERS", "h:1");
        let rows: &[(&[(&str, &str)], &str)] = &[
            (&[kafka, ("NATS_URL", "h")], "NATS_URL is set beside KAFKA_BROKERS"),
            (&[("KAFKA_BROKERS", ",")], "KAFKA_BROKERS names no broker"),
            (&[("KAFKA_BROKERS", "h")], "KAFKA_BROKERS names \"h\", which is no host:port"),
            (&[("KAFKA_BROKERS", "a:1,b:0")], "KAFKA_BROKERS names \"b:0\""),
            (&[("KAFKA_BROKERS", "a:65536")], "KAFKA_BROKERS names \"a:65536\""),
            (&[("KAFKA_BROKERS", ":9092")], "KAFKA_BROKERS names \":9092\""),
            (&[("KAFKA_BROKERS", "kafka://a:1")], "KAFKA_BROKERS names \"kafka://a:1\""),
            (&[("KAFKA_BROKERS", "u:secret@a:1")], "KAFKA_BROKERS holds an @"),
            (&[kafka, ("TOPIC_PREFIX", "a.b")], "TOPIC_PREFIX is \"a.b\"; it may have 100 letters"),
            (&[kafka, ("KAFKA_SECURITY_PROTOCOL", "tls")], "KAFKA_SECURITY_PROTOCOL is \"tls\"; it may be"),
            (
                &[kafka, ("KAFKA_SASL_PASSWORD", "secret")],
                "KAFKA_SASL_PASSWORD does nothing without KAFKA_SECURITY_PROTOCOL",
            ),
            (
                &[kafka, ("KAFKA_SECURITY_PROTOCOL", "plaintext"), ("KAFKA_SASL_USERNAME", "u")],
                "KAFKA_SASL_USERNAME does nothing without",
            ),
            (&[("NATS_URL", "http://u:secret@h")], "NATS_URL "),
        ];
        for (set, expected) in rows {
            let said = read(set).expect_err(expected);
            assert!(said.starts_with(expected), "{set:?}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn security_is_passed_on_by_its_own_names_if_it_was_built_in() {
        let set = [
            ("KAFKA_BROKERS", "h:1"),
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
            ("KAFKA_SASL_USERNAME", "u"),
            ("KAFKA_SASL_PASSWORD", "secret"),
            ("KAFKA_SSL_CA_LOCATION", "/ca.pem"),
        ];
        let read = read(&set);
        if !TLS_BUILT_IN {
            let said = read.expect_err("without the feature");
            assert!(said.contains("kafka-tls") && said.contains("cargo build"), "{said}");
            return;
        }
        let Ok(Some(CarrierConfig::Kafka(kafka))) = read else { panic!("{read:?}") };
        let has = |name: &str, value: &str| kafka.options.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("security.protocol", "sasl_ssl") && has("sasl.mechanism", "SCRAM-SHA-512"));
        assert!(has("sasl.password", "secret") && has("ssl.ca.location", "/ca.pem"));
        assert!(!format!("{kafka:?}").contains("secret"));
    }
}
