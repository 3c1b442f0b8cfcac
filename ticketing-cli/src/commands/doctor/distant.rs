//! A server elsewhere, looked at: whether it answers, which version it is, whether its clock is ours, whether the
//! token still counts; and its stores, through it.

use crate::address;
use crate::place::Distant;
use crate::remote::{self, Server};
use crate::trust;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use ticketing_desk::commands::doctor::Checked;
use ticketing_desk::globals::{Globals, Secret};
use ticketing_desk::output::{Format, Terminal, grouped, system_clock};
use ticketing_desk::signals::{self, Doing};
use ticketing_desk::{Exit, Failure, Printer};

/// Clocks that differ by more are worth a look, in seconds.
const SKEW_S_MAX: i64 = 30;
/// A token that ends sooner is worth a new one, in seconds.
const TOKEN_S_MIN: i64 = 15 * 60;
/// No larger document is read, in bytes.
const DOCUMENT_BYTES_MAX: usize = 4 << 20;

/// Makes all checks of a server and, through it, of its stores.
///
/// # Errors
/// A signal.
pub fn check(distant: &Distant, globals: &Globals) -> Result<Vec<Checked>, Failure> {
    let ca_file = distant.ca_file(globals);
    let mut all = signals::run(&Doing::default(), async {
        Ok(answers(&distant.url, ca_file.as_deref(), globals.timeout).await)
    })?;
    let server = match distant.server(globals) {
        Ok(server) => server,
        Err(failure) => {
            all.push(Checked::failed("token", &failure));
            return Ok(all);
        }
    };
    all.push(token(&server.token));
    if let Some(warning) = address::warning(&server.url) {
        all.push(Checked::warn("address", warning, "give the server's address with https://"));
    }
    // What does not answer has been told of.
    if all.first().is_some_and(|first| first.state != ticketing_desk::commands::doctor::State::Fail) {
        all.extend(stores(&server, globals)?);
    }
    Ok(all)
}

/// What is read of an OpenAPI document.
#[derive(Deserialize)]
struct Document {
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    version: String,
}

async fn answers(url: &str, ca_file: Option<&Path>, limit: Duration) -> Vec<Checked> {
    let client = match trust::client(limit, url, ca_file) {
        Ok(client) => client,
        Err(failure) => return vec![Checked::failed("server", &failure)],
    };
    let asked = system_clock();
    let live = client.get(format!("{url}/api/health/live")).timeout(limit).send().await;
    let response = match live {
        Ok(response) if response.status().is_success() => response,
        Ok(response) => {
            let finding = format!("{url} answers {}, not as a ticketing server does.", response.status());
            return vec![Checked::fail("server", finding, format!("curl -i {url}/api/health/live"))];
        }
        Err(error) => {
            if let Some(failure) = trust::not_believed(url, &error) {
                return vec![Checked::failed("server", &failure)];
            }
            let finding = format!("{url} does not answer: {}.", trust::root_of(&error));
            return vec![Checked::fail("server", finding, format!("curl -i {url}/api/health/live"))];
        }
    };
    let took_ms = system_clock().as_millis() - asked.as_millis();
    let mut all =
        vec![Checked::ok("server", format!("{url} answers, in {} ms.", grouped(took_ms.unsigned_abs())))];
    let date = response.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
    if let Some(date) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
        let skew = date.timestamp().as_second() - asked.as_millis().div_euclid(1_000);
        all.push(match skew.abs() > SKEW_S_MAX {
            true => Checked::warn(
                "server clock",
                format!("It differs from this machine's by {} s.", grouped(skew.unsigned_abs())),
                "timedatectl set-ntp true, on the machine that is wrong",
            ),
            false => Checked::ok("server clock", "It agrees with this machine's."),
        });
    }
    all.push(version(&client, url, limit).await);
    all
}

