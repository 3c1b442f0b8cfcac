//! The words of each letter.

use super::{Journey, Parts, Told, one_line};
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::catalog::OfferingKind;
use crate::domain::mail::MailKind;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use jiff::tz::TimeZone;

/// What an operator's or a passenger's reason is cut to, in characters.
const REASON_MAX: usize = 300;

/// How one kind of thing is spoken of. Nobody travels to an event, and who buys a ticket from somebody has no seat of ours.
struct Tongue {
    /// What was bought.
    title: &'static str,
    /// When it begins and ends, where it has a time.
    begins: &'static str,
    ends: &'static str,
    /// The purchase: a booking, or an order.
    purchase: &'static str,
    /// Whether seats are told.
    has_seats: bool,
    /// What to do once it is confirmed.
    confirmed: &'static str,
    /// The subject of a hold that ended, and what happened: by itself, and by somebody.
    hold_ended: &'static str,
    lapsed: &'static str,
    ended: &'static str,
    /// What can be done where others may have it now.
    again: &'static str,
    /// The same where nobody can buy it any more.
    withdrawn: &'static str,
    /// What becomes of a payment that comes late.
    late: &'static str,
    /// What a refund leaves: of what is confirmed, and of what is held.
    stays: &'static str,
    held: &'static str,
}

const DEPARTURE: Tongue = Tongue {
    title: "Route",
    begins: "Departure",
    ends: "Arrival",
    purchase: "booking",
    has_seats: true,
    confirmed: "Please have the number of the booking at hand when you travel. If your plans change, cancel the booking \
                before the departure.",
    hold_ended: "Your hold has ended",
    lapsed: "The hold on your seats has ended, because no payment reached us in time.",
    ended: "The hold on your seats was ended.",
    again: "Your seats are free for others. To travel, please book again.",
    withdrawn: "This departure is cancelled. To travel, please book another one.",
    late: "If a payment for this booking is still on its way, it is not lost: either we can take seats for you again, \
           or it goes back in full. We write to you in both cases.",
    stays: "Your booking stays confirmed, and your seats are yours.",
    held: "Your seats are still held for you.",
};

const EVENT: Tongue = Tongue {
    title: "Event",
    begins: "Begins",
    ends: "Ends",
    confirmed: "Please have the number of the booking at hand when you come. If your plans change, cancel the booking \
                before the event begins.",
    again: "Your seats are free for others. To come, please book again.",
    withdrawn: "The event is cancelled: nobody can book it any more.",
    ..DEPARTURE
};

const LISTING: Tongue = Tongue {
    title: "Ticket",
    purchase: "order",
    has_seats: false,
    confirmed: "The ticket is yours. Please keep the number of the order: you need it if you have a question.",
    hold_ended: "Your order has ended",
    lapsed: "Your order has ended, because no payment reached us in time.",
    ended: "Your order was ended.",
    again: "Others can buy the ticket now. To buy it, please order it again.",
    withdrawn: "The seller has withdrawn the ticket: nobody can buy it any more.",
    late: "If a payment for this order is still on its way, it is not lost: either we can keep the ticket for you \
           again, or it goes back in full. We write to you in both cases.",
    stays: "Your order stays confirmed, and the ticket is yours.",
    held: "The ticket is still kept for you.",
    ..EVENT
};

/// Of what the catalogue does not know any more: what is true of any of them.
const UNKNOWN: Tongue = Tongue {
    confirmed: "Please have the number of the booking at hand.",
    again: "Your seats are free for others. If you still want them, please book again.",
    ..EVENT
};

fn tongue(told: &Told) -> &'static Tongue {
    match told.journey.as_ref().map(|journey| journey.kind) {
        Some(OfferingKind::Departure) => &DEPARTURE,
        Some(OfferingKind::Event) => &EVENT,
        Some(OfferingKind::Listing) => &LISTING,
        None => &UNKNOWN,
    }
}

/// Says what happened, and what to do next.
pub(super) fn parts(told: &Told) -> Parts {
    let booking = &told.booking;
    let tongue = tongue(told);
    let purchase = tongue.purchase;
    let title = told.journey.as_ref().map(|journey| one_line(&journey.title));
    let about = title.as_ref().map_or_else(String::new, |title| format!(": {title}"));
    let (subject, headline, next) = match told.kind {
        MailKind::Confirmed => (
            "Your ticket is confirmed".to_owned(),
            format!("Your {purchase} is confirmed."),
            vec![tongue.confirmed.to_owned()],
        ),
        MailKind::Cancelled => (
            format!("Your {purchase} is cancelled"),
            cancelled_headline(told, purchase),
            cancelled(told, tongue),
        ),
        MailKind::Expired => {
            (tongue.hold_ended.to_owned(), expired_headline(booking, tongue), expired(told, tongue))
        }
        MailKind::Refunded => ("Your refund".to_owned(), refunded_headline(told), refunded(booking, tongue)),
    };
    Parts {
        subject: format!("{subject}{about}"),
        greeting: match one_line(&told.passenger).as_str() {
            "" => "Hello,".to_owned(),
            name => format!("Hello {name},"),
        },
        headline,
        facts: facts(told, tongue),
        next,
        closing: format!("This mail was sent automatically, about {purchase} {}.", booking.id),
    }
}

