//! What a batch did to sagas, as the rows that it writes: sagas, their payments and attempts, their steps, and what
//! outside services told. Reads nothing.

use super::{Message, uuids};
use crate::args;
use crate::domain::id::SagaId;
use crate::domain::payment::{Attempt, AttemptState, Payment};
use crate::domain::time::Timestamp;
use crate::saga::{Case, Saga, SagaState, StepRecord};
use crate::store::db::{Arg, Column};
use crate::store::sql::{Sql, statements};
use std::sync::Arc;

/// What a batch did to a saga: how it was, how it is, and the steps between.
#[derive(Clone, Debug)]
pub struct SagaChange {
    /// As it was before the batch; `None` for a new one.
    pub before: Option<Arc<Case>>,
    /// As it is after the batch. Its booking is not looked at here.
    pub after: Arc<Case>,
    /// What is written down of it.
    pub steps: Vec<StepRecord>,
}

impl SagaChange {
    /// Whether it is a new saga that only waits for somebody to pay.
    pub(in crate::store) fn only_awaits_payment(&self) -> bool {
        self.before.is_none()
            && self.after.payments.is_empty()
            && self.after.saga.version == 1
            && self.after.saga.state == SagaState::AwaitingPayment
            && self.steps.is_empty()
    }
}

/// Who runs the attempts that a batch has begun, without looking for them first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The process.
    pub owner: String,
    /// Until when they are its own.
    pub until: Timestamp,
}

statements! {
    INSERT_SAGAS = "INSERT INTO sagas (id, booking_id, state, park, payment_id, attempts, last_error, next_at,
            correlation_id, created_at, moved_at, events, version)
        SELECT id, booking_id, state, park, payment_id, attempts, last_error, next_at, correlation_id, created_at,
            moved_at, events, version
        FROM {rows id uuid, booking_id uuid, state text, park text, payment_id uuid, attempts int, last_error text,
            next_at big, correlation_id text, created_at big, moved_at big, events int, version int} WHERE true";
    /// Leans on the primary key.
    UPDATE_SAGAS = "UPDATE sagas SET state = v.state, park = v.park, payment_id = v.payment_id, attempts = v.attempts,
            last_error = v.last_error, next_at = v.next_at, moved_at = v.moved_at, events = v.events,
            version = v.version
        FROM {rows id uuid, state text, park text, payment_id uuid, attempts int, last_error text, next_at big,
            moved_at big, events int, version int, version_before int}
        WHERE sagas.id = v.id AND sagas.version = v.version_before";
    INSERT_STEPS = "INSERT INTO saga_steps (saga_id, no, at, input, state, attempt_id, note, actor, correlation_id)
        SELECT saga_id, no, at, input, state, attempt_id, note, actor, correlation_id
        FROM {rows saga_id uuid, no int, at big, input text, state text, attempt_id uuid, note text, actor text,
            correlation_id text} WHERE true";
    INSERT_INBOX = "INSERT INTO saga_inbox (source, message_id, saga_id, at)
        SELECT source, message_id, saga_id, at
        FROM {rows source text, message_id text, saga_id uuid, at big} WHERE true";
    INSERT_PAYMENTS = "INSERT INTO payments (id, saga_id, booking_id, reference, user_id, external_id, amount_minor,
            currency, captured_minor, refunded_minor, status, provider, provider_ref, failure, created_at,
            updated_at, version)
        SELECT id, saga_id, booking_id, reference, user_id, external_id, amount_minor, currency, captured_minor,
            refunded_minor, status, provider, provider_ref, failure, created_at, updated_at, version
        FROM {rows id uuid, saga_id uuid, booking_id uuid, reference text, user_id text, external_id text,
            amount_minor big, currency text, captured_minor big, refunded_minor big, status text, provider text,
            provider_ref text, failure text, created_at big, updated_at big, version int} WHERE true";
    /// Leans on the primary key.
    UPDATE_PAYMENTS = "UPDATE payments SET external_id = v.external_id, amount_minor = v.amount_minor,
            currency = v.currency, captured_minor = v.captured_minor, refunded_minor = v.refunded_minor,
            status = v.status, provider_ref = v.provider_ref, failure = v.failure, updated_at = v.updated_at,
            version = v.version
        FROM {rows id uuid, external_id text, amount_minor big, currency text, captured_minor big,
            refunded_minor big, status text, provider_ref text, failure text, updated_at big, version int,
            version_before int}
        WHERE payments.id = v.id AND payments.version = v.version_before";
    INSERT_ATTEMPTS = "INSERT INTO payment_attempts (id, payment_id, saga_id, kind, amount_minor, currency, token, state,
            tries, in_doubt, next_at, provider_ref, error, reason, created_at, ended_at, lease_owner, lease_until)
        SELECT id, payment_id, saga_id, kind, amount_minor, currency, token, state, tries, in_doubt, next_at,
            provider_ref, error, reason, created_at, ended_at, lease_owner, lease_until
        FROM {rows id uuid, payment_id uuid, saga_id uuid, kind text, amount_minor big, currency text, token text,
            state text, tries int, in_doubt int, next_at big, provider_ref text, error text, reason text,
            created_at big, ended_at big, lease_owner text, lease_until big} WHERE true";
    /// The lease ends with the answer, and a token is not kept longer than it is needed. Leans on the primary key.
    UPDATE_ATTEMPTS = "UPDATE payment_attempts SET amount_minor = v.amount_minor, token = v.token, state = v.state,
            tries = v.tries, in_doubt = v.in_doubt, next_at = v.next_at, provider_ref = v.provider_ref,
            error = v.error, ended_at = v.ended_at, lease_owner = NULL, lease_until = 0
        FROM {rows id uuid, amount_minor big, token text, state text, tries int, in_doubt int, next_at big,
            provider_ref text, error text, ended_at big}
        WHERE payment_attempts.id = v.id";
}

