//! What could not be handled, as operators see it: one list of the messages from outside and of the events that the
//! projection could not fold.
//!
//! Nothing is changed here; `plan` says what redriving and discarding would do, and `work` does it.

pub mod plan;
pub mod work;

use super::filter::{FieldKind, FieldSpec, Filter, Value};
use super::{OpsError, lookup};
use crate::app::inbound::KEY_HEADER;
use crate::app::{App, AppError};
use crate::domain::id::derived;
use crate::domain::time::Timestamp;
use crate::store::dead_letters::{self, Letter, LetterState};
use crate::store::parked::{self, Parked};
use crate::store::{events, views::fold};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;
use uuid::Uuid;

/// Letters of one page of a list.
pub const PAGE: i64 = 500;
/// What the source of a parked event is called.
pub const PROJECTION: &str = "projection/tickets";

/// Where a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Key {
    /// A message from outside, in the write store, by its id.
    Letter(Uuid),
    /// A parked event, in the read store, by its position in the log.
    Parked(i64),
}

impl Key {
    /// The id that people use.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Letter(id) => id,
            Self::Parked(position) => derived("parked event", &format!("{} {position}", fold::TICKETS)),
        }
    }
}

/// A letter of either source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DlqRow {
    /// Where it is.
    pub key: Key,
    /// Its place in the walk of a list.
    pub place: Place,
    /// As users see it.
    pub body: DlqBody,
    /// Where it stands.
    pub state: LetterState,
}

/// Where a walk is: the messages first, then the parked events, each the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// After the message with this number.
    Letters(i64),
    /// After the event at this position.
    Parked(i64),
}

/// A letter as users see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DlqBody {
    /// Its id.
    pub id: Uuid,
    /// The topic that it came from, or the projection that could not fold it.
    pub source: String,
    /// What later ones wait behind it: a booking's id, where one is named.
    pub stream: String,
    /// The partition of the topic.
    pub partition: Option<i32>,
    /// Its place there.
    pub offset: Option<i64>,
    /// Its place in the log, for an event.
    pub position: Option<i64>,
    /// What it says it is.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// `dead`, `waiting`, `redriven` or `discarded`.
    pub state: &'static str,
    /// Why, in a word.
    pub code: String,
    /// Why, as a sentence.
    pub reason: String,
    /// How often it was tried.
    pub tries: i32,
    /// When it was kept.
    pub at: Timestamp,
    /// The request that it follows from.
    pub correlation_id: Option<String>,
    /// When it last moved.
    pub moved_at: Timestamp,
    /// Who moved it last.
    pub moved_by: Option<String>,
}

/// A letter with what it holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DlqDetails {
    /// What lists show.
    #[serde(flatten)]
    pub letter: DlqBody,
    /// What the message is known by; for an event, its place in its stream.
    pub message_id: String,
    /// The record's key.
    pub key: Option<String>,
    /// The record's headers.
    pub headers: Vec<HeaderBody>,
    /// How the body is written here: `utf-8`, `base64` or, for an event, `json`.
    pub encoding: &'static str,
    /// The body.
    pub body: Option<String>,
    /// The event's data.
    pub data: Option<Box<RawValue>>,
    /// The one safe thing to do about it, as a command.
    pub safe_action: Option<String>,
    /// How many wait behind it.
    pub waiting: usize,
}

