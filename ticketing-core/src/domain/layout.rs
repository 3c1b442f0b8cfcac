//! Layouts: the seats of a vehicle or a hall, how they stand in sections and rows, and what each is called.

use super::id::LayoutId;
use super::seating::SeatNo;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

/// How the seats of a layout are arranged and named, as fixtures and the store write it: a vehicle by `rows` and
/// `columns`, a hall by `sections`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LayoutSpec {
    /// What operators call it: `bus-40`. At most 64 characters.
    pub name: String,
    /// Rows of a vehicle, from 1. At most [`ROWS_MAX`]; 0 for a hall.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows: u32,
    /// The seats of a vehicle's row from left to right, a letter each; a blank is the aisle: `AB CD`. Empty for a hall.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub columns: String,
    /// The sections of a hall, the best first. At most [`SECTIONS_MAX`]; none for a vehicle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<SectionSpec>,
    /// Labels of seats that are never sold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

/// A part of a hall: rows of numbered seats, or an area without any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SectionSpec {
    /// What tickets call it: `101`, `FLOOR`. 1 to [`SECTION_NAME_CHARS_MAX`] letters and digits, unlike all others.
    pub name: String,
    /// Rows; 0 for general admission.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows: u32,
    /// Seats of a row; with general admission, how many people it takes.
    pub seats: u32,
    /// What its seats are priced as: an event has a price for each. The section's own name where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands a reference")]
const fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// The most rows of one vehicle or section.
pub const ROWS_MAX: u32 = 100_000;
/// The most seats of one layout.
pub const SEATS_MAX: usize = 1_000_000;
/// The most sections of one hall.
pub const SECTIONS_MAX: usize = 1_000;
/// The longest name of a section or category, in characters.
pub const SECTION_NAME_CHARS_MAX: usize = 32;

/// A section whose place among the seats is known. A vehicle has one, without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name; empty for a vehicle.
    pub name: String,
    /// What its seats are priced as; `None` for a vehicle.
    pub category: Option<String>,
    /// Whether its seats have no numbers: any of them is as good as another.
    pub is_general: bool,
    /// Its first seat.
    first: u32,
    /// Rows, at least 1: general admission is one row.
    rows: u32,
    /// Seats of a row.
    width: u32,
}

impl Section {
    /// Its seats, in seat order.
    #[must_use]
    pub const fn seats(&self) -> Range<u32> {
        self.first..self.first + self.rows * self.width
    }

    /// How many rows it has.
    #[must_use]
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// How many seats a row has.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// The row of one of its seats, from 0.
    #[must_use]
    pub const fn row_of(&self, seat: SeatNo) -> u32 {
        (seat.0 - self.first) / self.width
    }

    /// Whether two of its seats stand next to each other: numbered ones of one row do, and where nothing has a number,
    /// all do.
    #[must_use]
    pub const fn are_neighbours(&self, seat: SeatNo, next: SeatNo) -> bool {
        self.is_general || (next.0 == seat.0 + 1 && self.row_of(seat) == self.row_of(next))
    }
}

/// How seats are named.
#[derive(Clone, Debug)]
enum Naming {
    /// By the letter of the column and the row: `A1`.
    Vehicle { letters: Vec<char>, column_of: HashMap<char, u32> },
    /// By section, row and number: `101-A12`; where nothing is numbered, by section and place: `FLOOR-17`. Names of
    /// sections are in capitals here.
    Hall { by_name: HashMap<String, usize> },
}

/// The seats of a vehicle or hall. Its invariants are checked when it is made.
#[derive(Clone, Debug)]
pub struct Layout {
    id: LayoutId,
    spec: LayoutSpec,
    naming: Naming,
    sections: Vec<Section>,
    blocked: Vec<SeatNo>,
}

