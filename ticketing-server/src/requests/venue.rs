//! What the venue's calls may carry, field by field. Only the form is judged here; see [`super`].

use crate::fields::Fields;
use crate::query::{PageRequest, Parameters};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use ticketing_core::app::events::{BLOCK_MAX, SEATS_MAX};
use ticketing_core::app::venues::{Hall, NewVenue};
use ticketing_core::domain::booking::command::{Best, SeatChoice};
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::catalog::LatePayment;
use ticketing_core::domain::id::BookingId;
use ticketing_core::domain::layout::SectionSpec;
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::occasion::{DESCRIPTION_CHARS_MAX, NewEvent, PRICES_MAX, TYPE_CHARS_MAX};
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::projection::venue::EventStatus;

/// A layout as a body has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum HallField {
    Named(String),
    New(NewHall),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewHall {
    name: Option<String>,
    sections: Vec<SectionSpec>,
    #[serde(default)]
    blocked: Vec<String>,
}

/// Reads the body of a new venue.
#[must_use]
pub fn new_venue(f: &mut Fields<'_>) -> NewVenue {
    let venue = NewVenue {
        external_id: f.opt_text("externalId", len_max::ID),
        name: f.text("name", len_max::NAME),
        city: f.text("city", len_max::NAME),
        address: f.opt_text("address", len_max::NAME),
        timezone: f.text("timezone", len_max::SEAT_OR_STOP),
        hall: Hall::Named(String::new()),
    };
    let what = "the name of a layout, or an object with sections [{name, rows, seats, category}]";
    let hall = match f.value::<HallField>("layout", what) {
        Some(HallField::New(NewHall { name, sections, blocked })) => {
            if let Some(complaint) =
                name.as_ref().and_then(|name| check_text(name, len_max::SEAT_OR_STOP).err())
            {
                f.complain("layout", format!("its name {complaint}"));
            }
            Hall::New { name, sections, blocked }
        }
        Some(HallField::Named(name)) => {
            if let Err(complaint) = check_text(&name, len_max::SEAT_OR_STOP) {
                f.complain("layout", complaint);
            }
            Hall::Named(name)
        }
        None => Hall::Named(String::new()),
    };
    NewVenue { hall, ..venue }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceField<'a> {
    category: String,
    #[serde(borrow)]
    price: &'a RawValue,
}

/// Reads the body of a new event: its venue, and the event.
#[must_use]
pub fn new_event(f: &mut Fields<'_>) -> (String, NewEvent) {
    let venue = f.text("venueId", len_max::ID);
    let price = f.money("price", "currency");
    let event = NewEvent {
        external_id: f.opt_text("externalId", len_max::ID),
        title: f.text("title", len_max::NAME),
        event_type: f.opt_text("eventType", TYPE_CHARS_MAX),
        description: f.opt_text("description", DESCRIPTION_CHARS_MAX),
        begins_at: f.time("startTime"),
        ends_at: f.time("endTime"),
        price,
        prices: prices(f, price.currency),
        late_payment: LatePayment::default(),
    };
    (venue, event)
}

/// Reads the prices of categories, exactly as they are written.
fn prices(f: &mut Fields<'_>, currency: Currency) -> BTreeMap<String, i64> {
    const FIELD: &str = "priceCategories";
    let mut prices = BTreeMap::new();
    let given = f.opt_value::<Vec<PriceField<'_>>>(FIELD, "a list of {category, price}").unwrap_or_default();
    if given.len() > PRICES_MAX {
        f.complain(FIELD, format!("must be at most {PRICES_MAX}"));
    }
    for PriceField { category, price } in given.into_iter().take(PRICES_MAX) {
        let raw = price.get();
        let text = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
        if let Err(complaint) = check_text(&category, len_max::SEAT_OR_STOP) {
            f.complain(FIELD, format!("a category {complaint}"));
            continue;
        }
        match Money::parse(&text, currency) {
            Ok(_) if prices.contains_key(&category) => {
                f.complain(FIELD, format!("the category {category} is priced twice"));
            }
            Ok(money) => drop(prices.insert(category, money.amount_minor)),
            Err(error) => f.complain(FIELD, format!("the price of {category} {error}")),
        }
    }
    prices
}

/// Reads the seats that are kept back, or given free.
#[must_use]
pub fn seats(f: &mut Fields<'_>) -> Vec<String> {
    let found = f.opt_texts("seatIds", BLOCK_MAX, len_max::SEAT_OR_STOP);
    if found.is_none() {
        f.complain("seatIds", "is required");
    }
    found.unwrap_or_default()
}

/// Reads why an event is withdrawn.
#[must_use]
pub fn withdraw(f: &mut Fields<'_>) -> String {
    f.text("reason", len_max::REASON)
}

