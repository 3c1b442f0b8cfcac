//! What a change would do, drawn for people: one line a thing, and below it what becomes of its fields.

use super::column::{Column, View};
use super::node::Node;
use super::terminal::{Tone, paint};
use super::{grouped, json, visible};
use crate::failure::Failure;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use ticketing_core::domain::time::Timestamp;

/// A plan as core made it: `{action, changes: [{kind, id, before, after}], affected}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan(Node);

/// The changes of a plan as rows, for CSV and names.
pub(super) const CHANGES: View = View::new(
    "changes",
    &[
        Column::text("Kind", "kind"),
        Column::id("Id", "id"),
        Column::text("Before", "before"),
        Column::text("After", "after"),
    ],
)
.named_by(&["id"]);

impl Plan {
    /// Returns the plan that `value` serialises to.
    ///
    /// # Errors
    /// Fails if it has no JSON form.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, Failure> {
        super::printer::node_of(value).map(Self)
    }

    /// Returns the plan as it is printed to programs.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.0
    }

    /// Returns how many things would change: `affected`, or the number of changes where that is missing.
    #[must_use]
    pub fn affected(&self) -> u64 {
        match self.0.at("affected") {
            Some(Node::Number(text)) => text.parse().unwrap_or(u64::MAX),
            _ => u64::try_from(self.changes().len()).unwrap_or(u64::MAX),
        }
    }

    pub(super) fn changes(&self) -> &[Node] {
        match self.0.at("changes") {
            Some(Node::List(changes)) => changes,
            _ => &[],
        }
    }

    /// Returns what tells this plan from another, for whoever agrees to it now and has it carried out later.
    ///
    /// Fields that move while nothing is done to the thing itself are left out, or no plan would hold on a live store.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut node = self.0.clone();
        leave_out_what_moves(&mut node);
        let hash = Sha256::digest(json::compact(&node).as_bytes());
        hash.iter().take(DIGEST_BYTES).fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}"); // writing to a String never fails
            out
        })
    }

    /// Returns the plan in lines: what is new by `+`, gone by `-`, changed by `~`, and a count below.
    #[must_use]
    pub fn lines(&self, colour: bool) -> Vec<String> {
        let mut lines: Vec<String> =
            self.changes().iter().flat_map(|change| change_lines(change, colour)).collect();
        let action = self.0.at("action").map(Node::bare).unwrap_or_default();
        lines.push(format!("{}: {} affected", visible::visible(&action), grouped(self.affected())));
        lines
    }
}

/// So much of the hash is enough to tell plans apart.
const DIGEST_BYTES: usize = 16;

/// What grows or shrinks by itself.
const MOVING: &[&str] = &["secondsLeft", "lag", "head", "ageSeconds", "expiresAt"];

/// Says whether it is a time: most of those in a plan are when it was made.
fn is_time(node: &Node) -> bool {
    matches!(node, Node::Text(text) if Timestamp::parse(text).is_some())
}

