//! A value of a seed file together with where it stands, and the questions that a reader asks of it. Each
//! answer is the value asked for, or an error that names file, line, column, path and what was expected.

use super::error::SeedFileError;
use super::yaml::{Field, Kind, Node};
use crate::text::{nearest, quoted};

/// A value and its path.
#[derive(Clone)]
pub struct Cursor<'a> {
    file: &'a str,
    node: &'a Node,
    path: String,
}

/// The fields of a map, all of them known.
pub struct Fields<'a> {
    of: Cursor<'a>,
    fields: &'a [Field],
}

impl<'a> Cursor<'a> {
    /// Stands at the root of a document.
    pub const fn root(file: &'a str, node: &'a Node) -> Self {
        Self { file, node, path: String::new() }
    }

    /// Returns an error about this value.
    pub fn error(&self, message: impl Into<String>) -> SeedFileError {
        SeedFileError {
            file: self.file.to_owned(),
            position: Some(self.node.position),
            path: self.path.clone(),
            message: message.into(),
        }
    }

    /// Where it stands, as `city.yaml:3:5`, for errors elsewhere that refer to it.
    pub fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.node.position.line, self.node.position.column)
    }

    fn expected(&self, what: &str) -> SeedFileError {
        self.error(format!("expected {what}, found {}", self.node.describe()))
    }

    /// Its characters, whatever they mean. Numbers and words need no quotes.
    pub fn text(&self, what: &str) -> Result<&'a str, SeedFileError> {
        match &self.node.kind {
            Kind::Scalar { text, .. } if !self.node.is_null() => Ok(text),
            _ => Err(self.expected(what)),
        }
    }

    /// A name of 1 to `chars_max` characters, none of them a control character.
    pub fn name(&self, what: &str, chars_max: usize) -> Result<String, SeedFileError> {
        let text = self.text(what)?;
        if text.trim().is_empty() {
            return Err(self.expected(what));
        }
        if text.trim().len() != text.len() || text.chars().any(char::is_control) {
            let sentence = "must not begin or end with a blank, nor hold line breaks or control characters";
            return Err(self.error(sentence));
        }
        let chars = text.chars().count();
        if chars > chars_max {
            return Err(self.error(format!("has {chars} characters; at most {chars_max} are allowed")));
        }
        Ok(text.to_owned())
    }

    /// A whole number within `min..=max`.
    pub fn whole(&self, min: u32, max: u32) -> Result<u32, SeedFileError> {
        let what = format!("a whole number from {min} to {max}");
        let text = self.text(&what)?;
        let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        number.filter(|n| (min..=max).contains(n)).ok_or_else(|| self.expected(&what))
    }

    /// One of `words`, by its place in them.
    pub fn word(&self, words: &[&str]) -> Result<usize, SeedFileError> {
        let what = format!("one of {}", words.join(", "));
        let text = self.text(&what)?;
        words.iter().position(|word| word.eq_ignore_ascii_case(text)).ok_or_else(|| self.expected(&what))
    }

    /// Its items, in order.
    pub fn items(&self, what: &str) -> Result<Vec<Self>, SeedFileError> {
        let Kind::List(items) = &self.node.kind else {
            return Err(self.expected(what));
        };
        let at = |(index, node): (usize, &'a Node)| Self {
            file: self.file,
            node,
            path: format!("{}[{index}]", self.path),
        };
        Ok(items.iter().enumerate().map(at).collect())
    }

    /// Its items if it is a list, else itself alone.
    pub fn one_or_more(&self) -> Vec<Self> {
        self.items("a list").unwrap_or_else(|_| vec![self.clone()])
    }

    /// Its fields, of which `known` are all there may be.
    pub fn fields(&self, what: &str, known: &[&str]) -> Result<Fields<'a>, SeedFileError> {
        let Kind::Map(fields) = &self.node.kind else {
            return Err(self.expected(&format!("{what} with the fields {}", known.join(", "))));
        };
        for field in fields {
            if !known.contains(&&*field.name) {
                let meant = nearest(&field.name, known.iter().copied());
                let hint = meant.map_or_else(String::new, |name| format!("; did you mean {name}?"));
                let here = format!("{what} has the fields {}", known.join(", "));
                return Err(SeedFileError {
                    position: Some(field.position),
                    ..self.error(format!("unknown field {}{hint} ({here})", quoted(&field.name)))
                });
            }
        }
        Ok(Fields { of: self.clone(), fields })
    }
}

impl<'a> Fields<'a> {
    /// The value of a field; `None` if it is missing or empty.
    pub fn optional(&self, name: &str) -> Option<Cursor<'a>> {
        let field = self.fields.iter().find(|field| &*field.name == name && !field.value.is_null())?;
        let parent = &self.of.path;
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        Some(Cursor { file: self.of.file, node: &field.value, path })
    }

    /// The value of a field that must be there.
    pub fn required(&self, name: &str, what: &str) -> Result<Cursor<'a>, SeedFileError> {
        self.optional(name).ok_or_else(|| self.of.error(format!("the field {name} is missing: {what}")))
    }

    /// The items of a field that holds a list; none if it is missing.
    pub fn items(&self, name: &str, what: &str) -> Result<Vec<Cursor<'a>>, SeedFileError> {
        self.optional(name).map_or_else(|| Ok(Vec::new()), |cursor| cursor.items(what))
    }
}
