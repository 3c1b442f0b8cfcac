//! What people see of a row, said as data: which fields, under which heading, and what they are.

use super::node::Node;
use super::terminal::{Tone, state_tone};
use super::{json, visible, when};
use crate::globals::TimeStyle;
use jiff::tz::TimeZone;
use ticketing_core::domain::time::Timestamp;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An id; a UUID may be cut to a unique prefix where the table is too narrow.
    Id,
    /// Words, cut with `…` where the table is too narrow.
    Text,
    /// An RFC 3339 time, shown as `--time` says.
    Time,
    /// An amount; the field `currency` beside it is shown with it.
    Money,
    /// A number.
    Number,
    /// A state word, coloured.
    State,
    /// A number of seconds.
    Duration,
    /// A list of rows inside an object: a table of its own below the object's fields.
    Rows(&'static [Column]),
}

/// A column of a list, or a field of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The label in sentence case; tables put it in capitals.
    pub header: &'static str,
    /// Where the value is: a dotted path, which is also the name in CSV.
    pub path: &'static str,
    /// What the value is.
    pub kind: Kind,
    /// Only shown by `-o wide`, and in CSV.
    pub wide_only: bool,
    /// Whether it may be cut in a table that is too wide.
    pub shrinks: bool,
    /// Whether it is broken at its blanks, into lines below each other, in a table that is too wide.
    pub wraps: bool,
    /// Whether rows of it that follow each other and say the same are told once.
    pub folds: bool,
    /// As a field of an object it means something to people only while the text at this path is one of these words.
    pub only: Option<(&'static str, &'static [&'static str])>,
    /// The words that it may be, if there are no others: what else a `--query` compares it with is refused.
    pub words: Option<&'static [&'static str]>,
    /// Where the whole list is of which this is the first: people are told how many more it has.
    pub first_of: Option<&'static str>,
    /// Whether it stands to the right.
    pub right: bool,
    /// At least so wide, for lists whose later rows are not known yet.
    pub width_min: usize,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $kind:ident $shrinks:literal $right:literal;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub const fn $name(header: &'static str, path: &'static str) -> Self {
            Self { header, path, kind: Kind::$kind, wide_only: false, shrinks: $shrinks, wraps: false, folds: false, only: None, words: None, first_of: None, right: $right, width_min: 0 }
        }
    )*};
}

impl Column {
    kinds! {
        /// Returns a column of ids.
        id Id false false;
        /// Returns a column of words, which may be cut.
        text Text true false;
        /// Returns a column of times.
        time Time false false;
        /// Returns a column of amounts, with the currency beside them.
        money Money false true;
        /// Returns a column of numbers.
        number Number false true;
        /// Returns a column of state words.
        state State false false;
        /// Returns a column of seconds.
        duration Duration false true;
    }

    /// Returns a field of an object that is a list of rows.
    #[must_use]
    pub const fn rows(header: &'static str, path: &'static str, columns: &'static [Self]) -> Self {
        let mut column = Self::text(header, path);
        column.kind = Kind::Rows(columns);
        column
    }

    /// Returns it shown by `-o wide` and in CSV only.
    #[must_use]
    pub const fn wide(mut self) -> Self {
        self.wide_only = true;
        self
    }

    /// Returns it never cut.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.shrinks = false;
        self
    }

    /// Returns it never cut, but broken into lines where the table is too wide.
    #[must_use]
    pub const fn wrapped(mut self) -> Self {
        self.shrinks = true;
        self.wraps = true;
        self
    }

    /// Returns it shown to people only while the text at `path` is one of these words.
    #[must_use]
    pub const fn only(mut self, path: &'static str, words: &'static [&'static str]) -> Self {
        self.only = Some((path, words));
        self
    }

    /// Returns it with the only words that it may be.
    #[must_use]
    pub const fn one_of(mut self, words: &'static [&'static str]) -> Self {
        self.words = Some(words);
        self
    }

    /// Returns it as the first of the list at `path`, where there is one: `A12 +1`.
    #[must_use]
    pub const fn first_of(mut self, path: &'static str) -> Self {
        self.first_of = Some(path);
        self
    }

    /// Returns a list of rows whose equal ones, if they follow each other, are told once to people.
    #[must_use]
    pub const fn folded(mut self) -> Self {
        self.folds = true;
        self
    }

    /// Returns it at least `width` wide.
    #[must_use]
    pub const fn at_least(mut self, width: usize) -> Self {
        self.width_min = width;
        self
    }

    /// Returns what people read in this column of `row`, harmless and on one line; `-` for nothing.
    #[must_use]
    pub(super) fn text_of(
        &self,
        row: &Node,
        time_style: TimeStyle,
        now: Timestamp,
        zone: &TimeZone,
    ) -> String {
        let value = match row.at(self.path) {
            None | Some(Node::Null) => return "-".to_owned(),
            Some(value) => value,
        };
        let text = match (self.kind, value) {
            (Kind::Time, Node::Text(text)) => when::time(text, time_style, now, zone),
            (Kind::Money, Node::Number(amount) | Node::Text(amount)) => match row.at(&self.currency_path()) {
                Some(Node::Text(currency)) => format!("{amount} {currency}"),
                _ => amount.clone(),
            },
            (Kind::Duration, Node::Number(text)) => {
                text.parse().map_or_else(|_| text.clone(), when::duration)
            }
            (_, Node::Bool(value)) => if *value { "yes" } else { "no" }.to_owned(),
            (_, Node::List(items)) if items.iter().all(is_scalar) => {
                items.iter().map(Node::bare).collect::<Vec<_>>().join(", ")
            }
            (_, Node::List(_) | Node::Map(_)) => json::compact(value),
            (_, Node::Number(text) | Node::Text(text)) => text.clone(),
            (_, Node::Null) => String::new(),
        };
        let more = match self.first_of.and_then(|path| row.at(path)) {
            Some(Node::List(all)) if all.len() > 1 => format!(" +{}", all.len() - 1),
            _ => String::new(),
        };
        visible::visible(&text).into_owned() + &more
    }

    /// Returns the colour of `text` in this column.
    pub(super) fn tone_of(&self, text: &str) -> Option<Tone> {
        match self.kind {
            Kind::State => state_tone(text),
            Kind::Id
            | Kind::Text
            | Kind::Time
            | Kind::Money
            | Kind::Number
            | Kind::Duration
            | Kind::Rows(_) => None,
        }
    }

    /// Returns where the currency of an amount stands: beside it.
    pub(crate) fn currency_path(&self) -> String {
        match self.path.rsplit_once('.') {
            Some((parent, _)) => format!("{parent}.currency"),
            None => "currency".to_owned(),
        }
    }
}