fn leave_out_what_moves(node: &mut Node) {
    match node {
        Node::Map(fields) => {
            let is_new = fields.iter().any(|(name, value)| name == "id" && *value == Node::Null);
            fields.retain(|(name, value)| !MOVING.contains(&name.as_str()) && !is_time(value));
            if is_new && let Some((_, Node::Map(after))) = fields.iter_mut().find(|(name, _)| name == "after")
            {
                // Each plan of something new gives it a new id.
                after.retain(|(name, _)| name != "id");
            }
            fields.iter_mut().for_each(|(_, value)| leave_out_what_moves(value));
        }
        Node::List(items) => items.iter_mut().for_each(leave_out_what_moves),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
}

fn change_lines(change: &Node, colour: bool) -> Vec<String> {
    let side = |name: &str| change.at(name).filter(|node| **node != Node::Null);
    let (before, after) = (side("before"), side("after"));
    let (sign, tone) = match (before, after) {
        (None, _) => ("+", Tone::Good),
        (Some(_), None) => ("-", Tone::Bad),
        (Some(_), Some(_)) => ("~", Tone::Waiting),
    };
    let text = |name: &str| change.at(name).map(Node::bare).unwrap_or_default();
    let title = format!("{} {}", text("kind"), side("id").map_or_else(|| "(new)".to_owned(), Node::bare));
    let mut lines = vec![format!("{} {}", paint(tone, sign, colour), visible::visible(&title))];
    lines.extend(field_lines(before, after));
    lines
}

fn field_lines(before: Option<&Node>, after: Option<&Node>) -> Vec<String> {
    let fields = |node: Option<&Node>| match node {
        Some(Node::Map(fields)) => fields.clone(),
        Some(other) => vec![("value".to_owned(), other.clone())],
        None => Vec::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let find =
        |fields: &[(String, Node)], key: &str| fields.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let mut keys: Vec<&String> = before.iter().map(|(key, _)| key).collect();
    keys.extend(after.iter().map(|(key, _)| key).filter(|key| find(&before, key).is_none()));
    let line = |key: &String| {
        let change = match (find(&before, key), find(&after, key)) {
            (old, new) if old == new => return None,
            (None, Some(new)) => value_text(&new),
            (Some(old), None) if after.is_empty() => value_text(&old),
            (Some(old), new) => {
                format!("{} → {}", value_text(&old), new.as_ref().map_or("-".into(), value_text))
            }
            (None, None) => return None,
        };
        Some(format!("    {}: {change}", visible::visible(key)))
    };
    keys.into_iter().filter_map(line).collect()
}

fn value_text(node: &Node) -> String {
    match node {
        Node::Null => "-".to_owned(),
        Node::List(_) | Node::Map(_) => json::compact(node),
        Node::Bool(_) | Node::Number(_) | Node::Text(_) => visible::visible(&node.bare()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Plan;
    use crate::output::node::Node;

    #[test]
    fn a_digest_tells_what_is_done_to_what_and_not_when_it_was_asked() {
        let plan = |id: &str, status: &str, at: &str, left: u64| {
            let text = format!(
                r#"{{"action":"a","changes":[{{"kind":"booking","id":{id},"before":{{"status":"{status}","secondsLeft":{left}}},"after":{{"id":"{left}","at":"{at}"}}}}],"affected":1}}"#
            );
            Plan::of(&Node::parse(&text).unwrap()).unwrap().digest()
        };
        let first = plan("null", "RESERVED", "2026-11-20T12:00:00.000Z", 9);
        assert_eq!(first, plan("null", "RESERVED", "2026-11-20T12:00:01.000Z", 8));
        assert_ne!(first, plan("null", "CONFIRMED", "2026-11-20T12:00:00.000Z", 9));
        assert_ne!(first, plan("\"b\"", "RESERVED", "2026-11-20T12:00:00.000Z", 9));
    }

    #[test]
    fn a_plan_shows_what_becomes_of_each_field_and_nothing_that_stays() {
        let plan = Node::parse(
            r#"{"action":"booking.cancel","changes":[
                {"kind":"booking","id":"b-1","before":{"status":"CONFIRMED","price":25.00,"seat":"A1"},
                 "after":{"status":"CANCELLED","price":25.00}},
                {"kind":"refund","id":null,"before":null,"after":{"amount":25.00,"note":"x\u001b"}},
                {"kind":"hold","id":"h-1","before":{"seat":"A1"},"after":null}],"affected":3412}"#,
        );
        let expected = [
            "~ booking b-1",
            "    status: CONFIRMED → CANCELLED",
            "    seat: A1 → -",
            "+ refund (new)",
            "    amount: 25.00",
            "    note: x\\u{1b}",
            "- hold h-1",
            "    seat: A1",
            "booking.cancel: 3,412 affected",
        ];
        let plan = Plan::of(&plan.unwrap()).unwrap();
        assert_eq!(plan.lines(false), expected);
        assert_eq!(plan.affected(), 3412);
    }
}
