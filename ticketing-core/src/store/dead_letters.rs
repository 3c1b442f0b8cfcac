//! Messages from outside that could not be handled, and those that wait behind one of the same stream.
//!
//! A letter is open while it is `dead` or `waiting`; as long as a stream has an open one, later messages of that
//! stream wait. A letter moves only from where its reader saw it, so of two operators one is first. Nothing is ever
//! deleted here.

use super::db::{Column, Db};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// Where a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// It could not be handled.
    Dead,
    /// It was not tried: it stands behind another one of its stream.
    Waiting,
    /// It was handled in the end.
    Redriven,
    /// An operator decided that it is not to be handled.
    Discarded,
}

impl LetterState {
    /// All.
    pub const ALL: [Self; 4] = [Self::Dead, Self::Waiting, Self::Redriven, Self::Discarded];

    /// The word of the store and the tools.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Waiting => "waiting",
            Self::Redriven => "redriven",
            Self::Discarded => "discarded",
        }
    }

    /// Returns the state with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether later messages of its stream wait behind it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Dead | Self::Waiting => true,
            Self::Redriven | Self::Discarded => false,
        }
    }
}

/// A message that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLetter {
    /// Its id (UUID v7).
    pub id: Uuid,
    /// The topic that it came from.
    pub source: String,
    /// The partition there.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Whose order is kept: what later messages wait behind it.
    pub stream: String,
    /// What it says it is, where that could be read.
    pub event_type: Option<String>,
    /// What it is known by, so that it is done once.
    pub message_id: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, whatever it is.
    pub body: Vec<u8>,
    /// `Dead` or `Waiting`.
    pub state: LetterState,
    /// Why, in a word.
    pub code: String,
    /// Why, as a sentence.
    pub reason: String,
    /// How often it was tried.
    pub tries: i32,
    /// The request that all of it follows from.
    pub correlation_id: String,
    /// When it was kept.
    pub at: Timestamp,
}

/// A letter without its headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its id.
    pub id: Uuid,
    /// Its place among all letters.
    pub seq: i64,
    /// The topic that it came from.
    pub source: String,
    /// The partition there.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Whose order is kept.
    pub stream: String,
    /// What it says it is.
    pub event_type: Option<String>,
    /// What it is known by.
    pub message_id: String,
    /// Where it stands.
    pub state: LetterState,
    /// Why, in a word.
    pub code: String,
    /// Why, as a sentence.
    pub reason: String,
    /// How often it was tried.
    pub tries: i32,
    /// The request that all of it follows from.
    pub correlation_id: String,
    /// When it was kept.
    pub at: Timestamp,
    /// When it last moved.
    pub moved_at: Timestamp,
    /// Who moved it last; `None` if nobody has.
    pub moved_by: Option<String>,
}

/// What a letter holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterContent {
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, whatever it is.
    pub body: Vec<u8>,
}

/// How a letter moves on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterMove {
    /// Which.
    pub id: Uuid,
    /// Where it must still stand.
    pub from: LetterState,
    /// How often it must have been tried by now.
    pub tries: i32,
    /// Where it is to stand.
    pub to: LetterState,
    /// Why, in a word.
    pub code: String,
    /// Why, as a sentence.
    pub reason: String,
    /// Whether it was tried once more.
    pub tried: bool,
    /// Who moves it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct LetterRow {
    id: Uuid,
    seq: i64,
    source: String,
    partition: i32,
    message_offset: i64,
    stream: String,
    event_type: Option<String>,
    message_id: String,
    state: String,
    code: String,
    reason: String,
    tries: i32,
    correlation_id: String,
    at: i64,
    moved_at: i64,
    moved_by: Option<String>,
}

impl LetterRow {
    fn letter(self) -> Result<Letter> {
        let state = LetterState::parse(&self.state)
            .ok_or_else(|| corrupt("state", self.id, format!("{:?} is no state", self.state)))?;
        Ok(Letter {
            id: self.id,
            seq: self.seq,
            source: self.source,
            partition: self.partition,
            offset: self.message_offset,
            stream: self.stream,
            event_type: self.event_type,
            message_id: self.message_id,
            state,
            code: self.code,
            reason: self.reason,
            tries: self.tries,
            correlation_id: self.correlation_id,
            at: Timestamp::from_millis(self.at),
            moved_at: Timestamp::from_millis(self.moved_at),
            moved_by: self.moved_by,
        })
    }
}

fn letters(rows: Vec<LetterRow>) -> Result<Vec<Letter>> {
    rows.into_iter().map(LetterRow::letter).collect()
}

fn corrupt(column: &'static str, row: Uuid, reason: String) -> StoreError {
    StoreError::Corrupt { table: "dead_letters", column, row: row.to_string(), reason }
}

/// A place in the order that nobody has yet may be taken by another process in between: so often it is tried anew.
const PUT_TRIES_MAX: usize = 100;

