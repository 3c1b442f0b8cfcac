//! Why a broker does not carry what it should.

use crate::failure::Failure;
use crate::sentence::sentence;
use ticketing_core::adapters::carriers::CarrierError;

impl From<CarrierError> for Failure {
    fn from(error: CarrierError) -> Self {
        let text = sentence(&error.to_string());
        match error {
            CarrierError::Unreachable { .. } | CarrierError::Lost { .. } => Self::unreachable(text)
                .code("BROKER_UNAVAILABLE")
                .hint("see that the broker runs and can be reached from here, and what KAFKA_BROKERS or NATS_URL says; a port that speaks TLS needs KAFKA_SECURITY_PROTOCOL"),
            CarrierError::Unfitting { carrier, address, reason, remedy } => {
                Self::error(sentence(&format!("{carrier} at {address} can't be used with these settings")))
                    .code("BROKER_SETTINGS")
                    .why(sentence(&reason))
                    .hint(remedy)
            }
            CarrierError::Refused { .. } | CarrierError::Unfit { .. } => Self::error(text)
                .code("BROKER_REFUSED")
                .hint("check what this user may do, and the topics: a server makes those that are missing when it starts"),
        }
    }
}
