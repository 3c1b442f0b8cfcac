//! `ticketctl context set`: makes a context, or changes what it is told to.

use super::view::{FIELDS, Shown};
use crate::address::{self, server_url};
use crate::contexts::{self, Context, Kept};
use crate::place;
use clap::ValueEnum;
use std::path::{Path, absolute};
use ticketing_core::store::db::Address;
use ticketing_desk::Failure;
use ticketing_desk::globals::{Globals, Secret};
use ticketing_desk::guard::Colour;
use ticketing_desk::output::Printer;

/// Make a context, or change one
#[derive(clap::Args, Debug)]
#[command(
    override_usage = "ticketctl context set NAME [--server URL [--token - | --token-file FILE] [--ca-file FILE] | --data-dir DIR | \
                      --database-url -] [OPTIONS]",
    after_help = "\
It names a server (--server, with --token - or --token-file) or a store
(--data-dir, or --database-url; - reads the address from stdin). What is not
given stays as it is. The token and the address are copied into files for this
user alone. A token belongs to its server: with another one it is forgotten.

Examples:
  ticketctl context set prod --server https://tickets.example.org --token - < t
  ticketctl context set prod --colour red --protected
  ticketctl context set reports --database-url - --readonly < address
  ticketctl context set prod --protected=false"
)]
pub struct Args {
    /// The context
    name: String,
    /// The colour that its name is shown in: red, yellow, green, blue, magenta, cyan or none
    #[arg(long, value_name = "COLOUR")]
    colour: Option<ColourChoice>,
    /// Every change in it wants a reason, and a severe one its name
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true)]
    protected: Option<bool>,
    /// Nothing may be changed in it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true)]
    readonly: Option<bool>,
}

#[derive(Clone, Copy, Debug)]
struct ColourChoice(Option<Colour>);

impl std::str::FromStr for ColourChoice {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "none" => Ok(Self(None)),
            _ => Colour::from_str(word, true)
                .map(|colour| Self(Some(colour)))
                .map_err(|_| "write red, yellow, green, blue, magenta, cyan or none".into()),
        }
    }
}

/// What a context is told to keep to itself.
struct Secrets {
    token: Option<Secret>,
    database_url: Option<Secret>,
}

/// Makes or changes the context.
///
/// # Errors
/// A usage error for what makes no sense together; the files can't be written.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    contexts::check_name(&args.name)?;
    // Before the lock: stdin may take its time.
    let database_url = match &globals.database_url {
        Some(url) if url.expose() == "-" => Some(place::from_stdin("address")?.into()),
        url => url.clone(),
    };
    let secrets = Secrets { token: place::token_of_flags(globals)?, database_url };
    let name = &args.name;
    let (named, forgot_token, is_new) = contexts::edit(|book, folder| {
        let before = book.contexts.get(name);
        let mut context = before.cloned().unwrap_or_default();
        let is_new = before.is_none();
        let forgets_token = place_of(&mut context, globals, &secrets)? && secrets.token.is_none();
        if let Some(ColourChoice(colour)) = args.colour {
            context.colour = colour;
        }
        context.protected = args.protected.unwrap_or(context.protected);
        context.readonly = args.readonly.unwrap_or(context.readonly);
        let forgot_token = forgets_token && !is_new && has_token(folder, book, name);
        keep(folder, name, &context, &secrets, forgets_token)?;
        book.contexts.insert(name.clone(), context);
        Ok((book.named(folder, name)?, forgot_token, is_new))
    })?;
    if forgot_token {
        printer.warn(&format!(
            "The token was the other server's, and is forgotten: ticketctl context set {name} --token -"
        ));
    }
    if let Some(warning) = named.context.server.as_deref().and_then(address::warning) {
        printer.warn(&warning);
    }
    let in_use = place::context(globals).ok().and_then(|(in_use, _)| in_use);
    let is_in_use = in_use.is_some_and(|other| other.name == *name);
    if is_new && !is_in_use {
        printer.note(&format!("Made; ticketctl context use {name} works in it from then on."));
    }
    printer.object(&Shown::of(&named, is_in_use), FIELDS)
}

fn has_token(folder: &Path, book: &contexts::Book, name: &str) -> bool {
    book.named(folder, name).is_ok_and(|named| named.file_of(Kept::Token).is_some())
}

/// Puts into a context where it works; true if a token that is kept for it is no longer its own.
fn place_of(context: &mut Context, globals: &Globals, secrets: &Secrets) -> Result<bool, Failure> {
    let mut is_elsewhere = false;
    if let Some(url) = &globals.server {
        let url = server_url("--server", url)?;
        is_elsewhere = context.server.as_ref() != Some(&url);
        *context = Context { server: Some(url), data_dir: None, database: None, ..context.clone() };
    }
    if let Some(file) = &globals.ca_file {
        let file = absolute(file).map_err(|error| {
            Failure::usage(format!("--ca-file {} names no file.", file.display())).why(format!("{error}."))
        })?;
        context.ca_file = Some(file);
    }
    if let Some(folder) = &globals.data_dir {
        let folder = absolute(folder).map_err(|error| {
            Failure::usage(format!("--data-dir {} names no folder.", folder.display()))
                .why(format!("{error}."))
        })?;
        is_elsewhere |= context.server.is_some();
        // A folder alone is an embedded store, as with the flags.
        *context = Context { server: None, data_dir: Some(folder), database: None, ..context.clone() };
    }
    if let Some(url) = &secrets.database_url {
        is_elsewhere |= context.server.is_some();
        let shown = Address::Url(database_url(url)?.to_owned()).redacted();
        // The folder of an embedded store is not the folder of what else is kept beside a PostgreSQL store.
        let had = context.database.as_ref().and(context.data_dir.clone());
        let data_dir = globals.data_dir.as_ref().and(context.data_dir.clone()).or(had);
        *context = Context { server: None, data_dir, database: Some(shown), ..context.clone() };
    }
    if context.at().is_empty() {
        return Err(Failure::usage("A new context needs to know where it works.")
            .hint("add --server URL, --data-dir DIR or --database-url -"));
    }
    if context.server.is_none() {
        // What is believed of a server says nothing of a store.
        context.ca_file = None;
    }
    if secrets.token.is_some() && context.server.is_none() {
        return Err(Failure::usage("A token is for a server, and the context names a store.")
            .hint("leave out the token, or add --server URL"));
    }
    Ok(is_elsewhere)
}

fn keep(
    folder: &Path,
    name: &str,
    context: &Context,
    secrets: &Secrets,
    forgets_token: bool,
) -> Result<(), Failure> {
    match &secrets.token {
        Some(token) => Kept::Token.keep(folder, name, token)?,
        None if forgets_token => Kept::Token.forget(folder, name)?,
        None => {}
    }
    match &secrets.database_url {
        Some(url) => Kept::DatabaseUrl.keep(folder, name, url),
        None if context.database.is_none() => Kept::DatabaseUrl.forget(folder, name),
        None => Ok(()),
    }
}

fn database_url(url: &Secret) -> Result<&str, Failure> {
    let text = url.expose();
    if ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(text);
    }
    Err(Failure::usage("--database-url is no address of a PostgreSQL store.")
        .hint("write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE"))
}
