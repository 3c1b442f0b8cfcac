//! What connects to servers, and whose certificates it believes.
//!
//! Whoever this machine trusts is believed, and who signed for a server of one's own if a file says so. There is no way
//! to believe nobody's word: a token would go to whoever answers.

use reqwest::{Certificate, Client, redirect};
use std::error::Error as _;
use std::path::Path;
use std::time::Duration;
use ticketing_core::adapters::tls;
use ticketing_desk::Failure;

/// No file of certificates is larger, in bytes.
const CA_BYTES_MAX: u64 = 4 << 20;
/// What rustls says first of a certificate that it does not believe.
const NOT_BELIEVED: &str = "invalid peer certificate: ";

/// Returns what connects to the server at `url`; a connection that is not there in time is given up.
///
/// # Errors
/// The file of certificates can't be used; this machine trusts nobody, and the server wants TLS.
pub fn client(timeout: Duration, url: &str, ca_file: Option<&Path>) -> Result<Client, Failure> {
    tls::use_ring();
    let user_agent = concat!("ticketctl/", env!("CARGO_PKG_VERSION"));
    // A proxy of the environment is for the world outside; an operator names the server itself.
    let builder = Client::builder().user_agent(user_agent).connect_timeout(timeout).no_proxy();
    let builder = builder.redirect(redirect::Policy::none());
    let builder = match ca_file {
        // TLS is never spoken, so nobody is trusted: reading all that a machine trusts takes time, and some trust none.
        _ if !is_tls(url) => builder.tls_certs_only([]),
        Some(file) => builder.tls_certs_merge(certificates(file)?),
        None => builder,
    };
    builder.build().map_err(|error| {
        Failure::error("The connection can't be set up.")
            .code("TLS")
            .why(format!("{}.", root_of(&error)))
            .hint("--ca-file FILE, or SSL_CERT_FILE, with the certificates (PEM) of those who are to be believed")
    })
}

fn is_tls(url: &str) -> bool {
    url.get(..6).is_some_and(|begin| begin.eq_ignore_ascii_case("https:"))
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!("The certificates in {} can't be read.", file.display()))
            .why(format!("{}.", why.trim_end_matches('.')))
            .hint("--ca-file FILE, in PEM: it begins with -----BEGIN CERTIFICATE-----")
    };
    let read = std::fs::File::open(file).and_then(|file| crate::whole::bytes(file, CA_BYTES_MAX));
    let bytes = read.map_err(|error| wrong(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&bytes).map_err(|error| wrong(root_of(&error)))?;
    if found.is_empty() {
        return Err(wrong("There is none in it".to_owned()));
    }
    Ok(found)
}

/// Returns what to do about a certificate that was not believed; `None` of what failed otherwise.
#[must_use]
pub fn not_believed(url: &str, error: &reqwest::Error) -> Option<Failure> {
    let said = root_of(error);
    let why = said.strip_prefix(NOT_BELIEVED)?;
    let failure =
        Failure::unreachable(format!("The server at {url} can't prove who it is.")).code("CERTIFICATE");
    let failure = failure.why(format!("Its certificate is not believed: {why}. Nothing was sent."));
    Some(if ["UnknownIssuer", "BadSignature"].iter().any(|begin| why.starts_with(begin)) {
        failure.hint(
            "--ca-file FILE with the certificate (PEM) of whoever signed the server's, got from those who run it; \
             ticketctl context set NAME --ca-file FILE keeps it",
        )
    } else if why.contains("not valid for name") {
        failure.hint("give --server the name that the certificate is for")
    } else if why.contains("expired") {
        failure.hint("have those who run the server renew its certificate, or set this machine's clock")
    } else if why.contains("not yet valid") || why.contains("not valid yet") {
        failure.hint("set this machine's clock: timedatectl set-ntp true")
    } else {
        failure.hint("ask those who run the server what its certificate is")
    })
}

/// The innermost cause: what is around it says little.
pub fn root_of(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut said = error.to_string();
    while let Some(inner) = cause {
        said = inner.to_string();
        cause = inner.source();
    }
    said.trim_end_matches('.').to_owned()
}
