//! Where a command works: on the stores, from here, or through a server elsewhere.
//!
//! A flag beats the context, and the context the environment. The context is the one that `--context` names, else
//! `TICKETCTL_CONTEXT`, else the one in use; a flag that names a server or a store sets it aside.

use crate::address::server_url;
use crate::contexts::{self, Kept, Named, SECRET_BYTES_MAX};
use crate::remote::Server;
use crate::whole;
use std::fmt;
use std::path::PathBuf;
use ticketing_desk::globals::{Globals, Secret};
use ticketing_desk::{Exit, Failure};

/// The flags that say through which server a command works, and who asks it; each has a value.
pub const SERVER_FLAGS: &[&str] = &["--server", "--context", "--token", "--token-file", "--ca-file"];

/// The flags that say on which stores it works, and who does; each has a value.
pub const STORE_FLAGS: &[&str] = &["--data-dir", "--database-url", "--as"];

/// Where a command works.
#[derive(Clone, Debug)]
pub enum Place {
    /// On the stores that flags, the context, the environment and the file name.
    Here,
    /// Through this server.
    There(Distant),
}

/// A server, and how it came to be named.
#[derive(Clone, Debug)]
pub struct Distant {
    /// Its address, without a slash at the end.
    pub url: String,
    /// Who names it.
    pub by: NamedBy,
    token: Option<Named>,
}

/// Who names a server or a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// A flag.
    Flag,
    /// The context.
    Context,
    /// A variable of the environment.
    Environment,
}

/// Where a command works, and in which context.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// The flags, with what the context says in their place.
    pub globals: Globals,
    /// The context, if one is in use.
    pub context: Option<Named>,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
}

/// Returns a variable of the environment that is not empty.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Finds out where a command works.
///
/// # Errors
/// A usage error for a context that there is not; what is wrong with the contexts' file.
pub fn find(globals: &Globals) -> Result<Found, Failure> {
    let distant =
        |url: &str, by, token| Place::There(Distant { url: url.trim_end_matches('/').to_owned(), by, token });
    let found = |place, globals: &Globals| Found {
        place,
        globals: globals.clone(),
        context: None,
        warnings: Vec::new(),
    };
    if let Some(url) = &globals.server {
        return Ok(found(distant(url, NamedBy::Flag, None), globals));
    }
    if globals.data_dir.is_some() || globals.database_url.is_some() {
        return Ok(found(Place::Here, globals));
    }
    let (context, mut warnings) = context(globals)?;
    let Some(named) = context else {
        let place = env("TICKETCTL_SERVER").map(|url| distant(&url, NamedBy::Environment, None));
        return Ok(Found { warnings, ..found(place.unwrap_or(Place::Here), globals) });
    };
    warnings.extend(named.warnings());
    let mut globals = globals.clone();
    globals.guard = Some(named.context.guard(&named.name));
    let place = match &named.context.server {
        Some(url) => distant(url, NamedBy::Context, Some(named.clone())),
        None => {
            globals.data_dir.clone_from(&named.context.data_dir);
            if named.context.database.is_some() {
                globals.database_url = Some(database_url(&named)?);
            }
            Place::Here
        }
    };
    Ok(Found { place, globals, context: Some(named), warnings })
}

/// Returns the context that commands work in, and what the user should know about it.
///
/// # Errors
/// A usage error for a context that there is not; what is wrong with the contexts' file.
pub fn context(globals: &Globals) -> Result<(Option<Named>, Vec<String>), Failure> {
    let by_flag = globals.context.clone().filter(|name| !name.is_empty());
    let by_variable = env("TICKETCTL_CONTEXT").filter(|_| by_flag.is_none());
    let wanted = by_flag.or_else(|| by_variable.clone());
    let Some(folder) = contexts::folder() else {
        return match wanted {
            None => Ok((None, Vec::new())),
            Some(_) => contexts::folder_or_failure().map(|_| (None, Vec::new())),
        };
    };
    let book = match (contexts::read(&folder), &wanted) {
        (Ok(book), _) => book,
        // Somebody else's folder is no reason to do nothing, but it is not passed over in silence.
        (Err(contexts::Unread::Forbidden(why)), None) => {
            return Ok((None, vec![format!("The contexts can't be read, so none is in use. {why}")]));
        }
        (Err(unread), _) => return Err(unread.into()),
    };
    match wanted.as_ref().or(book.current.as_ref()) {
        None => Ok((None, Vec::new())),
        Some(name) => match (book.named(&folder, name), by_variable) {
            (Ok(named), _) => Ok((Some(named), Vec::new())),
            (Err(failure), None) => Err(failure),
            (Err(failure), Some(_)) => {
                let message = format!("{} TICKETCTL_CONTEXT names it.", failure.message);
                Err(Failure { message, ..failure })
            }
        },
    }
}

