//! What the calls may carry, field by field: their bodies and their queries as plain values.
//!
//! Only the form is judged here. Whether a seat exists or a price is right the core decides.

pub mod market;
pub mod venue;

use crate::fields::Fields;
use crate::query::{PageRequest, Parameters};
use ticketing_core::domain::booking::command::HoldKind;
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::event::Event;
use ticketing_core::domain::id::BookingId;
use ticketing_core::domain::money::Money;
use ticketing_core::domain::rules::len_max;
use ticketing_core::ops::event_fields::EVENT_FIELDS;
use ticketing_core::ops::filter::{Filter, QUERY_CHARS_MAX};

/// The shortest and the longest hold that a request may ask for, in seconds.
pub const HOLD_SECONDS: std::ops::RangeInclusive<u32> = 1..=3600;

/// Who travels. Kept apart from the booking, so that a person can be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassengerFields {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The telephone number.
    pub phone: Option<String>,
}

/// The body of `book` and `reserve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldFields {
    /// The route, by id or external id.
    pub route: String,
    /// The departure, by id or external id.
    pub schedule: String,
    /// The seat's label; any seat if `None`.
    pub seat: Option<String>,
    /// Who travels.
    pub passenger: PassengerFields,
    /// What the buyer expects to pay.
    pub price: Money,
    /// Where the journey begins: a stop's id, external id or `#n`.
    pub from_stop: Option<String>,
    /// Where it ends.
    pub to_stop: Option<String>,
    /// What to charge at once, by the payment provider's token. Only of `book`.
    pub payment_token: Option<String>,
    /// How long the hold is to last; the server's default if `None`.
    pub hold_seconds: Option<u32>,
}

/// Reads the body of `book` or `reserve`; only `book` has `paymentToken`, only `reserve` has `holdSeconds`.
#[must_use]
pub fn hold(kind: HoldKind, f: &mut Fields<'_>) -> HoldFields {
    HoldFields {
        route: f.text("routeId", len_max::ID),
        schedule: f.text("scheduleId", len_max::ID),
        seat: f.opt_text("seatNumber", len_max::SEAT_OR_STOP),
        passenger: PassengerFields {
            name: f.text("passengerName", len_max::NAME),
            email: f.email("passengerEmail"),
            phone: f.opt_text("passengerPhone", len_max::PHONE),
        },
        price: f.money("price", "currency"),
        from_stop: f.opt_text("fromStop", len_max::SEAT_OR_STOP),
        to_stop: f.opt_text("toStop", len_max::SEAT_OR_STOP),
        payment_token: match kind {
            HoldKind::Book => f.opt_visible("paymentToken", len_max::ID),
            HoldKind::Reserve => None,
        },
        hold_seconds: match kind {
            HoldKind::Book => None,
            HoldKind::Reserve => f.opt_int("holdSeconds", HOLD_SECONDS),
        },
    }
}

/// The body of `confirm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmFields {
    /// The booking.
    pub booking_id: BookingId,
    /// The payment that stands for it.
    pub payment_id: String,
}

/// Reads the body of `confirm`.
#[must_use]
pub fn confirm(f: &mut Fields<'_>) -> ConfirmFields {
    ConfirmFields { booking_id: BookingId(f.uuid("bookingId")), payment_id: f.text("paymentId", len_max::ID) }
}

/// The body of `pay`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayFields {
    /// The booking.
    pub booking_id: BookingId,
    /// What to charge, by the payment provider's token.
    pub token: String,
}

/// Reads the body of `pay`.
#[must_use]
pub fn pay(f: &mut Fields<'_>) -> PayFields {
    PayFields { booking_id: BookingId(f.uuid("bookingId")), token: f.visible("token", len_max::ID) }
}

/// The body of `charge`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeFields {
    /// A booking's id, or whatever the caller calls the thing paid.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// What to charge, by the payment provider's token.
    pub token: Option<String>,
}

/// Reads the body of `charge`.
#[must_use]
pub fn charge(f: &mut Fields<'_>) -> ChargeFields {
    ChargeFields {
        reference: f.text("merchant_order_id", len_max::ID),
        amount: Money { amount_minor: f.minor_units("amount_cents"), currency: f.currency("currency") },
        token: f.opt_visible("token", len_max::ID),
    }
}

/// The body of `refund`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundFields {
    /// The payment: its own id, or the one that an outside service gave it.
    pub payment_id: String,
    /// How much, in minor units; all that is left if `None`.
    pub amount_minor: Option<i64>,
}

/// Reads the body of `refund`.
#[must_use]
pub fn refund(f: &mut Fields<'_>) -> RefundFields {
    RefundFields {
        payment_id: f.text("payment_id", len_max::ID),
        amount_minor: f.opt_minor_units("amount_cents"),
    }
}

/// The body of `cancel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelFields {
    /// The booking.
    pub booking_id: BookingId,
    /// Why, in the caller's words.
    pub reason: Option<String>,
}

/// Reads the body of `cancel`.
#[must_use]
pub fn cancel(f: &mut Fields<'_>) -> CancelFields {
    CancelFields { booking_id: BookingId(f.uuid("bookingId")), reason: f.opt_text("reason", len_max::REASON) }
}

