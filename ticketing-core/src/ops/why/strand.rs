//! Everything that is written down of one booking or payment: its events, its saga's steps, the calls to the provider,
//! what operators did to it, and the answers that are kept.

use super::words;
use super::{Entry, Rank};
use crate::app::App;
use crate::domain::booking::event::BookingEvent;
use crate::domain::booking::state::Booking;
use crate::domain::event::Event;
use crate::domain::id::{BookingId, SagaId};
use crate::domain::mail::{Mail, MailState};
use crate::domain::payment::{Attempt, AttemptState, Payment};
use crate::domain::time::Timestamp;
use crate::ops::OpsError;
use crate::ops::payments::attempt_body;
use crate::ops::sagas::{self, SagaRow};
use crate::projection::bodies;
use crate::saga::StepRecord;
use crate::store::audit::AuditRow;
use crate::store::dead_letters::{Letter, LetterState};
use crate::store::events::LogEntry;
use crate::store::idempotency::Answered;
use crate::store::parked::Parked;
use crate::store::{audit, bookings, dead_letters, events, idempotency, mails, parked};
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::HashSet;
use uuid::Uuid;

/// Answers are kept for two days; a story whose last event is older than three has none to look for.
const ANSWERS_LOOKED_FOR_SECONDS: i64 = 3 * 86_400;
/// Dead letters that are told of one thing.
const LETTERS_MAX: i64 = 100;
/// Changes by operators that are told of one thing.
const AUDIT_MAX: i64 = 200;

/// What is known of one stream.
pub(super) struct Strand {
    pub(super) booking: Option<Booking>,
    pub(super) row: Option<SagaRow>,
    pub(super) events: Vec<LogEntry>,
    audit: Vec<AuditRow>,
    answers: Vec<Answered>,
    mails: Vec<Mail>,
    /// Messages about it that could not be handled, or wait behind one that could not.
    letters: Vec<Letter>,
    /// Events of it that could not be folded.
    parked: Vec<Parked>,
}

impl Strand {
    /// Brings together what is known of a stream; of one among several, only the letters that are still open.
    pub(super) async fn load(app: &App, id: Uuid, is_alone: bool) -> Result<Self, OpsError> {
        let db = &app.stores.write;
        let booking = bookings::load(db, &[BookingId(id)]).await?.pop();
        let mut row = sagas::rows(app, &[SagaId(id)]).await?.pop();
        if let Some(row) = &mut row {
            row.case.booking.clone_from(&booking);
        }
        let events = events::of_stream(db, id).await?;
        let audit = audit::about(db, id, AUDIT_MAX).await?;
        let oldest = app.clock.now().plus_seconds(-ANSWERS_LOOKED_FOR_SECONDS);
        let times = times(&events, row.as_ref(), oldest);
        let mut answers = match times.is_empty() {
            true => Vec::new(),
            false => idempotency::at_times(db, times).await?,
        };
        let names = names(id, row.as_ref());
        answers.retain(|answer| answer.about().is_some_and(|about| names.contains(&about)));
        let stream = id.to_string();
        let letters = match is_alone {
            true => dead_letters::of_stream(db, &stream, LETTERS_MAX).await?,
            false => dead_letters::open_of_stream(db, &stream, LETTERS_MAX).await?,
        };
        let parked = parked::open_of_stream(&app.stores.read, id, LETTERS_MAX).await?;
        let mails = mails::of_booking(db, id).await?;
        Ok(Self { booking, row, events, audit, answers, mails, letters, parked })
    }

    /// The letter that holds up the others, if one does; its id as the tools take it.
    pub(super) fn open_letter(&self) -> Option<Uuid> {
        self.letters.iter().find(|letter| letter.state.is_open()).map(|letter| letter.id)
    }

    /// How many letters and parked events are open.
    pub(super) fn open_letters(&self) -> usize {
        self.letters.iter().filter(|letter| letter.state.is_open()).count() + self.parked.len()
    }

    /// What happened, in no order yet.
    pub(super) fn entries(&self, now: Timestamp) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut requests = HashSet::new();
        for event in &self.events {
            if event.actor != "system"
                && requests.insert(event.correlation_id.as_str())
                && let Some(order) = words::order(&event.event)
            {
                entries.push(command(event, order));
            }
            entries.push(of_event(event));
        }
        if let Some(row) = &self.row {
            entries.extend(row.steps.iter().map(of_step));
            for attempt in &row.case.attempts {
                entries.extend(calls(attempt, row, now));
            }
        }
        entries.extend(self.audit.iter().map(of_audit));
        entries.extend(self.answers.iter().map(of_answer));
        entries.extend(self.mails.iter().map(of_mail));
        entries.extend(self.letters.iter().flat_map(of_letter));
        entries.extend(self.parked.iter().map(of_parked));
        entries
    }
}

