//! The mails that are due or were sent, and how far the log has been read for them.
//!
//! A mail's row and the cursor's move are one transaction, on the condition that the cursor stands where it was seen: an
//! event makes one mail, whoever reads the log, and however often. Whoever sends a mail leases its row first. No row
//! has a name or an address.

use super::db::{Column, Db};
use super::error::{Result, StoreError};
use super::events::EventRow;
use super::sql::statements;
use crate::args;
use crate::domain::id::BookingId;
use crate::domain::log::LogEntry;
use crate::domain::mail::{Mail, MailKind, MailState};
use crate::domain::time::Timestamp;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct MailRow {
    id: Uuid,
    position: i64,
    booking_id: Uuid,
    kind: String,
    message_id: String,
    state: String,
    tries: i32,
    next_at: Option<i64>,
    last_error: Option<String>,
    correlation_id: String,
    created_at: i64,
    moved_at: i64,
    sent_at: Option<i64>,
}

impl MailRow {
    fn mail(self) -> Result<Mail> {
        let corrupt = |column: &'static str, reason: &str| StoreError::Corrupt {
            table: "mails",
            column,
            row: self.id.to_string(),
            reason: reason.to_owned(),
        };
        let kind = MailKind::parse(&self.kind).ok_or_else(|| corrupt("kind", "not a kind of mail"))?;
        let state = MailState::parse(&self.state).ok_or_else(|| corrupt("state", "not a state of a mail"))?;
        let tries = u32::try_from(self.tries).map_err(|_| corrupt("tries", "below 0"))?;
        Ok(Mail {
            id: self.id,
            position: self.position,
            booking_id: BookingId(self.booking_id),
            kind,
            message_id: self.message_id,
            state,
            tries,
            next_at: self.next_at.map(Timestamp::from_millis),
            last_error: self.last_error,
            correlation_id: self.correlation_id,
            created_at: Timestamp::from_millis(self.created_at),
            moved_at: Timestamp::from_millis(self.moved_at),
            sent_at: self.sent_at.map(Timestamp::from_millis),
        })
    }
}

/// What became of a mail that was to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The mail.
    pub id: Uuid,
    /// Where it stands now.
    pub state: MailState,
    /// See [`Mail::tries`].
    pub tries: u32,
    /// When it is due again, if it is still queued.
    pub next_at: Option<Timestamp>,
    /// What went wrong.
    pub last_error: Option<String>,
}

/// How many mails wait, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Those that are queued, or whose event nobody has looked at yet.
    pub queued: i64,
    /// Since when the oldest of them waits.
    pub oldest_at: Option<Timestamp>,
    /// Those that wait for an operator.
    pub failed: i64,
}

/// So many events after the cursor are looked at for those that wait; the mailer leaves no more behind it.
pub const UNREAD_MAX: i64 = 10_000;

