//! Sagas, payments and bookings: what was captured stands for a confirmed booking, or goes back, or a person knows.

use super::{FIRST, OVERDUE_MS_MIN, PAGE, Run, why};
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::id::{BookingId, SagaId};
use crate::domain::money::Money;
use crate::domain::payment::{AttemptKind, Payment, PaymentStatus};
use crate::domain::time::Timestamp;
use crate::ops::OpsError;
use crate::saga::{Case, SagaState, StepRecord};
use crate::store::db::Db;
use crate::store::error::StoreError;
use crate::store::{bookings, checks, sagas};
use std::collections::HashMap;
use uuid::Uuid;

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
    belongings(run, &db).await?;
    overdue(run, &db).await
}

/// Looks at one page of sagas; returns its last one.
async fn page(run: &mut Run<'_>, db: &Db, after: Uuid) -> Result<Option<Uuid>, OpsError> {
    let ids = checks::sagas_after(db, after, PAGE).await?;
    let Some(last) = ids.last().map(|id| id.0) else { return Ok(None) };
    match cases(run, db, &ids).await {
        Err(OpsError::App(crate::app::AppError::Store(error)))
            if matches!(*error, StoreError::Corrupt { .. }) =>
        {
            // One row that can't be read must not hide the others.
            for id in &ids {
                if let Err(OpsError::App(crate::app::AppError::Store(error))) = cases(run, db, &[*id]).await {
                    match &*error {
                        StoreError::Corrupt { .. } => run.found("saga", id, format!("{error}"), why(id)),
                        _ => return Err(OpsError::App(crate::app::AppError::Store(error))),
                    }
                }
            }
        }
        outcome => outcome?,
    }
    run.looked(ids.len());
    Ok(Some(last))
}

async fn cases(run: &mut Run<'_>, db: &Db, ids: &[SagaId]) -> Result<(), OpsError> {
    let cases = sagas::cases(db, ids).await?;
    let of: Vec<BookingId> = cases.iter().filter_map(|case| case.saga.booking_id).collect();
    // A booking that can't be read is a finding of its own check; its saga is passed over.
    let mut rows: HashMap<BookingId, Booking> = HashMap::new();
    let mut unread = 0_usize;
    for row in bookings::load_each(db, &of).await? {
        match row {
            Ok(booking) => {
                rows.insert(booking.id, booking);
            }
            Err(_) => unread += 1,
        }
    }
    let mut steps: HashMap<SagaId, Vec<StepRecord>> = HashMap::new();
    for step in sagas::steps_of(db, ids).await? {
        steps.entry(step.saga_id).or_default().push(step);
    }
    for case in &cases {
        let id = case.saga.id;
        if let Some(finding) = step_fault(case, steps.get(&id).map_or(&[], Vec::as_slice)) {
            run.found("saga", &id, finding, why(&id));
        }
        let booking = case.saga.booking_id.and_then(|booking| rows.get(&booking));
        match (case.saga.booking_id, booking) {
            (Some(missing), None) if unread == 0 => {
                run.found("saga", &id, format!("its booking {missing} does not exist"), why(&id));
            }
            (Some(_), None) => {}
            (None, _) => money(run, case, None),
            (Some(_), Some(booking)) => {
                if let Some(finding) = state_fault(case, booking) {
                    run.found("saga", &id, finding, why(&id));
                }
                money(run, case, Some(booking));
            }
        }
    }
    Ok(())
}

/// A saga's steps are numbered without gaps, up to its version; one that was only begun has none.
fn step_fault(case: &Case, steps: &[StepRecord]) -> Option<String> {
    let version = case.saga.version;
    let mut next = match steps.first() {
        Some(first) if first.no <= 2 => first.no,
        Some(first) => return Some(format!("its steps begin with {}", first.no)),
        None if version <= 1 => return None,
        None => return Some(format!("it has no steps and is at version {version}")),
    };
    for step in steps {
        if step.no != next {
            return Some(format!("step {} follows step {}", step.no, next - 1));
        }
        next += 1;
    }
    (next != version + 1).then(|| format!("its last step is {}, its version {version}", next - 1))
}

fn state_fault(case: &Case, booking: &Booking) -> Option<String> {
    let fits = match case.saga.state {
        SagaState::Confirmed => booking.state == BookingState::Confirmed,
        SagaState::AwaitingPayment => booking.state.is_hold(),
        SagaState::Charging
        | SagaState::Releasing
        | SagaState::Refunding
        | SagaState::Parked
        | SagaState::Cancelled
        | SagaState::Expired
        | SagaState::Refunded => true,
    };
    (!fits).then(|| format!("it is {}, its booking {}", case.saga.state.word(), booking.state.word()))
}

