//! Mails as operators see them, and queueing them again.
//!
//! Reads the write store, where alone they are. A mail is queued again from where it was seen; it goes out under the
//! same `Message-ID`, whatever has become of it before.

use super::audit::{Actor, audited};
use super::filter::{FieldKind, FieldSpec, Filter, Value};
use super::plan::raw_of;
use super::{OpsError, Plan, PlanChange, lookup};
use crate::app::{App, AppError};
use crate::domain::id::BookingId;
use crate::domain::mail::{Mail, MailState};
use crate::domain::time::Timestamp;
use crate::store::mails::{self, Waiting};
use serde::Serialize;
use uuid::Uuid;

/// Mails of one page of a list.
pub const PAGE: i64 = 1_000;
/// Mails of one change: it is one transaction.
pub const RETRY_MAX: usize = 10_000;
/// A mail that waits for so many milliseconds says that mails don't get through.
pub const STUCK_MS: i64 = 600_000;

/// A mail as users see it. It names no address: `booking get` shows the passenger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MailBody {
    /// Its id.
    pub id: Uuid,
    /// The booking that it is about.
    pub booking_id: BookingId,
    /// What it tells: `confirmed`, `cancelled`, `expired`, `refunded`.
    pub kind: &'static str,
    /// `queued`, `sent`, `failed` or `dropped`.
    pub state: &'static str,
    /// How often it was tried while the mail server answered.
    pub tries: u32,
    /// When it is due.
    pub next_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// The place of its event in the log.
    pub position: String,
    /// Its `Message-ID`.
    pub message_id: String,
    /// The request that it follows from.
    pub correlation_id: String,
    /// When the event happened.
    pub created_at: Timestamp,
    /// When it last moved.
    pub moved_at: Timestamp,
    /// When the mail server took it.
    pub sent_at: Option<Timestamp>,
}

/// A mail, and what to do about it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MailDetails {
    /// What lists show.
    #[serde(flatten)]
    pub mail: MailBody,
    /// The one safe thing to do about it, as a command.
    pub safe_action: Option<String>,
}

/// Returns a mail as users see it.
#[must_use]
pub fn body(mail: &Mail) -> MailBody {
    MailBody {
        id: mail.id,
        booking_id: mail.booking_id,
        kind: mail.kind.word(),
        state: mail.state.word(),
        tries: mail.tries,
        next_at: mail.next_at,
        last_error: mail.last_error.clone(),
        position: mail.position.to_string(),
        message_id: format!("<{}>", mail.message_id),
        correlation_id: mail.correlation_id.clone(),
        created_at: mail.created_at,
        moved_at: mail.moved_at,
        sent_at: mail.sent_at,
    }
}

/// Returns a mail with what to do about it, as users see it.
#[must_use]
pub fn details(mail: &Mail) -> MailDetails {
    let safe_action = (mail.state == MailState::Failed).then(|| format!("ticketctl mail retry {}", mail.id));
    MailDetails { mail: body(mail), safe_action }
}

/// Walks all mails, the newest first. Start with `None`, go on with the last one's position; an empty page is the end.
///
/// # Errors
/// What the store says.
pub async fn list(app: &App, after: Option<i64>) -> Result<Vec<Mail>, OpsError> {
    Ok(mails::before(&app.stores.write, after.unwrap_or(i64::MAX), PAGE).await?)
}

/// Returns the mail with this id or unique beginning of one.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn find(app: &App, id: &str) -> Result<Uuid, OpsError> {
    let not_found = || AppError::NotFound { what: "mail", id: id.to_owned() };
    let (low, high) = match Uuid::parse_str(id) {
        Ok(uuid) => (uuid, uuid),
        Err(_) => lookup::range(id).ok_or_else(not_found)?,
    };
    let found = mails::with_id_between(&app.stores.write, low, high).await?;
    Ok(lookup::unique("mail", id, &found)?.ok_or_else(not_found)?)
}

/// Returns these mails, each of which must be there, in the order of their events.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn load(app: &App, ids: &[Uuid]) -> Result<Vec<Mail>, OpsError> {
    let found = mails::load(&app.stores.write, ids.to_vec()).await?;
    match ids.iter().find(|id| !found.iter().any(|mail| mail.id == **id)) {
        None => Ok(found),
        Some(missing) => Err(AppError::NotFound { what: "mail", id: missing.to_string() }.into()),
    }
}

/// Returns how many characters of these mails' ids tell each from every other mail.
///
/// # Errors
/// What the store says.
pub async fn prefix_len(app: &App, ids: &[Uuid]) -> Result<usize, OpsError> {
    Ok(lookup::prefix_len(&mails::neighbours(&app.stores.write, ids.to_vec()).await?))
}

/// What queueing mails again would do.
#[derive(Clone, Debug)]
pub struct RetryPlan {
    /// What is shown.
    pub plan: Plan,
    seen: Vec<Mail>,
}

