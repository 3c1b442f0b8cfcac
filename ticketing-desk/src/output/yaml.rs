//! YAML in block style that reads back as the same values under YAML 1.1 and 1.2.
//!
//! Only text that no reader could take for something else stays bare; all other text is double-quoted.
//! That quotes a little more than needed (any text that begins with a digit) and never too little.

use super::node::Node;
use super::visible::is_unseen;
use std::fmt::Write as _;

/// Words that YAML 1.1 takes for a boolean or nothing, in whatever case.
const TAKEN: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Returns `node` as one YAML document, with a final line break.
#[must_use]
pub fn document(node: &Node) -> String {
    let mut out = String::new();
    write_block(node, 0, &mut out);
    out
}

/// Returns `node` as one item of a list on the top level, with a final line break.
#[must_use]
pub fn list_item(node: &Node) -> String {
    let mut out = String::from("- ");
    write_block(node, 1, &mut out);
    out
}

/// Writes `node` where the cursor stands, its later lines indented by `level`.
fn write_block(node: &Node, level: usize, out: &mut String) {
    match node {
        Node::Map(fields) if !fields.is_empty() => {
            for (index, (key, value)) in fields.iter().enumerate() {
                indent_after_first(index, level, out);
                write_text(key, out);
                out.push(':');
                if is_block(value) {
                    out.push('\n');
                    out.extend(std::iter::repeat_n("  ", level + 1));
                    write_block(value, level + 1, out);
                } else {
                    out.push(' ');
                    write_block(value, level, out);
                }
            }
        }
        Node::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                indent_after_first(index, level, out);
                out.push_str("- ");
                write_block(item, level + 1, out);
            }
        }
        scalar => {
            write_scalar(scalar, out);
            out.push('\n');
        }
    }
}

fn is_block(node: &Node) -> bool {
    match node {
        Node::Map(fields) => !fields.is_empty(),
        Node::List(items) => !items.is_empty(),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => false,
    }
}

fn indent_after_first(index: usize, level: usize, out: &mut String) {
    if index > 0 {
        out.extend(std::iter::repeat_n("  ", level));
    }
}

fn write_scalar(node: &Node, out: &mut String) {
    match node {
        Node::Null => out.push_str("null"),
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Number(text) => write_number(text, out),
        Node::Text(text) => write_text(text, out),
        Node::List(_) => out.push_str("[]"),
        Node::Map(_) => out.push_str("{}"),
    }
}

/// Writes a number; YAML 1.1 reads `1e5` as text unless it has a point and a sign: `1.0e+5`.
fn write_number(text: &str, out: &mut String) {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        out.push_str(text);
        return;
    };
    out.push_str(mantissa);
    if !mantissa.contains('.') {
        out.push_str(".0");
    }
    out.push('e');
    if !exponent.starts_with(['+', '-']) {
        out.push('+');
    }
    out.push_str(exponent);
}