/// What was captured stands for the confirmed booking, is for no booking, is on its way back, or a person knows of it.
fn money(run: &mut Run<'_>, case: &Case, booking: Option<&Booking>) {
    let is_confirmed = booking.is_some_and(|b| b.state == BookingState::Confirmed);
    let stands_for = booking.filter(|_| is_confirmed).and_then(|b| b.payment_id.as_deref());
    let stands = |payment: &Payment| stands_for.is_some_and(|id| payment.public_id() == id);
    for payment in &case.payments {
        let amount = |minor| Money { amount_minor: minor, currency: payment.amount.currency };
        if payment.refunded_minor > payment.captured_minor {
            let (back, had) = (amount(payment.refunded_minor), amount(payment.captured_minor));
            let finding = format!("{back} was given back of {had}");
            run.found("payment", &payment.id, finding, format!("ticketctl payment show {}", payment.id));
        }
        if let Some(finding) = status_fault(payment) {
            run.found("payment", &payment.id, finding, why(&payment.id));
        }
        let refunds =
            case.attempts.iter().filter(|a| a.payment_id == payment.id && a.kind == AttemptKind::Refund);
        let going: i64 = refunds.filter(|a| a.state.is_open()).map(|a| a.amount.amount_minor).sum();
        let left = payment.kept_minor() - going;
        if left > 0 && booking.is_some() && !stands(payment) && case.saga.park.is_none() {
            let finding =
                format!("{} is kept for no confirmed booking, and nothing gives it back", amount(left));
            // Where the booking stays sold, its row may be what is wrong: nobody should give back what stands for it.
            let command = match booking.filter(|_| is_confirmed) {
                Some(booking) => why(&booking.id),
                None => format!("ticketctl payment refund {} --reason 'kept for nothing'", payment.id),
            };
            run.found("payment", &payment.id, finding, command);
        }
    }
    let Some(booking) = booking.filter(|b| is_confirmed && b.price.amount_minor > 0) else { return };
    let finding = match case.payments.iter().find(|payment| stands(payment)) {
        Some(payment) if payment.captured_minor >= booking.price.amount_minor && payment.kept_minor() > 0 => {
            return;
        }
        Some(payment) if payment.kept_minor() <= 0 => {
            format!("it is confirmed, and all of its payment {} was given back", payment.id)
        }
        Some(payment) => {
            let captured = Money { amount_minor: payment.captured_minor, currency: payment.amount.currency };
            format!("it is confirmed and costs {}, of which {captured} was captured", booking.price)
        }
        None => format!(
            "it is confirmed and costs {}, but there is no payment {}",
            booking.price,
            booking.payment_id.as_deref().unwrap_or("at all")
        ),
    };
    run.found("booking", &booking.id, finding, why(&booking.id));
}

/// A payment's status says what its amounts say.
fn status_fault(payment: &Payment) -> Option<String> {
    let (captured, kept) = (payment.captured_minor, payment.kept_minor());
    let fits = match payment.status {
        PaymentStatus::Pending | PaymentStatus::Failed => captured == 0,
        PaymentStatus::Success => kept > 0 || payment.amount.amount_minor == 0,
        PaymentStatus::Refunded => kept == 0,
    };
    let amount = |minor| Money { amount_minor: minor, currency: payment.amount.currency };
    (!fits).then(|| {
        let (captured, back) = (amount(captured), amount(payment.refunded_minor));
        format!("it is {}, with {captured} captured and {back} given back", payment.status.word())
    })
}

/// Each payment has its saga, each charge and refund its payment.
async fn belongings(run: &mut Run<'_>, db: &Db) -> Result<(), OpsError> {
    let mut after = FIRST;
    loop {
        let rows = checks::payments_after(db, after, PAGE).await?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        for (id, _) in rows.iter().filter(|(_, saga)| saga.is_none()) {
            run.found("payment", id, "it belongs to no saga".into(), format!("ticketctl payment show {id}"));
        }
        run.looked(rows.len());
    }
    let mut after = FIRST;
    loop {
        let rows = checks::attempts_after(db, after, PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        for (id, _) in rows.iter().filter(|(_, payment)| payment.is_none()) {
            run.found("attempt", id, "it is of no payment".into(), why(id));
        }
        run.looked(rows.len());
    }
}

/// What is due long ago and taken by nobody.
async fn overdue(run: &mut Run<'_>, db: &Db) -> Result<(), OpsError> {
    let now = run.app.clock.now();
    let since = Timestamp::from_millis(now.as_millis() - OVERDUE_MS_MIN);
    let mut after = (i64::MIN, FIRST);
    loop {
        let rows = checks::overdue_after(db, since, now, after, PAGE).await?;
        let Some((last, _, at)) = rows.last() else { return Ok(()) };
        after = (*at, *last);
        for (id, saga, at) in rows {
            let seconds = (now.as_millis() - at) / 1_000;
            let finding = format!(
                "it is due since {seconds} s and nobody has taken it, for saga {saga}: no process runs the role saga"
            );
            run.found("attempt", &id, finding, "ticketctl serve --roles saga".into());
        }
    }
}
