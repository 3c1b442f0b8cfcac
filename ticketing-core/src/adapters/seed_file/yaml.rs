//! A YAML or JSON text as a tree whose every value knows its place, and keeps its digits as they were
//! written. It knows nothing of what a seed file means.
//!
//! It reads the parser's events instead of deserialising, for three reasons: a price must not pass
//! through a float, an error must name line, column and path, and no file may cost more than its size
//! suggests. So nesting is bounded, and a value that is referred to with `*alias` counts each time.

use super::error::Position;
use crate::text::quoted;
use serde_saphyr::granit_parser::{Event, Parser, Span, options};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// The largest file that is read.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most values of one file, those that aliases repeat included.
pub const VALUES_MAX: usize = 1_000_000;
/// The deepest nesting; the format itself needs 7.
pub const DEPTH_MAX: usize = 32;

/// A value and where it begins.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub position: Position,
    /// What it is.
    pub kind: Kind,
}

/// What a value is. Numbers and words are kept as written: only who asks knows which is expected.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A number, a word or a text.
    Scalar {
        /// Its characters, escapes resolved.
        text: Rc<str>,
        /// Whether it was written without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Fields in the order of the file; no name twice.
    Map(Vec<Field>),
}

/// A field of a map.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Rc<str>,
    /// Where the name stands.
    pub position: Position,
    /// Its value.
    pub value: Node,
}

/// Why a text is not a tree: where, and a sentence.
pub type Fault = (Option<Position>, String);

impl Node {
    /// Whether nothing was written, or only `null` or `~`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(&**text, "" | "~" | "null"))
    }

    /// What it is, for "expected a list, found …".
    pub fn describe(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            Kind::Scalar { text, .. } => quoted(text),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a group of fields".to_owned(),
        }
    }

    fn count(&self) -> usize {
        match &self.kind {
            Kind::Scalar { .. } => 1,
            Kind::List(items) => 1 + items.iter().map(Self::count).sum::<usize>(),
            Kind::Map(fields) => 1 + fields.iter().map(|field| field.value.count()).sum::<usize>(),
        }
    }
}

/// Reads every document of a text.
///
/// # Errors
/// The first fault: not YAML, too large, too deep, a field twice, a tag.
pub fn documents(text: &str) -> Result<Vec<Node>, Fault> {
    if text.len() > FILE_BYTES_MAX {
        let sentence = "is larger than 16 MiB, the most a seed file may have; split it into several files";
        return Err((None, sentence.to_owned()));
    }
    let mut tree = Tree::default();
    for next in Parser::new_from_str_with_options(text, options! { disallow_directives: true }) {
        let (event, span) = next.map_err(|error| {
            let mark = error.marker();
            let position = Position { line: mark.line(), column: mark.col() + 1 };
            (Some(position), format!("is neither YAML nor JSON: {}", error.info()))
        })?;
        tree.take(event, &span)?;
    }
    Ok(tree.documents)
}

/// The tree while it grows.
#[derive(Default)]
struct Tree {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchored: HashMap<usize, Node>,
    values: usize,
}

