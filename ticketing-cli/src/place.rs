//! Where a command works: on the stores, from here, or through a server elsewhere.
//!
//! A flag beats the context, and the context the environment.

use crate::remote::Server;
use std::io::Read as _;
use ticketing_desk::Failure;
use ticketing_desk::globals::{Globals, Secret};

/// No token is longer, in bytes.
const TOKEN_BYTES_MAX: u64 = 16 << 10;

/// Where a command works.
#[derive(Clone, Debug)]
pub enum Place {
    /// On the stores that flags, the environment and the file name.
    Here,
    /// Through this server.
    There(Server),
}

/// Finds out where a command works.
///
/// # Errors
/// A usage error for a context that there is not, and for a server without a token.
pub fn find(globals: &Globals) -> Result<Place, Failure> {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let names_a_store = globals.data_dir.is_some() || globals.database_url.is_some();
    if let Some(context) = globals.context.as_ref().filter(|name| !name.is_empty()) {
        return Err(Failure::usage(format!("There is no context \"{context}\".")));
    }
    let server =
        globals.server.clone().or_else(|| (!names_a_store).then(|| env("TICKETCTL_SERVER")).flatten());
    let Some(url) = server else { return Ok(Place::Here) };
    let url = address(&url)?;
    let token_is_piped = globals.token.as_ref().is_some_and(|token| token.expose() == "-");
    let token = token(globals, env("TICKETCTL_TOKEN"))?;
    Ok(Place::There(Server { url, token, token_is_piped }))
}

/// Returns a server's address without the slash at its end. What more it may hold (a password, a question) is refused
/// before it is printed or sent.
fn address(text: &str) -> Result<String, Failure> {
    let usage = |message: String| Failure::usage(message).hint("--server https://tickets.example.org");
    let shown = ticketing_core::text::quoted(text);
    let Ok(url) = reqwest::Url::parse(text) else {
        return Err(usage(format!("{shown} is no address of a server.")));
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(usage(format!("{shown} is no address of a server."))
            .why("It begins with https://, or with http:// on a network that you trust."));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(usage("A server's address has no user and no password in it.".into())
            .why("Who asks is said by the token: TICKETCTL_TOKEN, or --token-file FILE."));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(usage(format!("{shown} is no address of a server."))
            .why("It has a question or a fragment behind it."));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The token, by flag, file or environment.
fn token(globals: &Globals, in_environment: Option<String>) -> Result<Secret, Failure> {
    let text = match (&globals.token, &globals.token_file) {
        (Some(token), _) if token.expose() == "-" => {
            let mut text = String::new();
            let read = std::io::stdin().take(TOKEN_BYTES_MAX).read_to_string(&mut text);
            read.map_err(|error| {
                Failure::usage("The token on stdin can't be read.").why(format!("{error}."))
            })?;
            Some(text)
        }
        (Some(token), _) => Some(token.expose().to_owned()),
        (None, Some(file)) => Some(std::fs::read_to_string(file).map_err(|error| {
            Failure::usage(format!("The token file {} can't be read.", file.display()))
                .why(format!("{error}."))
        })?),
        (None, None) => in_environment,
    };
    let text = text.unwrap_or_default();
    match text.trim() {
        "" => Err(Failure::new(
            ticketing_desk::Exit::Auth,
            "NO_TOKEN",
            "A server wants a token, and there is none.",
        )
        .hint(
            "export TICKETCTL_TOKEN=$(ticketctl user token NAME --role operator), made where the stores are",
        )),
        token => Ok(token.to_owned().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_is_a_server_s_and_nothing_more() {
        for (given, expected) in [
            ("http://localhost:3002", Some("http://localhost:3002")),
            ("https://tickets.example.org/", Some("https://tickets.example.org")),
            ("https://example.org/tickets/", Some("https://example.org/tickets")),
            ("localhost:3002", None),
            ("tickets.example.org", None),
            ("ftp://example.org", None),
            ("http://", None),
            ("https://ada:hunter2@example.org", None),
            ("https://example.org/?x=1", None),
            ("https://example.org/#x", None),
            ("", None),
        ] {
            let found = address(given);
            assert_eq!(found.as_deref().ok(), expected, "{given}");
            if let Err(failure) = found {
                assert!(!failure.message.contains("hunter2"), "{failure}");
            }
        }
    }
}
