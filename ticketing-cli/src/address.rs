//! A server's address: what one may be, and whether what is sent there can be read on the way.

use std::net::IpAddr;
use ticketing_desk::Failure;

/// Checks a server's address, and returns it without a slash at the end. `named` is who names it: `--server`.
///
/// # Errors
/// A usage error. It does not repeat the address, which may have a password in it.
pub fn server_url(named: &str, text: &str) -> Result<String, Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("{named} names no address of a server."))
            .why(why)
            .hint("--server https://tickets.example.org")
    };
    let text = text.trim();
    let url = reqwest::Url::parse(text).map_err(|error| wrong(&format!("{error}.")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("It begins with https:// or http://, and a host follows."));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "It has a user or a password in it: a server wants a token, by TICKETCTL_TOKEN, --token - or --token-file.",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("It has a ? or a # in it."));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Returns a warning if a token on its way to this server could be read by others.
#[must_use]
pub fn warning(url: &str) -> Option<String> {
    is_open_to_listeners(url)
        .then(|| "With http:// the token can be read by whoever is on the way; https:// hides it.".to_owned())
}

/// Says whether a token on its way to this server could be read by others.
fn is_open_to_listeners(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback =
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme() == "http" && !is_loopback
}

#[cfg(test)]
mod tests {
    use super::{server_url, warning};

    #[test]
    fn an_address_is_a_server_s_and_nothing_more_and_no_secret_of_it_is_shown() {
        for (given, expected) in [
            ("http://localhost:3002", Some("http://localhost:3002")),
            (" https://tickets.example.org/ ", Some("https://tickets.example.org")),
            ("https://example.org/tickets/", Some("https://example.org/tickets")),
            ("localhost:3002", None),
            ("tickets.example.org", None),
            ("ftp://example.org", None),
            ("http://", None),
            ("https://", None),
            ("https://ada:hunter2@example.org", None),
            ("https://example.org/?hunter2", None),
            ("https://example.org/#x", None),
            ("", None),
        ] {
            let found = server_url("--server", given);
            assert_eq!(found.as_deref().ok(), expected, "{given}");
            if let Err(failure) = found {
                assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
            }
        }
    }

    #[test]
    fn only_a_token_that_leaves_the_machine_in_the_clear_is_warned_about() {
        for (url, open) in [
            ("http://h", true),
            ("https://h", false),
            ("http://localhost:1", false),
            ("http://127.0.0.1:1", false),
            ("http://[::1]:1", false),
            ("http://10.0.0.1", true),
        ] {
            assert_eq!(warning(url).is_some(), open, "{url}");
        }
    }
}
