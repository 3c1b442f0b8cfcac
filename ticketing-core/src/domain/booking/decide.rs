//! The decisions: what a command does to a booking, or why it does nothing. Pure.

use super::command::{Best, Change, HoldKind, Reserve, SeatChoice};
use super::event::{BookingEvent, Cancelled, Confirmed, Expired, HoldBegan, SeatRef};
use super::rejection::Rejection;
use super::state::{Booking, BookingState};
use crate::domain::catalog::{LatePayment, Offering, OfferingStatus};
use crate::domain::layout::Section;
use crate::domain::money::Money;
use crate::domain::occupancy::Occupancy;
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;

/// Decides whether a buyer gets the seats. Holds that ended by `now` must have been released from
/// `occupancy` before: they are free.
///
/// # Errors
/// The first rule that forbids it. What can never be right comes before what is not right just now.
pub fn reserve(
    offering: &Offering,
    occupancy: &Occupancy,
    command: &Reserve,
    now: Timestamp,
) -> Result<BookingEvent, Rejection> {
    if command.route_id.is_some_and(|route| Some(route) != offering.facts.route_id) {
        return Err(Rejection::RouteMismatch);
    }
    if offering.facts.particulars.seller_id.as_ref() == Some(&command.user_id) {
        return Err(Rejection::OwnListing);
    }
    let legs = offering.pattern.resolve(command.from_stop.as_deref(), command.to_stop.as_deref())?;
    if command.seats.count() == 0 {
        return Err(no_seat());
    }
    let wanted = wanted(offering, &command.seats)?;
    let kind = offering.facts.kind;
    match offering.facts.status {
        OfferingStatus::Open => {}
        OfferingStatus::Cancelled => return Err(Rejection::OfferingCancelled { kind }),
    }
    let leaves_at = offering.departure_at(legs.from());
    if leaves_at <= now {
        return Err(Rejection::Departed { at: leaves_at, kind });
    }
    let expects = |price: Money| match command.expected_price {
        Some(expected) if expected != price => Err(Rejection::PriceMismatch { fare: price }),
        Some(_) | None => Ok(price),
    };
    // What the seats cost is known before they are picked, where it does not depend on that.
    let known = match &wanted {
        Wanted::Seats(seats) => Some(expects(offering.price_of_all(seats))?),
        Wanted::Any(count) | Wanted::Of(_, Best { count, .. }) if offering.has_one_price() => {
            Some(expects(offering.facts.fare.times(*count))?)
        }
        Wanted::Any(_) | Wanted::Of(..) => None,
    };
    let seats = match wanted {
        Wanted::Seats(seats) => free_seats(offering, occupancy, seats, legs)?,
        Wanted::Any(count) => occupancy.best_fit(legs, count).ok_or(Rejection::SoldOut { kind })?,
        Wanted::Of(sections, Best { count, together: true, .. }) => occupancy
            .best_together(legs, *count, &sections)
            .ok_or_else(|| match occupancy.best_fit_in(legs, *count, &sections) {
                Some(_) => Rejection::NotTogether { count: *count },
                None => Rejection::SoldOut { kind },
            })?,
        Wanted::Of(sections, Best { count, .. }) => {
            occupancy.best_fit_in(legs, *count, &sections).ok_or(Rejection::SoldOut { kind })?
        }
    };
    let price = match known {
        Some(price) => price,
        None => expects(offering.price_of_all(&seats))?,
    };
    let began = HoldBegan {
        offering_id: offering.facts.id,
        user_id: command.user_id.clone(),
        seats: seats.into_iter().map(|no| SeatRef { no, label: offering.layout.label(no) }).collect(),
        legs,
        price,
        hold_expires_at: now.plus_seconds(i64::from(command.hold_seconds)),
    };
    Ok(match command.kind {
        HoldKind::Book => BookingEvent::TicketBooked(began),
        HoldKind::Reserve => BookingEvent::TicketReserved(began),
    })
}

/// What is wanted, with its names understood.
enum Wanted<'a> {
    Seats(Vec<SeatNo>),
    Any(usize),
    Of(Vec<&'a Section>, &'a Best),
}