statements! {
    /// The next place in the order; of two that take the same one, one finds that nothing was written.
    PUT = "INSERT INTO dead_letters (id, seq, source, partition, message_offset, stream, event_type, message_id,
            headers, body, state, code, reason, tries, correlation_id, at, moved_at)
        SELECT id, (SELECT COALESCE(MAX(seq), 0) + 1 FROM dead_letters), source, partition, message_offset, stream,
            event_type, message_id, headers, body, state, code, reason, tries, correlation_id, at, at
        FROM {rows id uuid, source text, partition int, message_offset big, stream text, event_type text,
            message_id text, headers text, body bytes, state text, code text, reason text, tries int,
            correlation_id text, at big}
        WHERE true
        ON CONFLICT DO NOTHING";
    /// Leans on the unique key.
    AT_PLACE = "SELECT id FROM dead_letters WHERE source = $1 AND partition = $2 AND message_offset = $3";
    /// Leans on `dead_letters_open`.
    OPEN_STREAMS = "SELECT DISTINCT stream FROM dead_letters
        WHERE state IN ('dead', 'waiting') AND stream {any text}";
    /// Leans on the unique key of `seq`.
    PAGE = "SELECT id, seq, source, partition, message_offset, stream, event_type, message_id, state, code, reason,
            tries, correlation_id, at, moved_at, moved_by
        FROM dead_letters WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
    /// Leans on `dead_letters_open`, whose rows it sorts: open ones are few beside all that ever were.
    OPEN_PAGE = "SELECT id, seq, source, partition, message_offset, stream, event_type, message_id, state, code,
            reason, tries, correlation_id, at, moved_at, moved_by
        FROM dead_letters WHERE state IN ('dead', 'waiting') AND seq < $1 ORDER BY seq DESC LIMIT $2";
    /// Leans on the primary key.
    BY_ID = "SELECT id, seq, source, partition, message_offset, stream, event_type, message_id, state, code, reason,
            tries, correlation_id, at, moved_at, moved_by
        FROM dead_letters WHERE id {any uuid} ORDER BY seq";
    /// Leans on `dead_letters_open`.
    OPEN_OF_STREAM = "SELECT id, seq, source, partition, message_offset, stream, event_type, message_id, state, code,
            reason, tries, correlation_id, at, moved_at, moved_by
        FROM dead_letters WHERE state IN ('dead', 'waiting') AND stream = $1 ORDER BY seq LIMIT $2";
    /// Reads all letters: they are few.
    OF_STREAM = "SELECT id, seq, source, partition, message_offset, stream, event_type, message_id, state, code,
            reason, tries, correlation_id, at, moved_at, moved_by
        FROM dead_letters WHERE stream = $1 ORDER BY seq LIMIT $2";
    /// Leans on the primary key.
    CONTENT = "SELECT headers, body FROM dead_letters WHERE id = $1";
    /// Leans on the primary key.
    BETWEEN = "SELECT id FROM dead_letters WHERE id >= $1 AND id <= $2 LIMIT 2";
    /// Leans on the primary key.
    NEIGHBOURS = "SELECT v.id,
            (SELECT b.id FROM dead_letters b WHERE b.id < v.id ORDER BY b.id DESC LIMIT 1) AS below,
            (SELECT a.id FROM dead_letters a WHERE a.id > v.id ORDER BY a.id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on the primary key. Only from where it was seen. Without a reason the last one stays.
    MOVE = "UPDATE dead_letters SET state = $4, code = $5, reason = COALESCE(NULLIF($6, ''), reason), tries = tries + $7, moved_by = $8,
            moved_at = $9
        WHERE id = $1 AND state = $2 AND tries = $3";
    /// Leans on `dead_letters_open`: streams whose first open letter was never tried.
    STRANDED = "SELECT w.stream FROM dead_letters w
        WHERE w.state IN ('dead', 'waiting') AND w.state = 'waiting' AND NOT EXISTS (
            SELECT 1 FROM dead_letters d
            WHERE d.state IN ('dead', 'waiting') AND d.state = 'dead' AND d.stream = w.stream AND d.seq < w.seq)
        GROUP BY w.stream ORDER BY MIN(w.seq) LIMIT $1";
    /// Leans on `dead_letters_open`.
    OPEN_COUNTS = "SELECT source, state, COUNT(*) AS n FROM dead_letters WHERE state IN ('dead', 'waiting')
        GROUP BY source, state ORDER BY source, state";
}

/// Keeps a message; false if the one at its place (source, partition, offset) is kept already, which stays as it is.
///
/// # Errors
/// What the store says.
pub async fn put(db: &Db, letter: &NewLetter) -> Result<bool> {
    for _ in 0..PUT_TRIES_MAX {
        let mut tx = db.begin().await?;
        if tx.run(&PUT, args![columns(letter)]).await? > 0 {
            tx.commit().await?;
            return Ok(true);
        }
        tx.rollback().await?;
        let place = args![letter.source.clone(), letter.partition, letter.offset];
        if db.first::<(Uuid,)>(&AT_PLACE, place).await?.is_some() {
            return Ok(false);
        }
    }
    Err(StoreError::Unavailable { store: db.name(), reason: "too many dead letters are kept at once".into() })
}