impl Layout {
    /// Makes a layout from its description.
    ///
    /// # Errors
    /// A sentence that names the field at fault.
    pub fn new(id: LayoutId, spec: LayoutSpec) -> Result<Self, String> {
        if spec.name.is_empty() || spec.name.chars().count() > 64 {
            return Err("name: must have 1 to 64 characters".into());
        }
        let (naming, sections) = if spec.sections.is_empty() { vehicle(&spec)? } else { hall(&spec)? };
        let mut layout = Self { id, spec, naming, sections, blocked: Vec::new() };
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

    /// Its sections, the best first; a vehicle has one.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Returns the section with this name, whatever its case.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name.eq_ignore_ascii_case(name))
    }

    /// Returns the section of a seat.
    #[must_use]
    pub fn section_of(&self, seat: SeatNo) -> Option<&Section> {
        // They are in seat order.
        let index = self.sections.partition_point(|section| section.seats().end <= seat.0);
        self.sections.get(index)
    }

    /// How many seats it has, blocked ones included.
    #[must_use]
    pub fn seat_count(&self) -> u32 {
        self.sections.last().map_or(0, |section| section.seats().end)
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

    /// Returns the label of a seat: in a vehicle its column's letter and its row, `A1`; in a hall `101-A12`, or
    /// `FLOOR-17` where nothing is numbered.
    #[must_use]
    pub fn label(&self, seat: SeatNo) -> String {
        match (&self.naming, self.section_of(seat)) {
            (Naming::Vehicle { letters, .. }, _) => {
                let width = letters.len() as u32;
                format!("{}{}", letters[(seat.0 % width) as usize], seat.0 / width + 1)
            }
            (Naming::Hall { .. }, Some(section)) => {
                let place = seat.0 - section.first;
                if section.is_general {
                    format!("{}-{}", section.name, place + 1)
                } else {
                    let row = row_letters(place / section.width);
                    format!("{}-{row}{}", section.name, place % section.width + 1)
                }
            }
            (Naming::Hall { .. }, None) => String::new(),
        }
    }

    /// Returns the seat with this label, `None` if there is none. Letters may be small; in a vehicle the row may come
    /// first (`1A`), as many operators write it.
    #[must_use]
    pub fn seat(&self, label: &str) -> Option<SeatNo> {
        match &self.naming {
            Naming::Vehicle { letters, column_of } => {
                vehicle_seat(label, letters.len() as u32, column_of, self.spec.rows)
            }
            Naming::Hall { by_name } => {
                let (name, place) = label.rsplit_once('-')?;
                let section = &self.sections[*by_name.get(&name.to_ascii_uppercase())?];
                if section.is_general {
                    let place = natural(place).filter(|place| *place <= section.width)?;
                    return Some(SeatNo(section.first + place - 1));
                }
                let digits = place.find(|c: char| c.is_ascii_digit())?;
                let row = row_of_letters(&place[..digits]).filter(|row| *row < section.rows)?;
                let number = natural(&place[digits..]).filter(|number| *number <= section.width)?;
                Some(SeatNo(section.first + row * section.width + number - 1))
            }
        }
    }
}

fn vehicle(spec: &LayoutSpec) -> Result<(Naming, Vec<Section>), String> {
    let letters: Vec<char> = spec.columns.chars().filter(|c| *c != ' ').collect();
    let column_of: HashMap<char, u32> = letters.iter().copied().zip(0..).collect();
    if letters.is_empty() || letters.iter().any(|c| !c.is_ascii_uppercase()) {
        return Err("columns: must be capital letters, with blanks for aisles, like \"AB CD\"".into());
    }
    if column_of.len() != letters.len() {
        return Err("columns: names a letter twice".into());
    }
    if spec.rows == 0 || spec.rows > ROWS_MAX || spec.rows as usize * letters.len() > SEATS_MAX {
        return Err(format!("rows: must be 1 to {ROWS_MAX}, with at most {SEATS_MAX} seats in all"));
    }
    let section = Section {
        name: String::new(),
        category: None,
        is_general: false,
        first: 0,
        rows: spec.rows,
        width: letters.len() as u32,
    };
    Ok((Naming::Vehicle { letters, column_of }, vec![section]))
}

fn hall(spec: &LayoutSpec) -> Result<(Naming, Vec<Section>), String> {
    if spec.rows > 0 || !spec.columns.is_empty() {
        return Err("sections: a hall has them instead of rows and columns".into());
    }
    if spec.sections.len() > SECTIONS_MAX {
        return Err(format!("sections: must be at most {SECTIONS_MAX}"));
    }
    let is_name = |name: &str| {
        (1..=SECTION_NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let mut by_name = HashMap::new();
    let mut sections = Vec::with_capacity(spec.sections.len());
    let mut first: u64 = 0;
    for (index, section) in spec.sections.iter().enumerate() {
        let SectionSpec { name, rows, seats, category } = section;
        let in_section = |fault: &str| format!("sections[{index}].{fault}");
        if !is_name(name) {
            return Err(in_section(&format!(
                "name: must be 1 to {SECTION_NAME_CHARS_MAX} letters and digits"
            )));
        }
        if by_name.insert(name.to_ascii_uppercase(), index).is_some() {
            return Err(in_section(&format!("name: there is another section {name}")));
        }
        if category.as_deref().is_some_and(|category| !is_name(category)) {
            return Err(in_section(&format!(
                "category: must be 1 to {SECTION_NAME_CHARS_MAX} letters and digits"
            )));
        }
        if *rows > ROWS_MAX || *seats == 0 {
            return Err(in_section(&format!("seats: must be at least 1, and rows at most {ROWS_MAX}")));
        }
        let count = u64::from(*seats) * u64::from((*rows).max(1));
        if first + count > SEATS_MAX as u64 {
            return Err(format!("sections: must have at most {SEATS_MAX} seats in all"));
        }
        sections.push(Section {
            name: name.clone(),
            category: Some(category.clone().unwrap_or_else(|| name.clone())),
            is_general: *rows == 0,
            // At most [`SEATS_MAX`].
            first: first as u32,
            rows: (*rows).max(1),
            width: *seats,
        });
        first += count;
    }
    Ok((Naming::Hall { by_name }, sections))
}

fn vehicle_seat(label: &str, width: u32, column_of: &HashMap<char, u32>, rows: u32) -> Option<SeatNo> {
    let first = label.chars().next()?;
    let (letter, digits) = if first.is_ascii_alphabetic() {
        (first, &label[1..])
    } else {
        let last = label.chars().next_back()?;
        (last, &label[..label.len() - last.len_utf8()])
    };
    let column = column_of.get(&letter.to_ascii_uppercase())?;
    let row = natural(digits).filter(|row| *row <= rows)?;
    Some(SeatNo((row - 1) * width + column))
}

/// A number from 1, without leading zeros.
fn natural(digits: &str) -> Option<u32> {
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The name of a row, from 0: A to Z, then AA, AB, and so on.
fn row_letters(row: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = row + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(b'A' + (rest % 26) as u8);
        rest /= 26;
    }
    letters.iter().rev().map(|letter| char::from(*letter)).collect()
}

/// The row with this name, whatever its case.
fn row_of_letters(letters: &str) -> Option<u32> {
    let mut row: u32 = 0;
    for letter in letters.bytes() {
        if !letter.is_ascii_alphabetic() {
            return None;
        }
        let digit = u32::from(letter.to_ascii_uppercase() - b'A') + 1;
        row = row.checked_mul(26)?.checked_add(digit)?;
    }
    row.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::{Layout, LayoutId, LayoutSpec, SeatNo, SectionSpec};
    use uuid::Uuid;

    fn layout(rows: u32, columns: &str, blocked: &[&str]) -> Result<Layout, String> {
        let blocked = blocked.iter().map(ToString::to_string).collect();
        let spec = LayoutSpec {
            name: "bus".into(),
            rows,
            columns: columns.into(),
            blocked,
            ..LayoutSpec::default()
        };
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

    fn section(name: &str, rows: u32, seats: u32) -> SectionSpec {
        SectionSpec { name: name.into(), rows, seats, category: None }
    }

    fn hall(sections: Vec<SectionSpec>, blocked: &[&str]) -> Result<Layout, String> {
        let blocked = blocked.iter().map(ToString::to_string).collect();
        let spec = LayoutSpec { name: "hall".into(), sections, blocked, ..LayoutSpec::default() };
        Layout::new(LayoutId(Uuid::nil()), spec)
    }

    #[test]
    fn a_hall_names_its_seats_by_section_row_and_number() {
        let hall =
            hall(vec![section("101", 30, 20), section("Floor", 0, 500), section("B", 2, 3)], &["b-A2"]);
        let hall = hall.unwrap();
        assert_eq!(hall.seat_count(), 600 + 500 + 6);
        for seat in hall.seats() {
            let label = hall.label(seat);
            assert_eq!(hall.seat(&label), Some(seat), "{label}");
            assert_eq!(hall.seat(&label.to_lowercase()), Some(seat), "{label}");
        }
        let labels = [0, 19, 20, 599, 600, 1_099, 1_100, 1_105].map(|no| hall.label(SeatNo(no)));
        let expected = ["101-A1", "101-A20", "101-B1", "101-AD20", "Floor-1", "Floor-500", "B-A1", "B-B3"];
        assert_eq!(labels, expected);
        assert_eq!(hall.blocked(), [SeatNo(1_101)]);
        for label in [
            "",
            "101",
            "101-",
            "101-A0",
            "101-A21",
            "101-AE1",
            "101-1",
            "Floor-A1",
            "Floor-0",
            "Floor-501",
            "C-A1",
        ] {
            assert_eq!(hall.seat(label), None, "{label}");
        }
        assert_eq!(hall.section_of(SeatNo(600)).map(|s| s.name.as_str()), Some("Floor"));
        assert_eq!(hall.section_of(SeatNo(1_106)), None);
    }

    #[test]
    fn neighbours_are_seats_of_one_row_and_anybody_where_nothing_is_numbered() {
        let hall = hall(vec![section("A", 2, 3), section("F", 0, 5)], &[]).unwrap();
        let [rows, floor] = hall.sections() else { unreachable!() };
        assert!(rows.are_neighbours(SeatNo(0), SeatNo(1)));
        assert!(!rows.are_neighbours(SeatNo(2), SeatNo(3)), "the last of a row and the first of the next");
        assert!(!rows.are_neighbours(SeatNo(0), SeatNo(2)));
        assert!(floor.are_neighbours(SeatNo(6), SeatNo(9)));
    }

    #[test]
    fn a_hall_that_can_not_be_is_refused_with_the_field() {
        let rows: &[(Vec<SectionSpec>, &str)] = &[
            (vec![section("", 1, 1)], "sections[0].name"),
            (vec![section("A-B", 1, 1)], "sections[0].name"),
            (vec![section("A", 1, 1), section("a", 1, 1)], "sections[1].name"),
            (vec![section("A", 1, 0)], "sections[0].seats"),
            (vec![section("A", u32::MAX, u32::MAX)], "sections[0].seats"),
            (vec![section("A", 0, u32::MAX)], "sections: must have at most"),
        ];
        for (sections, fault) in rows {
            let refused = hall(sections.clone(), &[]).unwrap_err();
            assert!(refused.starts_with(fault), "{refused}");
        }
        let both = LayoutSpec {
            name: "x".into(),
            rows: 1,
            columns: "A".into(),
            sections: vec![section("A", 1, 1)],
            ..LayoutSpec::default()
        };
        assert!(Layout::new(LayoutId(Uuid::nil()), both).unwrap_err().starts_with("sections"));
    }
}
