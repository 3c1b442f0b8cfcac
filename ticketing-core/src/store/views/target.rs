//! Which set of the read model's tables is meant: those that everybody reads, or those beside them.
//!
//! All sets have the same columns. A statement is written once, for the live tables, and spelled for the others
//! by their prefix.

use super::{checks, fold, network, sales, tickets, venues};
use crate::store::sql::Sql;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The tables that are folded from the log, without their prefix. What else begins with `view_` says how far they
/// are, and has a row for each set.
pub(crate) const TABLES: [&str; 8] =
    ["layouts", "patterns", "routes", "venues", "departures", "sales", "words", "tickets"];

/// A set of tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Target {
    /// `view_…`: what everybody reads, and the projector keeps up.
    #[default]
    Live,
    /// `next_…`: what a rebuild fills.
    Next,
    /// `before_…`: what was live before the last rebuild.
    Before,
}

impl Target {
    /// What the names of its tables begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "view_",
            Self::Next => "next_",
            Self::Before => "before_",
        }
    }

    /// The name of its cursor.
    #[must_use]
    pub const fn cursor(self) -> &'static str {
        match self {
            Self::Live => fold::TICKETS,
            Self::Next => "tickets/next",
            Self::Before => "tickets/before",
        }
    }

    /// Spells a text that names the live tables for these.
    #[must_use]
    pub fn spell(self, text: &str) -> String {
        TABLES.into_iter().fold(text.to_owned(), |text, table| {
            text.replace(&format!("view_{table}"), &format!("{}{table}", self.prefix()))
        })
    }

    /// Returns a statement of a file beside this one for these tables.
    pub(crate) fn of(self, sql: &'static Sql) -> &'static Sql {
        let spelled = match self {
            Self::Live => None,
            Self::Next => NEXT.get(sql.postgres),
            Self::Before => BEFORE.get(sql.postgres),
        };
        spelled.unwrap_or(sql)
    }
}

/// By the text for the live tables: names are only unique within their file.
type Spelled = LazyLock<HashMap<&'static str, Sql>>;

static NEXT: Spelled = LazyLock::new(|| spelled(Target::Next));
static BEFORE: Spelled = LazyLock::new(|| spelled(Target::Before));

fn spelled(target: Target) -> HashMap<&'static str, Sql> {
    let statements = [
        checks::STATEMENTS,
        fold::STATEMENTS,
        network::STATEMENTS,
        sales::STATEMENTS,
        tickets::STATEMENTS,
        venues::STATEMENTS,
    ]
    .concat();
    let ours = statements.into_iter().filter(|sql| target.spell(sql.postgres) != sql.postgres);
    ours.map(|sql| (sql.postgres, sql.renamed(|text| target.spell(text)))).collect()
}
