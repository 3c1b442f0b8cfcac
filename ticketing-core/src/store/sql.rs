//! Statements: written once, spelled for both engines.
//!
//! A statement is plain SQL in the dialect that SQLite and PostgreSQL share, with scalars `$1, $2, …`.
//! Two things differ between the engines and are written as tokens, whose parameters follow the scalars
//! in order of appearance:
//!
//! - `{any uuid}`: the right side of a comparison with a list, `= ANY($n)` or `IN (SELECT … json_each)`;
//! - `{rows a uuid, b int}`: a table `v` with these columns, from arrays by `unnest`, or from `VALUES`.
//!   Types: `uuid`, `int` (32 bits), `big` (64 bits), `text`, `bytes`. The first column is never null.
//!
//! SQLite is given the rows of `{rows …}` as plain parameters, which costs it a third of what JSON does. So
//! such a statement has one text for each of a few numbers of rows, is run once for each part of the rows, and
//! what is missing to a full part is null and left out. It has no scalars.
//!
//! Statements that differ more than that give both texts: see [`statements!`].

use std::fmt::Write as _;

/// A statement, spelled for both engines.
#[derive(Debug)]
pub struct Sql {
    /// Its name, for errors and tests.
    pub name: &'static str,
    /// For SQLite; empty if only PostgreSQL runs it. With `{rows …}`, the text for one row.
    pub sqlite: &'static str,
    /// With `{rows …}`: the texts for each of [`PARTS`].
    sqlite_parts: Option<[&'static str; PARTS.len()]>,
    /// For PostgreSQL; empty if only SQLite runs it.
    pub postgres: &'static str,
}

/// How many rows one run of a statement takes on SQLite.
pub const PARTS: [usize; 5] = [1, 4, 16, 64, 256];

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    /// With so many rows for `{rows …}`.
    Sqlite(usize),
    Postgres,
}

impl Sql {
    /// Spells a common text for both engines. Called once a statement, so the texts are leaked.
    #[must_use]
    pub fn common(name: &'static str, text: &str) -> Self {
        Self::both(name, text, text)
    }

    /// Takes two texts; an empty one means that this engine never runs it.
    #[must_use]
    pub fn both(name: &'static str, sqlite: &str, postgres: &str) -> Self {
        let leak =
            |text: &str, dialect| -> &'static str { Box::leak(spell(name, text, dialect).into_boxed_str()) };
        let has_rows = sqlite.contains("{rows ");
        assert!(!has_rows || !sqlite.contains('$'), "{name}: a statement with rows has no scalars on SQLite");
        let sqlite_parts = has_rows.then(|| PARTS.map(|rows| leak(sqlite, Dialect::Sqlite(rows))));
        Self {
            name,
            sqlite: sqlite_parts.map_or_else(|| leak(sqlite, Dialect::Sqlite(1)), |parts| parts[0]),
            sqlite_parts,
            postgres: leak(postgres, Dialect::Postgres),
        }
    }

    /// Spells the same statement with other words. Called once a statement, as the texts are leaked.
    pub(super) fn renamed(&self, rename: impl Fn(&str) -> String) -> Self {
        let leak = |text: &str| -> &'static str { Box::leak(rename(text).into_boxed_str()) };
        Self {
            name: self.name,
            sqlite: leak(self.sqlite),
            sqlite_parts: self.sqlite_parts.map(|parts| parts.map(leak)),
            postgres: leak(self.postgres),
        }
    }

    /// The text for SQLite that takes the most of `left` rows at once, and how many it takes.
    pub(super) fn sqlite_part(&self, left: usize) -> (&'static str, usize) {
        let which = PARTS.iter().position(|rows| *rows >= left).unwrap_or(PARTS.len() - 1);
        (self.sqlite_parts.map_or(self.sqlite, |parts| parts[which]), PARTS[which])
    }
}

