//! Rows that follow each other and say the same, told once: a provider that is asked forty times in vain is one line of
//! a story, and its end another.

use super::column::{Column, Kind};
use super::node::Node;

/// Returns the rows as people read them: of several that differ in nothing but their moment and their number, the first,
/// and a line that says how many there are and when the last was. Programs are told all of them.
pub(super) fn folded(rows: &[Node], columns: &[Column], is_wide: bool) -> Vec<Node> {
    let shown = || columns.iter().filter(|column| is_wide || !column.wide_only);
    let told = |column: &&Column| !matches!(column.kind, Kind::Time | Kind::Number | Kind::Id);
    let says_the_same = |one: &Node, other: &Node| {
        shown().filter(told).all(|column| one.at(column.path) == other.at(column.path))
    };
    let mut out = Vec::with_capacity(rows.len());
    for same in rows.chunk_by(says_the_same) {
        match same {
            [] => {}
            [one] => out.push(one.clone()),
            [first, .., last] => {
                out.push(first.clone());
                let words = shown().find(|column| column.kind == Kind::Text).map(|column| column.path);
                let cell = |column: &Column| match column.kind {
                    Kind::Time => last.at(column.path).cloned().unwrap_or(Node::Null),
                    _ if Some(column.path) == words => {
                        Node::Text(format!("… × {}, the last then", same.len()))
                    }
                    _ => Node::Text(String::new()),
                };
                out.push(Node::Map(shown().map(|column| (column.path.to_owned(), cell(column))).collect()));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::folded;
    use crate::output::{Column, Node};

    const COLUMNS: &[Column] = &[
        Column::number("#", "no"),
        Column::time("At", "at"),
        Column::text("What", "what").whole(),
        Column::state("State", "state"),
        Column::id("Call", "call").wide(),
    ];

    fn row(no: u32, what: &str) -> Node {
        let text = format!(
            r#"{{"no":{no},"at":"2026-11-20T12:00:{no:02}.000Z","what":"{what}","state":"CHARGING","call":"c{no}"}}"#
        );
        Node::parse(&text).unwrap()
    }

    #[test]
    fn steps_that_say_the_same_are_told_once_with_their_number_and_the_last_ones_time() {
        let rows = [row(1, "pay"), row(2, "unclear"), row(3, "unclear"), row(4, "unclear"), row(5, "done")];
        let found = folded(&rows, COLUMNS, false);
        let said = |row: &Node, path: &str| row.at(path).map(Node::bare).unwrap_or_default();
        let lines: Vec<_> = found.iter().map(|row| (said(row, "no"), said(row, "what"))).collect();
        let expected = [("1", "pay"), ("2", "unclear"), ("", "… × 3, the last then"), ("5", "done")];
        assert_eq!(lines, expected.map(|(no, what)| (no.to_owned(), what.to_owned())));
        assert_eq!(said(&found[2], "at"), "2026-11-20T12:00:04.000Z");
        assert_eq!(folded(&rows[..2], COLUMNS, true), rows[..2]);
    }
}