fn wanted<'a>(offering: &'a Offering, choice: &'a SeatChoice) -> Result<Wanted<'a>, Rejection> {
    Ok(match choice {
        SeatChoice::Named(labels) => Wanted::Seats(known_seats(offering, labels)?),
        SeatChoice::Any(count) => Wanted::Any(*count),
        SeatChoice::Best(best) => Wanted::Of(sections(offering, best)?, best),
    })
}

/// The sections that seats are wanted of.
fn sections<'a>(offering: &'a Offering, best: &Best) -> Result<Vec<&'a Section>, Rejection> {
    let unknown = |field, name: &str| Rejection::UnknownSection { field, name: name.to_owned() };
    let layout = &offering.layout;
    let mut sections: Vec<&Section> = match &best.section {
        Some(name) => vec![layout.section(name).ok_or_else(|| unknown("section", name))?],
        None => layout.sections().iter().collect(),
    };
    if let Some(wanted) = &best.category {
        let is_it = |section: &&Section| {
            section.category.as_ref().is_some_and(|category| category.eq_ignore_ascii_case(wanted))
        };
        sections.retain(is_it);
        if sections.is_empty() {
            return Err(unknown("category", wanted));
        }
    }
    Ok(sections)
}

fn no_seat() -> Rejection {
    Rejection::UnknownSeat { seat: String::new() }
}

fn known_seats(offering: &Offering, labels: &[String]) -> Result<Vec<SeatNo>, Rejection> {
    let mut seats = Vec::with_capacity(labels.len());
    for label in labels {
        let unknown = || Rejection::UnknownSeat { seat: label.clone() };
        let seat = offering.layout.seat(label).ok_or_else(unknown)?;
        if seats.contains(&seat) {
            return Err(Rejection::SeatRepeated { seat: label.clone() });
        }
        seats.push(seat);
    }
    Ok(seats)
}

fn free_seats(
    offering: &Offering,
    occupancy: &Occupancy,
    seats: Vec<SeatNo>,
    legs: LegRange,
) -> Result<Vec<SeatNo>, Rejection> {
    for &seat in &seats {
        let label = || offering.layout.label(seat);
        if offering.is_blocked(seat) {
            return Err(Rejection::SeatKept { seat: label() });
        }
        if !occupancy.is_free(seat, legs) {
            return Err(Rejection::SeatTaken { seat: label() });
        }
    }
    Ok(seats)
}

/// Takes seats again for a booking whose hold has ended and that was paid all the same, at the price that was
/// paid: the same seats, or, where the offering's policy allows, others on the same legs. `None` if they are gone,
/// it has left or is withdrawn. Holds that ended must have been released from `occupancy`.
#[must_use]
pub fn reserve_again(
    offering: &Offering,
    occupancy: &Occupancy,
    booking: &Booking,
    hold_seconds: u32,
    now: Timestamp,
) -> Option<HoldBegan> {
    let is_open = offering.facts.status == OfferingStatus::Open;
    if !is_open || offering.departure_at(booking.legs.from()) <= now {
        return None;
    }
    let same: Vec<SeatNo> = booking.seats.iter().map(|seat| seat.no).collect();
    let is_free = |&seat: &SeatNo| !offering.is_blocked(seat) && occupancy.is_free(seat, booking.legs);
    let seats = if same.iter().all(is_free) {
        same
    } else {
        match offering.facts.late_payment {
            LatePayment::ReReserve => equivalent(offering, occupancy, &same, booking.legs)?,
            LatePayment::Refund => return None,
        }
    };
    Some(HoldBegan {
        offering_id: offering.facts.id,
        user_id: booking.user_id.clone(),
        seats: seats.into_iter().map(|no| SeatRef { no, label: offering.layout.label(no) }).collect(),
        legs: booking.legs,
        price: booking.price,
        hold_expires_at: now.plus_seconds(i64::from(hold_seconds)),
    })
}

