//! A database at one moment: reads that all see the same commits, so that what is compared was true together.

use super::bind::Arg;
use super::db::{Engine, Record, Tx};
use super::error::{Result, StoreError};
use super::sql::Sql;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A transaction that only reads, shared by whoever has the moment. They wait for each other.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    tx: Arc<Mutex<Option<Tx>>>,
    engine: Engine,
}

impl Moment {
    pub(super) fn new(tx: Tx) -> Self {
        let engine = tx.engine();
        Self { tx: Arc::new(Mutex::new(Some(tx))), engine }
    }

    pub(super) const fn engine(&self) -> Engine {
        self.engine
    }

    pub(super) async fn all<R: Record>(&self, sql: &'static Sql, args: Vec<Arg>) -> Result<Vec<R>> {
        match &mut *self.tx.lock().await {
            Some(tx) => tx.all(sql, args).await,
            None => Err(StoreError::Refused { store: "read", reason: "the moment is over".into() }),
        }
    }

    /// Ends it, and keeps its connection for the next.
    pub(super) async fn end(&self) {
        if let Some(tx) = self.tx.lock().await.take() {
            // It wrote nothing: however this ends, nothing is left to undo.
            let _ = tx.rollback().await;
        }
    }
}
