//! The words of each letter.

use super::{Journey, Parts, Told, one_line};
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::mail::MailKind;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use jiff::tz::TimeZone;

/// What an operator's or a passenger's reason is cut to, in characters.
const REASON_MAX: usize = 300;

/// Says what happened, and what to do next.
pub(super) fn parts(told: &Told) -> Parts {
    let booking = &told.booking;
    let title = told.journey.as_ref().map(|journey| one_line(&journey.title));
    let about = title.as_ref().map_or_else(String::new, |title| format!(": {title}"));
    let (subject, headline, next) = match told.kind {
        MailKind::Confirmed => {
            ("Your ticket is confirmed", "Your booking is confirmed.".to_owned(), confirmed())
        }
        MailKind::Cancelled => ("Your booking is cancelled", cancelled_headline(told), cancelled(told)),
        MailKind::Expired => ("Your hold has ended", expired_headline(booking), expired()),
        MailKind::Refunded => ("Your refund", refunded_headline(told), refunded(booking)),
    };
    Parts {
        subject: format!("{subject}{about}"),
        greeting: match one_line(&told.passenger).as_str() {
            "" => "Hello,".to_owned(),
            name => format!("Hello {name},"),
        },
        headline,
        facts: facts(told),
        next,
        closing: format!("This mail was sent automatically, about booking {}.", booking.id),
    }
}

fn facts(told: &Told) -> Vec<(&'static str, String)> {
    let booking = &told.booking;
    let labels: Vec<String> = booking.seats.iter().map(|seat| one_line(&seat.label)).collect();
    let mut facts = told.journey.as_ref().map_or_else(Vec::new, journey_facts);
    facts.push((if labels.len() == 1 { "Seat" } else { "Seats" }, labels.join(", ")));
    facts.push(("Price", price(booking.price)));
    if let Some(amount) = told.refunded {
        facts.push(("Given back", amount.to_string()));
    }
    let reason = booking.cancel_reason.as_deref().map(one_line).filter(|reason| !reason.is_empty());
    if let Some(reason) = reason.filter(|_| matches!(told.kind, MailKind::Cancelled | MailKind::Expired)) {
        facts.push(("Reason", reason.chars().take(REASON_MAX).collect()));
    }
    facts.push(("Booking", booking.id.to_string()));
    facts
}

fn journey_facts(journey: &Journey) -> Vec<(&'static str, String)> {
    let Journey { title, from, to, begins_at, ends_at, timezone } = journey;
    let (begins, ends) = match from {
        Some(_) => ("Departure", "Arrival"),
        None => ("Begins", "Ends"),
    };
    let mut facts = vec![(if from.is_some() { "Route" } else { "Event" }, one_line(title))];
    facts.extend(from.as_ref().map(|stop| ("From", one_line(stop))));
    facts.extend(to.as_ref().map(|stop| ("To", one_line(stop))));
    facts.extend(begins_at.map(|at| (begins, local(at, timezone))));
    facts.extend(ends_at.map(|at| (ends, local(at, timezone))));
    facts
}

fn price(price: Money) -> String {
    if price.amount_minor == 0 { "free of charge".to_owned() } else { price.to_string() }
}

/// `Saturday 21 November 2026, 10:30 EST (America/New_York)`; in UTC where the zone is unknown.
pub(super) fn local(at: Timestamp, timezone: &str) -> String {
    let (zone, name) = match TimeZone::get(timezone) {
        Ok(zone) => (zone, timezone),
        Err(_) => (TimeZone::UTC, "UTC"),
    };
    let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return at.to_string() };
    let said = at.to_zoned(zone).strftime("%A %-d %B %Y, %H:%M %Z").to_string();
    if said.ends_with(&format!(" {name}")) { said } else { format!("{said} ({name})") }
}

fn confirmed() -> Vec<String> {
    vec![
        "Please have the number of the booking at hand when you travel. If your plans change, cancel the booking \
         before it begins."
            .to_owned(),
    ]
}

fn cancelled_headline(told: &Told) -> String {
    let price = told.booking.price;
    match (told.was_sold, price.amount_minor) {
        (true, 1..) => format!("Your booking is cancelled, and {price} is on its way back to you."),
        _ => "Your booking is cancelled.".to_owned(),
    }
}

fn cancelled(told: &Told) -> Vec<String> {
    let seats_free = "Your seats are free for others. To travel, please book again.".to_owned();
    let money = match (told.was_sold, told.booking.price.amount_minor) {
        (true, 1..) => {
            "The money goes back the way it was paid, less what was given back before. We write to you \
                        again when that is done; you need do nothing."
        }
        (false, 1..) => "It was not paid. If a payment for it reaches us all the same, it goes back in full.",
        _ => "There is nothing to pay and nothing to give back.",
    };
    vec![money.to_owned(), seats_free]
}

fn expired_headline(booking: &Booking) -> String {
    match &booking.cancel_reason {
        None => "The hold on your seats has ended, because no payment reached us in time.".to_owned(),
        Some(_) => "The hold on your seats was ended.".to_owned(),
    }
}

fn expired() -> Vec<String> {
    vec![
        "Your seats are free for others. To travel, please book again.".to_owned(),
        "If a payment for this booking is still on its way, it is not lost: either we can take seats for you again, \
         or it goes back in full. We write to you in both cases."
            .to_owned(),
    ]
}

fn refunded_headline(told: &Told) -> String {
    match told.refunded {
        Some(amount) => format!("We have given back {amount} to you."),
        None => "We have given your money back.".to_owned(),
    }
}

fn refunded(booking: &Booking) -> Vec<String> {
    let booking = match booking.state {
        BookingState::Confirmed => "Your booking stays confirmed, and your seats are yours.",
        BookingState::Pending | BookingState::Reserved => "Your seats are still held for you.",
        BookingState::Cancelled | BookingState::Expired | BookingState::Refunded => {
            "The booking is over; you need do nothing."
        }
    };
    vec![
        "The money goes back the way it was paid. It may take your bank a few days to show it.".to_owned(),
        booking.to_owned(),
    ]
}