/// What a batch writes of sagas.
pub(in crate::store) struct SagaRows<'a> {
    rows: Rows<'a>,
    told: &'a [(Message, SagaId)],
    lease: Option<&'a Lease>,
    now: Timestamp,
}

impl<'a> SagaRows<'a> {
    /// Collects what these changes and messages come to.
    pub(in crate::store) fn of(
        changes: &'a [SagaChange],
        told: &'a [(Message, SagaId)],
        lease: Option<&'a Lease>,
        now: Timestamp,
    ) -> Self {
        Self { rows: Rows::of(changes), told, lease, now }
    }

    /// Whether there is nothing to write.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.told.is_empty()
    }

    /// The statements that write it; those that count what they changed come first.
    pub(in crate::store) fn statements(&self) -> [(&'static Sql, Vec<Arg>); 8] {
        let (rows, told) = (&self.rows, self.told);
        let inbox = vec![
            Column::Text(told.iter().map(|(m, _)| m.source.clone()).collect()),
            Column::Text(told.iter().map(|(m, _)| m.message_id.clone()).collect()),
            uuids(told.iter().map(|(_, saga)| saga.0)),
            Column::Big(vec![self.now.as_millis(); told.len()]),
        ];
        [
            (&UPDATE_SAGAS, args![changed_sagas(&rows.sagas)]),
            (&UPDATE_PAYMENTS, args![changed_payments(&rows.payments)]),
            (&INSERT_SAGAS, args![new_sagas(&rows.sagas_new)]),
            (&INSERT_PAYMENTS, args![new_payments(&rows.payments_new)]),
            (&INSERT_ATTEMPTS, args![new_attempts(&rows.attempts_new, self.lease)]),
            (&UPDATE_ATTEMPTS, args![changed_attempts(&rows.attempts)]),
            (&INSERT_STEPS, args![step_rows(&rows.steps)]),
            (&INSERT_INBOX, args![inbox]),
        ]
    }

    /// Whether all that changed were as the batch was decided on, by what the statements counted.
    pub(in crate::store) fn are_as_before(&self, counts: &[u64]) -> bool {
        counts.starts_with(&[self.rows.sagas.len() as u64, self.rows.payments.len() as u64])
    }
}

/// The rows of new sagas that only wait for somebody to pay: all else of them is known.
pub(in crate::store) fn awaiting_rows(changes: &[SagaChange]) -> Vec<Column> {
    let rows: Vec<&Saga> = changes.iter().map(|change| &change.after.saga).collect();
    vec![
        uuids(rows.iter().map(|s| s.id.0)),
        Column::OptBig(rows.iter().map(|s| millis(s.next_at)).collect()),
        Column::Text(rows.iter().map(|s| s.correlation_id.clone()).collect()),
    ]
}