/// A header of a record.
#[derive(Clone, Debug, Serialize)]
pub struct HeaderBody {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

fn of_letter(letter: Letter) -> DlqRow {
    DlqRow {
        key: Key::Letter(letter.id),
        place: Place::Letters(letter.seq),
        state: letter.state,
        body: DlqBody {
            id: letter.id,
            source: letter.source,
            stream: letter.stream,
            partition: Some(letter.partition),
            offset: Some(letter.offset),
            position: None,
            event_type: letter.event_type,
            state: letter.state.word(),
            code: letter.code,
            reason: letter.reason,
            tries: letter.tries,
            at: letter.at,
            correlation_id: Some(letter.correlation_id),
            moved_at: letter.moved_at,
            moved_by: letter.moved_by,
        },
    }
}

/// The code of an event that the projection could not fold, and of one that was not tried.
const CANNOT_FOLD: &str = "CANNOT_FOLD";
const WAITING: &str = "WAITING";

fn of_parked(parked: Parked, correlation_id: Option<String>) -> DlqRow {
    let key = Key::Parked(parked.position);
    let code = if parked.state == LetterState::Waiting { WAITING } else { CANNOT_FOLD };
    DlqRow {
        key,
        place: Place::Parked(parked.position),
        state: parked.state,
        body: DlqBody {
            id: key.id(),
            source: PROJECTION.into(),
            stream: parked.stream_id.to_string(),
            partition: None,
            offset: None,
            position: Some(parked.position),
            event_type: Some(parked.event_type),
            state: parked.state.word(),
            code: code.into(),
            reason: parked.reason,
            tries: parked.tries,
            at: parked.at,
            correlation_id,
            moved_at: parked.moved_at,
            moved_by: parked.moved_by,
        },
    }
}

async fn with_correlation(app: &App, rows: Vec<Parked>) -> Result<Vec<DlqRow>, OpsError> {
    let positions: Vec<i64> = rows.iter().map(|row| row.position).collect();
    let entries = match positions.is_empty() {
        true => Vec::new(),
        false => events::raw_at(&app.stores.write, positions).await?,
    };
    let mut correlation: HashMap<i64, String> =
        entries.into_iter().map(|entry| (entry.position, entry.correlation_id)).collect();
    Ok(rows
        .into_iter()
        .map(|row| {
            let c = correlation.remove(&row.position);
            of_parked(row, c)
        })
        .collect())
}

/// Walks all letters, or those that are open. Start with `None`, go on with the last one's place; an empty page is the
/// end.
///
/// # Errors
/// What the stores say.
pub async fn list(app: &App, after: Option<Place>, only_open: bool) -> Result<Vec<DlqRow>, OpsError> {
    let mut parked_before = i64::MAX;
    match after.unwrap_or(Place::Letters(i64::MAX)) {
        Place::Letters(before) => {
            let page = dead_letters::page(&app.stores.write, before, only_open, PAGE).await?;
            if !page.is_empty() {
                return Ok(page.into_iter().map(of_letter).collect());
            }
        }
        Place::Parked(before) => parked_before = before,
    }
    let page = parked::page(&app.stores.read, parked_before, only_open, PAGE).await?;
    with_correlation(app, page).await
}

/// Returns these letters in this order.
///
/// # Errors
/// [`AppError::NotFound`] for the first one that is not there; what the stores say.
pub async fn rows(app: &App, keys: &[Key]) -> Result<Vec<DlqRow>, OpsError> {
    let (mut ids, mut positions) = (Vec::new(), Vec::new());
    for key in keys {
        match key {
            Key::Letter(id) => ids.push(*id),
            Key::Parked(position) => positions.push(*position),
        }
    }
    let mut found = HashMap::new();
    if !ids.is_empty() {
        found.extend(
            dead_letters::load(&app.stores.write, ids).await?.into_iter().map(of_letter).map(|r| (r.key, r)),
        );
    }
    if !positions.is_empty() {
        let parked = parked::at(&app.stores.read, positions).await?;
        found.extend(with_correlation(app, parked).await?.into_iter().map(|r| (r.key, r)));
    }
    keys.iter().map(|key| found.get(key).cloned().ok_or_else(|| not_found(&key.id().to_string()))).collect()
}

fn not_found(id: &str) -> OpsError {
    AppError::NotFound { what: "letter", id: id.to_owned() }.into()
}

/// Returns the letter with this id or unique beginning of one.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the stores say.
pub async fn find(app: &App, id: &str) -> Result<Key, OpsError> {
    let whole = Uuid::parse_str(id).ok();
    let (low, high) = match whole {
        Some(id) => (id, id),
        None => lookup::range(id).ok_or_else(|| not_found(id))?,
    };
    let mut found: Vec<Key> = dead_letters::with_id_between(&app.stores.write, low, high)
        .await?
        .into_iter()
        .map(Key::Letter)
        .collect();
    // The ids of parked events are derived, so they are no key of a table. There are few.
    let mut before = i64::MAX;
    loop {
        let page = parked::page(&app.stores.read, before, false, PAGE).await?;
        let Some(last) = page.last() else { break };
        before = last.position;
        let keys = page.iter().map(|row| Key::Parked(row.position));
        found.extend(keys.filter(|key| (low..=high).contains(&key.id())));
    }
    match found.as_slice() {
        [] => Err(not_found(id)),
        [one] => Ok(*one),
        _ => Err(AppError::Ambiguous { what: "letter", id: id.to_owned() }.into()),
    }
}

/// Returns how many characters of these letters' ids tell each from every other letter.
///
/// # Errors
/// What the stores say.
pub async fn prefix_len(app: &App, rows: &[Uuid]) -> Result<usize, OpsError> {
    let neighbours = dead_letters::neighbours(&app.stores.write, rows.to_vec()).await?;
    // Derived ids are spread evenly: two that share so many characters are not met.
    const DERIVED_PREFIX: usize = 8;
    Ok(lookup::prefix_len(&neighbours).max(DERIVED_PREFIX))
}

/// Returns a letter with what it holds.
///
/// # Errors
/// [`AppError::NotFound`]; what the stores say.
pub async fn details(app: &App, key: Key) -> Result<DlqDetails, OpsError> {
    let row = rows(app, &[key]).await?.pop().ok_or_else(|| not_found(&key.id().to_string()))?;
    let open = work::open_of(app, &work::Queue::of(&row), work::QUEUE_MAX).await?;
    let at = open.iter().position(|seen| seen.key == key);
    let safe_action = at.map(|at| match at {
        0 => format!("ticketctl dlq redrive {}", row.body.id),
        _ => format!("ticketctl dlq redrive {}", open[0].key.id()),
    });
    let waiting = at.map_or(0, |at| open.len() - at - 1);
    let letter = row.body;
    let (message_id, key_text, headers, encoding, body, data) = match key {
        Key::Letter(id) => {
            let content = dead_letters::content(&app.stores.write, id)
                .await?
                .ok_or_else(|| not_found(&id.to_string()))?;
            let message_id =
                dead_letters::load(&app.stores.write, vec![id]).await?.pop().map(|l| l.message_id);
            let key =
                content.headers.iter().find(|(name, _)| name == KEY_HEADER).map(|(_, value)| value.clone());
            let headers = content
                .headers
                .into_iter()
                .filter(|(name, _)| name != KEY_HEADER)
                .map(|(name, value)| HeaderBody { name, value })
                .collect();
            let (encoding, body) = match String::from_utf8(content.body) {
                Ok(text) => ("utf-8", text),
                Err(error) => ("base64", base64(error.as_bytes())),
            };
            (message_id.unwrap_or_default(), key, headers, encoding, Some(body), None)
        }
        Key::Parked(position) => {
            let entry = events::raw_at(&app.stores.write, vec![position]).await?.pop();
            let message_id = entry.as_ref().map(|e| format!("{}:{}", e.stream_id, e.stream_version));
            let data = entry.map(|entry| entry.data);
            // What is no JSON is shown as the text that it is.
            match data.map(|text| RawValue::from_string(text.clone()).map_err(|_| text)) {
                Some(Ok(json)) => {
                    (message_id.unwrap_or_default(), None, Vec::new(), "json", None, Some(json))
                }
                Some(Err(text)) => {
                    (message_id.unwrap_or_default(), None, Vec::new(), "utf-8", Some(text), None)
                }
                None => (String::new(), None, Vec::new(), "json", None, None),
            }
        }
    };
    Ok(DlqDetails { letter, message_id, key: key_text, headers, encoding, body, data, safe_action, waiting })
}

/// Writes bytes as base64 (RFC 4648, with padding).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

const STATES: &[&str] = &["dead", "waiting", "redriven", "discarded"];

const fn field(name: &'static str, kind: FieldKind) -> FieldSpec {
    FieldSpec { name, kind }
}

/// The fields of a letter, as `--query` names them.
pub const DLQ_FIELDS: &[FieldSpec] = &[
    field("id", FieldKind::Text),
    field("source", FieldKind::Text),
    field("stream", FieldKind::Text),
    field("type", FieldKind::Text),
    field("state", FieldKind::Word(STATES)),
    field("code", FieldKind::Text),
    field("reason", FieldKind::Text),
    field("tries", FieldKind::Number),
    field("partition", FieldKind::Number),
    field("offset", FieldKind::Number),
    field("position", FieldKind::Number),
    field("age", FieldKind::Duration),
    field("at", FieldKind::Time),
    field("correlation", FieldKind::Text),
];

/// Whether a letter passes a filter that was parsed against [`DLQ_FIELDS`].
#[must_use]
pub fn passes(filter: &Filter, row: &DlqRow, now: Timestamp) -> bool {
    filter.matches(now, |name| value(&row.body, name, now))
}

fn value<'r>(body: &'r DlqBody, name: &str, now: Timestamp) -> Value<'r> {
    let number = |n: Option<i64>| n.map_or(Value::Missing, Value::Number);
    match name {
        "id" => body.id.to_string().into(),
        "source" => body.source.as_str().into(),
        "stream" => body.stream.as_str().into(),
        "type" => body.event_type.as_deref().map_or(Value::Missing, Value::from),
        "state" => body.state.into(),
        "code" => body.code.as_str().into(),
        "reason" => body.reason.as_str().into(),
        "tries" => Value::Number(i64::from(body.tries)),
        "partition" => number(body.partition.map(i64::from)),
        "offset" => number(body.offset),
        "position" => number(body.position),
        "age" => Value::Duration(now.as_millis().saturating_sub(body.at.as_millis())),
        "at" => Value::Time(body.at),
        "correlation" => body.correlation_id.as_deref().map_or(Value::Missing, Value::from),
        _ => Value::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn bytes_are_written_as_rfc_4648_says() {
        let rows = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in rows {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
