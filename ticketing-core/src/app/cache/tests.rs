use super::{CacheCounts, TicketCache};
use crate::app::ports::{Answer, CacheWrite, CachedPage, Changes, Found, SharedCache};
use crate::clock::Clock;
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::store::views::tickets::UserQuery;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

fn ann() -> UserQuery {
    UserQuery { user_id: UserId("ann".into()), kind: None, state: None, page: 1, limit: 20 }
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(1_795_165_200_000))
}

fn page(as_of: i64) -> CachedPage {
    CachedPage { data: format!("[{as_of}]").into(), total: 1, as_of, good_until: None }
}

async fn ask(cache: &TicketCache, at_least: i64, store_is_at: i64) -> i64 {
    let load = || async move { Ok::<_, ()>(page(store_is_at)) };
    cache.page(&ann(), at_least, &clock(), load).await.unwrap().as_of
}

/// A shared cache of one page, which keeps what it is told.
#[derive(Debug, Default)]
struct Board {
    found: Mutex<Option<Found>>,
    written: Mutex<Vec<CacheWrite>>,
}

impl SharedCache for Board {
    fn find<'a>(&'a self, _key: &'a str, subject: &'a str) -> Answer<'a, Option<Found>> {
        assert_eq!(subject, "ann");
        Box::pin(async { self.found.lock().unwrap().clone() })
    }

    fn write<'a>(&'a self, writes: &'a [CacheWrite]) -> Answer<'a, ()> {
        Box::pin(async { self.written.lock().unwrap().extend_from_slice(writes) })
    }
}