/// When something happened, since `oldest`: what a request did and its answer have the same time.
fn times(events: &[LogEntry], row: Option<&SagaRow>, oldest: Timestamp) -> Vec<i64> {
    let mut times: Vec<Timestamp> = events.iter().map(|entry| entry.recorded_at).collect();
    if let Some(row) = row {
        times.extend(row.steps.iter().map(|step| step.at));
    }
    let mut times: Vec<i64> = times.into_iter().filter(|at| *at > oldest).map(Timestamp::as_millis).collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// The ids by which answers name a stream: its own, and those of its payments.
fn names(id: Uuid, row: Option<&SagaRow>) -> HashSet<String> {
    let payments = row.into_iter().flat_map(|row| &row.case.payments);
    payments.map(Payment::public_id).chain([id.to_string()]).collect()
}

fn raw(value: &serde_json::Value) -> Box<RawValue> {
    bodies::raw(value.to_string())
}

fn command(event: &LogEntry, order: &str) -> Entry {
    Entry {
        at: event.recorded_at,
        kind: "command",
        what: format!("{} asks to {order}", event.actor),
        actor: event.actor.clone(),
        position: None,
        correlation_id: Some(event.correlation_id.clone()),
        details: raw(&json!({ "causationId": event.causation_id })),
        rank: (Rank::Command, event.position),
    }
}

fn of_event(event: &LogEntry) -> Entry {
    Entry {
        at: event.recorded_at,
        kind: "event",
        what: words::event(&event.event),
        actor: event.actor.clone(),
        position: Some(event.position.to_string()),
        correlation_id: Some(event.correlation_id.clone()),
        details: raw(&json!({
            "type": event.event.type_name(),
            "streamId": event.stream_id,
            "streamVersion": event.stream_version,
            "data": serde_json::from_str::<serde_json::Value>(&event.event.data()).unwrap_or_default(),
        })),
        rank: (Rank::Event, event.position),
    }
}

fn of_step(step: &StepRecord) -> Entry {
    let note = step.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
    Entry {
        at: step.at,
        kind: "step",
        what: format!("{}{note}: the saga is {}", step.input, step.state.word()),
        actor: step.actor.clone(),
        position: None,
        correlation_id: Some(step.correlation_id.clone()),
        details: raw(&json!({ "sagaId": step.saga_id, "no": step.no, "attemptId": step.attempt_id })),
        rank: (Rank::Step, i64::from(step.no)),
    }
}

/// That the provider was to be called, and what came of it.
fn calls(attempt: &Attempt, row: &SagaRow, now: Timestamp) -> Vec<Entry> {
    let provider = row.case.payments.iter().find(|payment| payment.id == attempt.payment_id);
    let provider = provider.map_or("", |payment| payment.provider.as_str());
    let details =
        bodies::raw(serde_json::to_string(&attempt_body(attempt)).unwrap_or_else(|_| "null".into()));
    let began = row.steps.iter().find(|step| step.attempt_id == Some(attempt.id));
    let reason = attempt.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let entry = |at, what, actor: &str, rank| Entry {
        at,
        kind: "call",
        what,
        actor: actor.to_owned(),
        position: None,
        correlation_id: began.map(|step| step.correlation_id.clone()),
        details: details.clone(),
        rank: (rank, 0),
    };
    let what = format!("{} of {} is asked of {provider}{reason}", attempt.kind.word(), attempt.amount);
    let mut entries = vec![entry(attempt.created_at, what, "system", Rank::CallBegan)];
    let kind = attempt.kind.word();
    let after = match attempt.tries {
        0 => String::new(),
        1 => " after 1 unclear answer".to_owned(),
        tries => format!(" after {tries} unclear answers"),
    };
    let why = attempt.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    let outcome = match attempt.state {
        AttemptState::Succeeded => {
            let named = attempt.provider_ref.as_ref().map_or_else(String::new, |name| format!(" as {name}"));
            format!("{provider} did the {kind} of {}{named}{after}", attempt.amount)
        }
        AttemptState::Declined => format!("{provider} refused the {kind}{after}{why}"),
        AttemptState::Dropped => format!("the {kind} was given up{after}{why}"),
        AttemptState::Unclear => format!("no clear answer to the {kind}{after}{why}"),
        AttemptState::Due if attempt.tries > 0 => format!("the {kind} is still open{after}{why}"),
        AttemptState::Due | AttemptState::Awaited => return entries,
    };
    // What is still open is so now; a saga's step says when the last answer came.
    let last = row.steps.iter().rev().find(|step| step.attempt_id == Some(attempt.id)).map(|step| step.at);
    let at = attempt.ended_at.or(last).unwrap_or(now);
    entries.push(entry(at, outcome, provider, Rank::CallEnded));
    entries
}

fn of_audit(row: &AuditRow) -> Entry {
    let reason = row.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    Entry {
        at: Timestamp::from_millis(row.at),
        kind: "audit",
        what: format!("{} ran ticketctl {}{reason}: {}", row.actor, row.action, row.result),
        actor: row.actor.clone(),
        position: None,
        correlation_id: None,
        details: raw(&json!({ "id": row.id, "action": row.action, "target": row.target,
            "reason": row.reason, "result": row.result })),
        rank: (Rank::Audit, 0),
    }
}

fn of_answer(answer: &Answered) -> Entry {
    Entry {
        at: Timestamp::from_millis(answer.created_at),
        kind: "key",
        what: format!("answer {} is kept for key {} of {}", answer.status, answer.key, answer.caller),
        actor: answer.caller.clone(),
        // Its position is the whole log's then: it says nothing of this story.
        position: None,
        correlation_id: None,
        details: raw(&json!({ "caller": answer.caller, "key": answer.key, "status": answer.status })),
        rank: (Rank::Key, answer.position),
    }
}

/// Where a mail to the passenger stands, when it last moved.
fn of_mail(mail: &Mail) -> Entry {
    let why = mail.last_error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    let kind = mail.kind.word();
    let what = match (mail.state, mail.next_at) {
        (MailState::Sent, _) => format!("mail \"{kind}\" was sent to the passenger"),
        (MailState::Queued, Some(at)) if mail.last_error.is_some() => {
            format!("mail \"{kind}\" waits, and is tried again at {at}{why}")
        }
        (MailState::Queued, _) => format!("mail \"{kind}\" is to be sent to the passenger"),
        (MailState::Failed, _) => format!("mail \"{kind}\" can't be sent{why}"),
        (MailState::Dropped, _) => format!("mail \"{kind}\" was not sent{why}"),
    };
    Entry {
        at: mail.moved_at,
        kind: "mail",
        what,
        actor: "system".to_owned(),
        // It is the event's; the event is told of by itself.
        position: None,
        correlation_id: Some(mail.correlation_id.clone()),
        details: raw(&json!({ "id": mail.id, "kind": kind, "state": mail.state.word(), "tries": mail.tries,
            "position": mail.position.to_string(), "messageId": format!("<{}>", mail.message_id) })),
        rank: (Rank::Mail, mail.position),
    }
}

/// That a message could not be handled, and what became of it.
fn of_letter(letter: &Letter) -> Vec<Entry> {
    let kind = letter.event_type.as_deref().unwrap_or("message");
    let told = format!("{kind} on {}", letter.source);
    let details = raw(&json!({ "id": letter.id, "state": letter.state.word(), "code": letter.code,
        "reason": letter.reason, "source": letter.source, "tries": letter.tries }));
    let entry = |at, what, actor: &str| Entry {
        at,
        kind: "letter",
        what,
        actor: actor.to_owned(),
        position: None,
        correlation_id: Some(letter.correlation_id.clone()),
        details: details.clone(),
        rank: (Rank::Letter, letter.seq),
    };
    let kept = match letter.state {
        LetterState::Waiting => format!("{told} waits behind another dead letter"),
        LetterState::Dead | LetterState::Redriven | LetterState::Discarded => {
            format!("{told} could not be handled: {} ({})", letter.reason, letter.code)
        }
    };
    let by = letter.moved_by.as_deref().unwrap_or("system");
    let moved = match letter.state {
        LetterState::Dead | LetterState::Waiting => None,
        LetterState::Redriven => Some(format!("{by} had it tried again, and it was handled")),
        LetterState::Discarded => Some(format!("{by} discarded it: it is not to be handled")),
    };
    let mut entries = vec![entry(letter.at, kept, "system")];
    entries.extend(moved.map(|what| entry(letter.moved_at, what, by)));
    entries
}

/// That an event could not be folded into what lists show.
fn of_parked(parked: &Parked) -> Entry {
    let Parked { position, event_type, reason, .. } = parked;
    let what = match parked.state {
        LetterState::Waiting => {
            format!("{event_type} at {position} waits behind one that could not be folded")
        }
        LetterState::Dead | LetterState::Redriven | LetterState::Discarded => {
            format!("{event_type} at {position} could not be folded into the lists: {reason}")
        }
    };
    Entry {
        at: parked.at,
        kind: "letter",
        what,
        actor: "system".into(),
        position: None,
        correlation_id: None,
        details: raw(&json!({ "position": position.to_string(), "state": parked.state.word(),
            "reason": reason, "tries": parked.tries })),
        rank: (Rank::Letter, *position),
    }
}

/// Who ended a booking, where a person did.
pub(super) fn ended_by(events: &[LogEntry]) -> Option<&str> {
    let ends = |entry: &&LogEntry| {
        matches!(
            entry.event,
            Event::Booking(BookingEvent::TicketCancelled(_) | BookingEvent::TicketExpired(_))
        )
    };
    events.iter().rev().find(ends).map(|entry| entry.actor.as_str()).filter(|actor| *actor != "system")
}
