//! Payments against what the log says of them, and against what was asked of the providers for them.
//!
//! A payment's events are in its saga's stream. A payment that a service only gave its word for has no event of its
//! own: the confirmation of its booking names it. One that no outside service was asked for has no event before its
//! outcome is known.

use super::past::{self, Aside};
use super::{Differences, FIRST, PAGE, Run, shown, why};
use crate::domain::booking::event::BookingEvent;
use crate::domain::event::Event;
use crate::domain::id::SagaId;
use crate::domain::log::LogEntry;
use crate::domain::money::Money;
use crate::domain::payment::{
    Attempt, AttemptKind, AttemptState, Payment, PaymentEvent, PaymentFacts, PaymentStatus,
};
use crate::ops::OpsError;
use crate::saga::Case;
use crate::saga::plan::EXTERNAL;
use crate::store::db::Db;
use crate::store::error::StoreError;
use crate::store::{checks, events, sagas};
use std::collections::HashMap;
use uuid::Uuid;

/// Positions of one page of the walk for events whose payment has no row.
const STRETCH: i64 = 5_000;

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let db = run.app.stores.write.clone();
    run.total = Some(checks::count_sagas(&db).await?);
    let mut after = FIRST;
    loop {
        let moment = db.moment().await?;
        let outcome = page(run, &moment, after).await;
        moment.close().await;
        match outcome? {
            Some(last) => after = last,
            None => break,
        }
    }
    without_row(run, &db).await
}

/// Looks at one page of sagas; returns its last one.
async fn page(run: &mut Run<'_>, db: &Db, after: Uuid) -> Result<Option<Uuid>, OpsError> {
    let ids = checks::sagas_after(db, after, PAGE).await?;
    let Some(last) = ids.last().map(|id| id.0) else { return Ok(None) };
    let cases = readable(db, &ids).await?;
    let paid: Vec<&Case> = cases.iter().filter(|case| !case.payments.is_empty()).collect();
    let streams =
        past::streams(run, db, paid.iter().map(|case| case.saga.id.0).collect(), &Aside::default()).await?;
    for case in paid {
        // Where an event can't be read, that was told, and the rest of its stream says nothing.
        let Some(entries) = streams.get(&case.saga.id.0) else {
            if events::last_versions(db, vec![case.saga.id.0]).await?.is_empty() {
                judge(run, case, &[]);
            }
            continue;
        };
        judge(run, case, entries);
    }
    run.looked(ids.len());
    Ok(Some(last))
}

