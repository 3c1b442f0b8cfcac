//! JSON text of a [`Node`], the same value with any unseen character escaped, so that it is safe on a terminal.

use super::node::Node;
use super::visible::is_unseen;
use std::fmt::Write as _;

/// Returns `node` on one line.
#[must_use]
pub fn compact(node: &Node) -> String {
    let mut out = String::new();
    write(node, None, &mut out);
    out
}

/// Returns `node` over several lines, indented by two blanks a level, without a final line break.
#[must_use]
pub fn pretty(node: &Node) -> String {
    let mut out = String::new();
    write(node, Some(0), &mut out);
    out
}

fn write(node: &Node, level: Option<usize>, out: &mut String) {
    match node {
        Node::Null => out.push_str("null"),
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Number(text) => out.push_str(text),
        Node::Text(text) => write_text(text, out),
        Node::List(items) if items.is_empty() => out.push_str("[]"),
        Node::Map(fields) if fields.is_empty() => out.push_str("{}"),
        Node::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                next_line(index, level, out);
                write(item, level.map(|l| l + 1), out);
            }
            last_line(level, out);
            out.push(']');
        }
        Node::Map(fields) => {
            out.push('{');
            for (index, (key, value)) in fields.iter().enumerate() {
                next_line(index, level, out);
                write_text(key, out);
                out.push_str(if level.is_some() { ": " } else { ":" });
                write(value, level.map(|l| l + 1), out);
            }
            last_line(level, out);
            out.push('}');
        }
    }
}

fn next_line(index: usize, level: Option<usize>, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
    if let Some(level) = level {
        break_line(level + 1, out);
    }
}

fn last_line(level: Option<usize>, out: &mut String) {
    if let Some(level) = level {
        break_line(level, out);
    }
}

fn break_line(level: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", level));
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unseen(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string can't fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::{compact, pretty};
    use crate::output::node::Node;

    #[test]
    fn a_price_keeps_its_cents_and_unseen_characters_are_escaped() {
        let node =
            Node::parse(r#"{"price":25.00,"name":"\u202eA\u001b\udb40\udc41\"","none":{},"no":[]}"#).unwrap();
        let text = compact(&node);
        assert_eq!(text, r#"{"price":25.00,"name":"\u202eA\u001b\udb40\udc41\"","none":{},"no":[]}"#);
        assert_eq!(Node::parse(&pretty(&node)).unwrap(), node);
    }

    #[test]
    fn the_pretty_form_is_indented_by_two() {
        let node = Node::parse(r#"{"a":[1,{"b":2}]}"#).unwrap();
        assert_eq!(pretty(&node), "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ]\n}");
    }
}