fn columns(letter: &NewLetter) -> Vec<Column> {
    vec![
        Column::Uuid(vec![letter.id]),
        Column::Text(vec![letter.source.clone()]),
        Column::Int(vec![letter.partition]),
        Column::Big(vec![letter.offset]),
        Column::Text(vec![letter.stream.clone()]),
        Column::OptText(vec![letter.event_type.clone()]),
        Column::Text(vec![letter.message_id.clone()]),
        Column::Text(vec![super::catalog::json(&letter.headers)]),
        Column::Bytes(vec![letter.body.clone()]),
        Column::Text(vec![letter.state.word().to_owned()]),
        Column::Text(vec![letter.code.clone()]),
        Column::Text(vec![letter.reason.clone()]),
        Column::Int(vec![letter.tries]),
        Column::Text(vec![letter.correlation_id.clone()]),
        Column::Big(vec![letter.at.as_millis()]),
    ]
}

/// Returns which of these streams have an open letter: their later messages wait behind it.
///
/// # Errors
/// What the store says.
pub async fn is_open(db: &Db, streams: Vec<String>) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = db.all(&OPEN_STREAMS, args![Column::Text(streams)]).await?;
    Ok(rows.into_iter().map(|(stream,)| stream).collect())
}

/// Walks the letters, the newest first, `limit` at most: all of them, or those that are open. Start with
/// [`i64::MAX`], go on with the last one's `seq`.
///
/// # Errors
/// What the store says.
pub async fn page(db: &Db, before_seq: i64, only_open: bool, limit: i64) -> Result<Vec<Letter>> {
    let sql = if only_open { &OPEN_PAGE } else { &PAGE };
    letters(db.all(sql, args![before_seq, limit]).await?)
}

/// Returns these letters, those that exist, the oldest first.
///
/// # Errors
/// What the store says.
pub async fn load(db: &Db, ids: Vec<Uuid>) -> Result<Vec<Letter>> {
    letters(db.all(&BY_ID, args![Column::Uuid(ids)]).await?)
}

/// Returns the open letters of a stream in their order, `limit` at most.
///
/// # Errors
/// What the store says.
pub async fn open_of_stream(db: &Db, stream: &str, limit: i64) -> Result<Vec<Letter>> {
    letters(db.all(&OPEN_OF_STREAM, args![stream, limit]).await?)
}

/// Returns all letters of a stream in their order, `limit` at most.
///
/// # Errors
/// What the store says.
pub async fn of_stream(db: &Db, stream: &str, limit: i64) -> Result<Vec<Letter>> {
    letters(db.all(&OF_STREAM, args![stream, limit]).await?)
}

/// Returns what a letter holds.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for headers that are none.
pub async fn content(db: &Db, id: Uuid) -> Result<Option<LetterContent>> {
    let row: Option<(String, Vec<u8>)> = db.first(&CONTENT, args![id]).await?;
    row.map(|(headers, body)| {
        let headers =
            serde_json::from_str(&headers).map_err(|error| corrupt("headers", id, error.to_string()))?;
        Ok(LetterContent { headers, body })
    })
    .transpose()
}

/// Returns at most two letters' ids between two ids.
///
/// # Errors
/// What the store says.
pub async fn with_id_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns, for each of these ids, the next id below and above it that a letter has.
///
/// # Errors
/// What the store says.
pub async fn neighbours(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}

/// Moves a letter on; false if it no longer is where it was seen, and then nothing is done.
///
/// # Errors
/// What the store says.
pub async fn advance(db: &Db, step: &LetterMove) -> Result<bool> {
    let mut tx = db.begin().await?;
    let values = args![
        step.id,
        step.from.word(),
        step.tries,
        step.to.word(),
        step.code.clone(),
        step.reason.clone(),
        i32::from(step.tried),
        step.by.clone(),
        step.at.as_millis(),
    ];
    let moved = tx.run(&MOVE, values).await? > 0;
    tx.commit().await?;
    Ok(moved)
}

/// Returns the streams whose first open letter only waits, though nothing stands before it any more, `limit` at most.
///
/// # Errors
/// What the store says.
pub async fn stranded(db: &Db, limit: i64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = db.all(&STRANDED, args![limit]).await?;
    Ok(rows.into_iter().map(|(stream,)| stream).collect())
}

/// Returns how many open letters there are, by source and state.
///
/// # Errors
/// What the store says.
pub async fn open_counts(db: &Db) -> Result<Vec<(String, String, i64)>> {
    db.all(&OPEN_COUNTS, args![]).await
}
