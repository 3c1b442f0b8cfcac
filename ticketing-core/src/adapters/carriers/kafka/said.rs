//! What librdkafka says by itself: its log, and why TLS or SASL do not come about, of which its answers only tell that
//! nobody answers.

use crate::adapters::carriers::config::KAFKA_OPTIONS;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why a broker that is there can't be used with the settings of its security, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfitting {
    /// What librdkafka says, with our names for its settings.
    pub reason: String,
    /// What to check, as an imperative.
    pub remedy: &'static str,
    /// Whether it can be nothing else; a broker that is being started looks as one of another protocol does.
    pub is_sure: bool,
}

/// Takes what librdkafka says. Clones share what was said last; only what stands in the way of every connection counts.
#[derive(Clone, Debug, Default)]
pub struct Said {
    unfitting: Arc<Mutex<Option<Unfitting>>>,
}

impl Said {
    /// Says why nobody can be connected to, if it is the settings.
    pub fn unfitting(&self) -> Option<Unfitting> {
        self.kept().clone()
    }

    /// A broker has answered: what was said before is over.
    pub fn is_answered(&self) {
        *self.kept() = None;
    }

    fn kept(&self) -> MutexGuard<'_, Option<Unfitting>> {
        self.unfitting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Said {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "librdkafka says");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka reports");
        match error.rdkafka_error_code() {
            // Said after what it comes from.
            Some(Code::AllBrokersDown) | None => {}
            Some(code) => *self.kept() = unfitting(code, reason),
        }
    }
}

impl rdkafka::consumer::ConsumerContext for Said {}

const PASSWORD: &str = "check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM";
const AUTHORITY: &str = "name the authority that signed the broker's certificate in KAFKA_SSL_CA_LOCATION, and in \
                         KAFKA_BROKERS a host that the certificate is for";
const CLIENT: &str = "give KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION a certificate that the broker \
                      takes";
const ENCRYPTED: &str = "set KAFKA_SECURITY_PROTOCOL to ssl or sasl_ssl if the port speaks TLS";
const PLAIN: &str = "name a port that speaks TLS in KAFKA_BROKERS, or set KAFKA_SECURITY_PROTOCOL to what this one \
                     speaks";
const WITH_PASSWORD: &str =
    "set KAFKA_SECURITY_PROTOCOL to sasl_plaintext or sasl_ssl if the port wants a password";
const ANY: &str =
    "check KAFKA_SECURITY_PROTOCOL, and the settings that begin with KAFKA_SSL_ and KAFKA_SASL_";

/// What librdkafka's words about a connection mean, if they are about its settings. The words are those of
/// `rdkafka_broker.c` and `rdkafka_ssl.c`; of others, the remedy is less exact.
fn unfitting(code: Code, reason: &str) -> Option<Unfitting> {
    let has = |words: &str| reason.contains(words);
    let (remedy, is_sure) = match code {
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            (PASSWORD, true)
        }
        Code::SSL if has("certificate verify failed") || has("could not be verified") => (AUTHORITY, true),
        Code::SSL if has("certificate required") || has("client SSL authentication") => (CLIENT, true),
        Code::SSL => (ANY, true),
        // These are librdkafka's guesses.
        _ if has("connecting to a SSL listener?") => (ENCRYPTED, false),
        _ if has("connecting to a PLAINTEXT broker listener?") => (PLAIN, false),
        _ if has("might require SASL authentication") => (WITH_PASSWORD, false),
        _ => return None,
    };
    Some(Unfitting { reason: in_our_words(reason), remedy, is_sure })
}

/// Returns what librdkafka says when a client can't be made of the settings at all.
pub fn unusable(reason: &str) -> Unfitting {
    Unfitting { reason: in_our_words(reason), remedy: ANY, is_sure: true }
}

/// Says it with the names that the settings have here, and without what only librdkafka's authors need.
fn in_our_words(reason: &str) -> String {
    // "sasl_ssl://host:1/bootstrap: what is wrong (after 5ms in state AUTH_REQ)"
    let (reason, _) = reason.split_once(" (after ").unwrap_or((reason, ""));
    let is_broker = |words: &str| words.contains('/') && !words.contains(' ');
    let reason = match reason.split_once(": ") {
        Some((broker, what)) if is_broker(broker) => what,
        _ => reason,
    };
    KAFKA_OPTIONS.iter().fold(reason.to_owned(), |text, (variable, name)| text.replace(name, variable))
}

#[cfg(test)]
mod tests {
    use super::{Said, unfitting};
    use rdkafka::client::ClientContext as _;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

    #[test]
    fn what_stands_in_the_way_is_told_with_what_to_check() {
        let rows = [
            (
                Code::Authentication,
                "sasl_ssl://127.0.0.1:9093/bootstrap: SASL authentication error: Authentication failed during \
                 authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 4ms in state \
                 AUTH_REQ)",
                "SASL authentication error: Authentication failed during authentication due to invalid credentials \
                 with SASL mechanism SCRAM-SHA-512",
                "KAFKA_SASL_PASSWORD",
            ),
            (
                Code::SSL,
                "ssl://h:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
                 broker certificate could not be verified, verify that ssl.ca.location is correctly configured or \
                 root CA certificates are installed (install ca-certificates package) (after 3ms in state \
                 SSL_HANDSHAKE)",
                "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate \
                 could not be verified, verify that KAFKA_SSL_CA_LOCATION is correctly configured or root CA \
                 certificates are installed (install ca-certificates package)",
                "KAFKA_SSL_CA_LOCATION",
            ),
            (
                Code::BrokerTransportFailure,
                "h:1/bootstrap: Disconnected: requesting ApiVersion: might be caused by incorrect security.protocol \
                 configuration (connecting to a SSL listener?) or broker version is < 0.10",
                "Disconnected: requesting ApiVersion: might be caused by incorrect KAFKA_SECURITY_PROTOCOL \
                 configuration (connecting to a SSL listener?) or broker version is < 0.10",
                "ssl or sasl_ssl",
            ),
            (
                Code::BrokerTransportFailure,
                "ssl://h:1/bootstrap: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?",
                "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?",
                "a port that speaks TLS",
            ),
        ];
        for (code, said, reason, remedy) in rows {
            let found = unfitting(code, said).expect(said);
            assert_eq!(
                (found.reason.as_str(), found.is_sure),
                (reason, code != Code::BrokerTransportFailure)
            );
            assert!(found.remedy.contains(remedy), "{said}: {}", found.remedy);
        }
        assert_eq!(
            unfitting(Code::BrokerTransportFailure, "h:1/1: Connect to ipv4#h:1 failed: refused"),
            None
        );
    }

    #[test]
    fn what_was_said_counts_until_somebody_answers_or_something_else_is_wrong() {
        let said = Said::default();
        let hears = |code, words| said.clone().error(KafkaError::Global(code), words);
        hears(Code::Authentication, "no");
        hears(Code::AllBrokersDown, "1/1 brokers are down");
        assert_eq!(said.unfitting().map(|it| it.reason), Some("no".into()));
        hears(Code::BrokerTransportFailure, "h:1/1: Connect to ipv4#h:1 failed: refused");
        assert_eq!(said.unfitting(), None);
        hears(Code::SSL, "no");
        said.is_answered();
        assert_eq!(said.unfitting(), None);
    }
}