statements! {
    CURSOR = "SELECT position FROM mail_cursor WHERE id = 1";
    /// Only from where it was seen.
    MOVE_CURSOR = "UPDATE mail_cursor SET position = $2 WHERE id = 1 AND position = $1";
    /// Leans on the primary key of `events`.
    EVENTS = "SELECT position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id,
            causation_id, data
        FROM events WHERE position > $1 AND position <= $2 AND event_type {any text} ORDER BY position";
    QUEUE = "INSERT INTO mails (id, position, booking_id, kind, message_id, state, tries, next_at, correlation_id,
            created_at, moved_at)
        SELECT id, position, booking_id, kind, message_id, 'queued', 0, next_at, correlation_id, created_at, next_at
        FROM {rows id uuid, position big, booking_id uuid, kind text, message_id text, next_at big,
            correlation_id text, created_at big} WHERE true
        ON CONFLICT DO NOTHING";
    /// Takes what is due and leased to nobody, the longest overdue first. Leans on `mails_due`.
    CLAIM = sqlite "UPDATE mails SET lease_until = $2
        WHERE id IN (
            SELECT id FROM mails
            WHERE state = 'queued' AND next_at <= $1 AND lease_until <= $1
            ORDER BY next_at, created_at LIMIT $3)
        RETURNING id, position, booking_id, kind, message_id, state, tries, next_at, last_error, correlation_id,
            created_at, moved_at, sent_at"
        postgres "UPDATE mails SET lease_until = $2
        WHERE id IN (
            SELECT id FROM mails
            WHERE state = 'queued' AND next_at <= $1 AND lease_until <= $1
            ORDER BY next_at, created_at LIMIT $3
            FOR UPDATE SKIP LOCKED)
        RETURNING id, position, booking_id, kind, message_id, state, tries, next_at, last_error, correlation_id,
            created_at, moved_at, sent_at";
    /// Leans on `mails_due`: what is leased comes due again when the lease ends.
    NEXT_DUE = "SELECT MIN(CASE WHEN lease_until > next_at THEN lease_until ELSE next_at END)
        FROM mails WHERE state = 'queued'";
    /// Leans on the primary key. One that an operator has moved meanwhile stays as it is.
    FINISH = "UPDATE mails SET state = v.state, tries = v.tries, next_at = v.next_at, last_error = v.last_error,
            sent_at = v.sent_at, moved_at = v.moved_at, lease_until = 0
        FROM {rows id uuid, state text, tries int, next_at big, last_error text, sent_at big, moved_at big}
        WHERE mails.id = v.id AND mails.state = 'queued'";
    /// Leans on the primary key. Only from where it was seen. Who has it leased keeps it.
    QUEUE_AGAIN = "UPDATE mails SET state = 'queued', tries = 0, next_at = v.next_at, moved_at = v.next_at
        FROM {rows id uuid, state text, seen_at big, next_at big}
        WHERE mails.id = v.id AND mails.state = v.state AND mails.moved_at = v.seen_at";
    /// Leans on the index of `position`.
    BEFORE = "SELECT id, position, booking_id, kind, message_id, state, tries, next_at, last_error, correlation_id,
            created_at, moved_at, sent_at
        FROM mails WHERE position < $1 ORDER BY position DESC LIMIT $2";
    /// Leans on the primary key.
    BY_ID = "SELECT id, position, booking_id, kind, message_id, state, tries, next_at, last_error, correlation_id,
            created_at, moved_at, sent_at
        FROM mails WHERE id {any uuid} ORDER BY position";
    /// Leans on `mails_booking`.
    OF_BOOKING = "SELECT id, position, booking_id, kind, message_id, state, tries, next_at, last_error, correlation_id,
            created_at, moved_at, sent_at
        FROM mails WHERE booking_id = $1 ORDER BY position";
    /// Leans on the primary key.
    BETWEEN = "SELECT id FROM mails WHERE id >= $1 AND id <= $2 LIMIT 2";
    /// Leans on the primary key.
    NEIGHBOURS = "SELECT v.id,
            (SELECT b.id FROM mails b WHERE b.id < v.id ORDER BY b.id DESC LIMIT 1) AS below,
            (SELECT a.id FROM mails a WHERE a.id > v.id ORDER BY a.id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on `mails_due`.
    QUEUED = "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM mails WHERE state = 'queued'";
    /// Leans on the primary key of `events`: it reads no more of the log than the mailer leaves between two moves of its
    /// cursor.
    UNREAD = "SELECT COUNT(*) AS n, MIN(recorded_at) AS oldest FROM events
        WHERE position > (SELECT position FROM mail_cursor WHERE id = 1)
            AND position <= (SELECT position FROM mail_cursor WHERE id = 1) + $1 AND event_type {any text}";
    /// Leans on `mails_failed`.
    FAILED = "SELECT COUNT(*) AS n FROM mails WHERE state = 'failed'";
    /// Leans on `mails_due`.
    LAST_TROUBLE = "SELECT last_error FROM mails WHERE state = 'queued' AND last_error IS NOT NULL
        ORDER BY next_at DESC LIMIT 1";
}

