//! Where each seat of a map is drawn: on which line, at which place. The keys that move between seats and the picture
//! have this in common.

use crate::row::text;
use serde_json::Value;

/// Returns the seats, as places among those that were answered, line by line: labels with the same number (`A1 B1 C1`),
/// or with the same letters before it where numbers run on (`Row7-1 Row7-2`), on one line; no line longer than
/// `per_line`, where that is known.
pub(crate) fn lines(seats: &[Value], per_line: usize) -> Vec<Vec<usize>> {
    let number = |seat: &Value| {
        let label = text(seat, "seatNumber");
        label.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect::<String>()
    };
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut last: Option<String> = None;
    for (index, seat) in seats.iter().enumerate() {
        let number = number(seat);
        match rows.last_mut() {
            Some(row) if last.as_ref() == Some(&number) => row.push(index),
            _ => rows.push(vec![index]),
        }
        last = Some(number);
    }
    // Where every seat has a number of its own, they are one list, broken where the line ends.
    if rows.iter().all(|row| row.len() == 1) {
        rows = vec![(0..seats.len()).collect()];
    }
    if per_line == 0 {
        return rows;
    }
    rows.iter().flat_map(|row| row.chunks(per_line).map(<[usize]>::to_vec)).collect()
}

/// Returns the line of a seat, and its place there.
pub(crate) fn place_of(lines: &[Vec<usize>], seat: usize) -> Option<(usize, usize)> {
    lines
        .iter()
        .enumerate()
        .find_map(|(line, seats)| seats.iter().position(|index| *index == seat).map(|place| (line, place)))
}

#[cfg(test)]
mod tests {
    use super::{lines, place_of};
    use serde_json::{Value, json};

    /// The labels, how many fit on a line, and the lines.
    type Row<'a> = (&'a [&'a str], usize, &'a [&'a [usize]]);

    #[test]
    fn seats_are_in_the_rows_that_their_labels_number() {
        let rows: [Row<'_>; 4] = [
            (&["A1", "B1", "A2", "B2"], 0, &[&[0, 1], &[2, 3]]),
            (&["A1", "B1", "C1", "A2"], 2, &[&[0, 1], &[2], &[3]]),
            (&["1", "2", "3"], 2, &[&[0, 1], &[2]]),
            (&[], 5, &[]),
        ];
        for (labels, per_line, expected) in rows {
            let seats: Vec<Value> = labels.iter().map(|label| json!({"seatNumber": label})).collect();
            let found = lines(&seats, per_line);
            assert_eq!(found, expected, "{labels:?}");
            if let Some(last) = seats.len().checked_sub(1) {
                let (line, place) = place_of(&found, last).unwrap();
                assert_eq!(found[line][place], last);
            }
        }
    }
}