/// Picks as many other seats that are priced alike, `None` if there are not as many.
fn equivalent(
    offering: &Offering,
    occupancy: &Occupancy,
    seats: &[SeatNo],
    legs: LegRange,
) -> Option<Vec<SeatNo>> {
    if offering.has_one_price() {
        return occupancy.best_fit(legs, seats.len());
    }
    let layout = &offering.layout;
    let category = |seat: &SeatNo| layout.section_of(*seat).and_then(|section| section.category.as_ref());
    let mut counts: Vec<(Option<&String>, usize)> = Vec::new();
    for seat in seats {
        match counts.iter_mut().find(|(known, _)| *known == category(seat)) {
            Some((_, count)) => *count += 1,
            None => counts.push((category(seat), 1)),
        }
    }
    let mut picked = Vec::with_capacity(seats.len());
    for (category, count) in counts {
        let alike: Vec<&Section> =
            layout.sections().iter().filter(|section| section.category.as_ref() == category).collect();
        picked.extend(occupancy.best_fit_in(legs, count, &alike)?);
    }
    Some(picked)
}

/// Refuses to take money for a hold of what was withdrawn: its holds are cancelled, whether or not the job that does it
/// has come to this one. What is sold already is not asked about.
///
/// # Errors
/// [`Rejection::OfferingCancelled`].
pub fn may_be_paid(offering: &Offering, booking: &Booking, now: Timestamp) -> Result<(), Rejection> {
    match (offering.facts.status, booking.state_at(now)) {
        (OfferingStatus::Cancelled, BookingState::Pending | BookingState::Reserved) => {
            Err(Rejection::OfferingCancelled { kind: offering.facts.kind })
        }
        (OfferingStatus::Open | OfferingStatus::Cancelled, _) => Ok(()),
    }
}

/// Decides what a change does to a booking: its events, none if what is asked is already so.
///
/// # Errors
/// [`Rejection::HoldExpired`] or [`Rejection::InvalidState`].
pub fn change(booking: &Booking, change: &Change, now: Timestamp) -> Result<Vec<BookingEvent>, Rejection> {
    let offering_id = booking.offering_id;
    let state = booking.state_at(now);
    let hold_expired = || Rejection::HoldExpired { at: booking.hold_expires_at };
    let invalid = |wanted| Rejection::InvalidState { state, wanted };
    match (change, state) {
        (Change::Confirm { payment_id }, BookingState::Pending | BookingState::Reserved) => {
            let confirmed = Confirmed { offering_id, payment_id: payment_id.clone() };
            Ok(vec![BookingEvent::TicketConfirmed(confirmed)])
        }
        (Change::Confirm { payment_id }, BookingState::Confirmed)
            if booking.payment_id.as_ref() == Some(payment_id) =>
        {
            Ok(Vec::new())
        }
        (Change::Confirm { .. }, BookingState::Expired) => Err(hold_expired()),
        (Change::Confirm { .. }, _) => Err(invalid("confirmed")),

        (
            Change::Cancel { reason },
            BookingState::Pending | BookingState::Reserved | BookingState::Confirmed,
        ) => {
            // What was paid for it is owed back: the saga sees to that.
            let cancelled = Cancelled { offering_id, reason: reason.clone() };
            Ok(vec![BookingEvent::TicketCancelled(cancelled)])
        }
        (Change::Cancel { .. }, BookingState::Expired) => Err(hold_expired()),
        (Change::Cancel { .. }, BookingState::Cancelled | BookingState::Refunded) => {
            Err(invalid("cancelled"))
        }

        // The sweeper may come late, twice, or after a buyer's own command: it then has nothing to do.
        (Change::Expire, BookingState::Expired) if booking.state.is_hold() => {
            Ok(vec![BookingEvent::TicketExpired(Expired { offering_id, reason: None })])
        }
        (Change::Expire, _) => Ok(Vec::new()),

        (Change::ForceExpire { reason }, _) if booking.state.is_hold() => {
            let expired = Expired { offering_id, reason: Some(reason.clone()) };
            Ok(vec![BookingEvent::TicketExpired(expired)])
        }
        (Change::ForceExpire { .. }, _) => Err(invalid("expired")),
    }
}
