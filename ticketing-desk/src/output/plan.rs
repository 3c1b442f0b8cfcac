//! What a change would do, drawn for people: one line a thing, and below it what becomes of its fields.

use super::column::{Column, View};
use super::node::Node;
use super::terminal::{Tone, paint};
use super::{grouped, json, visible};
use crate::failure::Failure;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

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
const MOVING: &[&str] = &["secondsLeft", "lag", "head", "ageSeconds", "expiresAt", "nextAt"];

/// What else moves by itself, of things of one kind: a job gets on, a projection follows the log.
const MOVING_OF: &[(&str, &[&str])] =
    &[("job", &["done", "outcome", "movedAt"]), ("projection", &["position", "rows", "parked", "before"])];

/// What a change sets to the time at which it is planned. Every other time is a fact, and part of what is agreed to.
const SET_TO_NOW: &[&str] = &["createdAt", "confirmedAt", "holdExpiresAt"];

fn leave_out_what_moves(plan: &mut Node) {
    let Node::Map(fields) = plan else { return };
    for (_, changes) in fields.iter_mut().filter(|(name, _)| name == "changes") {
        if let Node::List(changes) = changes {
            changes.iter_mut().for_each(settle);
        }
    }
    fields.iter_mut().for_each(|(_, value)| strip(value, &[]));
}

/// Leaves out of one change what moves in things of its kind, and what is new only because time has gone on.
fn settle(change: &mut Node) {
    let kind = change.at("kind").map(Node::bare).unwrap_or_default();
    let moving = MOVING_OF.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, names)| names);
    let before = change.at("before").cloned().unwrap_or(Node::Null);
    let Node::Map(sides) = change else { return };
    let is_new = sides.iter().any(|(name, value)| name == "id" && *value == Node::Null);
    for (name, side) in sides {
        if let (true, Node::Map(after)) = (name == "after", &mut *side) {
            // Each plan of something new gives it a new id.
            after.retain(|(name, value)| {
                let is_now = SET_TO_NOW.contains(&name.as_str()) && before.at(name) != Some(value);
                !(is_now || is_new && name == "id")
            });
        }
        if matches!(name.as_str(), "before" | "after") {
            strip(side, moving);
        }
    }
}

/// Leaves out what moves, however deep.
fn strip(node: &mut Node, more: &[&str]) {
    match node {
        Node::Map(fields) => {
            fields.retain(|(name, _)| !MOVING.contains(&name.as_str()) && !more.contains(&name.as_str()));
            fields.iter_mut().for_each(|(_, value)| strip(value, more));
        }
        Node::List(items) => items.iter_mut().for_each(|item| strip(item, more)),
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

    fn digest(kind: &str, id: &str, before: &str, after: &str) -> String {
        let text = format!(
            r#"{{"action":"a","changes":[{{"kind":"{kind}","id":{id},"before":{before},"after":{after}}}],"affected":1}}"#
        );
        Plan::of(&Node::parse(&text).unwrap()).unwrap().digest()
    }

    #[test]
    fn a_digest_tells_what_is_done_to_what_and_not_when_it_was_asked() {
        let (early, late) = (r#""2026-11-20T12:00:00.000Z""#, r#""2026-11-20T12:00:01.000Z""#);
        let reserve = |at: &str, left: u64| {
            let after = format!(r#"{{"id":"{left}","createdAt":{at},"holdExpiresAt":{at},"seat":"A1"}}"#);
            digest("booking", "null", "null", &after)
        };
        assert_eq!(reserve(early, 9), reserve(late, 8), "what is new is new each time");
        let cancel = |id: &str, status: &str, left: u64| {
            digest("booking", id, &format!(r#"{{"status":"{status}","secondsLeft":{left}}}"#), "{}")
        };
        assert_eq!(cancel("\"b\"", "RESERVED", 9), cancel("\"b\"", "RESERVED", 8));
        assert_ne!(cancel("\"b\"", "RESERVED", 9), cancel("\"b\"", "CONFIRMED", 9));
        assert_ne!(cancel("\"b\"", "RESERVED", 9), cancel("\"c\"", "RESERVED", 9));
        let confirm = |at: &str| {
            let after = format!(r#"{{"createdAt":{early},"confirmedAt":{at}}}"#);
            digest("booking", "\"b\"", &format!(r#"{{"createdAt":{early}}}"#), &after)
        };
        assert_eq!(confirm(early), confirm(late));
        let job =
            |done: u64| digest("job", "\"j\"", &format!(r#"{{"state":"running","done":{done}}}"#), "{}");
        assert_eq!(job(1), job(2), "a job gets on while somebody thinks");
    }

    #[test]
    fn a_time_that_is_a_fact_is_part_of_what_is_agreed_to() {
        let create = |at: &str| digest("schedule", "null", "null", &format!(r#"{{"departureTime":"{at}"}}"#));
        assert_ne!(create("2026-11-20T12:00:00.000Z"), create("2026-11-21T12:00:00.000Z"));
        let held = |until: &str| {
            let side = format!(r#"{{"holdExpiresAt":"{until}"}}"#);
            digest("booking", "\"b\"", &side, &side)
        };
        assert_ne!(held("2026-11-20T12:00:00.000Z"), held("2026-11-20T12:00:01.000Z"));
        let done = |count: u64| digest("events", "\"e\"", "null", &format!(r#"{{"done":{count}}}"#));
        assert_ne!(done(1), done(2), "it moves in a job only");
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
