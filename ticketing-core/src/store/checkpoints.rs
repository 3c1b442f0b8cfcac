//! Checkpoints of a SQLite file beside its writer: pages go from the write-ahead log into the file on a connection of
//! their own, so that no commit waits for them.
//!
//! By itself SQLite lets the commit that fills the log pay for all of it, which is a second or more on a large file.
//! Here a checkpoint follows the writing at a distance. It does nothing while nobody writes.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long after a write the checkpoint begins; what is written meanwhile goes with it.
const FOLLOWS_AFTER: Duration = Duration::from_millis(500);
/// Pages of the log after which it begins anew from its start, once all of them are in the file. The writer waits
/// for that, but only for what was written since the checkpoint just before.
const RESTART_PAGES: i32 = 40_000;
/// How long that waits for readers of old pages, holding the writer up; else it is done another time.
const RESTART_WAIT: Duration = Duration::from_millis(50);

/// The checkpoints of one file. They end when the last clone is dropped.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    written: watch::Sender<()>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Checkpoints {
    /// Begins to follow the writes to a file.
    pub(super) fn begin(options: SqliteConnectOptions) -> Self {
        let (written, writes) = watch::channel(());
        let options = options.create_if_missing(false).busy_timeout(RESTART_WAIT);
        let task = tokio::spawn(follow(options, writes));
        Self { written, task: Arc::new(Mutex::new(Some(task))) }
    }

    /// Something is being written.
    pub(super) fn written(&self) {
        self.written.send_replace(());
    }

    /// Ends them, so that whoever closes the file last can fold the whole log into it.
    pub(super) async fn end(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            // Aborted or ended: either way nobody begins another one.
            let _ = task.await;
        }
    }
}

async fn follow(options: SqliteConnectOptions, mut writes: watch::Receiver<()>) {
    let mut connection: Option<SqliteConnection> = None;
    while writes.changed().await.is_ok() {
        tokio::time::sleep(FOLLOWS_AFTER).await;
        writes.borrow_and_update();
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => options.connect().await,
        };
        match open {
            Ok(mut open) => match checkpoint(&mut open).await {
                Ok(()) => connection = Some(open),
                Err(error) => tracing::debug!(%error, "a checkpoint failed; the next one will do its work"),
            },
            Err(error) => tracing::debug!(%error, "no connection for a checkpoint"),
        }
    }
    if let Some(open) = connection {
        // The file stays whole whatever closing says.
        let _ = open.close().await;
    }
}

async fn checkpoint(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let passive: (i32, i32, i32) =
        sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *connection).await?;
    let (_, pages, moved) = passive;
    if pages >= RESTART_PAGES && moved == pages {
        let _: (i32, i32, i32) =
            sqlx::query_as("PRAGMA wal_checkpoint(RESTART)").fetch_one(&mut *connection).await?;
    }
    Ok(())
}
