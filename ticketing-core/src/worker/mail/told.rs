//! What a mail is about, as the stores say it when it is sent: the booking as it was right after the event, by folding
//! its stream up to there, and the journey and the passenger as they are now.

use crate::app::App;
use crate::domain::account::AccountId;
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::state::{Booking, evolve};
use crate::domain::catalog::{OfferingFacts, OfferingStatus};
use crate::domain::event::Event;
use crate::domain::mail::{Mail, MailKind};
use crate::domain::time::Timestamp;
use crate::projection::mail::{Journey, Told};
use crate::store::error::Result;
use crate::store::{accounts, catalog, events, offerings, passengers};
use uuid::Uuid;

/// What is to be told, and to whom.
pub(super) enum Subject {
    /// To this passenger.
    Told { told: Box<Told>, passenger: Passenger },
    /// To nobody: the passenger was forgotten.
    Forgotten,
    /// To nobody: whoever ordered has given no address, and has no account that has one.
    NoAddress,
    /// The log does not say what happened.
    Unknown(String),
}

/// Looks up what a mail is about.
pub(super) async fn subject(app: &App, mail: &Mail) -> Result<Subject> {
    let db = &app.stores.write;
    let Some((_, passenger)) = passengers::load(db, &[mail.booking_id]).await?.pop() else {
        return Ok(Subject::Forgotten);
    };
    let mut booking: Option<Booking> = None;
    let mut refunded = None;
    let mut kind = None;
    for entry in events::of_stream(db, mail.booking_id.0).await? {
        if entry.position > mail.position {
            break;
        }
        kind = MailKind::of(&entry.event).filter(|_| entry.position == mail.position);
        match &entry.event {
            Event::Booking(event) => booking = evolve(booking, mail.booking_id, event, entry.recorded_at),
            Event::Payment(event) => refunded = Some(event.facts().amount),
            Event::Catalog(_) => {}
        }
    }
    let (Some(booking), true) = (booking, kind == Some(mail.kind)) else {
        let why = format!("the log has no such event of booking {} at {}", mail.booking_id, mail.position);
        return Ok(Subject::Unknown(why));
    };
    let Some(passenger) = reached(app, passenger, &booking).await? else { return Ok(Subject::NoAddress) };
    let told = Told {
        kind: mail.kind,
        was_sold: booking.payment_id.is_some(),
        refunded: refunded.filter(|_| mail.kind == MailKind::Refunded),
        passenger: passenger.name.clone(),
        journey: journey(app, &booking).await?,
        booking,
    };
    Ok(Subject::Told { told: Box::new(told), passenger })
}

/// Returns whom a mail can reach: the passenger, or whoever ordered, by the address of the account.
async fn reached(app: &App, passenger: Passenger, booking: &Booking) -> Result<Option<Passenger>> {
    if !passenger.email.is_empty() {
        return Ok(Some(passenger));
    }
    let Ok(id) = Uuid::parse_str(&booking.user_id.0) else { return Ok(None) };
    let account = accounts::load(&app.stores.write, &[AccountId(id)]).await?.pop();
    let Some(person) = account.and_then(|account| account.person) else { return Ok(None) };
    let username = person.username.as_ref().map(|name| name.as_str().to_owned());
    let email = person.email.as_str().to_owned();
    let name = person.first_name.or(username).unwrap_or_else(|| email.clone());
    Ok(Some(Passenger { name, email, phone: None }))
}

/// The journey of a booking; `None` where the catalogue does not know it.
async fn journey(app: &App, booking: &Booking) -> Result<Option<Journey>> {
    let db = &app.stores.write;
    let Some(facts) = offerings::facts(db, &[booking.offering_id]).await?.pop() else { return Ok(None) };
    if let Some(title) = facts.particulars.title.clone() {
        return Ok(Some(entry(app, &facts, title).await?));
    }
    let Some(route) = facts.route_id else { return Ok(None) };
    let route = catalog::routes(db, vec![route.0]).await?.remove(&route.0);
    let pattern = offerings::patterns(db, &[facts.pattern_id]).await?.pop();
    let (Some(route), Some(pattern)) = (route.map(|row| row.value), pattern) else { return Ok(None) };
    let (first, last) = (usize::from(booking.legs.from()), usize::from(booking.legs.to()));
    let (Some(from), Some(to)) = (pattern.calls.get(first), pattern.calls.get(last)) else { return Ok(None) };
    Ok(Some(Journey {
        kind: facts.kind,
        is_withdrawn: facts.status == OfferingStatus::Cancelled,
        title: route.name,
        from: Some(from.name.clone()),
        to: Some(to.name.clone()),
        begins_at: Some(facts.departs_at.plus_seconds(i64::from(from.departure_s))),
        ends_at: Some(facts.departs_at.plus_seconds(i64::from(to.arrival_s))),
        timezone: route.timezone,
    }))
}

/// The same of what has a title of its own: an event, at its venue's time, or a listing, which has none.
async fn entry(app: &App, facts: &OfferingFacts, title: String) -> Result<Journey> {
    let venue = match facts.particulars.venue_id {
        Some(id) => catalog::venues(&app.stores.write, vec![id.0]).await?.remove(&id.0),
        None => None,
    };
    let at = |at: Timestamp| Some(at).filter(|at| *at != Timestamp::NEVER);
    Ok(Journey {
        kind: facts.kind,
        is_withdrawn: facts.status == OfferingStatus::Cancelled,
        title,
        from: None,
        to: None,
        begins_at: at(facts.departs_at),
        ends_at: at(facts.arrives_at),
        timezone: venue.map_or_else(|| "UTC".to_owned(), |venue| venue.value.timezone),
    })
}
