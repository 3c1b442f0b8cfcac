//! Passwords to hashes: Argon2id, on few threads that stand back behind everything else, with a bounded queue.
//!
//! A hash costs memory and time on purpose, and whoever wants to can ask for many. So they are never made where
//! bookings are: the threads have a low priority, keep the memory they work in, and what the queue does not take is
//! refused at once. Bookings never wait for a login.

use crate::domain::account::Password;
use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHash, Version};
use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, Once, PoisonError};
use tokio::sync::oneshot;

/// Memory of a hash, in KiB; with the two below the least that OWASP's Password Storage Cheat Sheet asks of Argon2id.
pub const MEMORY_KIB: u32 = 19_456;
/// Passes over the memory.
pub const PASSES: u32 = 2;
/// Lanes.
pub const LANES: u32 = 1;
/// Length of a hash, in bytes.
const OUTPUT_LEN: usize = 32;

/// Passwords that wait at most. With some 25 ms each, the last one waits for less than two seconds.
pub const QUEUE_MAX: usize = 64;
/// Threads at most; one for each two cores, since each takes a core's share of the memory bus.
const THREADS_MAX: usize = 4;
/// How far the threads stand back (`nice`): beside a thread of the server that wants a core too, they get a twentieth of
/// it, so that a sign-in comes to its end however busy the machine is. With nobody else there they get all of it.
#[cfg(target_os = "linux")]
const NICE: i32 = 14;

/// Why there is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// As many wait as may.
    Busy,
    /// The hash that is to be compared with is none, or there is no memory; it was logged.
    Failed,
}

enum Task {
    Make(Password, oneshot::Sender<Result<String, HashError>>),
    Compare(Password, Option<String>, oneshot::Sender<Result<bool, HashError>>),
}

/// Makes and compares hashes.
pub struct Hasher {
    tasks: SyncSender<Task>,
    waiting: Arc<Mutex<Receiver<Task>>>,
    begun: Once,
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(…)")
    }
}

impl Default for Hasher {
    fn default() -> Self {
        let (tasks, waiting) = sync_channel(QUEUE_MAX);
        Self { tasks, waiting: Arc::new(Mutex::new(waiting)), begun: Once::new() }
    }
}

impl Hasher {
    /// Returns the hash of a password, in PHC format, with a salt of its own.
    ///
    /// # Errors
    /// [`HashError::Busy`] at once if too many wait.
    pub async fn make(&self, password: Password) -> Result<String, HashError> {
        let (sender, answer) = oneshot::channel();
        self.hand_over(Task::Make(password, sender))?;
        answer.await.unwrap_or(Err(HashError::Failed))
    }

    /// Whether this is the password of a hash. Without a hash it is not, and that takes as long.
    ///
    /// # Errors
    /// [`HashError::Busy`] at once if too many wait.
    pub async fn is_right(&self, password: Password, hash: Option<String>) -> Result<bool, HashError> {
        let (sender, answer) = oneshot::channel();
        self.hand_over(Task::Compare(password, hash, sender))?;
        answer.await.unwrap_or(Err(HashError::Failed))
    }

    fn hand_over(&self, task: Task) -> Result<(), HashError> {
        self.begun.call_once(|| self.begin());
        self.tasks.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => HashError::Busy,
            TrySendError::Disconnected(_) => HashError::Failed,
        })
    }

    /// Starts the threads; most processes never hash anything. They end when this is dropped.
    fn begin(&self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..(cores / 2).clamp(1, THREADS_MAX) {
            let waiting = Arc::clone(&self.waiting);
            let thread = std::thread::Builder::new().name("passwords".into());
            if let Err(error) = thread.spawn(move || work(&waiting)) {
                tracing::error!(%error, "no thread can be had to hash passwords on");
            }
        }
    }
}

fn stand_back() {
    // On Linux this is of the calling thread alone; elsewhere it would be of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "the threads that hash passwords run with the priority of all others");
    }
}

fn work(waiting: &Mutex<Receiver<Task>>) {
    stand_back();
    let mut bench = Bench::default();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            // Whoever has gone away needs no answer, and nobody else is to wait for it.
            Ok(Task::Make(_, answer)) if answer.is_closed() => {}
            Ok(Task::Compare(_, _, answer)) if answer.is_closed() => {}
            Ok(Task::Make(password, answer)) => _ = answer.send(bench.make(&password)),
            Ok(Task::Compare(password, hash, answer)) => {
                _ = answer.send(bench.is_right(&password, hash.as_deref()));
            }
            Err(_) => return,
        }
    }
}

/// What one thread works with: memory that is taken once, and the hash that nobody's password has.
struct Bench {
    memory: Vec<Block>,
    nobody: Option<PasswordHash>,
}