/// Spells statements that change rows as one for PostgreSQL, which returns how many rows each changed. Each comes with
/// how many parameters it has; they follow one another.
///
/// The order in which PostgreSQL does them is its own: none may need what another has done.
pub(super) fn together(statements: &[(&str, usize)]) -> String {
    let mut out = String::with_capacity(statements.iter().map(|(text, _)| text.len() + 64).sum());
    let mut before = 0;
    for (n, (text, parameters)) in statements.iter().enumerate() {
        let _ = write!(out, "{} s{n} AS (", if n == 0 { "WITH" } else { "," });
        for (i, part) in text.split('$').enumerate() {
            if i == 0 {
                out.push_str(part);
                continue;
            }
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let number: usize = part[..end].parse().unwrap_or(0);
            let _ = write!(out, "${}{}", before + number, &part[end..]);
        }
        out.push_str(" RETURNING 1)");
        before += parameters;
    }
    let counts: Vec<String> =
        (0..statements.len()).map(|n| format!("(SELECT COUNT(*) FROM s{n}) AS n{n}")).collect();
    let _ = write!(out, " SELECT {}", counts.join(", "));
    out
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

fn spell_any(out: &mut String, kind: &str, n: usize, dialect: Dialect) {
    let value = match kind {
        "uuid" | "bytes" => "unhex(value)",
        _ => "value",
    };
    let _ = match dialect {
        Dialect::Postgres => write!(out, "= ANY(${n}::{}[])", postgres_type(kind)),
        Dialect::Sqlite(_) => write!(out, "IN (SELECT {value} FROM json_each(${n}))"),
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
        Dialect::Sqlite(rows) => {
            let names: Vec<String> =
                (1..).zip(columns).map(|(i, (name, _))| format!("column{i} AS {name}")).collect();
            let row = format!("({})", vec!["?"; columns.len()].join(","));
            let rows = vec![row; rows].join(",");
            let names = names.join(", ");
            let _ = write!(out, "(SELECT {names} FROM (VALUES {rows}) WHERE column1 IS NOT NULL) AS v");
        }
    }
}

/// Declares the statements of a file: `NAME = "common text";` or `NAME = sqlite "…" postgres "…";`, where the last
/// may be a `concat!`.
/// Each becomes a `static`, and all of them are listed in `STATEMENTS`, which a test prepares on both
/// engines.
macro_rules! statements {
    (@one $name:ident, $text:literal) => {
        $crate::store::sql::Sql::common(stringify!($name), $text)
    };
    (@one $name:ident, sqlite $sqlite:literal postgres $postgres:expr) => {
        $crate::store::sql::Sql::both(stringify!($name), $sqlite, $postgres)
    };
    ($($(#[$doc:meta])* $name:ident = $($word:ident)? $first:literal $($word2:ident $second:expr)?;)+) => {
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
    use super::{Sql, together};

    #[test]
    fn statements_become_one_with_their_parameters_in_a_row() {
        let one = "INSERT INTO t (a, b) SELECT a, b FROM unnest($1::int[], $2::int[]) AS v(a, b)";
        assert_eq!(
            together(&[(one, 2), ("DELETE FROM u WHERE id = ANY($1::uuid[])", 1)]),
            "WITH s0 AS (INSERT INTO t (a, b) SELECT a, b FROM unnest($1::int[], $2::int[]) AS v(a, b) RETURNING 1), \
             s1 AS (DELETE FROM u WHERE id = ANY($3::uuid[]) RETURNING 1) \
             SELECT (SELECT COUNT(*) FROM s0) AS n0, (SELECT COUNT(*) FROM s1) AS n1"
        );
    }

    #[test]
    fn tokens_are_spelled_for_each_engine_with_parameters_after_the_scalars() {
        let sql = Sql::both(
            "T",
            "SELECT $1 FROM t WHERE id {any uuid}",
            "SELECT $1 FROM t WHERE id {any uuid} AND x IN (SELECT a FROM {rows a uuid, b int})",
        );
        assert_eq!(
            sql.postgres,
            "SELECT $1 FROM t WHERE id = ANY($2::uuid[]) AND x IN \
             (SELECT a FROM unnest($3::uuid[], $4::int[]) AS v(a, b))"
        );
        assert_eq!(sql.sqlite, "SELECT $1 FROM t WHERE id IN (SELECT unhex(value) FROM json_each($2))");
    }

    #[test]
    fn rows_are_parameters_on_sqlite_and_a_part_takes_as_many_as_are_left() {
        let sql = Sql::common("T", "SELECT a FROM {rows a uuid, b int}");
        let one = "SELECT a FROM (SELECT column1 AS a, column2 AS b FROM (VALUES (?,?)) \
                   WHERE column1 IS NOT NULL) AS v";
        assert_eq!(sql.sqlite_part(1), (one, 1));
        assert_eq!(sql.sqlite_part(4).0, one.replace("(?,?)", "(?,?),(?,?),(?,?),(?,?)"));
        for (left, takes) in [(1, 1), (2, 4), (5, 16), (65, 256), (256, 256), (1_000, 256)] {
            assert_eq!(sql.sqlite_part(left).1, takes, "{left}");
        }
    }
}
