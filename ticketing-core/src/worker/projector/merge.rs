//! Puts the partitions of a carrier's topics back into the one order of the log. Pure.
//!
//! The log has no gaps, so the next event is known by its position: what comes too early is held, what came before is
//! dropped, and a record that is missing is seen. The offsets to go on from are those below which nothing is held.

use crate::adapters::carriers::Cursor;
use crate::domain::log::RawEntry;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Events that are held at most while others are missing before them.
pub const HELD_MAX: usize = 50_000;

/// What was read of one partition.
#[derive(Debug, Default)]
struct Partition {
    /// The offset after the last message.
    read_to: i64,
    /// What was read, in order of its offset: (offset, position), as far as it is not folded.
    pending: VecDeque<(i64, i64)>,
}

/// The events that were read and not folded yet.
#[derive(Debug, Default)]
pub struct Merge {
    cursor: i64,
    held: BTreeMap<i64, RawEntry>,
    partitions: HashMap<(String, i32), Partition>,
}

impl Merge {
    /// Begins after this position of the log.
    #[must_use]
    pub fn after(cursor: i64) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// Takes a record. One that was folded or is held is dropped.
    pub fn put(&mut self, topic: &str, partition: i32, offset: i64, entry: RawEntry) {
        let position = entry.position;
        self.skip(topic, partition, offset);
        if position > self.cursor {
            if let Some(partition) = self.partitions.get_mut(&(topic.to_owned(), partition)) {
                partition.pending.push_back((offset, position));
            }
            self.held.entry(position).or_insert(entry);
        }
    }

    /// Passes over a record that is none of our events.
    pub fn skip(&mut self, topic: &str, partition: i32, offset: i64) {
        let read = self.partitions.entry((topic.to_owned(), partition)).or_default();
        read.read_to = read.read_to.max(offset + 1);
    }

    /// Returns the events that follow on the cursor without a gap, `max` at most. They stay held until the cursor has
    /// moved past them.
    #[must_use]
    pub fn ready(&self, max: usize) -> Vec<RawEntry> {
        let follows =
            |(before, (position, _)): &(i64, (&i64, &RawEntry))| **position == self.cursor + 1 + *before;
        (0..).zip(&self.held).take_while(follows).take(max).map(|(_, (_, entry))| entry.clone()).collect()
    }

    /// Whether so much is held that nothing more should be read before the gap is closed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held.len() >= HELD_MAX
    }

    /// Everything up to here has been folded, wherever it came from.
    pub fn moved_to(&mut self, cursor: i64) {
        self.cursor = self.cursor.max(cursor);
        self.held = self.held.split_off(&(self.cursor + 1));
        for partition in self.partitions.values_mut() {
            while partition.pending.front().is_some_and(|(_, position)| *position <= self.cursor) {
                partition.pending.pop_front();
            }
        }
    }

    /// Drops what is said to be beyond the log's head: such records are of another log, or of one that lost its end.
    pub fn drop_beyond(&mut self, head: i64) {
        drop(self.held.split_off(&(head + 1)));
        for partition in self.partitions.values_mut() {
            partition.pending.retain(|(_, position)| *position <= head);
        }
    }

    /// Drops everything that is held, since it is not what the log says.
    pub fn drop_held(&mut self) {
        self.drop_beyond(self.cursor);
    }

    /// Where to go on reading once everything up to `cursor` is folded: in each partition the first message that is
    /// not, or the next one.
    #[must_use]
    pub fn offsets(&self, cursor: i64) -> Vec<Cursor> {
        let mut offsets: Vec<Cursor> = self
            .partitions
            .iter()
            .map(|((topic, number), partition)| {
                let open = partition.pending.iter().find(|(_, position)| *position > cursor);
                Cursor {
                    topic: topic.clone(),
                    partition: *number,
                    next_offset: open.map_or(partition.read_to, |(offset, _)| *offset),
                }
            })
            .collect();
        offsets.sort_unstable_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        offsets
    }
}

#[cfg(test)]
mod tests {
    use super::Merge;
    use crate::domain::log::RawEntry;
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn entry(position: i64) -> RawEntry {
        RawEntry {
            position,
            stream_id: Uuid::nil(),
            stream_version: 1,
            event_type: "TicketExpired".into(),
            recorded_at: Timestamp::from_millis(0),
            actor: "system".into(),
            correlation_id: "c".into(),
            causation_id: None,
            data: "{}".into(),
        }
    }

