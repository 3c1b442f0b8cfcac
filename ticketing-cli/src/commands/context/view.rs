//! A context as it is shown: where it works and what it demands, and never a secret.

use crate::contexts::{Kept, Named};
use serde::Serialize;
use std::path::PathBuf;
use ticketing_desk::guard::Colour;
use ticketing_desk::output::{Column, View};

/// A context, shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    name: String,
    in_use: bool,
    at: String,
    server: Option<String>,
    data_dir: Option<PathBuf>,
    database: Option<String>,
    database_url: Option<String>,
    token: Option<String>,
    ca_file: Option<PathBuf>,
    colour: Option<Colour>,
    protected: bool,
    readonly: bool,
}

impl Shown {
    /// Shows a context.
    #[must_use]
    pub fn of(named: &Named, in_use: bool) -> Self {
        let kept_in = |kept| named.file_of(kept).map(|file| format!("kept in {}", file.display()));
        let context = named.context.clone();
        Self {
            in_use,
            at: context.at(),
            token: kept_in(Kept::Token).filter(|_| context.server.is_some()),
            database_url: kept_in(Kept::DatabaseUrl).filter(|_| context.database.is_some()),
            name: named.name.clone(),
            server: context.server,
            data_dir: context.data_dir,
            database: context.database,
            ca_file: context.ca_file,
            colour: context.colour,
            protected: context.protected,
            readonly: context.readonly,
        }
    }
}

/// A context's fields.
pub const FIELDS: &[Column] = &[
    Column::text("Name", "name"),
    Column::text("In use", "inUse"),
    Column::text("Server", "server").whole(),
    Column::text("Token", "token").whole(),
    Column::text("Certificates", "caFile").whole(),
    Column::text("Data folder", "dataDir").whole(),
    Column::text("Database", "database").whole(),
    Column::text("Its address", "databaseUrl").whole(),
    Column::text("Colour", "colour"),
    Column::text("Protected", "protected"),
    Column::text("Read-only", "readonly"),
];

/// A list of contexts.
pub const CONTEXTS: View = View::new(
    "contexts",
    &[
        Column::text("In use", "inUse").whole(),
        Column::text("Name", "name").whole(),
        Column::text("Works at", "at"),
        Column::text("Protected", "protected").whole(),
        Column::text("Read-only", "readonly").whole(),
        Column::text("Colour", "colour").whole(),
        Column::text("Token", "token").wide(),
    ],
);
