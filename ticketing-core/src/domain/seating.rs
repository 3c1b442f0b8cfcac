//! A seat's place, and the part of a journey that a booking takes.

use serde::{Deserialize, Serialize};

/// The place of a seat in its layout, from 0, in seat order (row by row).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatNo(pub u32);

/// A run of legs, `from` included and `to` excluded: between the stops with these indexes.
///
/// A departure with stops A B C has legs 0 (A to B) and 1 (B to C). Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegRange {
    from: u16,
    to: u16,
}

impl LegRange {
    /// Returns the legs between two stops, `None` unless `from` comes before `to`.
    #[must_use]
    pub const fn new(from: u16, to: u16) -> Option<Self> {
        if from < to { Some(Self { from, to }) } else { None }
    }

    /// Index of the stop where the journey begins.
    #[must_use]
    pub const fn from(self) -> u16 {
        self.from
    }

    /// Index of the stop where the journey ends.
    #[must_use]
    pub const fn to(self) -> u16 {
        self.to
    }

    /// How many legs; at least 1.
    #[must_use]
    pub const fn len(self) -> u16 {
        self.to - self.from
    }

    /// Always false: a range without legs can't be made.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }

    /// Whether the two share a leg.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether every leg of `other` is one of these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The legs, in order.
    pub fn legs(self) -> impl Iterator<Item = u16> {
        self.from..self.to
    }
}

#[cfg(test)]
mod tests {
    use super::LegRange;

    #[test]
    fn legs_overlap_only_when_they_share_one() {
        let range = |a, b| LegRange::new(a, b).unwrap();
        assert!(range(0, 2).overlaps(range(1, 3)));
        assert!(!range(0, 1).overlaps(range(1, 2)));
        assert!(range(0, 3).contains(range(1, 2)));
        assert!(LegRange::new(1, 1).is_none() && LegRange::new(2, 1).is_none());
    }
}