/// Plans to queue mails again, from the first try on. One that waits is sent at once; one that was sent already goes out
/// again. `named` says that each was named: those that come by a filter are left out if they were sent or dropped, so
/// that nobody is told everything twice.
///
/// # Errors
/// [`OpsError::Invalid`] for more than [`RETRY_MAX`].
pub fn plan_retry(app: &App, found: Vec<Mail>, named: bool) -> Result<RetryPlan, OpsError> {
    let now = app.clock.now();
    let is_meant = |mail: &Mail| match mail.state {
        MailState::Failed => true,
        MailState::Queued => mail.next_at.is_some_and(|at| at > now),
        MailState::Sent | MailState::Dropped => named,
    };
    let seen: Vec<Mail> = found.into_iter().filter(is_meant).collect();
    if seen.len() > RETRY_MAX {
        let why = format!("these are {} mails, and no more than {RETRY_MAX} are queued at once", seen.len());
        return Err(OpsError::Invalid(why));
    }
    let change = |mail: &Mail| PlanChange {
        kind: "mail".into(),
        id: Some(mail.id.to_string()),
        before: raw_of(&body(mail)),
        after: raw_of(&MailBody {
            state: MailState::Queued.word(),
            tries: 0,
            next_at: Some(now),
            ..body(mail)
        }),
    };
    let plan = Plan::new("mail retry", seen.iter().map(change).collect());
    Ok(RetryPlan { plan, seen })
}

/// Queues the mails of a plan, all of them or none.
///
/// # Errors
/// [`OpsError::WorldMoved`] if one is no longer where the plan saw it; what the store says.
pub async fn retry(app: &App, planned: RetryPlan, actor: &Actor) -> Result<(), OpsError> {
    let RetryPlan { plan, seen } = planned;
    audited(app, actor, &plan, async {
        if mails::queue_again(&app.stores.write, &seen, app.clock.now()).await? {
            return Ok(());
        }
        let what = match seen.as_slice() {
            [one] => format!("mail {}", one.id),
            _ => "one of the mails".to_owned(),
        };
        Err(OpsError::WorldMoved { what })
    })
    .await
}

/// The mails that wait, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MailStatus {
    /// Those that are to be sent.
    pub queued: i64,
    /// Since when the oldest of them waits.
    pub oldest_at: Option<Timestamp>,
    /// Those that wait for an operator.
    pub failed: i64,
    /// What is wrong, as a sentence.
    pub warning: Option<String>,
}

/// Looks at the mails that wait.
///
/// # Errors
/// What the store says.
pub async fn status(app: &App) -> Result<MailStatus, OpsError> {
    let db = &app.stores.write;
    let Waiting { queued, oldest_at, failed } = mails::waiting(db).await?;
    let age_ms = oldest_at.map_or(0, |at| app.clock.now().as_millis() - at.as_millis());
    let warning = match age_ms >= STUCK_MS {
        false => None,
        true => {
            let minutes = STUCK_MS / 60_000;
            Some(match mails::last_trouble(db).await? {
                Some(error) => format!("Mails wait for more than {minutes} min: {error}"),
                None => format!(
                    "Mails wait for more than {minutes} min, and nobody has tried to send them: no saga worker seems \
                     to run. ticketctl serve --roles saga starts one."
                ),
            })
        }
    };
    Ok(MailStatus { queued, oldest_at, failed, warning })
}

const STATES: &[&str] = &["queued", "sent", "failed", "dropped"];
const KINDS: &[&str] = &["confirmed", "cancelled", "expired", "refunded"];

const fn field(name: &'static str, kind: FieldKind) -> FieldSpec {
    FieldSpec { name, kind }
}

/// The fields of a mail, as `--query` names them.
pub const MAIL_FIELDS: &[FieldSpec] = &[
    field("id", FieldKind::Text),
    field("booking", FieldKind::Text),
    field("kind", FieldKind::Word(KINDS)),
    field("state", FieldKind::Word(STATES)),
    field("tries", FieldKind::Number),
    field("error", FieldKind::Text),
    field("position", FieldKind::Number),
    field("correlation", FieldKind::Text),
    field("age", FieldKind::Duration),
    field("created", FieldKind::Time),
    field("moved", FieldKind::Time),
    field("sent", FieldKind::Time),
];

/// Whether a mail passes a filter that was parsed against [`MAIL_FIELDS`].
#[must_use]
pub fn passes(filter: &Filter, mail: &Mail, now: Timestamp) -> bool {
    filter.matches(now, |name| value(mail, name, now))
}

fn value<'r>(mail: &'r Mail, name: &str, now: Timestamp) -> Value<'r> {
    match name {
        "id" => mail.id.to_string().into(),
        "booking" => mail.booking_id.to_string().into(),
        "kind" => mail.kind.word().into(),
        "state" => mail.state.word().into(),
        "tries" => Value::Number(i64::from(mail.tries)),
        "error" => mail.last_error.as_deref().map_or(Value::Missing, Value::from),
        "position" => Value::Number(mail.position),
        "correlation" => mail.correlation_id.as_str().into(),
        "age" => Value::Duration(now.as_millis().saturating_sub(mail.created_at.as_millis())),
        "created" => Value::Time(mail.created_at),
        "moved" => Value::Time(mail.moved_at),
        "sent" => mail.sent_at.map_or(Value::Missing, Value::Time),
        _ => Value::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS, STATES};
    use crate::domain::mail::{MailKind, MailState};

    #[test]
    fn the_words_of_filters_are_those_of_mails() {
        assert_eq!(STATES, MailState::ALL.map(MailState::word));
        assert_eq!(KINDS, MailKind::ALL.map(MailKind::word));
    }
}