/// The query of `my-tickets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketsQuery {
    /// Only tickets in this state.
    pub status: Option<BookingState>,
    /// Which page.
    pub page: PageRequest,
    /// How far the read model must have come.
    pub min_position: Option<u64>,
}

/// Reads the query of `my-tickets`.
#[must_use]
pub fn tickets(q: &mut Parameters) -> TicketsQuery {
    let words = BookingState::ALL.map(BookingState::word);
    TicketsQuery {
        status: q.opt_word("status", &words, BookingState::parse),
        page: q.page(),
        min_position: q.min_position(),
    }
}

/// The query of a list of routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Which page.
    pub page: PageRequest,
    /// How far the read model must have come.
    pub min_position: Option<u64>,
}

/// Reads the query of a list of routes.
#[must_use]
pub fn list(q: &mut Parameters) -> ListQuery {
    ListQuery { page: q.page(), min_position: q.min_position() }
}

/// The query of a route's departures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulesQuery {
    /// Only departures of this service day, `YYYY-MM-DD`.
    pub date: Option<String>,
    /// Which page.
    pub page: PageRequest,
    /// How far the read model must have come.
    pub min_position: Option<u64>,
}

/// Reads the query of a route's departures.
#[must_use]
pub fn schedules(q: &mut Parameters) -> SchedulesQuery {
    SchedulesQuery { date: q.opt_date("date"), page: q.page(), min_position: q.min_position() }
}

/// The query of a seat map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatsQuery {
    /// Where the legs begin.
    pub from_stop: Option<String>,
    /// Where they end.
    pub to_stop: Option<String>,
    /// How far the read model must have come.
    pub min_position: Option<u64>,
}

/// Reads the query of a seat map.
#[must_use]
pub fn seats(q: &mut Parameters) -> SeatsQuery {
    SeatsQuery {
        from_stop: q.opt_text("fromStop", len_max::SEAT_OR_STOP),
        to_stop: q.opt_text("toStop", len_max::SEAT_OR_STOP),
        min_position: q.min_position(),
    }
}

/// Reads the query of a call that takes no parameters.
pub const fn nothing(_: &mut Parameters) {}

/// Reads the query of a single thing: `minPosition` only.
#[must_use]
pub fn one(q: &mut Parameters) -> Option<u64> {
    q.min_position()
}

#[cfg(test)]
mod tests {
    use super::{cancel, charge, confirm, hold, refund, schedules, seats, tickets};
    use crate::error::ApiError;
    use crate::fields::read_object;
    use crate::query::read_query;
    use serde_json::{Value, json};
    use ticketing_core::domain::booking::command::HoldKind::{self, Book, Reserve};
    use ticketing_core::domain::booking::state::BookingState;

    fn body() -> Value {
        json!({
            "routeId": "R1", "scheduleId": "T1@08:00:00", "passengerName": "Ada Lovelace",
            "passengerEmail": "ada@example.org", "price": 25.5,
        })
    }

    fn read_hold(kind: HoldKind, change: Value) -> Result<super::HoldFields, ApiError> {
        let mut body = body();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        read_object(body.to_string().as_bytes(), |f| hold(kind, f))
    }

    #[test]
    fn a_hold_needs_little_and_may_have_more() {
        let least = read_hold(Book, json!({})).unwrap();
        assert_eq!((least.route.as_str(), least.schedule.as_str()), ("R1", "T1@08:00:00"));
        assert_eq!(
            (least.seat, least.hold_seconds, least.price.to_string().as_str()),
            (None, None, "25.50 USD")
        );
        let all = json!({
            "seatNumber": "A1", "passengerPhone": "+1 423 555 0100", "price": "25.50", "currency": "USD",
            "fromStop": "#1", "toStop": "S9", "holdSeconds": 60,
        });
        let most = read_hold(Reserve, all).unwrap();
        assert_eq!((most.seat.as_deref(), most.hold_seconds), (Some("A1"), Some(60)));
        assert_eq!((most.from_stop.as_deref(), most.to_stop.as_deref()), (Some("#1"), Some("S9")));
    }

    #[test]
    fn each_field_has_its_longest_text() {
        let rows = [
            ("routeId", 255),
            ("scheduleId", 255),
            ("seatNumber", 64),
            ("passengerName", 200),
            ("passengerPhone", 40),
            ("fromStop", 64),
            ("toStop", 64),
        ];
        for (field, len_max) in rows {
            assert!(read_hold(Reserve, json!({field: "ä".repeat(len_max)})).is_ok(), "{field}");
            let error = read_hold(Reserve, json!({field: "ä".repeat(len_max + 1)})).unwrap_err();
            assert_eq!(error.details()[0]["field"], field);
            let error = read_hold(Book, json!({field: 7})).unwrap_err();
            assert_eq!(error.details(), [json!({"field": field, "message": "must be a text"})]);
        }
    }

    #[test]
    fn a_booking_can_not_choose_how_long_it_is_held() {
        let error = read_hold(Book, json!({"holdSeconds": 60})).unwrap_err();
        assert_eq!(error.details()[0]["field"], "holdSeconds");
        for seconds in [json!(0), json!(3601), json!("60"), json!(1.5)] {
            assert!(read_hold(Reserve, json!({"holdSeconds": seconds})).is_err());
        }
    }