fn facts(told: &Told, tongue: &Tongue) -> Vec<(&'static str, String)> {
    let booking = &told.booking;
    let labels: Vec<String> = booking.seats.iter().map(|seat| one_line(&seat.label)).collect();
    let mut facts = told.journey.as_ref().map_or_else(Vec::new, |journey| journey_facts(journey, tongue));
    if tongue.has_seats {
        facts.push((if labels.len() == 1 { "Seat" } else { "Seats" }, labels.join(", ")));
    }
    facts.push(("Price", price(booking.price)));
    if let Some(amount) = told.refunded {
        facts.push(("Given back", amount.to_string()));
    }
    let reason = booking.cancel_reason.as_deref().map(one_line).filter(|reason| !reason.is_empty());
    if let Some(reason) = reason.filter(|_| matches!(told.kind, MailKind::Cancelled | MailKind::Expired)) {
        facts.push(("Reason", reason.chars().take(REASON_MAX).collect()));
    }
    facts.push((if tongue.has_seats { "Booking" } else { "Order" }, booking.id.to_string()));
    facts
}

fn journey_facts(journey: &Journey, tongue: &Tongue) -> Vec<(&'static str, String)> {
    let Journey { kind: _, is_withdrawn: _, title, from, to, begins_at, ends_at, timezone } = journey;
    let mut facts = vec![(tongue.title, one_line(title))];
    facts.extend(from.as_ref().map(|stop| ("From", one_line(stop))));
    facts.extend(to.as_ref().map(|stop| ("To", one_line(stop))));
    facts.extend(begins_at.map(|at| (tongue.begins, local(at, timezone))));
    facts.extend(ends_at.map(|at| (tongue.ends, local(at, timezone))));
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

fn cancelled_headline(told: &Told, purchase: &str) -> String {
    let price = told.booking.price;
    match (told.was_sold, price.amount_minor) {
        (true, 1..) => format!("Your {purchase} is cancelled, and {price} is on its way back to you."),
        _ => format!("Your {purchase} is cancelled."),
    }
}

/// Says how to get it after all, if that is possible.
fn again(told: &Told, tongue: &Tongue) -> String {
    let is_withdrawn = told.journey.as_ref().is_some_and(|journey| journey.is_withdrawn);
    if is_withdrawn { tongue.withdrawn } else { tongue.again }.to_owned()
}

fn cancelled(told: &Told, tongue: &Tongue) -> Vec<String> {
    let money = match (told.was_sold, told.booking.price.amount_minor) {
        (true, 1..) => {
            "The money goes back the way it was paid, less what was given back before. We write to you \
                        again when that is done; you need do nothing."
        }
        (false, 1..) => "It was not paid. If a payment for it reaches us all the same, it goes back in full.",
        _ => "There is nothing to pay and nothing to give back.",
    };
    vec![money.to_owned(), again(told, tongue)]
}

fn expired_headline(booking: &Booking, tongue: &Tongue) -> String {
    match &booking.cancel_reason {
        None => tongue.lapsed.to_owned(),
        Some(_) => tongue.ended.to_owned(),
    }
}

fn expired(told: &Told, tongue: &Tongue) -> Vec<String> {
    vec![again(told, tongue), tongue.late.to_owned()]
}

fn refunded_headline(told: &Told) -> String {
    match told.refunded {
        Some(amount) => format!("We have given back {amount} to you."),
        None => "We have given your money back.".to_owned(),
    }
}

fn refunded(booking: &Booking, tongue: &Tongue) -> Vec<String> {
    let left = match booking.state {
        BookingState::Confirmed => tongue.stays.to_owned(),
        BookingState::Pending | BookingState::Reserved => tongue.held.to_owned(),
        BookingState::Cancelled | BookingState::Expired | BookingState::Refunded => {
            format!("The {} is over; you need do nothing.", tongue.purchase)
        }
    };
    vec![
        "The money goes back the way it was paid. It may take your bank a few days to show it.".to_owned(),
        left,
    ]
}
