//! How old the picture is, and how it is to be taken.

use super::{OVERVIEW, Spot, State};
use ticketing_core::domain::time::Timestamp;

/// A picture that is so much older than it should be, in seconds, is not live any more, whatever the reason.
const LATE_SECONDS_MAX: i64 = 5;

/// How the picture on the screen is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// There is no picture yet.
    Connecting,
    /// It is how things are.
    Live,
    /// It was not renewed in time.
    Stale,
    /// The person wants it to stand still.
    Paused,
    /// The last question was not answered.
    Lost,
}

impl State {
    /// Says whether the picture stands still because somebody wants it to.
    pub(crate) const fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// Returns the moment that the screen shows: now; or when it was paused; or the last one that was seen of what is
    /// lost.
    pub(crate) fn shown_at(&self) -> Timestamp {
        let feed = self.feed();
        match (self.paused_at, feed.at) {
            (Some(paused), Some(at)) => paused.max(at),
            (None, Some(at)) if feed.refusal.is_some() => at,
            _ => self.now,
        }
    }

    /// Returns how old the picture is, in seconds.
    pub(crate) fn age_seconds(&self) -> Option<i64> {
        self.age_of(self.trail.here())
    }

    fn age_of(&self, spot: &Spot) -> Option<i64> {
        let feed = self.feed_of(spot);
        // What changes by events alone is as old as the look that found that there was none.
        let is_still_so = self.read_at(spot).is_some_and(|read_at| feed.is_as_of(read_at));
        let confirmed = if is_still_so { self.feed_of(&OVERVIEW).at } else { None };
        feed.at
            .max(confirmed.filter(|_| feed.at.is_some()))
            .map(|at| (self.now.as_millis() - at.as_millis()).max(0) / 1000)
    }

    /// Returns how the picture is to be taken. That it is lost is worse news than a pause, so it is told first.
    pub(crate) fn health(&self) -> Health {
        self.health_of(self.trail.here())
    }

    /// Returns how what is known of a place is to be taken.
    pub(crate) fn health_of(&self, spot: &Spot) -> Health {
        let feed = self.feed_of(spot);
        // A slow answer is followed by a rest; only what is later than that is late.
        let every = spot.screen().get().every_seconds;
        let quiet = if self.hears_changes { i64::from(super::feed::QUIET_FACTOR) } else { 1 };
        let every = every.saturating_mul(quiet);
        let took = i64::try_from(feed.took.as_secs()).unwrap_or(i64::MAX);
        let late = every.max(took.saturating_mul(4)).saturating_add(LATE_SECONDS_MAX);
        match self.age_of(spot) {
            None if feed.refusal.is_some() => Health::Lost,
            None => Health::Connecting,
            Some(_) if feed.refusal.is_some() => Health::Lost,
            Some(_) if self.is_paused() => Health::Paused,
            Some(_) if matches!(spot, Spot::Answer(_)) => Health::Live,
            Some(age) if age > late => Health::Stale,
            Some(_) => Health::Live,
        }
    }
}
