//! Seats and legs: what a layout holds, how a seat is named, and which part of a journey a booking takes.

use super::id::LayoutId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

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

/// How the seats of a layout are arranged and named, as fixtures and the store write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LayoutSpec {
    /// What operators call it: `bus-40`. At most 64 characters.
    pub name: String,
    /// Rows, from 1. At most [`ROWS_MAX`].
    pub rows: u32,
    /// The seats of a row from left to right, a letter each; a blank is the aisle: `AB CD`.
    pub columns: String,
    /// Labels of seats that are never sold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

/// The most rows of one layout.
pub const ROWS_MAX: u32 = 100_000;
/// The most seats of one layout.
pub const SEATS_MAX: usize = 1_000_000;

/// The seats of a vehicle or hall. Its invariants are checked when it is made.
#[derive(Clone, Debug)]
pub struct Layout {
    id: LayoutId,
    spec: LayoutSpec,
    letters: Vec<char>,
    blocked: Vec<SeatNo>,
    column_of: HashMap<char, u32>,
}

impl Layout {
    /// Makes a layout from its description.
    ///
    /// # Errors
    /// A sentence that names the field at fault.
    pub fn new(id: LayoutId, spec: LayoutSpec) -> Result<Self, String> {
        let letters: Vec<char> = spec.columns.chars().filter(|c| *c != ' ').collect();
        let column_of: HashMap<char, u32> = letters.iter().copied().zip(0..).collect();
        if spec.name.is_empty() || spec.name.chars().count() > 64 {
            return Err("name: must have 1 to 64 characters".into());
        }
        if letters.is_empty() || letters.iter().any(|c| !c.is_ascii_uppercase()) {
            return Err("columns: must be capital letters, with blanks for aisles, like \"AB CD\"".into());
        }
        if column_of.len() != letters.len() {
            return Err("columns: names a letter twice".into());
        }
        if spec.rows == 0 || spec.rows > ROWS_MAX || spec.rows as usize * letters.len() > SEATS_MAX {
            return Err(format!("rows: must be 1 to {ROWS_MAX}, with at most {SEATS_MAX} seats in all"));
        }
        let mut layout = Self { id, spec, letters, blocked: Vec::new(), column_of };
        let mut blocked = Vec::with_capacity(layout.spec.blocked.len());
        for label in &layout.spec.blocked {
            blocked.push(layout.seat(label).ok_or_else(|| format!("blocked: there is no seat {label}"))?);
        }
        blocked.sort_unstable();
        blocked.dedup();
        layout.blocked = blocked;
        Ok(layout)
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> LayoutId {
        self.id
    }

    /// Its description, as stored.
    #[must_use]
    pub const fn spec(&self) -> &LayoutSpec {
        &self.spec
    }

    /// How many seats it has, blocked ones included.
    #[must_use]
    pub fn seat_count(&self) -> u32 {
        self.spec.rows * self.letters.len() as u32
    }

    /// Seats that are never sold, in order.
    #[must_use]
    pub fn blocked(&self) -> &[SeatNo] {
        &self.blocked
    }

    /// Whether this seat is never sold.
    #[must_use]
    pub fn is_blocked(&self, seat: SeatNo) -> bool {
        self.blocked.binary_search(&seat).is_ok()
    }

    /// All seats, in seat order.
    pub fn seats(&self) -> impl Iterator<Item = SeatNo> + use<> {
        (0..self.seat_count()).map(SeatNo)
    }

    /// Returns the label of a seat: its column's letter and its row, `A1`.
    #[must_use]
    pub fn label(&self, seat: SeatNo) -> String {
        let width = self.letters.len() as u32;
        format!("{}{}", self.letters[(seat.0 % width) as usize], seat.0 / width + 1)
    }

    /// Returns the seat with this label, `None` if there is none. Letters may be small; the row may come
    /// first (`1A`), as many operators write it.
    #[must_use]
    pub fn seat(&self, label: &str) -> Option<SeatNo> {
        let first = label.chars().next()?;
        let (letter, digits) = if first.is_ascii_alphabetic() {
            (first, &label[1..])
        } else {
            let last = label.chars().next_back()?;
            (last, &label[..label.len() - last.len_utf8()])
        };
        let column = self.column_of.get(&letter.to_ascii_uppercase())?;
        if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let row: u32 = digits.parse().ok()?;
        if row == 0 || row > self.spec.rows {
            return None;
        }
        Some(SeatNo((row - 1) * self.letters.len() as u32 + column))
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, LayoutId, LayoutSpec, LegRange, SeatNo};
    use uuid::Uuid;

    fn layout(rows: u32, columns: &str, blocked: &[&str]) -> Result<Layout, String> {
        let blocked = blocked.iter().map(ToString::to_string).collect();
        let spec = LayoutSpec { name: "bus".into(), rows, columns: columns.into(), blocked };
        Layout::new(LayoutId(Uuid::nil()), spec)
    }

    #[test]
    fn every_seat_is_found_by_its_label_written_either_way() {
        let bus = layout(11, "AB CD", &["A1"]).unwrap();
        for seat in bus.seats() {
            let label = bus.label(seat);
            assert_eq!(bus.seat(&label), Some(seat));
            assert_eq!(bus.seat(&label.to_lowercase()), Some(seat));
            assert_eq!(bus.seat(&format!("{}{}", &label[1..], &label[..1])), Some(seat));
        }
        assert_eq!(bus.seat_count(), 44);
        assert!(bus.is_blocked(SeatNo(0)) && !bus.is_blocked(SeatNo(1)));
    }

    #[test]
    fn a_label_that_is_no_seat_is_not_found() {
        let bus = layout(11, "AB CD", &[]).unwrap();
        for label in ["", "A", "A0", "A12", "E1", "A01", "1", "A-1", "AA1", "é1", "1é", "A1é", "A99999999999"]
        {
            assert_eq!(bus.seat(label), None, "{label}");
        }
    }

    #[test]
    fn a_layout_that_can_not_be_is_refused_with_the_field() {
        assert!(layout(0, "AB", &[]).unwrap_err().starts_with("rows"));
        assert!(layout(1, "", &[]).unwrap_err().starts_with("columns"));
        assert!(layout(1, "AA", &[]).unwrap_err().starts_with("columns"));
        assert!(layout(1, "ab", &[]).unwrap_err().starts_with("columns"));
        assert!(layout(1, "AB", &["C9"]).unwrap_err().starts_with("blocked"));
    }

    #[test]
    fn legs_overlap_only_when_they_share_one() {
        let range = |a, b| LegRange::new(a, b).unwrap();
        assert!(range(0, 2).overlaps(range(1, 3)));
        assert!(!range(0, 1).overlaps(range(1, 2)));
        assert!(range(0, 3).contains(range(1, 2)));
        assert!(LegRange::new(1, 1).is_none() && LegRange::new(2, 1).is_none());
    }
}