    fn positions(merge: &Merge) -> Vec<i64> {
        merge.ready(100).iter().map(|entry| entry.position).collect()
    }

    fn offsets(merge: &Merge, cursor: i64) -> Vec<i64> {
        merge.offsets(cursor).iter().map(|o| o.next_offset).collect()
    }

    #[test]
    fn what_comes_too_early_waits_and_is_read_again_after_a_restart() {
        let mut merge = Merge::after(10);
        merge.put("t", 0, 5, entry(12));
        merge.put("t", 0, 6, entry(14));
        assert!(positions(&merge).is_empty());
        merge.put("t", 1, 0, entry(11));
        merge.skip("t", 1, 1);
        assert_eq!(positions(&merge), [11, 12]);
        assert_eq!(
            (offsets(&merge, 10), offsets(&merge, 11), offsets(&merge, 12)),
            (vec![5, 0], vec![5, 2], vec![6, 2])
        );
        merge.moved_to(12);
        assert!(positions(&merge).is_empty());
        merge.put("t", 1, 2, entry(13));
        assert_eq!(positions(&merge), [13, 14]);
        merge.moved_to(14);
        assert_eq!(offsets(&merge, 14), [7, 3]);
    }

    #[test]
    fn what_was_folded_or_is_held_is_dropped() {
        let mut merge = Merge::after(10);
        for (offset, position) in [(0, 9), (1, 11), (2, 10), (3, 11), (4, 12)] {
            merge.put("t", 0, offset, entry(position));
        }
        assert_eq!(positions(&merge), [11, 12]);
        merge.moved_to(20);
        assert_eq!((positions(&merge), offsets(&merge, 20)), (vec![], vec![5]));
    }

    #[test]
    fn what_the_log_does_not_have_is_dropped_and_not_read_again() {
        let mut merge = Merge::after(10);
        for (offset, position) in [(0, 11), (1, 12), (2, 13)] {
            merge.put("t", 0, offset, entry(position));
        }
        merge.drop_beyond(11);
        assert_eq!((positions(&merge), offsets(&merge, 11)), (vec![11], vec![3]));
        merge.drop_held();
        assert!(positions(&merge).is_empty());
    }

    proptest! {
        /// Each partition has the events of some streams in their order, some of them again after a rewind, and is
        /// read in pieces of any size. With a restart from the offsets in the middle, every event comes once, in order.
        #[test]
        fn every_event_comes_once_and_in_order(
            homes in prop::collection::vec(0_i32..4, 1..60),
            rewinds in prop::collection::vec((0_usize..60, 1_usize..10), 0..4),
            reads in prop::collection::vec((0_i32..4, 1_usize..8), 0..120),
            restart_after in 0_usize..120,
        ) {
            let mut partitions: Vec<Vec<i64>> = vec![Vec::new(); 4];
            let mut sent: Vec<usize> = (0..homes.len()).collect();
            for (at, back) in rewinds {
                let at = at.min(sent.len());
                let again: Vec<usize> = sent[at.saturating_sub(back)..at].to_vec();
                sent.splice(at..at, again);
            }
            for index in sent {
                partitions[homes[index] as usize].push(index as i64 + 1);
            }
            let mut merge = Merge::after(0);
            let mut folded: Vec<i64> = Vec::new();
            let mut at = [0_usize; 4];
            // What was held at the restart is read again: no later than before the last reading of everything.
            let restart_after = restart_after.min(reads.len());
            let finish = (0..4).map(|p| (p, 1_000));
            for (step, (partition, count)) in reads.into_iter().chain(finish).enumerate() {
                if step == restart_after {
                    let cursor = folded.len() as i64;
                    let from = merge.offsets(cursor);
                    merge = Merge::after(cursor);
                    at = [0; 4];
                    from.iter().for_each(|o| at[o.partition as usize] = o.next_offset as usize);
                }
                let records = &partitions[partition as usize];
                let from = at[partition as usize];
                for (offset, position) in records.iter().enumerate().skip(from).take(count) {
                    merge.put("t", partition, offset as i64, entry(*position));
                    at[partition as usize] = offset + 1;
                }
                let ready = merge.ready(7);
                if let Some(last) = ready.last() {
                    folded.extend(ready.iter().map(|e| e.position));
                    merge.moved_to(last.position);
                }
            }
            let ready = merge.ready(1_000);
            folded.extend(ready.iter().map(|e| e.position));
            prop_assert_eq!(folded, (1..=homes.len() as i64).collect::<Vec<_>>());
        }
    }
}