/// The rows that differ between before and after.
#[derive(Default)]
struct Rows<'a> {
    sagas_new: Vec<&'a Saga>,
    sagas: Vec<(&'a Saga, u32)>,
    payments_new: Vec<&'a Payment>,
    payments: Vec<(&'a Payment, u32)>,
    attempts_new: Vec<&'a Attempt>,
    attempts: Vec<&'a Attempt>,
    steps: Vec<&'a StepRecord>,
}

impl<'a> Rows<'a> {
    fn is_empty(&self) -> bool {
        self.sagas_new.is_empty()
            && self.sagas.is_empty()
            && self.payments_new.is_empty()
            && self.payments.is_empty()
            && self.attempts_new.is_empty()
            && self.attempts.is_empty()
            && self.steps.is_empty()
    }

    fn of(changes: &'a [SagaChange]) -> Self {
        let mut rows = Self::default();
        for SagaChange { before, after, steps } in changes {
            rows.steps.extend(steps);
            match before {
                None => rows.sagas_new.push(&after.saga),
                Some(before) => rows.sagas.push((&after.saga, before.saga.version)),
            }
            for payment in &after.payments {
                let was = before.as_ref().and_then(|b| b.payments.iter().find(|p| p.id == payment.id));
                match was {
                    None => rows.payments_new.push(payment),
                    Some(was) if was.version != payment.version => rows.payments.push((payment, was.version)),
                    Some(_) => {}
                }
            }
            for attempt in &after.attempts {
                let was = before.as_ref().and_then(|b| b.attempts.iter().find(|a| a.id == attempt.id));
                match was {
                    None => rows.attempts_new.push(attempt),
                    Some(was) if was != attempt => rows.attempts.push(attempt),
                    Some(_) => {}
                }
            }
        }
        rows
    }
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

fn new_sagas(rows: &[&Saga]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|s| s.id.0)),
        Column::OptUuid(rows.iter().map(|s| s.booking_id.map(|id| id.0)).collect()),
        Column::Text(rows.iter().map(|s| s.state.word().to_owned()).collect()),
        Column::OptText(rows.iter().map(|s| s.park.map(|p| p.word().to_owned())).collect()),
        Column::OptUuid(rows.iter().map(|s| s.payment_id.map(|id| id.0)).collect()),
        Column::Int(rows.iter().map(|s| s.attempts as i32).collect()),
        Column::OptText(rows.iter().map(|s| s.last_error.clone()).collect()),
        Column::OptBig(rows.iter().map(|s| millis(s.next_at)).collect()),
        Column::Text(rows.iter().map(|s| s.correlation_id.clone()).collect()),
        Column::Big(rows.iter().map(|s| s.created_at.as_millis()).collect()),
        Column::Big(rows.iter().map(|s| s.moved_at.as_millis()).collect()),
        Column::Int(rows.iter().map(|s| s.events as i32).collect()),
        Column::Int(rows.iter().map(|s| s.version as i32).collect()),
    ]
}

fn changed_sagas(rows: &[(&Saga, u32)]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|(s, _)| s.id.0)),
        Column::Text(rows.iter().map(|(s, _)| s.state.word().to_owned()).collect()),
        Column::OptText(rows.iter().map(|(s, _)| s.park.map(|p| p.word().to_owned())).collect()),
        Column::OptUuid(rows.iter().map(|(s, _)| s.payment_id.map(|id| id.0)).collect()),
        Column::Int(rows.iter().map(|(s, _)| s.attempts as i32).collect()),
        Column::OptText(rows.iter().map(|(s, _)| s.last_error.clone()).collect()),
        Column::OptBig(rows.iter().map(|(s, _)| millis(s.next_at)).collect()),
        Column::Big(rows.iter().map(|(s, _)| s.moved_at.as_millis()).collect()),
        Column::Int(rows.iter().map(|(s, _)| s.events as i32).collect()),
        Column::Int(rows.iter().map(|(s, _)| s.version as i32).collect()),
        Column::Int(rows.iter().map(|(_, before)| *before as i32).collect()),
    ]
}

fn new_payments(rows: &[&Payment]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|p| p.id.0)),
        uuids(rows.iter().map(|p| p.saga_id.0)),
        Column::OptUuid(rows.iter().map(|p| p.booking_id.map(|id| id.0)).collect()),
        Column::Text(rows.iter().map(|p| p.reference.clone()).collect()),
        Column::Text(rows.iter().map(|p| p.user_id.0.clone()).collect()),
        Column::OptText(rows.iter().map(|p| p.external_id.clone()).collect()),
        Column::Big(rows.iter().map(|p| p.amount.amount_minor).collect()),
        Column::Text(rows.iter().map(|p| p.amount.currency.code().to_owned()).collect()),
        Column::Big(rows.iter().map(|p| p.captured_minor).collect()),
        Column::Big(rows.iter().map(|p| p.refunded_minor).collect()),
        Column::Text(rows.iter().map(|p| p.status.word().to_owned()).collect()),
        Column::Text(rows.iter().map(|p| p.provider.clone()).collect()),
        Column::OptText(rows.iter().map(|p| p.provider_ref.clone()).collect()),
        Column::OptText(rows.iter().map(|p| p.failure.clone()).collect()),
        Column::Big(rows.iter().map(|p| p.created_at.as_millis()).collect()),
        Column::Big(rows.iter().map(|p| p.updated_at.as_millis()).collect()),
        Column::Int(rows.iter().map(|p| p.version as i32).collect()),
    ]
}

