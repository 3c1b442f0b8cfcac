//! How many a search finds, remembered for a moment.
//!
//! A page is read along an index; how many pages there are is only known by looking at everything that is found. So
//! that is done once for all who leaf through the same search, and again when it is older than [`KEPT`]. The first who
//! finds it old counts again; the others are told the old one meanwhile. Who asks with a `minPosition` is never told
//! a total from before it.

use crate::app::{App, AppError};
use crate::store::views::search::{self, Search};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long a total is told without counting again.
const KEPT: Duration = Duration::from_secs(2);
/// Searches that are remembered; with one more, all are forgotten.
const SEARCHES_MAX: usize = 10_000;

/// The totals of searches that look alike: `K` is what is asked, without the page.
#[derive(Debug)]
pub struct Totals<K>(Mutex<HashMap<K, Counted>>);

#[derive(Clone, Copy, Debug)]
struct Counted {
    total: u64,
    /// The position that the read model had reached by then, at least.
    position: i64,
    at: Instant,
}

impl<K> Default for Totals<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Totals<K> {
    /// Returns the total if it is known at `position` or later, and not too old. If it is old, the first who asks is told
    /// nothing and is to [`Totals::counted`] again.
    pub(crate) fn of(&self, search: &K, position: i64, now: Instant) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = known.get_mut(search).filter(|counted| counted.position >= position)?;
        if now.duration_since(counted.at) > KEPT {
            counted.at = now;
            return None;
        }
        Some(counted.total)
    }

    /// Remembers a total that was counted when the read model had reached `position`.
    pub(crate) fn counted(&self, search: K, total: u64, position: i64, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SEARCHES_MAX && !known.contains_key(&search) {
            known.clear();
        }
        known.insert(search, Counted { total, position, at: now });
    }
}

/// Returns how many a search finds, one of whose pages has so many `rows`. `asked` is what all its pages have in common.
///
/// # Errors
/// What the store says.
pub(crate) async fn total<K: Hash + Eq>(
    app: &App,
    totals: &Totals<K>,
    asked: K,
    search: &Search,
    rows: usize,
    min_position: Option<i64>,
) -> Result<u64, AppError> {
    let up_to_here = u64::from(search.page - 1) * u64::from(search.limit) + rows as u64;
    // A page that is not full tells the total by itself.
    if rows < search.limit as usize && (rows > 0 || search.page == 1) {
        return Ok(up_to_here);
    }
    if let Some(total) = totals.of(&asked, min_position.unwrap_or(0), Instant::now()) {
        // What came since is at least what is shown.
        return Ok(if rows > 0 { total.max(up_to_here) } else { total });
    }
    let position = app.read.known();
    let total = search::count(&app.stores.read, search).await?;
    totals.counted(asked, total, position, Instant::now());
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_told_for_a_moment_and_counted_again_by_one() {
        let totals = Totals::default();
        let began = Instant::now();
        assert_eq!(totals.of(&"jazz", 0, began), None);
        totals.counted("jazz", 7, 41, began);
        assert_eq!(totals.of(&"jazz", 0, began), Some(7));
        let later = began + KEPT + Duration::from_millis(1);
        assert_eq!(totals.of(&"jazz", 0, later), None, "the first one counts again");
        assert_eq!(totals.of(&"jazz", 0, later), Some(7), "the others go on with what was counted");
        totals.counted("jazz", 8, 50, later);
        assert_eq!(totals.of(&"jazz", 0, later), Some(8));
    }

    #[test]
    fn a_total_from_before_the_position_that_is_asked_for_is_not_told() {
        let totals = Totals::default();
        let now = Instant::now();
        totals.counted("jazz", 7, 41, now);
        assert_eq!(totals.of(&"jazz", 41, now), Some(7));
        assert_eq!(totals.of(&"jazz", 42, now), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let totals = Totals::default();
        let now = Instant::now();
        for n in 0..=SEARCHES_MAX {
            totals.counted(n, 1, 1, now);
        }
        assert_eq!(totals.of(&0, 0, now), None, "forgotten");
        assert_eq!(totals.of(&SEARCHES_MAX, 0, now), Some(1));
    }
}