    #[test]
    fn only_a_booking_is_paid_at_once_and_its_token_is_visible() {
        let paid = read_hold(Book, json!({"paymentToken": "tok_visa"})).unwrap();
        assert_eq!(paid.payment_token.as_deref(), Some("tok_visa"));
        assert_eq!(read_hold(Book, json!({"paymentToken": null})).unwrap().payment_token, None);
        assert!(read_hold(Book, json!({"paymentToken": "t".repeat(255)})).is_ok());
        for token in
            [json!(""), json!("t".repeat(256)), json!("tok visa"), json!("tök"), json!("t\n"), json!(7)]
        {
            let error = read_hold(Book, json!({"paymentToken": token})).unwrap_err();
            assert_eq!(error.details()[0]["field"], "paymentToken", "{token}");
        }
        let error = read_hold(Reserve, json!({"paymentToken": "tok_visa"})).unwrap_err();
        assert!(error.details()[0]["message"].as_str().unwrap().starts_with("is unknown"));
    }

    #[test]
    fn an_amount_of_v1_is_a_whole_number_of_minor_units() {
        let read = |amount: Value| {
            let body = json!({"merchant_order_id": "o", "amount_cents": amount, "currency": "JPY"});
            read_object(body.to_string().as_bytes(), charge)
        };
        let most = 1_000_000_000_000_i64;
        assert_eq!(read(json!(1)).unwrap().amount.to_string(), "1 JPY");
        assert_eq!(read(json!(most)).unwrap().amount.amount_minor, most);
        for wrong in [json!(0), json!(-1), json!(1.0), json!(1.5), json!("1"), json!(most + 1), json!(null)] {
            let error = read(wrong.clone()).unwrap_err();
            assert_eq!(error.details()[0]["field"], "amount_cents", "{wrong}");
        }
        assert_eq!(read_object(b"{}", charge).unwrap_err().details().len(), 3);
        assert_eq!(read_object(b"{}", refund).unwrap_err().details()[0]["field"], "payment_id");
        let part = read_object(br#"{"payment_id": "p", "amount_cents": 5}"#, refund).unwrap();
        assert_eq!(part.amount_minor, Some(5));
    }

    #[test]
    fn confirm_and_cancel_name_their_booking() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let text = json!({"bookingId": id, "paymentId": "pay_1"}).to_string();
        assert_eq!(read_object(text.as_bytes(), confirm).unwrap().payment_id, "pay_1");
        let text = json!({"bookingId": id, "reason": "x".repeat(1000)}).to_string();
        assert_eq!(read_object(text.as_bytes(), cancel).unwrap().booking_id.to_string(), id);
        let text = json!({"bookingId": "no", "reason": "x".repeat(1001)}).to_string();
        assert_eq!(read_object(text.as_bytes(), cancel).unwrap_err().details().len(), 2);
        assert_eq!(read_object(b"{}", confirm).unwrap_err().details().len(), 2);
    }

    #[test]
    fn a_query_takes_its_own_parameters_only() {
        let uri = |text: &str| text.parse().unwrap();
        let found = read_query(&uri("/x?status=CONFIRMED&limit=50&minPosition=7"), tickets).unwrap();
        assert_eq!((found.status, found.page.limit), (Some(BookingState::Confirmed), 50));
        assert_eq!(found.min_position, Some(7));
        assert!(read_query(&uri("/x?status=confirmed"), tickets).is_err());
        assert!(read_query(&uri("/x?date=2026-11-20"), schedules).is_ok());
        assert!(read_query(&uri("/x?date=2026-11-20"), tickets).is_err());
        assert!(read_query(&uri("/x?fromStop=%231&toStop=B"), seats).is_ok());
        assert!(read_query(&uri("/x?fromStop=a&page=1"), seats).is_err());
    }
}

/// The query of a stream of all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFields {
    /// The position behind which it begins.
    pub from: Option<u64>,
    /// Only these types of events; all of them if there is none.
    pub types: Vec<String>,
    /// Only events that pass.
    pub filter: Option<Filter>,
}

/// Reads the query of the operators' stream.
#[must_use]
pub fn stream(q: &mut Parameters) -> StreamFields {
    let from = q.position("from");
    let types = q.words("type", Event::TYPES);
    let query = q.opt_text("query", QUERY_CHARS_MAX);
    let filter = query.and_then(|query| match Filter::parse(&query, EVENT_FIELDS) {
        Ok(filter) => Some(filter),
        Err(error) => {
            let fields: Vec<&str> = EVENT_FIELDS.iter().map(|field| field.name).collect();
            let (what, at) = (&error.message, error.position);
            q.complain("query", format!("{what} at character {at}; the fields are {}", fields.join(", ")));
            None
        }
    });
    StreamFields { from, types, filter }
}

/// Reads the query of a user's stream: the position behind which it begins.
#[must_use]
pub fn own_stream(q: &mut Parameters) -> Option<u64> {
    q.position("from")
}
