//! What can go wrong with a store, told apart by what the caller does about it.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached or does not answer: try again later.
    #[error("the {store} store is unavailable: {reason}")]
    Unavailable {
        /// `write` or `read`.
        store: &'static str,
        /// What the driver said.
        reason: String,
    },
    /// A unique key is there already, or a check does not hold: somebody else was first.
    #[error("a row with this key is already there ({constraint})")]
    Conflict {
        /// The key's name, as far as the engine tells.
        constraint: String,
    },
    /// It can be read but not written.
    #[error("the {store} store is read-only: {reason}")]
    ReadOnly {
        /// `write` or `read`.
        store: &'static str,
        /// What the driver said.
        reason: String,
    },
    /// The disk is full.
    #[error("the disk of the {store} store is full: {reason}")]
    Full {
        /// `write` or `read`.
        store: &'static str,
        /// What the driver said.
        reason: String,
    },
    /// A row can't be what its table says.
    #[error("corrupt row in {table}.{column} ({row}): {reason}")]
    Corrupt {
        /// Its table.
        table: &'static str,
        /// The column at fault.
        column: &'static str,
        /// Its key.
        row: String,
        /// What is wrong.
        reason: String,
    },
    /// A newer program made it.
    #[error(
        "the {store} store has schema version {found}, newer than this program's {known}: use a newer ticketctl"
    )]
    SchemaNewer {
        /// `write` or `read`.
        store: &'static str,
        /// The store's version.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// An older program made it, and nobody has migrated it.
    #[error(
        "the {store} store has schema version {found}, this program needs {known}: run `ticketctl migrate up`"
    )]
    SchemaOlder {
        /// `write` or `read`.
        store: &'static str,
        /// The store's version.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// The file is not a database of ours.
    #[error("{path} is no database: {reason}")]
    NotADatabase {
        /// The file.
        path: String,
        /// What the driver said.
        reason: String,
    },
    /// There is no store yet.
    #[error("there is no store in {path}")]
    Missing {
        /// The folder or file.
        path: String,
    },
    /// Its address can't be understood.
    #[error("the database URL of the {store} store is not usable: {reason}")]
    Address {
        /// `write` or `read`.
        store: &'static str,
        /// What is wrong, without the password.
        reason: String,
    },
    /// The engine refused the statement. A fault of this program, or of its input.
    #[error("the {store} store refused a statement: {reason}")]
    Refused {
        /// `write` or `read`.
        store: &'static str,
        /// What the driver said.
        reason: String,
    },
}

/// The result of asking a store.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Whether the same request may well succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::ReadOnly { .. } | Self::Full { .. })
    }

    /// Whether the store will refuse the same again, however often it is asked.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Corrupt { .. })
    }

    /// Sorts a driver's error by its code, never by its text.
    pub(crate) fn from_sqlx(store: &'static str, error: &sqlx::Error) -> Self {
        let reason = error.to_string();
        match error {
            sqlx::Error::Database(db) => {
                let code = db.code().unwrap_or_default();
                // Without the place in the server's own sources.
                let reason = format!("{} ({code})", db.message());
                if db.is_unique_violation() || db.is_check_violation() {
                    let constraint = db.constraint().unwrap_or("primary key").to_owned();
                    return Self::Conflict { constraint };
                }
                // lock_not_available, deadlock_detected, serialization_failure: somebody else is at it.
                if matches!(code.as_ref(), "55P03" | "40P01" | "40001") {
                    return Self::Conflict { constraint: format!("lock, {code}") };
                }
                match Code::of(&code) {
                    Code::Unavailable => Self::Unavailable { store, reason },
                    Code::ReadOnly => Self::ReadOnly { store, reason },
                    Code::Full => Self::Full { store, reason },
                    Code::NotADatabase => Self::NotADatabase { path: format!("the {store} store"), reason },
                    Code::Other => Self::Refused { store, reason },
                }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                Self::Refused { store, reason }
            }
            // The driver's words are of its pool; what was wrong it has tried away.
            sqlx::Error::PoolTimedOut => {
                Self::Unavailable { store, reason: "no connection could be had in time".into() }
            }
            sqlx::Error::Configuration(_) => Self::Address { store, reason },
            _ => Self::Unavailable { store, reason },
        }
    }
}

enum Code {
    Unavailable,
    ReadOnly,
    Full,
    NotADatabase,
    Other,
}

impl Code {
    /// Sorts SQLSTATE codes (five characters, PostgreSQL) and SQLite's extended result codes (numbers).
    fn of(code: &str) -> Self {
        if code.len() == 5 && !code.bytes().all(|b| b.is_ascii_digit()) || code.starts_with("08") {
            return match code {
                // read_only_sql_transaction
                "25006" => Self::ReadOnly,
                // disk_full, out_of_memory, too_many_connections
                "53100" => Self::Full,
                _ if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
                    Self::Unavailable
                }
                // query_canceled
                "57014" => Self::Unavailable,
                _ => Self::Other,
            };
        }
        match code.parse::<u32>() {
            // PostgreSQL states made of digits only.
            Ok(53100) => Self::Full,
            Ok(25006) => Self::ReadOnly,
            Ok(57014 | 53000 | 53200 | 53300 | 53400) => Self::Unavailable,
            Ok(n) if n < 10_000 => match n & 0xff {
                // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PROTOCOL
                5 | 6 | 10 | 14 | 15 => Self::Unavailable,
                8 => Self::ReadOnly,
                13 => Self::Full,
                // SQLITE_CORRUPT, SQLITE_NOTADB
                11 | 26 => Self::NotADatabase,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}
