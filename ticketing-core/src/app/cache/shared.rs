//! The side of the ticket cache that processes share. It is read on the way to the store, and written by a task of
//! its own: nobody waits for a write, and one that can't be made in time is not made.

use super::Key;
use crate::app::ports::{CacheWrite, CachedPage, SharedCache};
use crate::domain::catalog::OfferingKind;
use crate::domain::id::UserId;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Writes that wait. More are dropped: pages, which are read again, and changes, which the cache then knows it was
/// not told of.
const WAITING_MAX: usize = 1_024;
/// Writes made together.
const TOGETHER_MAX: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Shared {
    cache: Arc<dyn SharedCache>,
    writes: mpsc::Sender<CacheWrite>,
}

impl Shared {
    /// Starts the task that writes. It ends with this value.
    pub(super) fn start(cache: Arc<dyn SharedCache>) -> Self {
        let (writes, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(write(Arc::clone(&cache), waiting));
        Self { cache, writes }
    }

    /// Looks for a page; it is as of the last position up to which it is known to be good.
    pub(super) async fn find(&self, key: &Key) -> Option<CachedPage> {
        self.cache.find(&name(key), &key.query.user_id.0).await?.current()
    }

    /// Keeps a page soon, or not.
    pub(super) fn keep(&self, key: &Key, page: &Arc<CachedPage>) {
        self.put(CacheWrite::Keep { key: name(key), page: Arc::clone(page) });
    }

    /// Tells soon that these users' rows changed; if not, the cache will know by the next such telling.
    pub(super) fn changed<'a>(&self, from: i64, to: i64, users: impl Iterator<Item = &'a UserId>) {
        let subjects: BTreeSet<&str> = users.map(|user| user.0.as_str()).collect();
        let subjects = subjects.into_iter().map(str::to_owned).collect();
        self.put(CacheWrite::Changed { from, to, subjects });
    }

    fn put(&self, write: CacheWrite) {
        // Dropped when too many wait. See `WAITING_MAX`.
        let _ = self.writes.try_send(write);
    }
}

/// The name of a page. The user's id comes last: it may have any letters.
fn name(Key { repairs, query }: &Key) -> String {
    let state = query.state.map_or("", |state| state.word());
    let kind = query.kind.map_or("", OfferingKind::word);
    format!("tickets:{repairs}:{kind}:{state}:{}:{}:{}", query.page, query.limit, query.user_id.0)
}

async fn write(cache: Arc<dyn SharedCache>, mut waiting: mpsc::Receiver<CacheWrite>) {
    let mut writes = Vec::with_capacity(TOGETHER_MAX);
    while waiting.recv_many(&mut writes, TOGETHER_MAX).await > 0 {
        cache.write(&writes).await;
        writes.clear();
    }
}
