//! Records that are under way and not yet acknowledged: how many there may be, up to which one all are
//! acknowledged, and whether one was lost. It sends nothing; both publishers keep their books here.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The most records that may be under way.
pub const RECORDS_MAX: usize = 20_000;
/// The most bytes that may be under way; one record that is larger still goes alone.
pub const BYTES_MAX: usize = 32 * 1024 * 1024;

/// The books of one publisher. Many may write to it; one waits.
#[derive(Debug, Default)]
pub struct Window {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the first record of `under_way`.
    first: usize,
    under_way: VecDeque<Record>,
    bytes: usize,
    acknowledged: i64,
    lost: Option<String>,
    unfit: Option<Unfit>,
}

/// A record that the broker will never take as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub ticket: i64,
    pub bytes: usize,
}

#[derive(Debug)]
struct Record {
    ticket: i64,
    bytes: usize,
    acknowledged: bool,
}

impl Window {
    /// Waits until a record of so many bytes may go.
    ///
    /// # Errors
    /// Why a record was lost, once one was.
    pub async fn room(&self, bytes: usize) -> Result<(), String> {
        loop {
            {
                let state = self.state();
                if let Some(reason) = &state.lost {
                    return Err(reason.clone());
                }
                let fits = state.under_way.len() < RECORDS_MAX && state.bytes + bytes <= BYTES_MAX;
                if fits || state.under_way.is_empty() {
                    return Ok(());
                }
            }
            self.changed.notified().await;
        }
    }

    /// Writes down that a record goes, and returns its number.
    pub fn begin(&self, ticket: i64, bytes: usize) -> usize {
        let mut state = self.state();
        let number = state.first.wrapping_add(state.under_way.len());
        state.bytes += bytes;
        state.under_way.push_back(Record { ticket, bytes, acknowledged: false });
        number
    }

    /// Takes back the last [`Window::begin`]: the record did not go.
    pub fn take_back(&self) {
        let mut state = self.state();
        if let Some(record) = state.under_way.pop_back() {
            state.bytes -= record.bytes;
        }
    }

    /// Writes down that the record of this number was acknowledged.
    pub fn acknowledge(&self, number: usize) {
        let mut state = self.state();
        let at = number.wrapping_sub(state.first);
        if let Some(record) = state.under_way.get_mut(at) {
            record.acknowledged = true;
        }
        if at > 0 {
            return;
        }
        while let Some(record) = state.under_way.pop_front_if(|record| record.acknowledged) {
            state.first = state.first.wrapping_add(1);
            state.bytes -= record.bytes;
            state.acknowledged = record.ticket;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Writes down that a record was lost. The first reason stays.
    pub fn lose(&self, reason: impl Into<String>) {
        self.state().lost.get_or_insert_with(|| reason.into());
        self.changed.notify_one();
    }

    /// Writes down that the record of this number was lost, since the broker will never take it as it is.
    pub fn refuse(&self, number: usize, reason: impl Into<String>) {
        {
            let mut state = self.state();
            let at = number.wrapping_sub(state.first);
            if state.lost.is_none()
                && let Some(record) = state.under_way.get(at)
            {
                state.unfit = Some(Unfit { ticket: record.ticket, bytes: record.bytes });
            }
        }
        self.lose(reason);
    }

    /// Says which record was lost since it was refused, if the first that was lost was so.
    pub fn unfit(&self) -> Option<Unfit> {
        self.state().unfit.clone()
    }

    /// Says why a record was lost, if one was.
    pub fn lost(&self) -> Option<String> {
        self.state().lost.clone()
    }

    /// Returns the last ticket up to which all are acknowledged; 0 before the first.
    pub fn acknowledged(&self) -> i64 {
        self.state().acknowledged
    }

    /// Waits until more than `ticket` is acknowledged, and returns how far.
    ///
    /// # Errors
    /// Why a record was lost, once one was.
    pub async fn acknowledged_beyond(&self, ticket: i64) -> Result<i64, String> {
        loop {
            {
                let state = self.state();
                if state.acknowledged > ticket {
                    return Ok(state.acknowledged);
                }
                if let Some(reason) = &state.lost {
                    return Err(reason.clone());
                }
            }
            self.changed.notified().await;
        }
    }

    /// A panic of another holder leaves nothing half-written here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, RECORDS_MAX, Window};
    use std::time::Duration;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn only_an_unbroken_run_of_acknowledgements_counts() {
        let window = Window::default();
        let numbers: Vec<usize> =
            [10, 20, 30, 40].into_iter().map(|ticket| window.begin(ticket, 1)).collect();
        window.acknowledge(numbers[1]);
        window.acknowledge(numbers[2]);
        assert_eq!(window.acknowledged(), 0);
        window.acknowledge(numbers[0]);
        assert_eq!(window.acknowledged(), 30);
        assert_eq!(window.acknowledged_beyond(10).await, Ok(30));
        assert!(timeout(SOON, window.acknowledged_beyond(30)).await.is_err(), "40 is still under way");
        window.lose("the broker said no");
        window.lose("and more of it");
        assert_eq!(window.acknowledged_beyond(30).await, Err("the broker said no".into()));
        assert_eq!(window.acknowledged_beyond(29).await, Ok(30), "what is known is still said");
    }

    #[tokio::test]
    async fn there_is_room_until_records_or_bytes_are_too_many() {
        let window = Window::default();
        for ticket in 0..RECORDS_MAX {
            window.room(1).await.unwrap();
            window.begin(ticket as i64, 1);
        }
        assert!(timeout(SOON, window.room(1)).await.is_err());
        window.take_back();
        window.room(1).await.unwrap();
        assert!(timeout(SOON, window.room(BYTES_MAX)).await.is_err());

        let large = Window::default();
        large.room(2 * BYTES_MAX).await.unwrap();
        let number = large.begin(1, 2 * BYTES_MAX);
        let waits = async { timeout(Duration::from_secs(5), large.room(1)).await.unwrap().unwrap() };
        let acknowledges = async {
            tokio::task::yield_now().await;
            large.acknowledge(number);
        };
        tokio::join!(waits, acknowledges);
        large.lose("gone");
        assert_eq!(large.room(1).await, Err("gone".into()));
    }
}
