//! Whose tokens are refused, in memory: every request of somebody with a token asks, and none of them asks a store.
//!
//! What this process changes it knows at once; what others change it reads, twice a second (see the worker). Until a
//! process has read it, a token is good there for as long.

use crate::store::db::Db;
use crate::store::error::Result;
use crate::store::kept_out::{self, Bar, Numbered, Why};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use tokio::sync::watch;

/// Bars that are read at once.
const PAGE: i64 = 1_000;

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// An operator suspended its account.
    Suspended,
    /// Its session or its account has ended.
    Ended,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    seq: i64,
    why: Why,
    not_before_s: i64,
    until_s: i64,
}

#[derive(Debug, Default)]
struct Known {
    bars: HashMap<Box<str>, Held>,
    /// Everything up to this number has been read from the store.
    read: i64,
}

/// Whose tokens are refused.
#[derive(Debug)]
pub struct KeptOut {
    known: RwLock<Known>,
    /// How many there are, so that where there are none nobody takes the lock.
    count: AtomicUsize,
    changes: watch::Sender<u64>,
}

impl Default for KeptOut {
    fn default() -> Self {
        Self { known: RwLock::default(), count: AtomicUsize::new(0), changes: watch::channel(0).0 }
    }
}

impl KeptOut {
    /// Says whether a token of this subject and session, issued at this second since the epoch, is refused.
    ///
    /// # Errors
    /// Why it is.
    pub fn check(
        &self,
        subject: &str,
        session: Option<&str>,
        issued_s: Option<f64>,
    ) -> std::result::Result<(), Refused> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = known.bars.get(subject) {
            match held.why {
                Why::Suspended => return Err(Refused::Suspended),
                Why::Deleted | Why::SignedOut => return Err(Refused::Ended),
                Why::Nothing => {}
            }
            // Seconds since the epoch are exact in a float.
            if issued_s.unwrap_or(0.0) < held.not_before_s as f64 {
                return Err(Refused::Ended);
            }
        }
        match session.and_then(|session| known.bars.get(session)) {
            Some(Held { why: Why::SignedOut, .. }) => Err(Refused::Ended),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the account of this subject is suspended or deleted: nobody signs in to it, and nobody buys from it.
    #[must_use]
    pub fn is_closed(&self, subject: &str) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.bars.get(subject).is_some_and(|held| match held.why {
            Why::Suspended | Why::Deleted => true,
            Why::SignedOut | Why::Nothing => false,
        })
    }

    /// Hears of every change from now on: of who was let in until then, whether they still are is to be asked again.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Holds to what was committed with this number.
    pub(crate) fn apply(&self, numbered: Numbered) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        put(&mut known.bars, numbered);
        self.count.store(known.bars.len(), Ordering::Release);
        drop(known);
        self.changes.send_modify(|n| *n += 1);
    }

    /// Reads what others have changed, and lets go what nobody needs to know as of this second.
    ///
    /// # Errors
    /// What the store says; what was read before stays known.
    pub async fn read(&self, db: &Db, now_s: i64) -> Result<()> {
        loop {
            let from = self.known.read().unwrap_or_else(PoisonError::into_inner).read;
            let page = kept_out::after(db, from, PAGE).await?;
            let Some(last) = page.last().map(|numbered| numbered.seq) else { break };
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            for numbered in page {
                put(&mut known.bars, numbered);
            }
            known.read = known.read.max(last);
            self.count.store(known.bars.len(), Ordering::Release);
            drop(known);
            self.changes.send_modify(|n| *n += 1);
        }
        let is_over = |held: &Held| held.until_s > 0 && held.until_s < now_s;
        if self.known.read().unwrap_or_else(PoisonError::into_inner).bars.values().any(is_over) {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.bars.retain(|_, held| !is_over(held));
            self.count.store(known.bars.len(), Ordering::Release);
        }
        Ok(())
    }
}

/// The later of two numbers holds, in whichever order they come.
fn put(bars: &mut HashMap<Box<str>, Held>, Numbered { seq, bar }: Numbered) {
    let Bar { subject, why, not_before_s, until_s } = bar;
    if bars.get(subject.as_str()).is_some_and(|held| held.seq > seq) {
        return;
    }
    // Who was let in again stays with the number, so that an older one that comes late does not shut the door.
    bars.insert(subject.into(), Held { seq, why, not_before_s, until_s });
}

#[cfg(test)]
mod tests {
    use super::{KeptOut, Refused};
    use crate::store::kept_out::{Bar, Numbered, Why};

    fn bar(seq: i64, subject: &str, why: Why, not_before_s: i64) -> Numbered {
        Numbered { seq, bar: Bar { subject: subject.into(), why, not_before_s, until_s: 0 } }
    }

    #[test]
    fn who_is_kept_out_is_refused_and_the_later_word_holds() {
        let kept = KeptOut::default();
        assert_eq!(kept.check("ada", Some("s"), None), Ok(()));
        kept.apply(bar(1, "ada", Why::Suspended, 0));
        assert_eq!(kept.check("ada", None, Some(9e9)), Err(Refused::Suspended));
        assert_eq!(kept.check("bob", None, None), Ok(()));
        kept.apply(bar(3, "ada", Why::Nothing, 0));
        kept.apply(bar(2, "ada", Why::Suspended, 0));
        assert_eq!(kept.check("ada", None, None), Ok(()));
        kept.apply(bar(4, "ada", Why::Deleted, 0));
        assert_eq!(kept.check("ada", None, None), Err(Refused::Ended));
    }

    #[test]
    fn what_was_issued_before_is_refused_and_a_session_ends_alone() {
        let kept = KeptOut::default();
        kept.apply(bar(1, "ada", Why::Nothing, 100));
        for (issued, expected) in
            [(Some(99.9), Err(Refused::Ended)), (Some(100.0), Ok(())), (None, Err(Refused::Ended))]
        {
            assert_eq!(kept.check("ada", Some("s1"), issued), expected, "{issued:?}");
        }
        kept.apply(bar(2, "s1", Why::SignedOut, 0));
        assert_eq!(kept.check("ada", Some("s1"), Some(200.0)), Err(Refused::Ended));
        assert_eq!(kept.check("ada", Some("s2"), Some(200.0)), Ok(()));
    }
}