fn database_url(named: &Named) -> Result<Secret, Failure> {
    named.secret(Kept::DatabaseUrl)?.ok_or_else(|| {
        let name = &named.name;
        Failure::error(format!("The address of the store of the context {name} is missing."))
            .code("CONTEXTS")
            .hint(format!("ticketctl context set {name} --database-url -"))
    })
}

impl fmt::Display for Distant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names the server {}", self.named_by(), self.url)
    }
}

impl Distant {
    /// Who names it, as the beginning of a sentence.
    fn named_by(&self) -> String {
        match (self.by, &self.token) {
            (NamedBy::Flag, _) => "--server".into(),
            (NamedBy::Environment, _) => "TICKETCTL_SERVER".into(),
            (NamedBy::Context, Some(named)) => format!("The context {}", named.name),
            (NamedBy::Context, None) => "The context".into(),
        }
    }

    /// Returns the file of the certificates that are believed beside this machine's: the flag's, else the context's.
    pub fn ca_file(&self, globals: &Globals) -> Option<PathBuf> {
        let kept = || self.token.as_ref().and_then(|named| named.context.ca_file.clone());
        globals.ca_file.clone().or_else(kept)
    }

    /// Returns the server, with its token: the flags', the context's, or the environment's.
    ///
    /// # Errors
    /// There is none, or it can't be read.
    pub fn server(&self, globals: &Globals) -> Result<Server, Failure> {
        let token = match (token_of_flags(globals)?, &self.token) {
            (Some(token), _) => Some(token),
            (None, Some(named)) => named.secret(Kept::Token)?,
            (None, None) => None,
        };
        let token = token.or_else(|| env("TICKETCTL_TOKEN").map(|text| text.trim().to_owned().into()));
        match (token, &self.token) {
            (Some(token), _) => {
                let token_is_piped = globals.token.as_ref().is_some_and(|token| token.expose() == "-");
                let url = server_url(&self.named_by(), &self.url)?;
                let ca_file = self.ca_file(globals);
                Ok(Server { url, token, token_is_piped, ca_file })
            }
            (None, named) => Err(no_token(named.as_ref())),
        }
    }
}

fn no_token(named: Option<&Named>) -> Failure {
    let failure = Failure::new(Exit::Auth, "NO_TOKEN", "A server wants a token, and there is none.");
    match named {
        Some(named) => failure.hint(format!(
            "ticketctl context set {} --token -, with what ticketctl user token NAME --role operator prints where the \
             stores are",
            named.name
        )),
        None => failure.hint(
            "export TICKETCTL_TOKEN=$(ticketctl user token NAME --role operator --data-dir DIR), run where the stores are",
        ),
    }
}

/// Returns the token that the flags name: the word, stdin's, or the file's.
///
/// # Errors
/// It can't be read, or is empty.
pub fn token_of_flags(globals: &Globals) -> Result<Option<Secret>, Failure> {
    let text = match (&globals.token, &globals.token_file) {
        (Some(token), _) if token.expose() == "-" => from_stdin("token")?,
        (Some(token), _) => token.expose().to_owned(),
        (None, Some(file)) => {
            let read = std::fs::File::open(file).and_then(|file| whole::text(file, SECRET_BYTES_MAX));
            read.map_err(|error| {
                Failure::usage(format!("The token file {} can't be read.", file.display()))
                    .why(format!("{error}."))
                    .hint("--token-file FILE, with nothing in it but what ticketctl user token prints")
            })?
        }
        (None, None) => return Ok(None),
    };
    match text.trim() {
        "" => Err(Failure::new(Exit::Auth, "NO_TOKEN", "The token that was given is empty.")
            .hint("ticketctl user token NAME --role operator, where the stores are, makes one")),
        token => Ok(Some(token.to_owned().into())),
    }
}

/// Reads a secret from stdin.
///
/// # Errors
/// It can't be read.
pub fn from_stdin(what: &str) -> Result<String, Failure> {
    let text = whole::text(std::io::stdin(), SECRET_BYTES_MAX).map_err(|error| {
        Failure::usage(format!("The {what} on stdin can't be read."))
            .why(format!("{error}."))
            .hint(format!("send the {what} and nothing else"))
    })?;
    Ok(text.trim().to_owned())
}
