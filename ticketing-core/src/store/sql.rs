//! Statements: written once, spelled for both engines.
//!
//! A statement is plain SQL in the dialect that SQLite and PostgreSQL share, with scalars `$1, $2, …`.
//! Two things differ between the engines and are written as tokens, whose parameters follow the scalars
//! in order of appearance:
//!
//! - `{any uuid}`: the right side of a comparison with a list, `= ANY($n)` or `IN (SELECT … json_each)`;
//! - `{rows a uuid, b int}`: a table `v` with these columns, from arrays by `unnest` or from JSON by
//!   `json_each`. Types: `uuid`, `int` (32 bits), `big` (64 bits), `text`, `bytes`.
//!
//! Statements that differ more than that give both texts: see [`statements!`].

use std::fmt::Write as _;

/// A statement, spelled for both engines.
#[derive(Debug)]
pub struct Sql {
    /// Its name, for errors and tests.
    pub name: &'static str,
    /// For SQLite; empty if only PostgreSQL runs it.
    pub sqlite: &'static str,
    /// For PostgreSQL; empty if only SQLite runs it.
    pub postgres: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Sql {
    /// Spells a common text for both engines. Called once a statement, so the texts are leaked.
    #[must_use]
    pub fn common(name: &'static str, text: &str) -> Self {
        Self {
            name,
            sqlite: Box::leak(spell(name, text, Dialect::Sqlite).into_boxed_str()),
            postgres: Box::leak(spell(name, text, Dialect::Postgres).into_boxed_str()),
        }
    }

    /// Takes two texts; an empty one means that this engine never runs it.
    #[must_use]
    pub fn both(name: &'static str, sqlite: &str, postgres: &str) -> Self {
        Self {
            name,
            sqlite: Box::leak(spell(name, sqlite, Dialect::Sqlite).into_boxed_str()),
            postgres: Box::leak(spell(name, postgres, Dialect::Postgres).into_boxed_str()),
        }
    }
}

/// Replaces the tokens of `text`.
fn spell(name: &str, text: &str, dialect: Dialect) -> String {
    let scalars = text
        .split('$')
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok())
        .max()
        .unwrap_or(0);
    let mut next = scalars + 1;
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (token, tail) = after.split_once('}').unwrap_or_else(|| panic!("{name}: a token has no end"));
        if let Some(kind) = token.strip_prefix("any ") {
            spell_any(&mut out, kind, next, dialect);
            next += 1;
        } else if let Some(columns) = token.strip_prefix("rows ") {
            let columns: Vec<(&str, &str)> =
                columns.split(',').filter_map(|c| c.trim().split_once(' ')).collect();
            spell_rows(&mut out, &columns, next, dialect);
            next += if dialect == Dialect::Postgres { columns.len() } else { 1 };
        } else {
            panic!("{name}: unknown token {{{token}}}");
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn postgres_type(kind: &str) -> &'static str {
    match kind {
        "uuid" => "uuid",
        "int" => "int",
        "big" => "bigint",
        "text" => "text",
        "bytes" => "bytea",
        _ => panic!("unknown column type {kind}"),
    }
}

fn sqlite_value(kind: &str, expression: &str) -> String {
    match kind {
        "uuid" | "bytes" => format!("unhex({expression})"),
        _ => expression.to_owned(),
    }
}

fn spell_any(out: &mut String, kind: &str, n: usize, dialect: Dialect) {
    let _ = match dialect {
        Dialect::Postgres => write!(out, "= ANY(${n}::{}[])", postgres_type(kind)),
        Dialect::Sqlite => write!(out, "IN (SELECT {} FROM json_each(${n}))", sqlite_value(kind, "value")),
    };
}

fn spell_rows(out: &mut String, columns: &[(&str, &str)], n: usize, dialect: Dialect) {
    match dialect {
        Dialect::Postgres => {
            let arrays: Vec<String> =
                (n..).zip(columns).map(|(n, (_, kind))| format!("${n}::{}[]", postgres_type(kind))).collect();
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            let _ = write!(out, "unnest({}) AS v({})", arrays.join(", "), names.join(", "));
        }
        Dialect::Sqlite => {
            let values: Vec<String> = (0..)
                .zip(columns)
                .map(|(i, (name, kind))| format!("{} AS {name}", sqlite_value(kind, &format!("value->>{i}"))))
                .collect();
            let _ = write!(out, "(SELECT {} FROM json_each(${n})) AS v", values.join(", "));
        }
    }
}

/// Declares the statements of a file: `NAME = "common text";` or `NAME = sqlite "…" postgres "…";`.
/// Each becomes a `static`, and all of them are listed in `STATEMENTS`, which a test prepares on both
/// engines.
macro_rules! statements {
    (@one $name:ident, $text:literal) => {
        $crate::store::sql::Sql::common(stringify!($name), $text)
    };
    (@one $name:ident, sqlite $sqlite:literal postgres $postgres:literal) => {
        $crate::store::sql::Sql::both(stringify!($name), $sqlite, $postgres)
    };
    ($($(#[$doc:meta])* $name:ident = $($word:ident)? $first:literal $($word2:ident $second:literal)?;)+) => {
        $(
            $(#[$doc])*
            static $name: std::sync::LazyLock<$crate::store::sql::Sql> = std::sync::LazyLock::new(|| {
                statements!(@one $name, $($word)? $first $($word2 $second)?)
            });
        )+

        /// Every statement of this file.
        pub(crate) static STATEMENTS: &[&std::sync::LazyLock<$crate::store::sql::Sql>] = &[$(&$name),+];
    };
}
pub(crate) use statements;

#[cfg(test)]
mod tests {
    use super::Sql;

    #[test]
    fn tokens_are_spelled_for_each_engine_with_parameters_after_the_scalars() {
        let sql = Sql::common(
            "T",
            "SELECT $1 FROM t WHERE id {any uuid} AND x IN (SELECT a FROM {rows a uuid, b int})",
        );
        assert_eq!(
            sql.postgres,
            "SELECT $1 FROM t WHERE id = ANY($2::uuid[]) AND x IN (SELECT a FROM unnest($3::uuid[], $4::int[]) AS v(a, b))"
        );
        assert_eq!(
            sql.sqlite,
            "SELECT $1 FROM t WHERE id IN (SELECT unhex(value) FROM json_each($2)) AND x IN (SELECT a FROM (SELECT unhex(value->>0) AS a, value->>1 AS b FROM json_each($3)) AS v)"
        );
    }
}
