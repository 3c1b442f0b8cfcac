//! A JSON value as it was written: the order of fields and the digits of numbers are kept.
//!
//! Prices come as `25.00`; a float, or a map that sorts its keys, would print another text than the one
//! that the HTTP bodies carry.

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{self, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// How deep values may be nested: as deep as `serde_json` itself goes.
const DEPTH_MAX: usize = 128;

/// A JSON value with its field order and number text intact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as the text it was written in.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object, in the order of its fields.
    Map(Vec<(String, Self)>),
}

impl Node {
    /// Returns what `value` serialises to; raw JSON inside it keeps its digits.
    ///
    /// # Errors
    /// Fails if `value` can't be written as JSON or is nested too deeply.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        Self::parse(&serde_json::to_string(value)?)
    }

    /// Parses JSON text.
    ///
    /// # Errors
    /// Fails if `text` is no JSON or is nested too deeply.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        let raw: &RawValue = serde_json::from_str(text)?;
        Self::from_raw(raw.get(), 0)
    }

    fn from_raw(text: &str, depth: usize) -> serde_json::Result<Self> {
        if depth > DEPTH_MAX {
            return Err(<serde_json::Error as de::Error>::custom("the value is nested too deeply"));
        }
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let Fields(fields) = serde_json::from_str(text)?;
                let parse =
                    |(key, raw): (String, &RawValue)| Ok((key, Self::from_raw(raw.get(), depth + 1)?));
                Self::Map(fields.into_iter().map(parse).collect::<serde_json::Result<_>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let parse = |raw: &RawValue| Self::from_raw(raw.get(), depth + 1);
                Self::List(items.into_iter().map(parse).collect::<serde_json::Result<_>>()?)
            }
            Some(b'"') => Self::Text(serde_json::from_str(text)?),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(text.to_owned()),
        })
    }

    /// Returns the value at a dotted path (`payment.id`, `seats.0`); `None` where there is none.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, step| match node {
            Self::Map(fields) => fields.iter().find(|(key, _)| key == step).map(|(_, value)| value),
            Self::List(items) => items.get(step.parse::<usize>().ok()?),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => None,
        })
    }

    /// Returns the value as one bare line of text: strings and numbers as they are, lists and maps as JSON.
    #[must_use]
    pub fn bare(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) | Self::Text(text) => text.clone(),
            Self::List(_) | Self::Map(_) => super::json::compact(self),
        }
    }
}

/// The fields of an object in their order, each still as text.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(InOrder).map(Fields)
    }
}

/// For `serde_json` only: another format would write numbers as raw text of its own kind.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(text) => {
                RawValue::from_string(text.clone()).map_err(ser::Error::custom)?.serialize(serializer)
            }
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Node;

    #[test]
    fn digits_and_field_order_survive() {
        let text = r#"{"z":25.00,"a":[1e5,-0,12345678901234567890123],"m":{"k":null,"b":true}}"#;
        let node = Node::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&node).unwrap(), text);
        assert_eq!(Node::of(&node).unwrap(), node);
        assert_eq!(node.at("z"), Some(&Node::Number("25.00".into())));
        assert_eq!(node.at("a.1").map(Node::bare).as_deref(), Some("-0"));
        assert_eq!(node.at("m.k"), Some(&Node::Null));
        assert_eq!(node.at("m.x"), None);
        assert_eq!(node.at("z.x"), None);
    }

    #[test]
    fn a_value_nested_without_end_is_an_error_and_no_crash() {
        assert!(Node::parse(&"[".repeat(200_000)).is_err());
        assert!(Node::parse(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))).is_err());
        assert!(Node::parse(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_ok());
    }
}