fn changed_payments(rows: &[(&Payment, u32)]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|(p, _)| p.id.0)),
        Column::OptText(rows.iter().map(|(p, _)| p.external_id.clone()).collect()),
        Column::Big(rows.iter().map(|(p, _)| p.amount.amount_minor).collect()),
        Column::Text(rows.iter().map(|(p, _)| p.amount.currency.code().to_owned()).collect()),
        Column::Big(rows.iter().map(|(p, _)| p.captured_minor).collect()),
        Column::Big(rows.iter().map(|(p, _)| p.refunded_minor).collect()),
        Column::Text(rows.iter().map(|(p, _)| p.status.word().to_owned()).collect()),
        Column::OptText(rows.iter().map(|(p, _)| p.provider_ref.clone()).collect()),
        Column::OptText(rows.iter().map(|(p, _)| p.failure.clone()).collect()),
        Column::Big(rows.iter().map(|(p, _)| p.updated_at.as_millis()).collect()),
        Column::Int(rows.iter().map(|(p, _)| p.version as i32).collect()),
        Column::Int(rows.iter().map(|(_, before)| *before as i32).collect()),
    ]
}

fn new_attempts(rows: &[&Attempt], lease: Option<&Lease>) -> Vec<Column> {
    let is_ours = |a: &Attempt| lease.filter(|_| a.state == AttemptState::Due);
    vec![
        uuids(rows.iter().map(|a| a.id.0)),
        uuids(rows.iter().map(|a| a.payment_id.0)),
        uuids(rows.iter().map(|a| a.saga_id.0)),
        Column::Text(rows.iter().map(|a| a.kind.word().to_owned()).collect()),
        Column::Big(rows.iter().map(|a| a.amount.amount_minor).collect()),
        Column::Text(rows.iter().map(|a| a.amount.currency.code().to_owned()).collect()),
        Column::OptText(rows.iter().map(|a| kept_token(a)).collect()),
        Column::Text(rows.iter().map(|a| a.state.word().to_owned()).collect()),
        Column::Int(rows.iter().map(|a| a.tries as i32).collect()),
        Column::Int(rows.iter().map(|a| i32::from(a.in_doubt)).collect()),
        Column::OptBig(rows.iter().map(|a| millis(a.next_at)).collect()),
        Column::OptText(rows.iter().map(|a| a.provider_ref.clone()).collect()),
        Column::OptText(rows.iter().map(|a| a.error.clone()).collect()),
        Column::OptText(rows.iter().map(|a| a.reason.clone()).collect()),
        Column::Big(rows.iter().map(|a| a.created_at.as_millis()).collect()),
        Column::OptBig(rows.iter().map(|a| millis(a.ended_at)).collect()),
        Column::OptText(rows.iter().map(|a| is_ours(a).map(|l| l.owner.clone())).collect()),
        Column::Big(rows.iter().map(|a| is_ours(a).map_or(0, |l| l.until.as_millis())).collect()),
    ]
}

fn changed_attempts(rows: &[&Attempt]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|a| a.id.0)),
        Column::Big(rows.iter().map(|a| a.amount.amount_minor).collect()),
        Column::OptText(rows.iter().map(|a| kept_token(a)).collect()),
        Column::Text(rows.iter().map(|a| a.state.word().to_owned()).collect()),
        Column::Int(rows.iter().map(|a| a.tries as i32).collect()),
        Column::Int(rows.iter().map(|a| i32::from(a.in_doubt)).collect()),
        Column::OptBig(rows.iter().map(|a| millis(a.next_at)).collect()),
        Column::OptText(rows.iter().map(|a| a.provider_ref.clone()).collect()),
        Column::OptText(rows.iter().map(|a| a.error.clone()).collect()),
        Column::OptBig(rows.iter().map(|a| millis(a.ended_at)).collect()),
    ]
}

/// What was charged is of no use once the outcome is known.
fn kept_token(attempt: &Attempt) -> Option<String> {
    attempt.token.clone().filter(|_| attempt.state.is_open())
}

fn step_rows(rows: &[&StepRecord]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|s| s.saga_id.0)),
        Column::Int(rows.iter().map(|s| s.no as i32).collect()),
        Column::Big(rows.iter().map(|s| s.at.as_millis()).collect()),
        Column::Text(rows.iter().map(|s| s.input.clone()).collect()),
        Column::Text(rows.iter().map(|s| s.state.word().to_owned()).collect()),
        Column::OptUuid(rows.iter().map(|s| s.attempt_id.map(|id| id.0)).collect()),
        Column::OptText(rows.iter().map(|s| s.note.clone()).collect()),
        Column::Text(rows.iter().map(|s| s.actor.clone()).collect()),
        Column::Text(rows.iter().map(|s| s.correlation_id.clone()).collect()),
    ]
}
