//! What a batch did, as the columns that its statements take, in their order.

use super::Batch;
use crate::domain::booking::state::Booking;
use crate::domain::time::Timestamp;
use crate::store::bookings::write_seats;
use crate::store::db::Column;
use crate::store::events::LogEntry;
use std::sync::Arc;

/// The columns of [`booking_rows`] that differ between new holds; the rest is as it always begins.
pub(super) const HOLD_COLUMNS: usize = 10;
/// The columns of [`answer_rows`] without the time, which is the batch's.
pub(super) const ANSWER_COLUMNS: usize = 6;

pub(super) fn booking_rows(batch: &Batch) -> Vec<Column> {
    let rows = &batch.created;
    let int = |n: u16| i32::from(n);
    vec![
        Column::Uuid(rows.iter().map(|b| b.id.0).collect()),
        Column::Uuid(rows.iter().map(|b| b.offering_id.0).collect()),
        Column::Text(rows.iter().map(|b| b.user_id.0.clone()).collect()),
        Column::Text(rows.iter().map(|b| write_seats(&b.seats)).collect()),
        Column::Int(rows.iter().map(|b| int(b.legs.from())).collect()),
        Column::Int(rows.iter().map(|b| int(b.legs.to())).collect()),
        Column::Big(rows.iter().map(|b| b.price.amount_minor).collect()),
        Column::Text(rows.iter().map(|b| b.price.currency.code().to_owned()).collect()),
        Column::Text(rows.iter().map(|b| b.state.word().to_owned()).collect()),
        Column::Big(rows.iter().map(|b| b.hold_expires_at.as_millis()).collect()),
        Column::OptText(rows.iter().map(|b| b.payment_id.clone()).collect()),
        Column::Big(rows.iter().map(|b| b.created_at.as_millis()).collect()),
        Column::OptBig(rows.iter().map(|b| b.confirmed_at.map(Timestamp::as_millis)).collect()),
        Column::OptText(rows.iter().map(|b| b.cancel_reason.clone()).collect()),
        Column::Int(rows.iter().map(|b| b.version as i32).collect()),
    ]
}

/// A row a seat and leg, sorted by (offering, seat, leg): two processes that take keys in different
/// orders would deadlock.
pub(super) fn claim_rows<'a>(bookings: impl Iterator<Item = &'a Arc<Booking>>) -> Vec<Column> {
    let mut rows = Vec::new();
    for booking in bookings {
        for seat in &booking.seats {
            for leg in booking.legs.legs() {
                rows.push((booking.offering_id.0, seat.no.0 as i32, i32::from(leg), booking.id.0));
            }
        }
    }
    rows.sort_unstable();
    vec![
        Column::Uuid(rows.iter().map(|r| r.0).collect()),
        Column::Int(rows.iter().map(|r| r.1).collect()),
        Column::Int(rows.iter().map(|r| r.2).collect()),
        Column::Uuid(rows.iter().map(|r| r.3).collect()),
    ]
}

pub(super) fn changed_rows(batch: &Batch) -> Vec<Column> {
    let rows = &batch.changed;
    vec![
        Column::Uuid(rows.iter().map(|(b, _)| b.id.0).collect()),
        Column::Text(rows.iter().map(|(b, _)| b.state.word().to_owned()).collect()),
        Column::Text(rows.iter().map(|(b, _)| write_seats(&b.seats)).collect()),
        Column::Big(rows.iter().map(|(b, _)| b.hold_expires_at.as_millis()).collect()),
        Column::OptText(rows.iter().map(|(b, _)| b.payment_id.clone()).collect()),
        Column::OptBig(rows.iter().map(|(b, _)| b.confirmed_at.map(Timestamp::as_millis)).collect()),
        Column::OptText(rows.iter().map(|(b, _)| b.cancel_reason.clone()).collect()),
        Column::Int(rows.iter().map(|(b, _)| b.version as i32).collect()),
        Column::Int(rows.iter().map(|(_, before)| *before as i32).collect()),
    ]
}

pub(super) fn passenger_rows(batch: &Batch) -> Vec<Column> {
    let rows = &batch.passengers;
    vec![
        Column::Uuid(rows.iter().map(|(id, _)| id.0).collect()),
        Column::Text(rows.iter().map(|(_, p)| p.name.clone()).collect()),
        Column::Text(rows.iter().map(|(_, p)| p.email.clone()).collect()),
        Column::OptText(rows.iter().map(|(_, p)| p.phone.clone()).collect()),
    ]
}

pub(super) fn answer_rows(batch: &Batch) -> Vec<Column> {
    let rows = &batch.answers;
    vec![
        Column::Text(rows.iter().map(|a| a.caller.clone()).collect()),
        Column::Text(rows.iter().map(|a| a.key.clone()).collect()),
        Column::Bytes(rows.iter().map(|a| a.request_hash.clone()).collect()),
        Column::Int(rows.iter().map(|a| a.status).collect()),
        Column::Text(rows.iter().map(|a| a.data.clone()).collect()),
        Column::Big(rows.iter().map(|a| a.position).collect()),
        Column::Big(vec![batch.decided_at.as_millis(); rows.len()]),
    ]
}

pub(super) fn event_rows(rows: &[LogEntry]) -> Vec<Column> {
    vec![
        Column::Big(rows.iter().map(|e| e.position).collect()),
        Column::Uuid(rows.iter().map(|e| e.stream_id).collect()),
        Column::Int(rows.iter().map(|e| e.stream_version).collect()),
        Column::Text(rows.iter().map(|e| e.event.type_name().to_owned()).collect()),
        Column::Big(rows.iter().map(|e| e.recorded_at.as_millis()).collect()),
        Column::Text(rows.iter().map(|e| e.actor.clone()).collect()),
        Column::Text(rows.iter().map(|e| e.correlation_id.clone()).collect()),
        Column::OptText(rows.iter().map(|e| e.causation_id.clone()).collect()),
        Column::Text(rows.iter().map(|e| e.event.data()).collect()),
    ]
}