#[tokio::test]
async fn many_who_want_a_cold_page_at_once_cause_one_reading() {
    let (cache, gate) = (Arc::new(TicketCache::new(None)), Arc::new(Semaphore::new(0)));
    let readings = Arc::new(AtomicU32::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..200 {
        let (cache, gate, readings) = (Arc::clone(&cache), Arc::clone(&gate), Arc::clone(&readings));
        readers.spawn(async move {
            let load = || async {
                readings.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                Ok::<_, ()>(page(1))
            };
            cache.page(&ann(), 0, &clock(), load).await.unwrap().as_of
        });
    }
    while readings.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(200);
    while let Some(read) = readers.join_next().await {
        assert_eq!(read.unwrap(), 1);
    }
    assert_eq!(readings.load(Ordering::SeqCst), 1);
    assert_eq!(cache.counts(), CacheCounts { hits: 199, shared_hits: 0, loads: 1 });
}

#[tokio::test]
async fn who_waited_for_a_reading_that_fails_or_is_given_up_reads_himself() {
    for given_up in [false, true] {
        let (cache, gate) = (Arc::new(TicketCache::new(None)), Arc::new(Semaphore::new(0)));
        let first = tokio::spawn({
            let (cache, gate) = (Arc::clone(&cache), Arc::clone(&gate));
            async move {
                let load = || async {
                    gate.acquire().await.unwrap().forget();
                    Err::<CachedPage, _>("away")
                };
                cache.page(&ann(), 0, &clock(), load).await
            }
        });
        while cache.counts().loads == 0 {
            tokio::task::yield_now().await;
        }
        let second = tokio::spawn({
            let cache = Arc::clone(&cache);
            async move { ask(&cache, 0, 7).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(cache.counts().loads, 1, "the second waits");
        if given_up {
            first.abort();
        } else {
            gate.add_permits(1);
            assert_eq!(first.await.unwrap().unwrap_err(), "away");
        }
        assert_eq!(second.await.unwrap(), 7);
        assert_eq!(cache.counts().loads, 2);
    }
}

#[tokio::test]
async fn a_reading_that_is_too_old_for_who_waited_is_not_handed_to_him() {
    let (cache, gate) = (Arc::new(TicketCache::new(None)), Arc::new(Semaphore::new(0)));
    let first = tokio::spawn({
        let (cache, gate) = (Arc::clone(&cache), Arc::clone(&gate));
        async move {
            let load = || async {
                gate.acquire().await.unwrap().forget();
                Ok::<_, ()>(page(5))
            };
            cache.page(&ann(), 0, &clock(), load).await.unwrap().as_of
        }
    });
    while cache.counts().loads == 0 {
        tokio::task::yield_now().await;
    }
    let second = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { ask(&cache, 6, 6).await }
    });
    tokio::task::yield_now().await;
    gate.add_permits(1);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (5, 6));
}

#[tokio::test]
async fn who_reads_gets_what_the_store_says_whatever_is_known_here() {
    let cache = TicketCache::new(None);
    cache.touch(&ann().user_id, i64::MAX);
    for loads in 1..4 {
        assert_eq!(ask(&cache, 0, 3).await, 3);
        assert_eq!(cache.counts().loads, loads);
    }
}

#[tokio::test]
async fn a_change_a_position_and_an_end_make_a_page_old() {
    let cache = TicketCache::new(None);
    assert_eq!(ask(&cache, 0, 5).await, 5);
    assert_eq!(ask(&cache, 5, 9).await, 5, "good as it is");
    assert_eq!(ask(&cache, 6, 9).await, 9, "asked for by position");
    cache.folded(9, 11, [ann().user_id].iter());
    assert_eq!(ask(&cache, 0, 11).await, 11, "changed");
    cache.folded(11, 12, [UserId("bob".into())].iter());
    assert_eq!(ask(&cache, 0, 12).await, 11, "another's change");

    let (clock, end) = (clock(), Timestamp::from_millis(clock().now().as_millis() + 1));
    let ends = |as_of| async move { Ok::<_, ()>(CachedPage { good_until: Some(end), ..page(as_of) }) };
    let cache = TicketCache::new(None);
    for (advance, expected) in [(0, 1), (0, 1), (1, 2)] {
        clock.advance(advance);
        let store_is_at = expected;
        let read = cache.page(&ann(), 0, &clock, || ends(store_is_at)).await.unwrap().as_of;
        assert_eq!(read, expected);
    }
}

#[tokio::test]
async fn a_shared_page_is_asked_for_before_the_store_and_held_against_what_is_known_here() {
    let board = Arc::new(Board::default());
    let changes = |last| Some(Changes { after: 0, to: 8, last });
    let rows = [
        // found, touched here, asked for => read
        (None, 0, 0, 9),
        (Some((5, changes(Some(5)))), 0, 0, 8),
        (Some((5, changes(Some(5)))), 0, 8, 8),
        (Some((5, changes(Some(5)))), 8, 8, 8),
        (Some((5, changes(Some(5)))), 9, 0, 9),
        (Some((5, changes(Some(5)))), 0, 9, 9),
        (Some((5, changes(Some(6)))), 0, 0, 9),
        (Some((5, None)), 0, 5, 5),
        (Some((5, None)), 0, 6, 9),
    ];
    for (found, touched, at_least, expected) in rows {
        let cache = TicketCache::new(Some(Arc::clone(&board) as Arc<dyn SharedCache>));
        cache.touch(&ann().user_id, touched);
        *board.found.lock().unwrap() = found.map(|(as_of, changes)| Found { page: page(as_of), changes });
        assert_eq!(ask(&cache, at_least, 9).await, expected, "{found:?} {touched} {at_least}");
        assert_eq!(cache.counts().shared_hits, u64::from(expected != 9));
        // And then this process has it.
        *board.found.lock().unwrap() = None;
        assert_eq!(ask(&cache, at_least, 100).await, expected);
    }
}

#[tokio::test]
async fn what_is_read_and_what_changes_is_written_for_others() {
    let board = Arc::new(Board::default());
    let cache = TicketCache::new(Some(Arc::clone(&board) as Arc<dyn SharedCache>));
    ask(&cache, 0, 9).await;
    cache.folded(9, 12, [UserId("bob".into()), ann().user_id, ann().user_id].iter());
    cache.folded(12, 13, [].iter());
    while board.written.lock().unwrap().len() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let written = board.written.lock().unwrap();
    let [CacheWrite::Keep { key, page: kept }, first, second] = &written[..] else { panic!("{written:?}") };
    assert_eq!((key.as_str(), &**kept), ("tickets:0:::1:20:ann", &page(9)));
    let told = |write: &CacheWrite| match write {
        CacheWrite::Changed { from, to, subjects } => (*from, *to, subjects.join(" ")),
        CacheWrite::Keep { .. } => panic!("{write:?}"),
    };
    assert_eq!((told(first), told(second)), ((9, 12, "ann bob".into()), (12, 13, String::new())));
}