/// The body of `reserve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatFields {
    /// The event.
    pub event: String,
    /// Which seats.
    pub seats: SeatChoice,
    /// Whose they will be.
    pub user_id: Option<String>,
}

/// Reads the body of `reserve`: `seatIds`, or `quantity` and what goes with it.
#[must_use]
pub fn reserve(f: &mut Fields<'_>) -> SeatFields {
    let event = f.text("eventId", len_max::ID);
    let is_counted = f.has("quantity");
    let named = f.opt_texts("seatIds", SEATS_MAX, len_max::SEAT_OR_STOP);
    let quantity = f.opt_int("quantity", 1..=SEATS_MAX as u32);
    let together = f.opt_bool("together");
    let section = f.opt_text("section", len_max::SEAT_OR_STOP);
    let category = f.opt_text("category", len_max::SEAT_OR_STOP);
    let user_id = f.opt_text("userId", len_max::ID);
    let is_of_quantity =
        [("together", together.is_some()), ("section", section.is_some()), ("category", category.is_some())];
    let seats = match (named, quantity) {
        (Some(labels), None) => {
            for (field, is_given) in is_of_quantity {
                if is_given {
                    f.complain(field, "goes with quantity, not with seatIds");
                }
            }
            SeatChoice::Named(labels)
        }
        (None, Some(count)) => SeatChoice::Best(Best {
            count: count as usize,
            section,
            category,
            together: together.unwrap_or(false),
        }),
        (Some(_), Some(_)) => {
            f.complain("quantity", "can't be given together with seatIds");
            SeatChoice::Any(0)
        }
        // What is wrong with it is said.
        (None, None) if is_counted => SeatChoice::Any(0),
        (None, None) => {
            f.complain("seatIds", "is required, or quantity instead");
            SeatChoice::Any(0)
        }
    };
    SeatFields { event, seats, user_id }
}

/// Reads the body of `allocate`: the reservation and its payment.
#[must_use]
pub fn allocate(f: &mut Fields<'_>) -> (BookingId, String) {
    (BookingId(f.uuid("reservationId")), f.text("paymentId", len_max::ID))
}

/// Reads the body of `release`: the reservation, and why.
#[must_use]
pub fn release(f: &mut Fields<'_>) -> (BookingId, Option<String>) {
    (BookingId(f.uuid("reservationId")), f.opt_text("reason", len_max::REASON))
}

/// The query of a list of venues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenuesQuery {
    /// Only those of this city.
    pub city: Option<String>,
    /// Which page.
    pub page: PageRequest,
    /// How far the read model must have come.
    pub min_position: Option<u64>,
}

/// Reads the query of a list of venues.
#[must_use]
pub fn venues(q: &mut Parameters) -> VenuesQuery {
    VenuesQuery { city: q.opt_text("city", len_max::NAME), page: q.page(), min_position: q.min_position() }
}

/// The query of a search for events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsFields {
    /// Beginnings of words.
    pub text: Option<String>,
    /// Its city.
    pub city: Option<String>,
    /// Its sort.
    pub event_type: Option<String>,
    /// What it is now.
    pub status: Option<EventStatus>,
    /// The day on which it begins, where it is held.
    pub day: Option<String>,
    /// Begins no earlier.
    pub from: Option<Timestamp>,
    /// Begins before.
    pub to: Option<Timestamp>,
    /// Which page.
    pub page: PageRequest,
    /// How far the read model must have come.
    pub min_position: Option<u64>,
}

/// Reads the query of a search for events: `date`, or `from` and `to`.
#[must_use]
pub fn events(q: &mut Parameters) -> EventsFields {
    let words = EventStatus::ALL.map(EventStatus::word);
    let text = q.opt_text("q", len_max::NAME);
    let city = q.opt_text("city", len_max::NAME);
    let event_type = q.opt_text("event_type", TYPE_CHARS_MAX);
    let status = q.opt_word("status", &words, EventStatus::parse);
    let date = q.opt_date("date");
    let (from, to) = (q.opt_time("from"), q.opt_time("to"));
    if date.is_some() && (from.is_some() || to.is_some()) {
        q.complain("date", "can't be given together with from or to");
    }
    EventsFields {
        text,
        city,
        event_type,
        status,
        day: date,
        from,
        to,
        page: q.page(),
        min_position: q.min_position(),
    }
}

/// Reads the query of an event's seats: the event, and how far the read model must have come.
#[must_use]
pub fn availability(q: &mut Parameters) -> (String, Option<u64>) {
    let event = q.opt_text("eventId", len_max::ID);
    let min_position = q.min_position();
    if event.is_none() {
        q.complain("eventId", "is required");
    }
    (event.unwrap_or_default(), min_position)
}

/// The query of the caller's orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrdersQuery {
    /// Only those in this state.
    pub status: Option<BookingState>,
    /// Which page.
    pub page: PageRequest,
    /// How far the read model must have come.
    pub min_position: Option<u64>,
}