/// The cases of these sagas. One that can't be read is a finding of the check of money.
async fn readable(db: &Db, ids: &[SagaId]) -> Result<Vec<Case>, OpsError> {
    match sagas::cases(db, ids).await {
        Err(StoreError::Corrupt { .. }) => {
            let mut cases = Vec::with_capacity(ids.len());
            for id in ids {
                match sagas::cases(db, &[*id]).await {
                    Ok(found) => cases.extend(found),
                    Err(StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(cases)
        }
        outcome => Ok(outcome?),
    }
}

fn judge(run: &mut Run<'_>, case: &Case, entries: &[LogEntry]) {
    let mut said: Vec<Said<'_>> = case.payments.iter().map(|_| Said::default()).collect();
    let mut price = None;
    for entry in entries {
        match &entry.event {
            Event::Booking(event) => of_booking(event, &mut price, &case.payments, &mut said),
            Event::Payment(event) => {
                let id = &event.facts().payment_id;
                match case.payments.iter().position(|payment| is_called(payment, id)) {
                    Some(index) => said[index].take(event),
                    None => {
                        let finding = format!("it is of payment {id}, which has no row");
                        let command = format!("ticketctl events show {}", entry.position);
                        run.found("event", &entry.position, finding, command);
                    }
                }
            }
            Event::Catalog(_) => {}
        }
    }
    for (payment, said) in case.payments.iter().zip(&said) {
        if let Some(finding) = payment_fault(payment, said) {
            // Its charges and refunds are judged by it, so not by one that is wrong itself.
            run.found("payment", &payment.id, finding, why(&payment.id));
            continue;
        }
        let of_payment = case.attempts.iter().filter(|attempt| attempt.payment_id == payment.id);
        let attempts: Vec<&Attempt> = of_payment.collect();
        if let Some(finding) = sum_fault(payment, &attempts) {
            run.found("payment", &payment.id, finding, why(&payment.id));
        }
        // A refund of a payment that is for no booking is published by no event.
        let asked = case.saga.booking_id.map(|_| said.asked_back.as_slice());
        for (attempt, finding) in attempt_faults(payment, &attempts, asked) {
            run.found("attempt", &attempt.id, finding, why(&payment.id));
        }
        if let Some((asked, had)) = refunds_missing(asked, &attempts) {
            let finding =
                format!("its log has {asked} refunds that were asked for, of which there are {had}");
            run.found("payment", &payment.id, finding, why(&payment.id));
        }
    }
}

/// Whether a payment goes by this name: it may have been given another one after its first event.
fn is_called(payment: &Payment, id: &str) -> bool {
    payment.external_id.as_deref() == Some(id) || payment.id.to_string() == id
}

/// What the log says of a payment.
#[derive(Debug, Default)]
struct Said<'a> {
    /// What its last event says.
    facts: Option<&'a PaymentFacts>,
    /// What became of it, as far as the log knows.
    outcome: Option<PaymentStatus>,
    captured_minor: i64,
    refunded_minor: i64,
    /// The refunds that were asked for, in minor units.
    asked_back: Vec<i64>,
}

impl<'a> Said<'a> {
    fn take(&mut self, event: &'a PaymentEvent) {
        let facts = event.facts();
        match event {
            PaymentEvent::PaymentRequested(_) => {}
            PaymentEvent::PaymentCreated(_) => {
                self.outcome = Some(PaymentStatus::Success);
                self.captured_minor = facts.amount.amount_minor.max(0);
            }
            PaymentEvent::PaymentFailed(_) => self.outcome = Some(PaymentStatus::Failed),
            PaymentEvent::PaymentRefunded(_) => {
                self.refunded_minor += facts.amount.amount_minor;
                if self.refunded_minor >= self.captured_minor {
                    self.outcome = Some(PaymentStatus::Refunded);
                }
            }
        }
        self.facts = Some(facts);
    }
}

/// What a booking's own event says of its payments.
fn of_booking(event: &BookingEvent, price: &mut Option<Money>, payments: &[Payment], said: &mut [Said<'_>]) {
    let find = |id: &str| payments.iter().position(|payment| is_called(payment, id));
    match event {
        BookingEvent::TicketBooked(began) | BookingEvent::TicketReserved(began) => *price = Some(began.price),
        BookingEvent::TicketConfirmed(confirmed) => {
            // On somebody's word: nothing was told of the payment before, and it is of the booking's price.
            if let Some(said) = find(&confirmed.payment_id).map(|index| &mut said[index])
                && !matches!(said.outcome, Some(PaymentStatus::Success | PaymentStatus::Refunded))
            {
                said.outcome = Some(PaymentStatus::Success);
                said.captured_minor = price.map_or(0, |price| price.amount_minor);
            }
        }
        BookingEvent::RefundRequested(asked) => {
            if let Some(index) = find(&asked.payment_id) {
                said[index].asked_back.push(asked.amount.amount_minor);
            }
        }
        BookingEvent::TicketCancelled(_)
        | BookingEvent::TicketExpired(_)
        | BookingEvent::TicketRefunded(_) => {}
    }
}

/// What differs between a payment and its events.
fn payment_fault(payment: &Payment, said: &Said<'_>) -> Option<String> {
    if said.outcome.is_none() && payment.status != PaymentStatus::Pending {
        return Some(format!("it is {}, and the log has no event that says so", payment.status.word()));
    }
    let is_asked_outside = payment.provider == EXTERNAL && payment.amount.amount_minor > 0;
    if said.outcome.is_none() && said.facts.is_none() && is_asked_outside {
        return Some("it waits for an outside service, and the log has no event that asks one for it".into());
    }
    let mut found = Differences::default();
    let money = |minor: &i64| Money { amount_minor: *minor, currency: payment.amount.currency }.to_string();
    let status = said.outcome.unwrap_or(PaymentStatus::Pending);
    found.of("status", &payment.status, &status, |status| status.word().into());
    found.of("captured", &payment.captured_minor, &said.captured_minor, money);
    found.of("refunded", &payment.refunded_minor, &said.refunded_minor, money);
    if let Some(facts) = said.facts {
        // What is given back may be a part, and says nothing of what was asked for; what was captured does.
        let amount = match status {
            PaymentStatus::Pending | PaymentStatus::Failed => facts.amount,
            PaymentStatus::Success | PaymentStatus::Refunded => {
                Money { amount_minor: said.captured_minor, currency: facts.amount.currency }
            }
        };
        found.of("amount", &payment.amount, &amount, ToString::to_string);
        found.of("reference", &payment.reference, &facts.reference, String::clone);
        found.of("user", &payment.user_id.0, &facts.user_id.0, String::clone);
        found.of("booking", &payment.booking_id, &facts.booking_id, shown);
        if status == PaymentStatus::Failed {
            found.of("failure", &payment.failure, &facts.reason, shown);
        }
    }
    found.sentence()
}

/// What a payment's amounts say that its charges and refunds do not.
fn sum_fault(payment: &Payment, attempts: &[&Attempt]) -> Option<String> {
    let done =
        attempts.iter().filter(|a| a.kind == AttemptKind::Refund && a.state == AttemptState::Succeeded);
    let back: i64 = done.map(|attempt| attempt.amount.amount_minor).sum();
    // Where all went back, a service may have given it back by itself while our refund was under way.
    let fits = back == payment.refunded_minor || (back > payment.refunded_minor && payment.kept_minor() <= 0);
    let amount = |amount_minor| Money { amount_minor, currency: payment.amount.currency };
    if !fits {
        let (said, back) = (amount(payment.refunded_minor), amount(back));
        return Some(format!("{said} was given back, by its refunds that succeeded {back}"));
    }
    let mut charges = attempts.iter().filter(|attempt| attempt.kind == AttemptKind::Charge);
    let waits = payment.status == PaymentStatus::Pending && !charges.any(|charge| charge.state.is_open());
    waits.then(|| "it is PENDING, and no charge of it is open: nobody asks what became of it".into())
}

/// What is wrong with the charges and refunds of a payment.
fn attempt_faults<'a>(
    payment: &Payment,
    attempts: &[&'a Attempt],
    asked_back: Option<&[i64]>,
) -> Vec<(&'a Attempt, String)> {
    let mut found = Vec::new();
    let mut asked: HashMap<i64, usize> = HashMap::new();
    for minor in asked_back.unwrap_or_default() {
        *asked.entry(*minor).or_default() += 1;
    }
    for attempt in attempts {
        if attempt.state == AttemptState::Due && attempt.next_at.is_none() {
            found.push((*attempt, "it is due at no time: nobody takes it".into()));
        }
        let finding = match attempt.kind {
            AttemptKind::Charge => charge_fault(payment, attempt),
            // What was done may be less than what was asked for, or more than one refund at once.
            AttemptKind::Refund if attempt.state == AttemptState::Succeeded => None,
            AttemptKind::Refund => match asked.get_mut(&attempt.amount.amount_minor) {
                _ if asked_back.is_none() => None,
                Some(left) if *left > 0 => {
                    *left -= 1;
                    None
                }
                Some(_) | None => Some(format!("the log has no event that asks for {} back", attempt.amount)),
            },
        };
        found.extend(finding.map(|finding| (*attempt, finding)));
    }
    found
}

fn charge_fault(payment: &Payment, attempt: &Attempt) -> Option<String> {
    let came = matches!(payment.status, PaymentStatus::Success | PaymentStatus::Refunded);
    let word = payment.status.word();
    if attempt.state == AttemptState::Succeeded && !came {
        return Some(format!("it succeeded, its payment {} is {word}", payment.id));
    }
    if attempt.state.is_open() && came {
        return Some(format!("it is {}, its payment {} is {word}", attempt.state.word(), payment.id));
    }
    // Where another amount came than was asked for, the payment says so as its failure.
    let is_other = came && payment.failure.is_some();
    (!is_other && attempt.amount != payment.amount)
        .then(|| format!("it is of {}, its payment {} of {}", attempt.amount, payment.id, payment.amount))
}

/// How many refunds the log has asked for, and how many there are, if those are fewer.
fn refunds_missing(asked_back: Option<&[i64]>, attempts: &[&Attempt]) -> Option<(usize, usize)> {
    let asked = asked_back?.len();
    let had = attempts.iter().filter(|attempt| attempt.kind == AttemptKind::Refund).count();
    (asked > had).then_some((asked, had))
}

/// Looks for events of payments in streams whose saga has no payment. They come with one commit, and no row goes.
async fn without_row(run: &mut Run<'_>, db: &Db) -> Result<(), OpsError> {
    let head = events::head(db).await?;
    let mut from = 0;
    while from < head {
        let to = from.saturating_add(STRETCH).min(head);
        for (position, stream) in checks::without_payment(db, from, to).await? {
            let finding = format!("it is of a payment of saga {stream}, which has no row");
            run.found("event", &position, finding, format!("ticketctl events show {position}"));
        }
        from = to;
    }
    Ok(())
}
