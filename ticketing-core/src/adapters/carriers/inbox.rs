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
    /// Each is of what fails by itself: a broker, or one topic of it.
    troubles: Vec<Arc<Trouble>>,
    /// What is said once nobody fetches any more.
    gone: CarrierError,
    /// Whether messages were handed out in spite of a trouble that is worth telling: it is told next.
    owes_word: bool,
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
    /// Makes an inbox, and the end that its reader's thread or tasks hold. Once they all dropped it, and all that was
    /// fetched is taken, `gone` is said.
    pub fn new(gone: CarrierError) -> (Self, mpsc::Sender<Vec<Message>>) {
        let (sender, receiver) = mpsc::channel(BATCHES_MAX);
        (Self { receiver, taken: VecDeque::new(), troubles: Vec::new(), gone, owes_word: false }, sender)
    }

    /// Makes a place for the trouble of something that fails by itself.
    pub fn trouble(&mut self) -> Arc<Trouble> {
        let trouble = Arc::new(Trouble::default());
        self.troubles.push(trouble.clone());
        trouble
    }

    /// Returns the next messages; none if none came for `wait`.
    ///
    /// # Errors
    /// What has been wrong for longer than [`AWAY_MAX`], if nothing came, and every other time if something did: what
    /// goes well must not hide it. Nothing that was fetched is lost by it. Also once nobody fetches any more.
    pub async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Message>, CarrierError> {
        if self.owes_word {
            self.owes_word = false;
            if let Some(error) = self.worth_telling() {
                return Err(error);
            }
        }
        if self.taken.is_empty() && max > 0 {
            match tokio::time::timeout(wait, self.receiver.recv()).await {
                Ok(Some(batch)) => self.taken.extend(batch),
                // The other end is gone only if its thread came down.
                Ok(None) => return Err(self.gone.clone()),
                Err(_) => {}
            }
        }
        while self.taken.len() < max
            && let Ok(batch) = self.receiver.try_recv()
        {
            self.taken.extend(batch);
        }
        match self.worth_telling() {
            Some(error) if self.taken.is_empty() => return Err(error),
            Some(_) => self.owes_word = true,
            None => {}
        }
        Ok(self.taken.drain(..max.min(self.taken.len())).collect())
    }

    fn worth_telling(&self) -> Option<CarrierError> {
        self.troubles.iter().find_map(|trouble| trouble.worth_telling())
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

    fn away(reason: &str) -> CarrierError {
        CarrierError::Unreachable { carrier: "kafka", address: "h:1".into(), reason: reason.into() }
    }

    #[tokio::test]
    async fn batches_come_out_as_large_as_they_are_asked_for() {
        let (mut inbox, sender) = Inbox::new(away("gone"));
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
        let (mut inbox, sender) = Inbox::new(away("gone"));
        let trouble = inbox.trouble();
        let wait = Duration::from_millis(5);
        trouble.begins(away("away"));
        assert!(inbox.next(1, wait).await.unwrap().is_empty(), "a short gap is hidden");
        let long_ago = Instant::now().checked_sub(AWAY_MAX).unwrap();
        *trouble.state() = Some((long_ago, away("away")));
        trouble.begins(away("away"));
        sender.send(vec![message(1)]).await.unwrap();
        assert_eq!(inbox.next(1, wait).await.unwrap().len(), 1, "what was fetched is handed out first");
        assert!(matches!(inbox.next(1, wait).await, Err(CarrierError::Unreachable { .. })));
        trouble.ends();
        assert!(inbox.next(1, wait).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_topic_that_goes_well_does_not_hide_the_trouble_of_another() {
        let (mut inbox, sender) = Inbox::new(away("gone"));
        let (busy, missing) = (inbox.trouble(), inbox.trouble());
        let wait = Duration::from_millis(5);
        let long_ago = Instant::now().checked_sub(AWAY_MAX).unwrap();
        *missing.state() = Some((long_ago, away("missing")));
        let mut read = Vec::new();
        for offset in 1..=3 {
            busy.ends();
            sender.send(vec![message(offset)]).await.unwrap();
            read.extend(inbox.next(1, wait).await.unwrap().iter().map(|message| message.offset));
            let told = inbox.next(1, wait).await;
            assert!(told.is_err_and(|error| error.to_string().contains("missing")));
        }
        assert_eq!(read, [1, 2, 3], "what is told loses no message");
        missing.ends();
        assert!(inbox.next(1, wait).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_reader_whose_thread_came_down_says_so_after_its_last_message() {
        let (mut inbox, sender) = Inbox::new(away("gone"));
        sender.send(vec![message(1)]).await.unwrap();
        drop(sender);
        let wait = Duration::from_millis(5);
        assert_eq!(inbox.next(9, wait).await.unwrap().len(), 1);
        for _ in 0..2 {
            let told = inbox.next(9, wait).await;
            assert!(told.is_err_and(|error| error.to_string().contains("gone")));
        }
    }
}
