//! Parameters of a statement, and how each engine is given them.

use std::fmt::Write as _;
use uuid::Uuid;

/// A column of values for `{rows …}` and `{any …}`.
#[derive(Clone, Debug)]
pub enum Column {
    /// UUIDs.
    Uuid(Vec<Uuid>),
    /// UUIDs that may be null.
    OptUuid(Vec<Option<Uuid>>),
    /// 32-bit integers.
    Int(Vec<i32>),
    /// 32-bit integers that may be null.
    OptInt(Vec<Option<i32>>),
    /// 64-bit integers.
    Big(Vec<i64>),
    /// 64-bit integers that may be null.
    OptBig(Vec<Option<i64>>),
    /// Texts.
    Text(Vec<String>),
    /// Texts that may be null.
    OptText(Vec<Option<String>>),
    /// Byte strings.
    Bytes(Vec<Vec<u8>>),
}

impl Column {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Uuid(v) => v.len(),
            Self::OptUuid(v) => v.len(),
            Self::Int(v) => v.len(),
            Self::OptInt(v) => v.len(),
            Self::Big(v) => v.len(),
            Self::OptBig(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::OptText(v) => v.len(),
            Self::Bytes(v) => v.len(),
        }
    }

    /// The JSON that SQLite is given for a list.
    pub(super) fn json(&self) -> String {
        let mut out = String::with_capacity(self.len() * 36 + 2);
        out.push('[');
        for row in 0..self.len() {
            out.push_str(if row > 0 { "," } else { "" });
            self.push_json(row, &mut out);
        }
        out.push(']');
        out
    }

    /// Appends the value of one row as JSON. Bytes are hexadecimal, which the statement turns back.
    fn push_json(&self, row: usize, out: &mut String) {
        let _ = match self {
            Self::Uuid(v) => write!(out, "\"{}\"", v[row].simple()),
            Self::OptUuid(v) => match v[row] {
                Some(id) => write!(out, "\"{}\"", id.simple()),
                None => write!(out, "null"),
            },
            Self::Int(v) => write!(out, "{}", v[row]),
            Self::OptInt(v) => match v[row] {
                Some(n) => write!(out, "{n}"),
                None => write!(out, "null"),
            },
            Self::Big(v) => write!(out, "{}", v[row]),
            Self::OptBig(v) => match v[row] {
                Some(n) => write!(out, "{n}"),
                None => write!(out, "null"),
            },
            Self::Text(v) => {
                push_json_text(&v[row], out);
                Ok(())
            }
            Self::OptText(v) => {
                match &v[row] {
                    Some(text) => push_json_text(text, out),
                    None => out.push_str("null"),
                }
                Ok(())
            }
            Self::Bytes(v) => {
                out.push('"');
                for byte in &v[row] {
                    let _ = write!(out, "{byte:02x}");
                }
                out.push('"');
                Ok(())
            }
        };
    }
}

fn push_json_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (i, byte) in text.bytes().enumerate() {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            out.push_str(&text[plain..i]);
            plain = i + 1;
            let _ = match byte {
                b'"' => out.write_str("\\\""),
                b'\\' => out.write_str("\\\\"),
                _ => write!(out, "\\u{byte:04x}"),
            };
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// A parameter.
#[derive(Clone, Debug)]
pub enum Arg {
    /// An integer.
    Big(i64),
    /// An integer that may be null.
    OptBig(Option<i64>),
    /// A 32-bit integer.
    Int(i32),
    /// A text.
    Text(String),
    /// A text that may be null.
    OptText(Option<String>),
    /// A UUID.
    Uuid(Uuid),
    /// Bytes.
    Bytes(Vec<u8>),
    /// The list of an `{any …}`.
    Any(Column),
    /// The columns of a `{rows …}`, all of one length.
    Rows(Vec<Column>),
}

impl Arg {
    /// How many parameters PostgreSQL is given for it.
    pub(super) fn parameters(&self) -> usize {
        match self {
            Self::Rows(columns) => columns.len(),
            Self::Big(_)
            | Self::OptBig(_)
            | Self::Int(_)
            | Self::Text(_)
            | Self::OptText(_)
            | Self::Uuid(_)
            | Self::Bytes(_)
            | Self::Any(_) => 1,
        }
    }
}

macro_rules! impl_arg_from {
    ($($from:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$from> for Arg {
            fn from(value: $from) -> Self {
                Self::$variant(value)
            }
        })+
    };
}
impl_arg_from! {
    i64 => Big, Option<i64> => OptBig, i32 => Int, String => Text, Option<String> => OptText, Uuid => Uuid,
    Vec<u8> => Bytes, Vec<Column> => Rows, Column => Any,
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// The parameters of a statement: `args![id, now]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Arg::from($value)),*] };
}

/// Builds the query of one engine from a statement and its parameters.
macro_rules! bind_sqlite {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::Big(v) => query.bind(v),
                Arg::OptBig(v) => query.bind(v),
                Arg::Int(v) => query.bind(v),
                Arg::Text(v) => query.bind(v),
                Arg::OptText(v) => query.bind(v),
                Arg::Uuid(v) => query.bind(v),
                Arg::Bytes(v) => query.bind(v),
                Arg::Any(column) => query.bind(column.json()),
                Arg::Rows(_) => unreachable!("rows are bound part by part, and alone"),
            };
        }
        query
    }};
}

/// Binds `count` rows from `start` on, one value after the other; beyond the last row all is null.
macro_rules! bind_sqlite_rows {
    ($query:expr, $columns:expr, $start:expr, $count:expr) => {{
        let mut query = $query;
        for row in $start..$start + $count {
            for column in $columns {
                query = match column {
                    Column::Uuid(v) => query.bind(v.get(row).copied()),
                    Column::OptUuid(v) => query.bind(v.get(row).copied().flatten()),
                    Column::Int(v) => query.bind(v.get(row).copied()),
                    Column::OptInt(v) => query.bind(v.get(row).copied().flatten()),
                    Column::Big(v) => query.bind(v.get(row).copied()),
                    Column::OptBig(v) => query.bind(v.get(row).copied().flatten()),
                    Column::Text(v) => query.bind(v.get(row).cloned()),
                    Column::OptText(v) => query.bind(v.get(row).cloned().flatten()),
                    Column::Bytes(v) => query.bind(v.get(row).cloned()),
                };
            }
        }
        query
    }};
}

macro_rules! bind_postgres {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::Big(v) => query.bind(v),
                Arg::OptBig(v) => query.bind(v),
                Arg::Int(v) => query.bind(v),
                Arg::Text(v) => query.bind(v),
                Arg::OptText(v) => query.bind(v),
                Arg::Uuid(v) => query.bind(v),
                Arg::Bytes(v) => query.bind(v),
                Arg::Any(column) => bind_postgres!(@column query, column),
                Arg::Rows(columns) => {
                    let mut query = query;
                    for column in columns {
                        query = bind_postgres!(@column query, column);
                    }
                    query
                }
            };
        }
        query
    }};
    (@column $query:expr, $column:expr) => {
        match $column {
            Column::Uuid(v) => $query.bind(v),
            Column::OptUuid(v) => $query.bind(v),
            Column::Int(v) => $query.bind(v),
            Column::OptInt(v) => $query.bind(v),
            Column::Big(v) => $query.bind(v),
            Column::OptBig(v) => $query.bind(v),
            Column::Text(v) => $query.bind(v),
            Column::OptText(v) => $query.bind(v),
            Column::Bytes(v) => $query.bind(v),
        }
    };
}

pub(super) use {bind_postgres, bind_sqlite, bind_sqlite_rows};
