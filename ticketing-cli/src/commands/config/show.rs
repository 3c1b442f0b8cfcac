//! `ticketctl config show`.

use crate::contexts::Kept;
use crate::place::{self, Found, NamedBy, Place};
use crate::settings::{SETTINGS, Setting, Shown, word};
use serde::Serialize;
use ticketing_core::app::config::Settings;
use ticketing_core::store::db::Address;
use ticketing_desk::globals::Globals;
use ticketing_desk::output::{Column, View};
use ticketing_desk::{Failure, Printer};

/// Show every setting: its value, and where it is from
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Flags beat the context, the context the environment, the environment ticketing.toml.\nSecrets are shown \
                  as \"set\".\n\nExamples:\n  ticketctl config show\n  ticketctl config show --set\n  ticketctl config \
                  show -o json"
)]
pub struct Args {
    /// Only those that are set somewhere
    #[arg(long)]
    set: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: &'static str,
    value: Option<String>,
    from: String,
    note: Option<&'static str>,
}

const LIST: View = View::new(
    "settings",
    &[
        Column::text("Setting", "name").whole(),
        Column::text("Value", "value"),
        Column::text("From", "from").whole(),
        Column::text("Note", "note"),
    ],
);

const SET_ASIDE: &str = "not looked at: the stores are named otherwise";

/// Shows them.
///
/// # Errors
/// A file that can't be read; a context that there is not.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    let found = place::find(globals)?;
    found.warnings.iter().for_each(|warning| printer.warn(warning));
    let settings = Settings::load()?;
    let mut rows: Vec<Row> =
        SETTINGS.iter().map(|setting| row(setting, &settings, globals, &found)).collect();
    rows.extend(of_terminal(globals, &found)?);
    if args.set {
        rows.retain(|row| row.from != DEFAULT);
    }
    let count = rows.len() as u64;
    printer.list(&LIST, rows, Some(count))?;
    if let Place::There(distant) = &found.place {
        printer.note(&format!("{distant}; what is set there is not known here."));
    }
    Ok(())
}

const DEFAULT: &str = "default";

fn row(setting: &Setting, settings: &Settings, globals: &Globals, found: &Found) -> Row {
    let named = &found.globals;
    // A flag or a context that names the stores names them whole.
    let is_named =
        matches!(found.place, Place::Here) && (named.data_dir.is_some() || named.database_url.is_some());
    let by = match &found.context {
        Some(context) if globals.data_dir.is_none() && globals.database_url.is_none() => {
            format!("context {}", context.name)
        }
        Some(_) | None => "flag".to_owned(),
    };
    let folder = named.data_dir.as_ref().map(|folder| folder.display().to_string());
    let address = named.database_url.as_ref().map(|url| shown(Shown::Address, url.expose()));
    let by_name = match setting.name {
        "DATA_DIR" => folder,
        "DATABASE_URL" => address,
        _ => None,
    };
    if let Some(value) = by_name {
        return Row { name: setting.name, value: Some(value), from: by, note: None };
    }
    match settings.found(setting.name) {
        Some((source, value)) => Row {
            name: setting.name,
            value: Some(shown(setting.shown, &value)),
            from: word(source).to_owned(),
            note: (setting.of_stores && is_named).then_some(SET_ASIDE),
        },
        None => Row {
            name: setting.name,
            value: setting.default.map(str::to_owned),
            from: DEFAULT.to_owned(),
            note: None,
        },
    }
}

fn shown(how: Shown, value: &str) -> String {
    match how {
        Shown::Whole => value.to_owned(),
        Shown::Hidden => "set".to_owned(),
        Shown::Address => Address::Url(value.to_owned()).redacted(),
    }
}

/// What the terminal's side was told.
fn of_terminal(globals: &Globals, found: &Found) -> Result<Vec<Row>, Failure> {
    let row = |name, value: Option<String>, from: &str| Row {
        from: if value.is_some() { from.to_owned() } else { DEFAULT.to_owned() },
        name,
        value,
        note: None,
    };
    let context = found.context.as_ref();
    let context_from = match (globals.context.is_some(), place::env("TICKETCTL_CONTEXT")) {
        (true, _) => "flag",
        (false, Some(_)) => "environment",
        (false, None) => "contexts.toml",
    };
    let by_context = context.map(|named| format!("context {}", named.name)).unwrap_or_default();
    let server = match &found.place {
        Place::There(distant) => {
            let from = match distant.by {
                NamedBy::Flag => "flag",
                NamedBy::Context => by_context.as_str(),
                NamedBy::Environment => "environment",
            };
            row("TICKETCTL_SERVER", Some(distant.url.clone()), from)
        }
        Place::Here => row("TICKETCTL_SERVER", None, ""),
    };
    let has_flag = globals.token.is_some() || globals.token_file.is_some();
    let in_context = context.is_some_and(|named| named.file_of(Kept::Token).is_some());
    let set = || Some("set".to_owned());
    let token = match (has_flag, in_context, place::env("TICKETCTL_TOKEN")) {
        (true, _, _) => row("TICKETCTL_TOKEN", set(), "flag"),
        (false, true, _) => row("TICKETCTL_TOKEN", set(), &by_context),
        (false, false, Some(_)) => row("TICKETCTL_TOKEN", set(), "environment"),
        (false, false, None) => row("TICKETCTL_TOKEN", None, ""),
    };
    // The parser has taken it from either, and does not say which.
    let actor = match place::env("TICKETCTL_ACTOR") {
        Some(name) if globals.actor.as_ref() == Some(&name) => {
            row("TICKETCTL_ACTOR", Some(name), "environment")
        }
        Some(_) | None if globals.actor.is_some() => row("TICKETCTL_ACTOR", globals.actor.clone(), "flag"),
        Some(_) | None => Row { value: Some(globals.actor()), ..row("TICKETCTL_ACTOR", None, "") },
    };
    let name = context.map(|named| named.name.clone());
    Ok(vec![row("TICKETCTL_CONTEXT", name, context_from), server, token, actor])
}