async fn version(client: &reqwest::Client, url: &str, limit: Duration) -> Checked {
    const OURS: &str = env!("CARGO_PKG_VERSION");
    let reading = async {
        let mut response = client.get(format!("{url}/api/openapi.json")).timeout(limit).send().await.ok()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            body.extend_from_slice(&chunk);
            if body.len() > DOCUMENT_BYTES_MAX {
                return None;
            }
        }
        serde_json::from_slice::<Document>(&body).ok()
    };
    match reading.await {
        Some(document) if document.info.version == OURS => {
            Checked::ok("version", format!("Both are {OURS}."))
        }
        Some(document) => {
            let theirs: String = document.info.version.chars().take(32).collect();
            Checked::warn(
                "version",
                format!("The server is {theirs}, this program {OURS}: some commands may not be understood."),
                format!("install ticketctl {theirs}"),
            )
        }
        None => Checked::warn(
            "version",
            "The server does not tell it: it has not the role api.",
            "ticketctl serve --roles api, where the stores are",
        ),
    }
}

/// What is read of a token. It proves nothing: only the server can check the signature.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    role: Option<String>,
}

fn token(token: &Secret) -> Checked {
    const FIX: &str = "ticketctl user token NAME --role operator, where the stores are";
    let payload = token.expose().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = payload.and_then(|payload| serde_json::from_slice::<Claims>(&payload).ok());
    let Some(claims) = claims else {
        return Checked::fail("token", "It is no token of a ticketing server.", FIX);
    };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a time beyond an i64's seconds is as good as the largest"
    )]
    let left = claims.exp.map(|exp| exp as i64 - system_clock().as_millis().div_euclid(1_000));
    match (left, claims.role.as_deref()) {
        (Some(left), _) if left <= 0 => {
            Checked::fail("token", format!("It ended {} s ago.", grouped(left.unsigned_abs())), FIX)
        }
        (None, _) => Checked::fail("token", "It has no end, so no server takes it.", FIX),
        (Some(_), role) if !matches!(role, Some("operator" | "admin")) => Checked::fail(
            "token",
            format!("Its role is {}: only operators and admins run commands.", role.unwrap_or("user")),
            FIX,
        ),
        (Some(left), _) if left < TOKEN_S_MIN => {
            Checked::warn("token", format!("It ends in {} min.", left / 60), FIX)
        }
        (Some(left), _) if left < 7200 => {
            Checked::ok("token", format!("It counts for {} min more.", left / 60))
        }
        (Some(left), _) => {
            Checked::ok("token", format!("It counts for {} h more.", grouped(left.unsigned_abs() / 3600)))
        }
    }
}

/// Where what a command prints is kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Has the server look at its stores.
fn stores(server: &Server, globals: &Globals) -> Result<Vec<Checked>, Failure> {
    let timeout = format!("{}ms", globals.timeout.as_millis());
    let args = ["doctor", "-o", "jsonl", "--timeout", &timeout].map(str::to_owned).to_vec();
    let globals = Globals { output: Format::Jsonl, invocation: args, ..globals.clone() };
    let out = Kept::default();
    let mut printer = Printer::with(
        &globals,
        Terminal::default(),
        Box::new(out.clone()),
        Box::new(io::sink()),
        system_clock,
    );
    let outcome = remote::run(server, &globals, &BTreeSet::new(), &mut printer);
    drop(printer);
    let text = String::from_utf8_lossy(&out.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    let mut all: Vec<Checked> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    match outcome {
        Ok(Exit::Ok | Exit::Unhealthy) => {}
        Ok(Exit::Usage) => all.push(Checked::warn(
            "stores",
            "The server does not know this command: it is older.",
            "ticketctl status",
        )),
        Ok(exit) => all.push(Checked::fail(
            "stores",
            format!("The server could not look at them: exit code {}.", exit as u8),
            "ticketctl status",
        )),
        Err(failure) if matches!(failure.exit, Exit::Interrupted | Exit::Terminated) => return Err(failure),
        Err(failure) => all.push(Checked::failed("stores", &failure)),
    }
    Ok(all)
}