/// A list or map that is not closed yet.
struct Open {
    position: Position,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { fields: Vec<Field>, names: HashSet<Rc<str>>, name: Option<(Rc<str>, Position)> },
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let position = Position { line: span.start.line(), column: span.start.col() + 1 };
        let tagged = |tag: Option<()>| match (tag, span.tag_start()) {
            (None, _) => Ok(()),
            (Some(()), start) => {
                let start = start.map_or(position, |m| Position { line: m.line(), column: m.col() + 1 });
                Err((Some(start), "tags (!name) have no meaning in a seed file".to_owned()))
            }
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                tagged(tag.map(drop))?;
                let plain = style == serde_saphyr::granit_parser::ScalarStyle::Plain;
                self.add(Node { position, kind: Kind::Scalar { text: text.into(), plain } }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                tagged(tag.map(drop))?;
                self.open(position, anchor, OpenKind::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                tagged(tag.map(drop))?;
                let kind = OpenKind::Map { fields: Vec::new(), names: HashSet::new(), name: None };
                self.open(position, anchor, kind)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { position, anchor, kind }) = self.open.pop() else {
                    return Err((Some(position), "closes a list or group that was not opened".to_owned()));
                };
                let kind = match kind {
                    OpenKind::List(items) => Kind::List(items),
                    OpenKind::Map { fields, .. } => Kind::Map(fields),
                };
                self.add(Node { position, kind }, anchor)
            }
            Event::Alias(id) => {
                // Not there yet: it refers to a list or group that it is itself a part of.
                let Some(node) = self.anchored.get(&id).cloned() else {
                    return Err((Some(position), "an alias can't be part of what it refers to".to_owned()));
                };
                self.charge(node.count(), position)?;
                self.add(Node { position, ..node }, 0)
            }
            Event::DocumentStart(..) => {
                self.anchored.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn charge(&mut self, values: usize, position: Position) -> Result<(), Fault> {
        self.values += values;
        if self.values > VALUES_MAX {
            let sentence = format!("the file holds more than {VALUES_MAX} values, aliases included");
            return Err((Some(position), sentence));
        }
        Ok(())
    }

    fn open(&mut self, position: Position, anchor: usize, kind: OpenKind) -> Result<(), Fault> {
        if self.open.len() == DEPTH_MAX {
            return Err((Some(position), format!("is nested deeper than {DEPTH_MAX} levels")));
        }
        if let Some(Open { kind: OpenKind::Map { name: None, .. }, .. }) = self.open.last() {
            return Err((Some(position), "a field's name must be a word".to_owned()));
        }
        self.open.push(Open { position, anchor, kind });
        Ok(())
    }

    /// Adds a finished value to the list or map that is open.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.charge(1, node.position)?;
        if anchor != 0 {
            self.charge(node.count(), node.position)?;
            self.anchored.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.documents.push(node),
            Some(OpenKind::List(items)) => items.push(node),
            Some(OpenKind::Map { fields, names, name }) => match name.take() {
                Some((name, position)) => fields.push(Field { name, position, value: node }),
                None => {
                    let Kind::Scalar { text, .. } = node.kind else {
                        return Err((Some(node.position), "a field's name must be a word".to_owned()));
                    };
                    if !names.insert(Rc::clone(&text)) {
                        return Err((
                            Some(node.position),
                            format!("the field {} stands here twice", quoted(&text)),
                        ));
                    }
                    *name = Some((text, node.position));
                }
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Node, documents};

    fn show(node: &Node) -> String {
        match &node.kind {
            Kind::Scalar { text, .. } => text.to_string(),
            Kind::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
            Kind::Map(fields) => {
                let fields = fields.iter().map(|f| format!("{}={}", f.name, show(&f.value)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn yaml_and_json_give_the_same_tree_with_the_digits_as_written() {
        let rows = [
            ("price: 2.50\nname: Zoo", "{price=2.50,name=Zoo}"),
            ("{\"price\": 2.50,\n\t\"name\": \"Z\\u00f6\\ud83d\\ude00\\/\"}", "{price=2.50,name=Zö😀/}"),
            ("a: &x [06:30, 1e2]\nb: *x", "{a=[06:30,1e2],b=[06:30,1e2]}"),
            ("[0.1, 00.10, 123456789012345678901234567890]", "[0.1,00.10,123456789012345678901234567890]"),
        ];
        for (text, expected) in rows {
            let shown: Vec<String> = documents(text).unwrap().iter().map(show).collect();
            assert_eq!(shown, [expected], "{text}");
        }
        assert_eq!(documents("a: 1\n---\nb: 2\n").unwrap().len(), 2);
        assert!(documents("# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_tree_is_refused_at_its_place() {
        let rows = [
            ("a: 1\na: 2\n", (2, 1), "twice"),
            ("a: !!binary aGk=", (1, 4), "tags"),
            ("a: [1, 2", (1, 4), "neither YAML nor JSON"),
            ("? [a]\n: 1", (1, 3), "must be a word"),
            ("a: &x [*x]", (1, 8), "part of what it refers to"),
            ("a: *nothing", (1, 4), "neither YAML nor JSON"),
        ];
        for (text, (line, column), expected) in rows {
            let (position, message) = documents(text).unwrap_err();
            let position = position.unwrap();
            assert!(message.contains(expected), "{text}: {message}");
            assert_eq!((position.line, position.column), (line, column), "{text}: {message}");
        }
    }

    #[test]
    fn bombs_are_refused_before_they_cost_anything() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let before = format!("*a{}", level - 1);
            let list = vec![before; 10].join(", ");
            laughs += &format!("a{level}: &a{level} [{list}]\n");
        }
        let flow = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let block = (0..1_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>();
        let large = " ".repeat(super::FILE_BYTES_MAX + 1);
        for text in [laughs, flow, block, large] {
            assert!(documents(&text).is_err());
        }
    }

    #[test]
    fn a_long_text_that_many_aliases_repeat_is_held_once() {
        let long = "x".repeat(1_000_000);
        let text = format!("a: &a {long}\nb: [{}]", vec!["*a"; 20_000].join(","));
        assert_eq!(documents(&text).unwrap().len(), 1);
    }
}