fn write_text(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unseen(c) || is_noncharacter(c) => {
                // Writing to a string can't fail.
                let _ = match u32::from(c) {
                    code @ 0..=0xff => write!(out, "\\x{code:02x}"),
                    code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

const fn is_noncharacter(c: char) -> bool {
    matches!(c as u32 & 0xffff, 0xfffe | 0xffff)
}

/// Says whether `text` may stand bare: it begins with a letter, has only harmless characters, and is no
/// word with a meaning of its own.
fn is_plain(text: &str) -> bool {
    let harmless =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | '@' | '+' | '(' | ')');
    text.starts_with(char::is_alphabetic)
        && text.chars().all(harmless)
        && !text.ends_with(' ')
        && !TAKEN.iter().any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::{document, list_item};
    use crate::output::node::Node;
    use proptest::prelude::{Just, Strategy, prop_assert_eq, prop_oneof, proptest};

    /// Text that YAML 1.1 takes for another type, or that breaks a careless writer.
    const TRAPS: &[&str] = &[
        "",
        " ",
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "N",
        "true",
        "False",
        "null",
        "Null",
        "~",
        "1",
        "-1",
        "+1",
        "007",
        "0o14",
        "0x1F",
        "0b11",
        "1_000",
        "12:30:00",
        "1:2",
        "1.5",
        ".5",
        "5.",
        "1e5",
        "1.0e+5",
        ".inf",
        "-.INF",
        ".nan",
        "2026-11-20",
        "2026-11-20T09:30:00.000Z",
        "2026-11-20 09:30:00",
        "=",
        "<<",
        "- a",
        "-",
        "--- a",
        "...",
        "? a",
        ": a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "'a'",
        "\"a\"",
        "\\",
        "{a}",
        "[a]",
        "a, b",
        " a",
        "a ",
        "a\nb",
        "a\n",
        "\n",
        "\t",
        "a\tb",
        "\u{0}",
        "\u{1b}[0m",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{202e}",
        "\u{feff}a",
        "\u{fffe}",
        "\u{e0041}",
        "東京",
        "🚌",
        "é",
        "01928a7c-0000-7000-8000-000000000001",
        "tok_visa",
        "Airport North",
        "a@b.c",
        "e3",
        "0",
        "Infinity",
        "NaN",
    ];

    #[test]
    fn values_are_written_in_block_style() {
        let node = Node::parse(
            r#"{"id":"01928a7c","status":"CONFIRMED","price":25.00,"big":1e5,"paid":true,"none":null,"empty":[],
                "bare":{},"seats":["A1","1"],"legs":[{"from":"A","to":{"x":1}},[1,[2]]],"no":"no"}"#,
        );
        let expected = "\
id: \"01928a7c\"
status: CONFIRMED
price: 25.00
big: 1.0e+5
paid: true
none: null
empty: []
bare: {}
seats:
  - A1
  - \"1\"
legs:
  - from: A
    to:
      x: 1
  - - 1
    - - 2
\"no\": \"no\"
";
        assert_eq!(document(&node.unwrap()), expected);
    }

    #[test]
    fn every_trap_reads_back_as_the_same_text_as_key_and_as_value() {
        for trap in TRAPS {
            let node =
                Node::Map(vec![((*trap).to_owned(), Node::List(vec![Node::Text((*trap).to_owned())]))]);
            assert_eq!(read(&document(&node)), value(&node), "{trap:?} was written as {}", document(&node));
        }
    }

    #[test]
    fn a_reader_of_yaml_1_1_agrees_where_there_is_one() {
        let script =
            "import sys, json, yaml\nprint(json.dumps(yaml.safe_load(sys.stdin.buffer.read().decode())))";
        let text = |t: &&str| Node::Text((*t).to_owned());
        let mut items: Vec<Node> = TRAPS.iter().map(text).collect();
        items.extend(["25.00", "1e5", "1.5E-3", "-0", "10", "0.1"].map(|n| Node::Number(n.to_owned())));
        items.push(Node::Map(TRAPS.iter().map(|t| ((*t).to_owned(), text(t))).collect()));
        let node = Node::List(items);
        let run = std::process::Command::new("python3")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn();
        let Ok(mut child) = run else { return };
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), document(&node).as_bytes());
        let output = child.wait_with_output().unwrap();
        let has_yaml = std::process::Command::new("python3").args(["-c", "import yaml"]).output();
        if has_yaml.is_ok_and(|o| o.status.success()) {
            let read: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(with_floats(read), with_floats(value(&node)));
        }
    }

    #[test]
    fn rows_one_by_one_are_one_list() {
        let rows = [r#"{"id":"a","n":[1]}"#, r"[]", r"[[1],2]"].map(|t| Node::parse(t).unwrap());
        let text: String = rows.iter().map(list_item).collect();
        assert_eq!(read(&text), value(&Node::List(rows.to_vec())));
    }

    fn read(text: &str) -> serde_json::Value {
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn value(node: &Node) -> serde_json::Value {
        serde_json::from_str(&serde_json::to_string(node).unwrap()).unwrap()
    }

    /// Numbers as floats, so that 25 and 25.0 of two readers are one value.
    fn with_floats(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::Number(n) => Value::from(n.as_f64().unwrap()),
            Value::Array(items) => items.into_iter().map(with_floats).collect(),
            Value::Object(fields) => fields.into_iter().map(|(k, v)| (k, with_floats(v))).collect(),
            other => other,
        }
    }

    fn any_node() -> impl Strategy<Value = Node> {
        let text = prop_oneof![
            proptest::sample::select(TRAPS).prop_map(str::to_owned),
            proptest::string::string_regex("[ -~\u{80}-\u{a8}]{0,12}").unwrap(),
            proptest::collection::vec(proptest::char::any(), 0..8).prop_map(String::from_iter),
        ];
        let leaf = prop_oneof![
            Just(Node::Null),
            Just(Node::Bool(true)),
            (-1_000_000_i64..1_000_000).prop_map(|n| Node::Number(n.to_string())),
            text.clone().prop_map(Node::Text),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Node::List),
                proptest::collection::btree_map(text.clone(), inner, 0..5)
                    .prop_map(|fields| Node::Map(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_reads_back_as_itself(node in any_node()) {
            prop_assert_eq!(read(&document(&node)), value(&node));
        }
    }
}