const fn is_scalar(node: &Node) -> bool {
    !matches!(node, Node::List(_) | Node::Map(_))
}

/// How a list of one kind of row is shown.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// What the rows are, in the plural: "bookings".
    pub plural: &'static str,
    /// What is shown of each.
    pub columns: &'static [Column],
    /// The fields that `-o name` prints: the first that a row has.
    pub names: &'static [&'static str],
    /// How many characters of an id the caller knows to be unique in the whole store.
    pub id_len_min: usize,
}

/// What stands for a row in `-o name`: its id, or what it has instead.
pub(super) const NAMES: &[&str] = &["id", "position", "label", "name"];

impl View {
    /// Returns a view of rows named by their id, position, label or name.
    #[must_use]
    pub const fn new(plural: &'static str, columns: &'static [Column]) -> Self {
        Self { plural, columns, names: NAMES, id_len_min: 0 }
    }

    /// Returns it with other fields that `-o name` prints.
    #[must_use]
    pub const fn named_by(mut self, names: &'static [&'static str]) -> Self {
        self.names = names;
        self
    }

    /// Returns it with ids that are cut to no less than `len` characters.
    #[must_use]
    pub const fn ids_unique_at(mut self, len: usize) -> Self {
        self.id_len_min = len;
        self
    }
}

/// Returns the bare name of a row: the first of `names` that it has.
pub(super) fn name_of(row: &Node, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| row.at(name).filter(|value| **value != Node::Null)).map(Node::bare)
}

#[cfg(test)]
mod tests {
    use super::{Column, NAMES, name_of};
    use crate::globals::TimeStyle;
    use crate::output::node::Node;
    use jiff::tz::TimeZone;
    use ticketing_core::domain::time::Timestamp;

    #[test]
    fn every_kind_of_value_has_a_form_for_people() {
        let row = Node::parse(
            r#"{"id":"b-1","price":25.00,"currency":"USD","payment":{"amount":"3.50","currency":"KWD"},"left":873,
                "at":"2026-11-20T12:14:59.000Z","paid":true,"seat":"A1","seats":["A1","B2"],"who":"A\u001b[2J","none":null,
                "deep":[{"a":1.50}]}"#,
        )
        .unwrap();
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let rows = [
            (Column::id("", "id"), "b-1"),
            (Column::money("", "price"), "25.00 USD"),
            (Column::money("", "payment.amount"), "3.50 KWD"),
            (Column::duration("", "left"), "14m 33s"),
            (Column::time("", "at"), "in 14m"),
            (Column::text("", "paid"), "yes"),
            (Column::text("", "seats"), "A1, B2"),
            (Column::text("", "seat").first_of("seats"), "A1 +1"),
            (Column::text("", "seat").first_of("none"), "A1"),
            (Column::text("", "who"), "A\\u{1b}[2J"),
            (Column::text("", "none"), "-"),
            (Column::text("", "missing.field"), "-"),
            (Column::text("", "deep"), r#"[{"a":1.50}]"#),
        ];
        for (column, expected) in rows {
            assert_eq!(
                column.text_of(&row, TimeStyle::Relative, now, &TimeZone::UTC),
                expected,
                "{}",
                column.path
            );
        }
    }

    #[test]
    fn a_row_is_named_by_its_id_or_by_what_it_has_instead() {
        for (row, expected) in [
            (r#"{"name":"N","id":"I"}"#, Some("I")),
            (r#"{"name":"N","position":7}"#, Some("7")),
            (r#"{"id":null,"label":"A1"}"#, Some("A1")),
            (r#"{"x":1}"#, None),
        ] {
            assert_eq!(name_of(&Node::parse(row).unwrap(), NAMES).as_deref(), expected);
        }
    }
}
