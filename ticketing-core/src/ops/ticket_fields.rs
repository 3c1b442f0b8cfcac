//! The fields of a booking that a filter may name, in lists of bookings and of holds.

use super::filter::{FieldKind, FieldSpec, Value};
use crate::domain::time::Timestamp;
use crate::projection::TicketRow;

const STATES: &[&str] = &["PENDING", "RESERVED", "CONFIRMED", "CANCELLED", "EXPIRED", "REFUNDED"];

const KINDS: &[&str] = &["departure", "event", "listing"];

const fn field(name: &'static str, kind: FieldKind) -> FieldSpec {
    FieldSpec { name, kind }
}

/// The fields, as `--query` and the dashboard's `/` name them.
pub const TICKET_FIELDS: &[FieldSpec] = &[
    field("id", FieldKind::Text),
    field("user", FieldKind::Text),
    field("route", FieldKind::Text),
    field("routeId", FieldKind::Text),
    field("schedule", FieldKind::Text),
    field("kind", FieldKind::Word(KINDS)),
    field("from", FieldKind::Text),
    field("to", FieldKind::Text),
    field("seat", FieldKind::Text),
    field("status", FieldKind::Word(STATES)),
    field("price", FieldKind::Money),
    field("currency", FieldKind::Text),
    field("payment", FieldKind::Text),
    field("reason", FieldKind::Text),
    field("age", FieldKind::Duration),
    field("created", FieldKind::Time),
    field("confirmed", FieldKind::Time),
    field("departure", FieldKind::Time),
    field("arrival", FieldKind::Time),
    field("holdExpires", FieldKind::Time),
    field("holdLeft", FieldKind::Duration),
];

/// Returns what a booking has in a field of [`TICKET_FIELDS`] at `now`.
#[must_use]
pub fn ticket_value<'r>(row: &'r TicketRow, field: &str, now: Timestamp) -> Value<'r> {
    let booking = &row.booking;
    let state = booking.state_at(now);
    let text = |text: &'r Option<String>| text.as_deref().map_or(Value::Missing, Value::from);
    let since = |at: Timestamp| now.as_millis().saturating_sub(at.as_millis());
    match field {
        "id" => booking.id.to_string().into(),
        "user" => booking.user_id.0.as_str().into(),
        "route" => row.route_name.as_str().into(),
        "routeId" => row.of.route_id.map_or(Value::Missing, |id| id.to_string().into()),
        "schedule" => booking.offering_id.to_string().into(),
        "kind" => row.of.kind.word().into(),
        "from" => row.origin_stop.as_str().into(),
        "to" => row.destination_stop.as_str().into(),
        "seat" => match booking.seats.as_slice() {
            [one] => one.label.as_str().into(),
            many => Value::Texts(many.iter().map(|seat| seat.label.as_str().into()).collect()),
        },
        "status" => state.word().into(),
        "price" => Value::Money(booking.price),
        "currency" => booking.price.currency.code().to_owned().into(),
        "payment" => text(&booking.payment_id),
        "reason" => text(&booking.cancel_reason),
        "age" => Value::Duration(since(booking.created_at)),
        "created" => Value::Time(booking.created_at),
        "confirmed" => booking.confirmed_at.map_or(Value::Missing, Value::Time),
        "departure" => Value::Time(row.departs_at),
        "arrival" => Value::Time(row.arrives_at),
        "holdExpires" if booking.state.is_hold() => Value::Time(booking.hold_expires_at),
        "holdLeft" if state.is_hold() => Value::Duration(-since(booking.hold_expires_at)),
        _ => Value::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::{STATES, TICKET_FIELDS, ticket_value};
    use crate::domain::booking::event::SeatRef;
    use crate::domain::booking::state::{Booking, BookingState};
    use crate::domain::catalog::OfferingKind;
    use crate::domain::id::{BookingId, OfferingId, RouteId, UserId};
    use crate::domain::money::{Currency, Money};
    use crate::domain::seating::{LegRange, SeatNo};
    use crate::domain::time::Timestamp;
    use crate::ops::filter::Filter;
    use crate::projection::TicketRow;
    use crate::projection::bodies::Of;
    use uuid::Uuid;

    fn row(now: Timestamp) -> TicketRow {
        let booking = Booking {
            id: BookingId(Uuid::from_u128(7)),
            offering_id: OfferingId(Uuid::from_u128(8)),
            user_id: UserId("ada".into()),
            seats: vec![SeatRef { no: SeatNo(0), label: "A1".into() }],
            legs: LegRange::new(0, 1).unwrap(),
            price: Money { amount_minor: 2500, currency: Currency::USD },
            state: BookingState::Reserved,
            hold_expires_at: now.plus_seconds(300),
            payment_id: None,
            created_at: now.plus_seconds(-600),
            confirmed_at: None,
            cancel_reason: None,
            version: 1,
        };
        TicketRow {
            booking,
            of: Of { kind: OfferingKind::Departure, route_id: Some(RouteId(Uuid::from_u128(9))) },
            route_name: "Harbour – Airport".into(),
            departs_at: now.plus_seconds(3600),
            arrives_at: now.plus_seconds(7200),
            origin_stop: "Harbour".into(),
            destination_stop: "Airport".into(),
        }
    }

    #[test]
    fn a_booking_answers_for_every_field() {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let rows = [
            ("status=RESERVED age>5m route~airport", true),
            ("status=reserved and seat=A1 and user=ada", true),
            ("holdLeft<=5m holdLeft>4m", true),
            ("holdExpires<+6m price=25.00USD", true),
            ("payment=\"\"", true),
            ("confirmed<now", false),
            ("confirmed!=2026-11-20", true),
            ("departure>+2h", false),
            ("from~harb to~port currency=USD", true),
            ("status=CONFIRMED or id~0007", true),
        ];
        for (query, expected) in rows {
            let filter = Filter::parse(query, TICKET_FIELDS).unwrap_or_else(|e| panic!("{e}"));
            let row = row(now);
            assert_eq!(filter.matches(now, |field| ticket_value(&row, field, now)), expected, "{query}");
        }
        // From its end on a hold is expired, and has no time left.
        let filter = Filter::parse("status=EXPIRED holdLeft!=0s", TICKET_FIELDS).unwrap();
        let (row, later) = (row(now), now.plus_seconds(300));
        assert!(filter.matches(later, |field| ticket_value(&row, field, later)));
    }

    #[test]
    fn a_booking_of_several_seats_is_found_by_any_of_them() {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let mut row = row(now);
        row.booking.seats.push(SeatRef { no: SeatNo(1), label: "B2".into() });
        for (query, expected) in [
            ("seat=A1", true),
            ("seat=B2", true),
            ("seat=C3", false),
            ("seat!=B2", false),
            ("seat!=C3", true),
            ("seat~b", true),
            ("seat!~b", false),
            ("seat=\"A1,B2\"", false),
        ] {
            let filter = Filter::parse(query, TICKET_FIELDS).unwrap();
            assert_eq!(filter.matches(now, |field| ticket_value(&row, field, now)), expected, "{query}");
        }
    }

    #[test]
    fn the_words_of_status_are_the_states() {
        assert_eq!(BookingState::ALL.map(BookingState::word), STATES);
    }
}
