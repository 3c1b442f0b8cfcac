//! What is wrong with what was brought: settings, filters, files.

use crate::failure::Failure;
use crate::sentence::{capitalised, sentence};
use ticketing_core::adapters::gtfs::GtfsError;
use ticketing_core::adapters::seed_file::SeedFileError;
use ticketing_core::app::config::ConfigError;
use ticketing_core::ops::filter::FilterError;

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(format!("{error}.")).code("CONFIG")
    }
}

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Self {
        let failure = Self::usage(capitalised(&error.to_string())).code("QUERY");
        match error.example {
            Some(example) => failure.hint(example),
            None => failure,
        }
    }
}

impl From<SeedFileError> for Failure {
    fn from(error: SeedFileError) -> Self {
        Self::error(sentence(&error.to_string())).code("SEED_FILE").why("Nothing was stored.")
    }
}

impl From<GtfsError> for Failure {
    fn from(error: GtfsError) -> Self {
        let text = error.to_string();
        // The part behind the semicolon says what to do.
        let (message, hint) = match text.rsplit_once("; ") {
            Some((message, hint)) => (sentence(message), Some(hint.to_owned())),
            None => (sentence(&text), None),
        };
        let failure = match &error {
            GtfsError::NotFound(_) => Self::not_found(message),
            GtfsError::Days(_)
            | GtfsError::Dates { .. }
            | GtfsError::StartOnWeekday { .. }
            | GtfsError::StartOnEarlier { .. }
            | GtfsError::Fare { .. }
            | GtfsError::NoFare { .. } => Self::usage(message),
            _ => Self::error(message),
        };
        let failure = failure.code("FEED").why("Nothing was stored.");
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