/// Reads the query of the caller's orders.
#[must_use]
pub fn orders(q: &mut Parameters) -> OrdersQuery {
    let words = BookingState::ALL.map(BookingState::word);
    OrdersQuery {
        status: q.opt_word("status", &words, BookingState::parse),
        page: q.page(),
        min_position: q.min_position(),
    }
}

#[cfg(test)]
mod tests {
    use super::{events, new_event, new_venue, reserve};
    use crate::fields::read_object;
    use crate::query::read_query;
    use serde_json::{Value, json};
    use ticketing_core::app::venues::Hall;
    use ticketing_core::domain::booking::command::SeatChoice;

    fn faults<T: std::fmt::Debug>(body: Value, read: fn(&mut crate::fields::Fields<'_>) -> T) -> Vec<String> {
        let error = read_object(body.to_string().as_bytes(), read).unwrap_err();
        error.details().iter().map(|d| d["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn seats_are_wanted_by_name_or_by_number_and_not_by_both() {
        let read = |body: Value| read_object(body.to_string().as_bytes(), reserve).unwrap().seats;
        assert_eq!(
            read(json!({"eventId": "e", "seatIds": ["A-A1"]})),
            SeatChoice::Named(vec!["A-A1".into()])
        );
        let best = read(json!({"eventId": "e", "quantity": 4, "together": true, "category": "GOLD"}));
        assert!(matches!(best, SeatChoice::Best(best) if best.together && best.count == 4));
        for (body, field) in [
            (json!({"eventId": "e"}), "seatIds"),
            (json!({"eventId": "e", "seatIds": []}), "seatIds"),
            (json!({"eventId": "e", "seatIds": "A1"}), "seatIds"),
            (json!({"eventId": "e", "seatIds": vec!["A"; 11]}), "seatIds"),
            (json!({"eventId": "e", "seatIds": [1]}), "seatIds"),
            (json!({"eventId": "e", "seatIds": ["A"], "quantity": 1}), "quantity"),
            (json!({"eventId": "e", "quantity": 0}), "quantity"),
            (json!({"eventId": "e", "quantity": 11}), "quantity"),
            (json!({"eventId": "e", "seatIds": ["A"], "together": true}), "together"),
            (json!({"eventId": "e", "quantity": 1, "together": "yes"}), "together"),
        ] {
            assert_eq!(faults(body.clone(), reserve), [field], "{body}");
        }
    }

    #[test]
    fn a_hall_is_named_or_described_and_a_price_is_exact() {
        let venue = |layout: Value| json!({"name": "n", "city": "c", "timezone": "UTC", "layout": layout});
        let hall = |layout: Value| read_object(venue(layout).to_string().as_bytes(), new_venue).unwrap().hall;
        assert_eq!(hall(json!("arena")), Hall::Named("arena".into()));
        let sections = json!({"sections": [{"name": "A", "rows": 1, "seats": 2}]});
        assert!(matches!(hall(sections), Hall::New { name: None, .. }));
        for wrong in [
            json!(7),
            json!(""),
            json!({}),
            json!({"sections": [{"name": "A"}]}),
            json!({"sections": [], "x": 1}),
        ] {
            assert_eq!(faults(venue(wrong.clone()), new_venue), ["layout"], "{wrong}");
        }
        let event = |prices: Value| {
            json!({"venueId": "v", "title": "t", "startTime": "2026-12-01T20:00:00Z",
                "endTime": "2026-12-01T22:00:00+01:00", "price": 25, "currency": "USD", "priceCategories": prices})
        };
        let good = event(json!([{"category": "A", "price": "10.10"}, {"category": "B", "price": 5.25}]));
        let (_, read) = read_object(good.to_string().as_bytes(), new_event).unwrap();
        assert_eq!(read.prices.into_values().collect::<Vec<_>>(), [1_010, 525]);
        for wrong in [
            json!([{"category": "A", "price": 1.001}]),
            json!([{"category": "A"}]),
            json!([{"category": "A", "price": 1}, {"category": "A", "price": 2}]),
            json!({"A": 1}),
        ] {
            assert_eq!(faults(event(wrong.clone()), new_event), ["priceCategories"], "{wrong}");
        }
    }

    #[test]
    fn events_are_searched_by_a_day_or_between_two_times() {
        let read = |text: &str| read_query(&format!("/x?{text}").parse().unwrap(), events);
        let day = read("date=2026-12-24&status=ON_SALE").unwrap();
        assert_eq!((day.day.as_deref(), day.from, day.to), (Some("2026-12-24"), None, None));
        assert!(read("from=2026-12-24T00:00:00Z&to=2026-12-25T00:00:00Z").is_ok());
        for wrong in ["date=2026-12-24&from=2026-12-24T00:00:00Z", "from=now", "status=open", "eventType=x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
