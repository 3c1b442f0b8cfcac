//! What a reader has fetched ahead, and since when its broker has been silent. The thread or task that fetches
//! puts batches in at one end, the reader's caller takes messages out at the other. It asks no broker anything.

use super::{CarrierError, Message};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How many batches wait for the caller at most.
pub const BATCHES_MAX: usize = 16;
/// How many messages make a batch at most.
pub const BATCH_MESSAGES_MAX: usize = 256;
/// How many bytes of bodies make a batch at most; one larger message is a batch alone.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How long a broker may be away before the caller is told; shorter gaps are nobody's business.
const AWAY_MAX: Duration = Duration::from_secs(10);

/// The caller's end.
#[derive(Debug)]
pub struct Inbox {
    receiver: mpsc::Receiver<Vec<Message>>,
    taken: VecDeque<Message>,
    trouble: Arc<Trouble>,
}

/// Since when something is wrong, and what.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Option<(Instant, CarrierError)>>);

impl Trouble {
    /// Something is wrong; the time counts from the first word of it.
    pub fn begins(&self, error: CarrierError) {
        let mut state = self.state();
        let since = state.take().map_or_else(Instant::now, |(since, _)| since);
        *state = Some((since, error));
    }

    /// All is well again.
    pub fn ends(&self) {
        *self.state() = None;
    }

    /// Is something wrong?
    pub fn is_on(&self) -> bool {
        self.state().is_some()
    }

    fn worth_telling(&self) -> Option<CarrierError> {
        let state = self.state();
        state.as_ref().filter(|(since, _)| since.elapsed() >= AWAY_MAX).map(|(_, error)| error.clone())
    }

    fn state(&self) -> MutexGuard<'_, Option<(Instant, CarrierError)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// Makes an inbox, and the ends that its reader's thread or task holds.
    pub fn new() -> (Self, mpsc::Sender<Vec<Message>>, Arc<Trouble>) {
        let (sender, receiver) = mpsc::channel(BATCHES_MAX);
        let trouble = Arc::new(Trouble::default());
        (Self { receiver, taken: VecDeque::new(), trouble: trouble.clone() }, sender, trouble)
    }

    /// Returns the next messages; none if none came for `wait`.
    ///
    /// # Errors
    /// What has been wrong for longer than [`AWAY_MAX`], if nothing came.
    pub async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Message>, CarrierError> {
        if self.taken.is_empty() && max > 0 {
            match tokio::time::timeout(wait, self.receiver.recv()).await {
                Ok(Some(batch)) => self.taken.extend(batch),
                // The other end is gone only if its thread came down; the wait keeps a caller from spinning.
                Ok(None) => tokio::time::sleep(wait).await,
                Err(_) => {}
            }
        }
        while self.taken.len() < max
            && let Ok(batch) = self.receiver.try_recv()
        {
            self.taken.extend(batch);
        }
        match self.trouble.worth_telling() {
            Some(error) if self.taken.is_empty() => Err(error),
            _ => Ok(self.taken.drain(..max.min(self.taken.len())).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AWAY_MAX, CarrierError, Inbox, Message};
    use crate::domain::time::Timestamp;
    use std::time::{Duration, Instant};

    fn message(offset: i64) -> Message {
        Message {
            topic: "t".into(),
            partition: 0,
            offset,
            key: None,
            headers: Vec::new(),
            body: Vec::new(),
            at: Timestamp::from_millis(0),
        }
    }

    #[tokio::test]
    async fn batches_come_out_as_large_as_they_are_asked_for() {
        let (mut inbox, sender, _) = Inbox::new();
        for from in [0, 3, 6] {
            sender.send((from..from + 3).map(message).collect()).await.unwrap();
        }
        let mut offsets = Vec::new();
        for (max, expected) in [(2, 2), (5, 5), (0, 0), (100, 2), (100, 0)] {
            let messages = inbox.next(max, Duration::from_millis(10)).await.unwrap();
            assert_eq!(messages.len(), expected);
            offsets.extend(messages.iter().map(|message| message.offset));
        }
        assert_eq!(offsets, (0..9).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn trouble_is_told_once_it_has_lasted_and_nothing_came() {
        let (mut inbox, sender, trouble) = Inbox::new();
        let away =
            || CarrierError::Unreachable { carrier: "kafka", address: "h:1".into(), reason: "away".into() };
        let wait = Duration::from_millis(5);
        trouble.begins(away());
        assert!(inbox.next(1, wait).await.unwrap().is_empty(), "a short gap is hidden");
        let long_ago = Instant::now().checked_sub(AWAY_MAX).unwrap();
        *trouble.state() = Some((long_ago, away()));
        trouble.begins(away());
        sender.send(vec![message(1)]).await.unwrap();
        assert_eq!(inbox.next(1, wait).await.unwrap().len(), 1, "what was fetched is handed out first");
        assert!(matches!(inbox.next(1, wait).await, Err(CarrierError::Unreachable { .. })));
        trouble.ends();
        assert!(inbox.next(1, wait).await.unwrap().is_empty());
    }
}