/// Returns how far the log has been read for mails.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] if that is not there.
pub async fn cursor(db: &Db) -> Result<i64> {
    let row: Option<(i64,)> = db.first(&CURSOR, args![]).await?;
    row.map(|(position,)| position).ok_or_else(|| StoreError::Corrupt {
        table: "mail_cursor",
        column: "id",
        row: "1".into(),
        reason: "the row is missing".into(),
    })
}

/// Returns the events after `from`, up to and with `to`, that are of one of [`MailKind::EVENT_TYPES`], in order. One
/// that can't be read is left out, and logged: it keeps nobody else from his mail.
///
/// # Errors
/// What the store says.
pub async fn events(db: &Db, from: i64, to: i64) -> Result<Vec<LogEntry>> {
    let types = Column::Text(MailKind::EVENT_TYPES.map(str::to_owned).to_vec());
    let rows: Vec<EventRow> = db.all(&EVENTS, args![from, to, types]).await?;
    let entry = |row: EventRow| {
        let position = row.position;
        match row.raw().parse() {
            Ok(entry) => Some(entry),
            Err(error) => {
                tracing::error!(%error, position, "an event can't be read, so nobody is mailed about it");
                None
            }
        }
    };
    Ok(rows.into_iter().filter_map(entry).collect())
}

