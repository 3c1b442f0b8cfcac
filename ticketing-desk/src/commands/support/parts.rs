//! What a bundle holds, each part a text. Where a part can't be had, it says why instead.

use super::hidden::{self, HIDDEN};
use crate::commands::{bulk, group, migrate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::session::Session;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::time::Duration;
use ticketing_core::app::config::Settings;
use ticketing_core::app::folder;
use ticketing_core::ops::groups::Group;
use ticketing_core::ops::{audit, dlq, sagas, status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Stuck sagas and dead letters of one bundle, each.
const ROWS_MAX: usize = 200;
/// Lines of a log, its last ones.
const LOG_LINES_MAX: usize = 2_000;
/// A longer line is cut, in characters.
const LOG_LINE_CHARS_MAX: usize = 2_000;
/// How long a server may take to tell its metrics.
const METRICS_TIMEOUT: Duration = Duration::from_secs(2);
/// No more is read of them, in bytes.
const METRICS_BYTES_MAX: u64 = 4 << 20;

/// A file of the bundle.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// What is in it, for people.
    pub holds: &'static str,
    /// The text.
    pub text: String,
}

impl Part {
    /// Returns a part with this value, or with what stood in its way.
    pub fn of(name: &'static str, holds: &'static str, found: Result<Value, Failure>) -> Self {
        let value = found.unwrap_or_else(|failure| json!({ "missing": failure.code }));
        let text = serde_json::to_string_pretty(&value).unwrap_or_default() + "\n";
        Self { name, holds, text }
    }
}

/// The settings whose values stand as they are.
const PLAIN: &[&str] = &[
    "APP_ENV",
    "PORT",
    "HOST",
    "DATA_DIR",
    "HOLD_SECONDS",
    "RATE_LIMIT",
    "PAYMENT_PROVIDER",
    "LOG",
    "LOG_FORMAT",
    "RUST_LOG",
    "TOPIC_PREFIX",
    "REDIS_HOST",
    "REDIS_PORT",
    "POSTGRES_WRITE_HOST",
    "POSTGRES_WRITE_PORT",
    "POSTGRES_WRITE_DB",
    "POSTGRES_READ_HOST",
    "POSTGRES_READ_PORT",
    "POSTGRES_READ_DB",
];
/// Those that are addresses: users and passwords are taken out.
const ADDRESSES: &[&str] = &[
    "DATABASE_URL",
    "READ_DATABASE_URL",
    "REDIS_URL",
    "KAFKA_BROKERS",
    "NATS_URL",
    "STRIPE_API_BASE",
    "SMTP_URL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
/// Those of which only stands whether they are set.
const SECRET: &[&str] = &[
    "JWT_SECRET",
    "STRIPE_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "POSTGRES_WRITE_USER",
    "POSTGRES_WRITE_PASSWORD",
    "POSTGRES_READ_USER",
    "POSTGRES_READ_PASSWORD",
    "CORS_ALLOWED_ORIGINS",
    "TRUSTED_PROXIES",
];

/// The settings that are known by name; no other variable is looked at.
pub fn settings(settings: &Settings) -> Value {
    let shown = |name: &&str| settings.get(name).map(|value| ((*name).to_owned(), Value::String(value)));
    let mut all: serde_json::Map<String, Value> = PLAIN.iter().filter_map(shown).collect();
    for name in ADDRESSES {
        if let Some(value) = settings.get(name) {
            all.insert((*name).to_owned(), hidden::address(&value).into());
        }
    }
    for name in SECRET.iter().filter(|name| settings.get(name).is_some()) {
        all.insert((*name).to_owned(), HIDDEN.into());
    }
    Value::Object(all)
}

/// The migrations of both stores.
///
/// # Errors
/// A newer schema; what the stores say.
pub fn schemas(desk: &Desk) -> Result<Value, Failure> {
    Ok(value(&migrate::view::read(desk)?.rows))
}

fn value<T: serde::Serialize + ?Sized>(body: &T) -> Value {
    serde_json::to_value(body).unwrap_or(Value::Null)
}

/// What is asked of the opened stores.
pub async fn of_stores(session: &Session, audit_rows: u64) -> Vec<Part> {
    vec![
        Part::of("status.json", "who serves, how far the log and the read store are", state(session).await),
        Part::of(
            "audit.json",
            "the last changes: when, what, by whom as a number",
            changes(session, audit_rows).await,
        ),
        Part::of(
            "stuck-sagas.json",
            "payments that stand still, without the provider's words",
            stuck(session).await,
        ),
        Part::of("dead-letters.json", "what can't be handled: heads, no bodies", letters(session).await),
        Part::of("groups.json", "how far behind the readers are", lag(session).await),
    ]
}

async fn state(session: &Session) -> Result<Value, Failure> {
    let app = &session.app;
    let mut found = value(&status::status(app).await?);
    if let Value::Object(fields) = &mut found {
        for name in ["writeStore", "readStore"] {
            if let Some(Value::String(address)) = fields.get(name) {
                let address = hidden::address(address);
                fields.insert(name.into(), address.into());
            }
        }
    }
    Ok(json!({
        "stores": found,
        "payments": status::payments(app).await?,
        "services": status::services(app).await?,
    }))
}

async fn changes(session: &Session, max: u64) -> Result<Value, Failure> {
    let (rows, total) = audit::list(&session.app, Some(max)).await?;
    let mut actors: HashMap<String, usize> = HashMap::new();
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|row| {
            let next = actors.len() + 1;
            let actor = *actors.entry(row.actor).or_insert(next);
            let plan: Value = serde_json::from_str(row.plan.get()).unwrap_or(Value::Null);
            json!({
                "id": row.id,
                "at": row.at,
                "actor": format!("actor {actor}"),
                "action": row.action,
                "target": hidden::id(&row.target),
                "hasReason": row.reason.is_some(),
                "affected": plan.get("affected"),
                "result": hidden::outcome(&row.result),
            })
        })
        .collect();
    Ok(json!({ "total": total, "rows": rows }))
}

async fn stuck(session: &Session) -> Result<Value, Failure> {
    let app = &session.app;
    let ids = sagas::stuck(app).await?;
    let shown = sagas::rows(app, &ids[..ids.len().min(ROWS_MAX)]).await?;
    let now = app.clock.now();
    let rows: Vec<Value> = shown
        .iter()
        .map(|row| {
            let saga = sagas::body(row, now);
            let steps: Vec<Value> = saga
                .steps
                .iter()
                .map(|step| json!({ "no": step.no, "at": step.at, "what": hidden::outcome(&step.what), "state": step.state }))
                .collect();
            json!({
                "id": saga.id,
                "bookingId": saga.booking_id,
                "state": saga.state,
                "attempts": saga.attempts,
                "nextAt": saga.next_at,
                "hasError": saga.last_error.is_some(),
                "steps": steps,
            })
        })
        .collect();
    Ok(json!({ "total": ids.len(), "rows": rows }))
}

async fn letters(session: &Session) -> Result<Value, Failure> {
    let rows = dlq::list(&session.app, None, true).await?;
    let rows: Vec<Value> = rows
        .iter()
        .take(ROWS_MAX)
        .map(|row| {
            let letter = &row.body;
            json!({
                "id": letter.id,
                "source": letter.source,
                "stream": hidden::id(&letter.stream),
                "partition": letter.partition,
                "offset": letter.offset,
                "position": letter.position,
                "state": letter.state,
                "code": letter.code,
                "tries": letter.tries,
                "at": letter.at,
                "movedAt": letter.moved_at,
            })
        })
        .collect();
    Ok(Value::Array(rows))
}

async fn lag(session: &Session) -> Result<Value, Failure> {
    let carrier = bulk::carrier(&session.settings)?;
    let mut rows = Vec::new();
    for group in Group::ALL {
        rows.extend(group::state::rows(session, carrier.as_ref(), group).await?);
    }
    Ok(value(&rows))
}

/// The metrics of the server of this data folder; none if there is none, or if it does not answer.
pub async fn metrics(session: &Session) -> Option<Part> {
    let owner = folder::served_by(&session.stores.data_dir).ok().flatten()?;
    let address = owner.address?;
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(&address).await?;
        let request = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut text = Vec::new();
        stream.take(METRICS_BYTES_MAX).read_to_end(&mut text).await?;
        Ok::<_, std::io::Error>(text)
    };
    let text = tokio::time::timeout(METRICS_TIMEOUT, asked).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let is_ok = head.split(' ').nth(1) == Some("200");
    is_ok.then(|| Part { name: "metrics.txt", holds: "the server's counters", text: body.to_owned() })
}

/// The last lines of a log.
///
/// # Errors
/// It can't be read.
pub fn log(desk: &Desk, name: &str) -> Result<Part, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::error(format!("The log {} can't be read.", ticketing_core::text::quoted(name)))
            .code("FILE")
            .why(format!("{error}."))
            .hint("check the path and this user's rights to it")
    };
    let mut last = std::collections::VecDeque::new();
    let mut reader = BufReader::new(desk.source(name).map_err(cannot)?);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).map_err(cannot)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        let cut: String = line.trim_end().chars().take(LOG_LINE_CHARS_MAX).collect();
        if last.len() == LOG_LINES_MAX {
            last.pop_front();
        }
        last.push_back(cut);
        bytes.clear();
    }
    let text = last.iter().map(|line| hidden::log_line(line) + "\n").collect();
    Ok(Part { name: "log.txt", holds: "the log's last lines; names and values are taken out", text })
}
