//! Pages, and what is known of changes.
//!
//! A page is one key, for [`PAGE_SECONDS`]. What changed is one hash for all: a fixed number of slots, each with the
//! last position at which the pages of one of its subjects changed, and the range of positions without a gap that
//! the hash was told of (`low`, `high`). Being one key it is there as a whole or not at all, whatever Redis evicts
//! or loses; and where it was not told of a change, its range begins anew. So no lost write makes an old page good.

use super::Redis;
use crate::app::ports::{Answer, CacheWrite, CachedPage, Changes, Found, SharedCache};
use crate::domain::time::Timestamp;
use std::fmt::Write as _;

/// How long a page is kept. Its readers need no such limit; it is for memory, and for whoever repairs a read model
/// by hand.
pub const PAGE_SECONDS: u64 = 30;
/// How long it is kept what has changed, after the last change. Longer than a page.
const CHANGES_SECONDS: u64 = 90;
/// Slots of changed subjects. Two that share one cost each other a reading now and then.
const SLOTS: u64 = 1 << 16;
/// The format of a page's bytes and of its key. A program reads only pages of its own version.
const PAGES: &str = concat!("page:1:", env!("CARGO_PKG_VERSION"), ":");
/// The format of the hash of changes.
const CHANGES: &str = "changes:1";

/// `KEYS[1]` the hash; `ARGV` the position before the first change, that of the last, seconds to live, slots.
/// Ranges that touch or overlap become one; of two with a gap between them the later one stays.
const CHANGED: &str = "
local key, from, to = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
for i = 4, #ARGV do
  local last = tonumber(redis.call('HGET', key, ARGV[i]) or '-1')
  if to > last then redis.call('HSET', key, ARGV[i], ARGV[2]) end
end
local range = redis.call('HMGET', key, 'low', 'high')
local low, high = tonumber(range[1] or '-1'), tonumber(range[2] or '-1')
if high < 0 or from > high then
  redis.call('HSET', key, 'low', ARGV[1], 'high', ARGV[2])
elseif to >= low then
  if from < low then redis.call('HSET', key, 'low', ARGV[1]) end
  if to > high then redis.call('HSET', key, 'high', ARGV[2]) end
end
redis.call('EXPIRE', key, ARGV[3])
return 1";

impl Redis {
    fn page_key(&self, key: &str) -> String {
        format!("{}{PAGES}{key}", self.prefix)
    }

    fn changes_key(&self) -> String {
        format!("{}{CHANGES}", self.prefix)
    }
}

impl SharedCache for Redis {
    fn find<'a>(&'a self, key: &'a str, subject: &'a str) -> Answer<'a, Option<Found>> {
        Box::pin(async move {
            // The page first: what changed is then known as of a later moment than the page.
            let mut pipe = redis::pipe();
            let fields = ["low", "high", &slot(subject).to_string()].map(str::to_owned);
            pipe.get(self.page_key(key)).hmget(self.changes_key(), &fields);
            type Reply = (Option<Vec<u8>>, (Option<i64>, Option<i64>, Option<i64>));
            let asked = self.link.call(async |mut c| pipe.query_async::<Reply>(&mut c).await);
            let (bytes, (low, high, last)) = asked.await?;
            let page = read(&bytes?)?;
            let changes = low.zip(high).map(|(after, to)| Changes { after, to, last });
            Some(Found { page, changes })
        })
    }

    fn write<'a>(&'a self, writes: &'a [CacheWrite]) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut pipe = redis::pipe();
            for write in writes {
                match write {
                    CacheWrite::Keep { key, page } => {
                        pipe.set_ex(self.page_key(key), written(page), PAGE_SECONDS).ignore();
                    }
                    CacheWrite::Changed { from, to, subjects } => {
                        let call = pipe.cmd("EVAL").arg(CHANGED).arg(1).arg(self.changes_key());
                        call.arg(*from).arg(*to).arg(CHANGES_SECONDS);
                        subjects.iter().for_each(|subject| {
                            call.arg(slot(subject));
                        });
                        call.ignore();
                    }
                }
            }
            // Lost writes cost readings.
            let _ = self.link.call(async |mut c| pipe.query_async::<()>(&mut c).await).await;
        })
    }
}

/// FNV-1a: the same in every process and version, which the standard library's hashes are not.
fn slot(subject: &str) -> u64 {
    let hash = subject.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)) % SLOTS
}

/// A line with the position, the total and when it ends (`-` for never), and then the rows.
fn written(page: &CachedPage) -> String {
    let mut text = String::with_capacity(page.data.len() + 64);
    let end = page.good_until.map_or_else(|| "-".to_owned(), |at| at.as_millis().to_string());
    // Writing to a string does not fail.
    let _ = write!(text, "{} {} {end}\n{}", page.as_of, page.total, page.data);
    text
}

/// Reads what [`written`] wrote; anything else is no page.
fn read(bytes: &[u8]) -> Option<CachedPage> {
    let (line, data) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let mut words = line.split(' ');
    let as_of = words.next()?.parse().ok()?;
    let total = words.next()?.parse().ok()?;
    let good_until = match words.next()? {
        "-" => None,
        millis => Some(Timestamp::from_millis(millis.parse().ok()?)),
    };
    let is_whole = words.next().is_none() && data.starts_with('[') && data.ends_with(']');
    is_whole.then(|| CachedPage { data: data.into(), total, as_of, good_until })
}

#[cfg(test)]
mod tests {
    use super::{CachedPage, Timestamp, read, slot, written};

    #[test]
    fn a_page_is_read_as_it_was_written_and_anything_else_is_none() {
        for good_until in [None, Some(Timestamp::from_millis(1_795_165_200_000))] {
            let page =
                CachedPage { data: "[{\"a\":\"b\\nc é\"},\n1]".into(), total: 7, as_of: 42, good_until };
            let text = written(&page);
            assert_eq!(read(text.as_bytes()), Some(page));
            for cut in 0..text.len() {
                assert_eq!(read(&text.as_bytes()[..cut]), None, "{cut}");
            }
        }
        for text in
            ["", "1 2 -", "1 2\n[]", "x 2 -\n[]", "1 -2 -\n[]", "1 2 - 3\n[]", "1 2 -\n{}", "1 2 -\n\u{fffd}"]
        {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_subject_has_the_same_slot_in_every_process_and_version() {
        assert_eq!([slot(""), slot("ann"), slot("bob")], [49_089, 24_993, 20_045]);
    }
}