impl Default for Bench {
    fn default() -> Self {
        let blocks = params().map_or(0, |params| params.block_count());
        let mut bench = Self { memory: vec![Block::default(); blocks], nobody: None };
        // Made now, so that the first name that nobody has is answered no later than the next one.
        bench.nobody = bench.hash(b"", Salt::generate()).ok();
        bench
    }
}

fn params() -> Result<Params, argon2::Error> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_LEN))
}

impl Bench {
    fn make(&mut self, password: &Password) -> Result<String, HashError> {
        self.hash(password.bytes(), Salt::generate()).map(|hash| hash.to_string()).map_err(|error| {
            tracing::error!(%error, "a password can't be hashed");
            HashError::Failed
        })
    }

    fn hash(&mut self, password: &[u8], salt: Salt) -> Result<PasswordHash, String> {
        let params = params().map_err(|error| error.to_string())?;
        let named = ParamsString::try_from(&params).map_err(|error| error.to_string())?;
        let output = self.output(params, password, &salt, OUTPUT_LEN)?;
        Ok(PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: named,
            salt: Some(salt),
            hash: Some(output),
        })
    }

    fn output(
        &mut self,
        params: Params,
        password: &[u8],
        salt: &Salt,
        length: usize,
    ) -> Result<Output, String> {
        // A hash that was made with other costs is compared with those.
        if self.memory.len() < params.block_count() {
            self.memory.resize(params.block_count(), Block::default());
        }
        let mut out = vec![0; length];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password, salt, &mut out, &mut self.memory)
            .map_err(|error| error.to_string())?;
        Output::new(&out).map_err(|error| error.to_string())
    }

    fn is_right(&mut self, password: &Password, hash: Option<&str>) -> Result<bool, HashError> {
        let parsed = match hash {
            Some(hash) => PasswordHash::new(hash).map_err(|error| error.to_string()),
            None => self.nobody.clone().ok_or_else(|| "there is no memory for it".to_owned()),
        };
        let compared = parsed.and_then(|stored| {
            let params = Params::try_from(&stored).map_err(|error| error.to_string())?;
            let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
                return Err("it has no salt or no hash".to_owned());
            };
            if stored.algorithm != ARGON2ID_IDENT {
                return Err(format!("it is made by {}", stored.algorithm));
            }
            // Outputs are compared in constant time.
            Ok(self.output(params, password.bytes(), &salt, expected.len())? == expected)
        });
        match compared {
            Ok(is_equal) => Ok(is_equal && hash.is_some()),
            Err(error) => {
                tracing::error!(error, "a stored hash can't be compared with");
                Err(HashError::Failed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HashError, Hasher, QUEUE_MAX};
    use crate::domain::account::Password;
    use std::future::Future as _;
    use std::task::Poll;
    use std::time::Instant;

    fn password(text: &str) -> Password {
        Password::tried(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_a_salt_of_its_own_and_only_its_password_fits() {
        let hasher = Hasher::default();
        let hash = hasher.make(password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hasher.make(password("correct horse")).await.unwrap());
        for (text, stored, expected) in [
            ("correct horse", Some(hash.clone()), Ok(true)),
            ("correct horsf", Some(hash.clone()), Ok(false)),
            ("", Some(hash.clone()), Ok(false)),
            ("correct horse", None, Ok(false)),
            ("", None, Ok(false)),
            ("x", Some("plain".into()), Err(HashError::Failed)),
            ("x", Some("$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$KGWj0XrXzQ4".into()), Err(HashError::Failed)),
        ] {
            assert_eq!(hasher.is_right(password(text), stored.clone()).await, expected, "{text} {stored:?}");
        }
    }

    #[tokio::test]
    async fn a_hash_that_was_made_with_other_costs_is_still_compared() {
        // Made by the reference implementation: argon2 -id -t 2 -k 65536 -p 1, salt "somesalt", "password".
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hasher = Hasher::default();
        assert_eq!(hasher.is_right(password("password"), Some(hash.into())).await, Ok(true));
        assert_eq!(hasher.is_right(password("passwort"), Some(hash.into())).await, Ok(false));
    }

    #[tokio::test]
    async fn what_the_queue_does_not_take_is_refused_at_once_and_who_has_gone_is_not_worked_for() {
        let hasher = Hasher::default();
        hasher.is_right(password("warm"), None).await.unwrap();
        let mut waiting = Vec::new();
        let busy = loop {
            let mut asked = Box::pin(hasher.is_right(password("x"), None));
            match std::future::poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx))).await {
                Poll::Ready(answer) => break answer,
                Poll::Pending => waiting.push(asked),
            }
        };
        assert_eq!(busy, Err(HashError::Busy));
        assert!(waiting.len() >= QUEUE_MAX, "{}", waiting.len());
        drop(waiting);
        let began = Instant::now();
        while hasher.is_right(password("x"), None).await == Err(HashError::Busy) {
            assert!(began.elapsed().as_secs() < 5, "whom nobody waits for is left out");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}
