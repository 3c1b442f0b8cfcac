//! Where each seat of a map is drawn: on which line, at which place. The keys that move between seats and the picture
//! have this in common. It is made once for each answer; a frame then looks only at the lines that are seen.

use crate::row::{SEAT_LETTERS, text};
use crate::text::harmless;
use serde_json::Value;
use std::collections::HashMap;
use unicode_width::UnicodeWidthStr as _;

/// The seats of a map, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seating {
    rows: Vec<Row>,
    /// Each seat's label, as it can be drawn.
    labels: Vec<String>,
    /// The letter of each seat's state.
    letters: Vec<char>,
    /// Where a seat is among those that were answered, by its label.
    places: HashMap<String, usize>,
    /// How many are in each state, as [`SEAT_LETTERS`] has them.
    counts: [u64; SEAT_LETTERS.len()],
    /// How wide the longest label is, in columns.
    pub label_width: usize,
}

/// Seats that follow each other in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// What the row is called in a hall.
    name: String,
    first: usize,
    len: usize,
}

impl Seating {
    /// Makes it of a vehicle's seats: labels with the same number (`A1 B1 C1`), or with the same letters before it where
    /// numbers run on (`Row7-1 Row7-2`), stand in one row.
    pub(crate) fn of_vehicle(seats: &[Value]) -> Self {
        let number = |label: &str| {
            let digits = label.chars().skip_while(|c| !c.is_ascii_digit());
            digits.take_while(char::is_ascii_digit).collect::<String>()
        };
        let mut seating = Self::of(seats, number);
        // Where every seat has a number of its own, they are one list.
        if seating.rows.iter().all(|row| row.len == 1) {
            seating.in_one_row();
        }
        seating
    }

    /// Makes it of the seats of one section of a hall, `101-A12`: a row each for its letters. Where nothing is numbered
    /// by rows, `FLOOR-17`, they are one list.
    pub(crate) fn of_section(seats: &[Value]) -> Self {
        let row = |label: &str| {
            let place = label.rsplit('-').next().unwrap_or_default();
            place.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
        };
        Self::of(seats, row)
    }

    fn of(seats: &[Value], row_of: impl Fn(&str) -> String) -> Self {
        let mut seating = Self::default();
        for (index, seat) in seats.iter().enumerate() {
            let (label, state) = (text(seat, "seatNumber"), text(seat, "state"));
            let name = row_of(&label);
            match seating.rows.last_mut() {
                Some(row) if row.name == name => row.len += 1,
                _ => seating.rows.push(Row { name, first: index, len: 1 }),
            }
            let known = SEAT_LETTERS.iter().position(|(word, ..)| *word == state);
            if let Some(count) = known.and_then(|at| seating.counts.get_mut(at)) {
                *count += 1;
            }
            seating.letters.push(known.map_or('?', |at| SEAT_LETTERS[at].1));
            let shown = harmless(&label);
            seating.label_width = seating.label_width.max(shown.width());
            seating.labels.push(shown);
            seating.places.insert(label, index);
        }
        seating
    }

    fn in_one_row(&mut self) {
        self.rows = vec![Row { name: String::new(), first: 0, len: self.labels.len() }];
    }

    /// Returns how many seats there are.
    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns how many seats are in each state, as [`SEAT_LETTERS`] has them.
    pub(crate) const fn counts(&self) -> [u64; SEAT_LETTERS.len()] {
        self.counts
    }

    /// Returns a seat's label and its state's letter.
    pub(crate) fn seat(&self, index: usize) -> Option<(&str, char)> {
        Some((self.labels.get(index)?, *self.letters.get(index)?))
    }

    /// Returns where the seat with this label is.
    pub(crate) fn find(&self, label: &str) -> Option<usize> {
        self.places.get(label).copied()
    }

    /// Returns how many lines there are, no line longer than `per_line`, where that is known.
    pub(crate) fn lines(&self, per_line: usize) -> usize {
        self.rows.iter().map(|row| lines_of(row, per_line)).sum()
    }

    /// Returns the lines from the one at `from` on, each as the name of its row, where it begins one, and its seats.
    pub(crate) fn lines_from(
        &self,
        from: usize,
        per_line: usize,
    ) -> impl Iterator<Item = (&str, std::ops::Range<usize>)> {
        let mut before = from;
        let rows = self.rows.iter().skip_while(move |row| {
            let lines = lines_of(row, per_line);
            let is_above = before >= lines;
            if is_above {
                before -= lines;
            }
            is_above
        });
        // How far into its first row it begins, which the walk above has found.
        let skipped = from.saturating_sub(self.lines_above(from, per_line));
        rows.flat_map(move |row| parts_of(row, per_line)).skip(skipped)
    }

