//! Which events of the log are meant: by range, type and stream.

use crate::errors;
use crate::failure::Failure;
use crate::session::Session;
use ticketing_core::domain::event::Event;
use ticketing_core::ops::lookup;
use ticketing_core::ops::republish::Choice;
use ticketing_core::ops::time_range::{LogRange, parse_log_range};
use ticketing_core::text;

/// Which events are meant.
#[derive(clap::Args, Debug)]
pub struct ChoiceArgs {
    /// Positions 100..200 or times -48h..-24h; one end may be open
    #[arg(long, value_name = "A..B", allow_hyphen_values = true)]
    pub range: String,
    /// Only events of this type; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only the events of this booking, or of this stream of the catalogue by its whole id
    #[arg(long, value_name = "ID")]
    stream: Option<String>,
    /// So many events at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

impl ChoiceArgs {
    /// Returns the range.
    ///
    /// # Errors
    /// A usage error for one that is none.
    pub fn range(&self, session: &Session) -> Result<LogRange, Failure> {
        parse_log_range(&self.range, session.app.clock.now()).map_err(|why| {
            Failure::usage(errors::sentence(&why)).hint("--range 100..200, or --range -48h..-24h")
        })
    }

    /// Whether it names more than a range.
    pub fn is_narrowed(&self) -> bool {
        !self.types.is_empty() || self.stream.is_some() || self.limit.is_some()
    }

    /// Returns what is meant.
    ///
    /// # Errors
    /// A usage error for a range that is none; not found.
    pub async fn choice(&self, session: &Session) -> Result<Choice, Failure> {
        for name in &self.types {
            check_type(name)?;
        }
        let stream = match &self.stream {
            Some(id) => Some(lookup::booking(&session.app, id).await?.0),
            None => None,
        };
        Ok(Choice { range: self.range(session)?, types: self.types.clone(), stream, limit: self.limit })
    }
}

/// Refuses a type that no event of the log has.
fn check_type(name: &str) -> Result<(), Failure> {
    if Event::TYPES.contains(&name) {
        return Ok(());
    }
    let failure =
        Failure::usage(format!("There is no event type {}.", text::quoted(name))).code("UNKNOWN_TYPE");
    let failure = match text::nearest(name, Event::TYPES.iter().copied()) {
        Some(near) => failure.why(format!("Did you mean {near}?")),
        None => failure,
    };
    Err(failure.hint(format!("one of: {}", Event::TYPES.join(", "))))
}
