//! `--sort`: rows in the order of columns, the first of them first, in bounded memory.

use super::columns;
use crate::failure::Failure;
use crate::output::column::Kind;
use crate::output::{Column, Node, View, grouped, json};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;
use ticketing_core::domain::time::Timestamp;

/// No more rows are ever kept to be sorted: about 100 MB of bookings.
pub const SORTED_ROWS_MAX: usize = 100_000;

/// Decimal places of a number that count.
const PLACES: u32 = 9;

/// A column to sort by.
#[derive(Clone, Copy, Debug)]
pub struct SortKey {
    column: Column,
    is_descending: bool,
}

/// Reads a word of `--sort`.
///
/// # Errors
/// A usage error that lists the names.
pub fn key(view: &View, word: &str) -> Result<SortKey, Failure> {
    let word = word.trim();
    let (name, is_descending) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
    let column = columns::find(view, name).map_err(|failure| failure.hint("--sort help"))?;
    Ok(SortKey { column, is_descending })
}

/// What is compared. Nothing is behind everything, in either direction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(i128),
    Text(String, String),
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    parts: Vec<Option<Part>>,
    descending: Arc<[bool]>,
    /// Rows that are alike stay in the order in which they came.
    no: u64,
    text: String,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.parts.iter().zip(&other.parts).zip(self.descending.iter());
        let by_parts = pairs.map(|((a, b), is_descending)| match (a, b) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) if *is_descending => Reverse(a).cmp(&Reverse(b)),
            (Some(a), Some(b)) => a.cmp(b),
        });
        by_parts.fold(Ordering::Equal, Ordering::then).then(self.no.cmp(&other.no))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The first rows in the order asked for, of all that came.
#[derive(Debug)]
pub struct Top {
    keys: Vec<SortKey>,
    descending: Arc<[bool]>,
    limit: usize,
    kept: BinaryHeap<Entry>,
    seen: u64,
}

impl Top {
    /// Keeps at most `limit` rows.
    pub fn new(keys: Vec<SortKey>, limit: Option<u64>) -> Self {
        let descending = keys.iter().map(|key| key.is_descending).collect();
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Self { keys, descending, limit, kept: BinaryHeap::new(), seen: 0 }
    }

    /// Takes a row.
    ///
    /// # Errors
    /// Refused, if there are too many to keep.
    pub fn take(&mut self, row: &Node) -> Result<(), Failure> {
        let parts = self.keys.iter().map(|key| part(&key.column, row)).collect();
        self.seen += 1;
        let mut entry =
            Entry { parts, descending: Arc::clone(&self.descending), no: self.seen, text: String::new() };
        if self.kept.len() >= self.limit {
            if self.kept.peek().is_none_or(|last| *last <= entry) {
                return Ok(());
            }
            self.kept.pop();
        } else if self.kept.len() >= SORTED_ROWS_MAX {
            let max = grouped(SORTED_ROWS_MAX as u64);
            return Err(Failure::refused(format!("More than {max} rows can't be sorted here."))
                .code("TOO_MANY_TO_SORT")
                .why("Sorting keeps them in memory. Nothing was listed.")
                .hint("--limit N, a narrower --query, or -o csv without --sort, piped into sort(1)"));
        }
        entry.text = json::compact(row);
        self.kept.push(entry);
        Ok(())
    }

    /// Returns the rows in their order, as JSON.
    pub fn into_rows(self) -> impl Iterator<Item = String> {
        self.kept.into_sorted_vec().into_iter().map(|entry| entry.text)
    }
}

fn part(column: &Column, row: &Node) -> Option<Part> {
    let found = row.at(column.path).filter(|found| **found != Node::Null)?;
    let text = found.bare();
    let number = match column.kind {
        Kind::Number | Kind::Money | Kind::Duration => scaled(&text),
        Kind::Time => Timestamp::parse(&text).map(|at| i128::from(at.as_millis())),
        Kind::Id | Kind::Text | Kind::State | Kind::Rows(_) => None,
    };
    Some(number.map_or_else(|| Part::Text(text.to_lowercase(), text), Part::Number))
}

/// Returns a decimal number as a whole one, so that it is compared exactly.
fn scaled(text: &str) -> Option<i128> {
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = PLACES as usize;
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
    let size =
        whole.parse::<i128>().ok()?.checked_mul(10_i128.pow(PLACES))?.checked_add(fraction.parse().ok()?)?;
    Some(if is_negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::{SORTED_ROWS_MAX, Top, key};
    use crate::failure::Exit;
    use crate::output::{Column, Node, View};

    const VIEW: View = View::new(
        "things",
        &[
            Column::text("Name", "name"),
            Column::money("Price", "price"),
            Column::time("At", "at"),
            Column::number("Position", "position"),
        ],
    );

    fn sorted(rows: &[&str], words: &[&str], limit: Option<u64>) -> Vec<String> {
        let keys = words.iter().map(|word| key(&VIEW, word).unwrap()).collect();
        let mut top = Top::new(keys, limit);
        rows.iter().for_each(|row| top.take(&Node::parse(row).unwrap()).unwrap());
        top.into_rows().map(|row| Node::parse(&row).unwrap().at("name").unwrap().bare()).collect()
    }

    #[test]
    fn rows_come_in_the_order_of_their_values_and_those_without_one_come_last() {
        let rows = [
            r#"{"name":"b","price":9.50,"position":"10","at":"2026-11-20T12:00:00Z"}"#,
            r#"{"name":"A","price":10.00,"position":"9","at":null}"#,
            r#"{"name":"c","price":-1,"position":"-3","at":"2026-11-20T13:00:00+02:00"}"#,
            r#"{"name":"a","price":9.5,"at":"2026-11-21T00:00:00Z"}"#,
        ];
        let table: [(&[&str], Option<u64>, &str); 9] = [
            (&["name"], None, "A a b c"),
            (&["-name"], None, "c b a A"),
            (&["price"], None, "c b a A"),
            (&["-price"], None, "A b a c"),
            (&["price", "name"], None, "c a b A"),
            (&["-price", "-name"], Some(2), "A b"),
            (&["at"], None, "c b a A"),
            (&["-at"], None, "a b c A"),
            (&["position"], Some(3), "c A b"),
        ];
        for (words, limit, expected) in table {
            assert_eq!(sorted(&rows, words, limit).join(" "), expected, "{words:?}");
        }
    }

    #[test]
    fn the_first_of_many_are_found_in_little_memory_and_more_than_fit_are_refused() {
        let row = |n: usize| Node::parse(&format!(r#"{{"name":"n","position":{}}}"#, n % 7919)).unwrap();
        let mut top = Top::new(vec![key(&VIEW, "-position").unwrap()], Some(3));
        (0..SORTED_ROWS_MAX + 10).for_each(|n| top.take(&row(n)).unwrap());
        assert_eq!(top.kept.len(), 3);
        assert!(top.into_rows().all(|row| row.contains("7918")));

        let mut all = Top::new(vec![key(&VIEW, "position").unwrap()], None);
        (0..SORTED_ROWS_MAX).for_each(|n| all.take(&row(n)).unwrap());
        let refused = all.take(&row(0)).unwrap_err();
        assert_eq!((refused.exit, refused.code.as_str()), (Exit::Refused, "TOO_MANY_TO_SORT"));
    }

    #[test]
    fn a_column_that_there_is_not_is_a_usage_error_that_lists_what_there_is() {
        let failure = key(&VIEW, "-prise").unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Usage, "UNKNOWN_COLUMN"));
        assert_eq!(failure.why.as_deref(), Some("There are name, price, currency, at, position."));
    }
}