    /// Returns how many lines stand above the row that line `from` is of.
    fn lines_above(&self, from: usize, per_line: usize) -> usize {
        let mut above = 0;
        for row in &self.rows {
            let lines = lines_of(row, per_line);
            if above + lines > from {
                break;
            }
            above += lines;
        }
        above
    }

    /// Returns the line of a seat, and its place there.
    pub(crate) fn place_of(&self, seat: usize, per_line: usize) -> Option<(usize, usize)> {
        let mut above = 0;
        for row in &self.rows {
            if (row.first..row.first + row.len).contains(&seat) {
                let place = seat - row.first;
                return Some(match per_line {
                    0 => (above, place),
                    _ => (above + place / per_line, place % per_line),
                });
            }
            above += lines_of(row, per_line);
        }
        None
    }

    /// Returns the seat at a place of a line, the last one of a line that is shorter.
    pub(crate) fn at(&self, line: usize, place: usize, per_line: usize) -> Option<usize> {
        let (_, seats) = self.lines_from(line, per_line).next()?;
        Some((seats.start + place).min(seats.end.saturating_sub(1)))
    }
}

fn lines_of(row: &Row, per_line: usize) -> usize {
    if per_line == 0 { 1 } else { row.len.div_ceil(per_line) }
}

fn parts_of(row: &Row, per_line: usize) -> impl Iterator<Item = (&str, std::ops::Range<usize>)> {
    let step = if per_line == 0 { row.len.max(1) } else { per_line };
    (0..row.len).step_by(step).map(move |from| {
        let name = if from == 0 { row.name.as_str() } else { "" };
        (name, row.first + from..row.first + (from + step).min(row.len))
    })
}

#[cfg(test)]
mod tests {
    use super::Seating;
    use serde_json::{Value, json};
    use std::ops::Range;

    /// The labels, how many fit on a line, and the lines.
    type Case<'a> = (&'a [&'a str], usize, &'a [Range<usize>]);

    fn seats(labels: &[&str]) -> Vec<Value> {
        labels.iter().map(|label| json!({"seatNumber": label, "state": "free"})).collect()
    }

    #[test]
    fn seats_are_in_the_rows_that_their_labels_number() {
        let rows: [Case<'_>; 4] = [
            (&["A1", "B1", "A2", "B2"], 0, &[0..2, 2..4]),
            (&["A1", "B1", "C1", "A2"], 2, &[0..2, 2..3, 3..4]),
            (&["1", "2", "3"], 2, &[0..2, 2..3]),
            (&[], 5, &[]),
        ];
        for (labels, per_line, expected) in rows {
            let seating = Seating::of_vehicle(&seats(labels));
            let found: Vec<_> = seating.lines_from(0, per_line).map(|(_, seats)| seats).collect();
            assert_eq!(found, expected, "{labels:?}");
            assert_eq!(seating.lines(per_line), expected.len(), "{labels:?}");
            for (line, seats) in expected.iter().enumerate() {
                assert_eq!(seating.lines_from(line, per_line).next().unwrap().1, *seats);
                for (place, seat) in seats.clone().enumerate() {
                    assert_eq!(seating.place_of(seat, per_line), Some((line, place)));
                    assert_eq!(seating.at(line, place, per_line), Some(seat));
                    assert_eq!(seating.find(labels[seat]), Some(seat));
                }
            }
        }
    }

    #[test]
    fn a_section_has_its_rows_by_their_letters_and_standing_room_has_none() {
        let seating = Seating::of_section(&seats(&["101-A1", "101-A2", "101-B1", "101-AA1"]));
        let rows: Vec<_> = seating.lines_from(0, 10).collect();
        assert_eq!(rows, [("A", 0..2), ("B", 2..3), ("AA", 3..4)]);
        let floor = Seating::of_section(&seats(&["FLOOR-1", "FLOOR-2", "FLOOR-3"]));
        assert_eq!(floor.lines_from(0, 2).collect::<Vec<_>>(), [("", 0..2), ("", 2..3)]);
        assert_eq!(floor.at(1, 1, 2), Some(2), "a shorter line ends where it ends");
    }
}