/// Queues these mails and moves the cursor from `from` to `to`; false, and nothing is done, if it is not there any more.
///
/// # Errors
/// What the store says.
pub async fn queue(db: &Db, from: i64, to: i64, mails: &[Mail]) -> Result<bool> {
    let mut tx = db.begin().await?;
    if tx.run(&MOVE_CURSOR, args![from, to]).await? == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    if !mails.is_empty() {
        let due = |mail: &Mail| mail.next_at.unwrap_or(mail.moved_at).as_millis();
        let rows = vec![
            Column::Uuid(mails.iter().map(|mail| mail.id).collect()),
            Column::Big(mails.iter().map(|mail| mail.position).collect()),
            Column::Uuid(mails.iter().map(|mail| mail.booking_id.0).collect()),
            Column::Text(mails.iter().map(|mail| mail.kind.word().to_owned()).collect()),
            Column::Text(mails.iter().map(|mail| mail.message_id.clone()).collect()),
            Column::Big(mails.iter().map(due).collect()),
            Column::Text(mails.iter().map(|mail| mail.correlation_id.clone()).collect()),
            Column::Big(mails.iter().map(|mail| mail.created_at.as_millis()).collect()),
        ];
        tx.run(&QUEUE, args![rows]).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Takes up to `limit` mails that are due, for whoever asks alone until `until`. One that can't be read stops no other.
///
/// # Errors
/// What the store says.
pub async fn claim_due(db: &Db, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<Mail>> {
    let rows: Vec<MailRow> = db.write(&CLAIM, args![now.as_millis(), until.as_millis(), limit]).await?;
    let readable = |row: MailRow| match row.mail() {
        Ok(mail) => Some(mail),
        Err(error) => {
            tracing::error!(%error, "a mail's row can't be read, so it is not sent");
            None
        }
    };
    Ok(rows.into_iter().filter_map(readable).collect())
}

/// Returns when the next mail can be taken, by anybody.
///
/// # Errors
/// What the store says.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>> {
    let row: Option<(Option<i64>,)> = db.first(&NEXT_DUE, args![]).await?;
    Ok(row.and_then(|(at,)| at).map(Timestamp::from_millis))
}

/// Writes down what became of mails that were taken, and lets them go.
///
/// # Errors
/// What the store says.
pub async fn finish(db: &Db, outcomes: &[Outcome], now: Timestamp) -> Result<()> {
    let now = now.as_millis();
    let tries = |outcome: &Outcome| i32::try_from(outcome.tries).unwrap_or(i32::MAX);
    let rows = vec![
        Column::Uuid(outcomes.iter().map(|outcome| outcome.id).collect()),
        Column::Text(outcomes.iter().map(|outcome| outcome.state.word().to_owned()).collect()),
        Column::Int(outcomes.iter().map(tries).collect()),
        Column::OptBig(outcomes.iter().map(|outcome| outcome.next_at.map(Timestamp::as_millis)).collect()),
        Column::OptText(outcomes.iter().map(|outcome| outcome.last_error.clone()).collect()),
        Column::OptBig(outcomes.iter().map(|o| (o.state == MailState::Sent).then_some(now)).collect()),
        Column::Big(vec![now; outcomes.len()]),
    ];
    let mut tx = db.begin().await?;
    tx.run(&FINISH, args![rows]).await?;
    tx.commit().await
}

/// Queues mails again, each from where it was seen; returns false, and none is, if one is not there any more.
///
/// # Errors
/// What the store says.
pub async fn queue_again(db: &Db, seen: &[Mail], now: Timestamp) -> Result<bool> {
    let rows = vec![
        Column::Uuid(seen.iter().map(|mail| mail.id).collect()),
        Column::Text(seen.iter().map(|mail| mail.state.word().to_owned()).collect()),
        Column::Big(seen.iter().map(|mail| mail.moved_at.as_millis()).collect()),
        Column::Big(vec![now.as_millis(); seen.len()]),
    ];
    let mut tx = db.begin().await?;
    if tx.run(&QUEUE_AGAIN, args![rows]).await? != seen.len() as u64 {
        tx.rollback().await?;
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

/// Returns mails before a position, the newest first.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no mail.
pub async fn before(db: &Db, position: i64, limit: i64) -> Result<Vec<Mail>> {
    let rows: Vec<MailRow> = db.all(&BEFORE, args![position, limit]).await?;
    rows.into_iter().map(MailRow::mail).collect()
}

/// Returns these mails, those that exist, in the order of their events.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no mail.
pub async fn load(db: &Db, ids: Vec<Uuid>) -> Result<Vec<Mail>> {
    let rows: Vec<MailRow> = db.all(&BY_ID, args![Column::Uuid(ids)]).await?;
    rows.into_iter().map(MailRow::mail).collect()
}

/// Returns the mails of a booking, in the order of their events.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no mail.
pub async fn of_booking(db: &Db, id: Uuid) -> Result<Vec<Mail>> {
    let rows: Vec<MailRow> = db.all(&OF_BOOKING, args![id]).await?;
    rows.into_iter().map(MailRow::mail).collect()
}

/// Returns up to two mails whose ids lie between these.
///
/// # Errors
/// What the store says.
pub async fn with_id_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns for each of these ids the ones next to it.
///
/// # Errors
/// What the store says.
pub async fn neighbours(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}

/// Returns how many mails wait to be sent, and how many for an operator.
///
/// # Errors
/// What the store says.
pub async fn waiting(db: &Db) -> Result<Waiting> {
    let queued: Option<(i64, Option<i64>)> = db.first(&QUEUED, args![]).await?;
    let types = Column::Text(MailKind::EVENT_TYPES.map(str::to_owned).to_vec());
    let unread: Option<(i64, Option<i64>)> = db.first(&UNREAD, args![UNREAD_MAX, types]).await?;
    let failed: Option<(i64,)> = db.first(&FAILED, args![]).await?;
    let (queued, oldest) = queued.unwrap_or_default();
    let (unread, first) = unread.unwrap_or_default();
    let oldest = oldest.into_iter().chain(first).min();
    let failed = failed.map_or(0, |(n,)| n);
    Ok(Waiting { queued: queued + unread, oldest_at: oldest.map(Timestamp::from_millis), failed })
}

/// Returns what went wrong last with a mail that still waits.
///
/// # Errors
/// What the store says.
pub async fn last_trouble(db: &Db) -> Result<Option<String>> {
    let row: Option<(Option<String>,)> = db.first(&LAST_TROUBLE, args![]).await?;
    Ok(row.and_then(|(error,)| error))
}
