//! What payment and wallet services tell on their topics: one message in, one verdict out.
//!
//! A message that can't be handled has a verdict that says why, and is for the dead letters. What is only a failure of
//! the moment (the store is away, too many commands wait) is no verdict: the caller asks again, and does not move on.
//! Nothing here reads a topic, keeps a letter, or moves a cursor.
//!
//! Money of a wrong amount: it came, so the saga is told of it first, which gives all of it back, since a booking is
//! paid by its exact price or not at all. Then the message is for the dead letters, too, as is everything that does
//! not fit what we know: somebody asked for or took a wrong amount, and only a person can find out who. Both may be
//! done twice: the saga knows the message, the letter has one place. When such a letter is redriven, the money is on
//! its way back already, and the booking's later messages go on.
//!
//! Order: a message waits while the booking that it is about has an open letter, even if it names that booking by a
//! payment of it, or by another id than the letter did.

pub mod read;

use super::{App, AppError, payments};
use crate::domain::booking::state::Booking;
use crate::domain::id::{BookingId, SagaId};
use crate::domain::money::Money;
use crate::domain::payment::Payment;
use crate::domain::time::Timestamp;
use crate::engine::{CommandError, Meta};
use crate::saga::Notice;
use crate::saga::plan::EXTERNAL;
use crate::store::dead_letters::{self, LetterState, NewLetter};
use crate::store::error::StoreError;
use crate::store::sagas::Message;
use crate::store::{bookings, payments as payment_store, sagas};
use crate::text::quoted;
use read::{Reading, Told, Unreadable};
use std::collections::HashSet;
use uuid::Uuid;

/// A message of a topic from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMessage {
    /// The topic.
    pub source: String,
    /// The partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its key, if it has one that is text.
    pub key: Option<String>,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, whatever it is.
    pub body: Vec<u8>,
    /// When it was written, as the broker says.
    pub at: Timestamp,
}

impl InboundMessage {
    /// Returns a header's value; names are the same whatever their case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Where a message comes from this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// From its topic, perhaps once more.
    Topic,
    /// From the dead letters: somebody has seen what was wrong.
    Redrive,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, now or before.
    Done,
    /// It can't be handled: it is for the dead letters.
    Dead {
        /// Why, in a word: `BAD_JSON`, `UNKNOWN_TYPE`, `TOO_LARGE`, `NO_BOOKING`, `UNKNOWN_BOOKING`, `WRONG_AMOUNT`,
        /// `BAD_AMOUNT`, `UNREADABLE`, or the code of the rule that forbids it.
        code: &'static str,
        /// Why, as a sentence.
        reason: String,
        /// What later messages wait behind it: the booking that it is about, where that could be found out.
        stream: String,
    },
    /// The booking that it is about, which it names in another way, has an open letter: it was not tried.
    Waits {
        /// Which: it is kept behind the letters of this stream.
        stream: String,
    },
}

/// What must be known of a message before it is handled, and of one that is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Whose order is kept: the booking's id if one is named, else the key, else the message's own place.
    pub stream: String,
    /// What it says it is.
    pub event_type: Option<String>,
    /// What it is known by, so that it is done once.
    pub message_id: String,
    /// The request that it follows from; made, if it says none.
    pub correlation_id: String,
}

/// Returns what is on the outside of a message; one that can't be read has something, too.
#[must_use]
pub fn label(message: &InboundMessage) -> Label {
    of_reading(message, &read::read(message))
}

fn of_reading(message: &InboundMessage, reading: &Reading) -> Label {
    Label {
        stream: stream(message, reading),
        event_type: reading.event_type.clone(),
        message_id: reading.message_id.clone(),
        correlation_id: reading.correlation_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string()),
    }
}

fn stream(message: &InboundMessage, reading: &Reading) -> String {
    let key = || message.key.clone().filter(|key| !key.trim().is_empty());
    let place = || format!("{}/{}/{}", message.source, message.partition, message.offset);
    match reading.bookings.first() {
        Some(id) => id.to_string(),
        None => {
            reading.unknown_booking.clone().or_else(key).or(reading.payment_id.clone()).unwrap_or_else(place)
        }
    }
}

/// Returns whose order each of these messages, which come one after the other, is to be kept: that of the booking
/// that it is about, however it names it, or else that of its label. A payment that nobody knows yet is of the
/// booking that an earlier or later one of these messages names with it.
///
/// # Errors
/// What the store says.
pub async fn streams(app: &App, messages: &[InboundMessage]) -> Result<Vec<String>, StoreError> {
    let db = &app.stores.write;
    let readings: Vec<Reading> = messages.iter().map(read::read).collect();
    let named: HashSet<Uuid> = readings.iter().flat_map(|reading| reading.bookings.iter().copied()).collect();
    let named: Vec<BookingId> = named.into_iter().map(BookingId).collect();
    // A row that can't be read is a booking all the same.
    let rows = bookings::load_each(db, &named).await?;
    let is_there: HashSet<BookingId> = match rows.iter().all(Result::is_ok) {
        true => rows.into_iter().flatten().map(|booking| booking.id).collect(),
        false => named.into_iter().collect(),
    };
    let booking = |reading: &Reading| {
        reading.bookings.iter().copied().map(BookingId).find(|id| is_there.contains(id)).map(SagaId::from)
    };
    let mut found: Vec<Option<SagaId>> = readings.iter().map(booking).collect();
    let nameless = readings.iter().zip(&found).filter(|(_, saga)| saga.is_none());
    let payments: HashSet<String> = nameless.filter_map(|(reading, _)| reading.payment_id.clone()).collect();
    if !payments.is_empty() {
        let mut owners = payment_store::owners(db, &payments.into_iter().collect::<Vec<_>>()).await?;
        for (reading, saga) in readings.iter().zip(&found) {
            if let (Some(payment), Some(saga)) = (&reading.payment_id, saga) {
                owners.entry(payment.clone()).or_insert(*saga);
            }
        }
        for (reading, saga) in readings.iter().zip(&mut found).filter(|(_, saga)| saga.is_none()) {
            *saga = reading.payment_id.as_ref().and_then(|payment| owners.get(payment)).copied();
        }
    }
    let stream = |((message, reading), saga): ((&InboundMessage, &Reading), Option<SagaId>)| {
        saga.map_or_else(|| stream(message, reading), |saga| saga.to_string())
    };
    Ok(messages.iter().zip(&readings).zip(found).map(stream).collect())
}

/// Makes the letter of a message that is not handled, in the stream of its label: `Dead` with what its verdict says,
/// or `Waiting`, never tried, behind another one of its stream.
#[must_use]
pub fn letter(message: &InboundMessage, verdict: Option<(&str, &str)>, now: Timestamp) -> NewLetter {
    letter_in(None, message, verdict, now)
}

/// Makes the same as [`letter`] in this stream, which a verdict gave.
#[must_use]
pub fn letter_in(
    stream: Option<&str>,
    message: &InboundMessage,
    verdict: Option<(&str, &str)>,
    now: Timestamp,
) -> NewLetter {
    let mut label = label(message);
    if let Some(stream) = stream {
        stream.clone_into(&mut label.stream);
    }
    let (state, code, reason, tries) = match verdict {
        Some((code, reason)) => (LetterState::Dead, code.to_owned(), reason.to_owned(), 1),
        None => {
            let reason = format!("It waits behind an earlier message of {}.", label.stream);
            (LetterState::Waiting, "WAITING".to_owned(), reason, 0)
        }
    };
    NewLetter {
        id: Uuid::now_v7(),
        source: message.source.clone(),
        partition: message.partition,
        offset: message.offset,
        stream: label.stream,
        event_type: label.event_type,
        message_id: label.message_id,
        headers: with_key(message),
        body: message.body.clone(),
        state,
        code,
        reason,
        tries,
        correlation_id: label.correlation_id,
        at: now,
    }
}

/// A letter keeps the record's key among its headers, by this name.
pub const KEY_HEADER: &str = "message-key";

fn with_key(message: &InboundMessage) -> Vec<(String, String)> {
    let key = message.key.iter().map(|key| (KEY_HEADER.to_owned(), key.clone()));
    message.headers.iter().cloned().chain(key).collect()
}

/// Handles a message: tells the saga that it is about what it says, once.
///
/// # Errors
/// A failure of the moment. Try the same message again, and none behind it.
pub async fn handle(app: &App, message: &InboundMessage, delivery: Delivery) -> Result<Verdict, AppError> {
    handle_in(app, message, delivery, None).await
}

/// Handles a message that waited as a letter of this stream, and was not tried before.
///
/// # Errors
/// A failure of the moment, as for [`handle`].
pub async fn handle_waiting(app: &App, message: &InboundMessage, stream: &str) -> Result<Verdict, AppError> {
    handle_in(app, message, Delivery::Topic, Some(stream)).await
}

async fn handle_in(
    app: &App,
    message: &InboundMessage,
    delivery: Delivery,
    own: Option<&str>,
) -> Result<Verdict, AppError> {
    let reading = read::read(message);
    let label = of_reading(message, &reading);
    let found = about(app, &reading).await;
    // Whatever it calls its booking, the booking's own order is kept.
    let stream = found.as_ref().map_or_else(|_| label.stream.clone(), |about| about.saga_id.to_string());
    // Whoever comes with it saw to the stream that he knew of.
    let is_seen_to = delivery == Delivery::Redrive || stream == own.unwrap_or(&label.stream);
    if !is_seen_to && !dead_letters::is_open(&app.stores.write, vec![stream.clone()]).await?.is_empty() {
        return Ok(Verdict::Waits { stream });
    }
    let done = match (reading.told.clone(), found) {
        // What can't be read is so whatever it is about.
        (Err(why), Ok(_) | Err(Fault::Dead(_))) => Err(why.into()),
        (_, Err(fault)) => Err(fault),
        (Ok(told), Ok(about)) => tell(app, message, &reading, &label, delivery, told, about).await,
    };
    match done {
        Ok(()) => Ok(Verdict::Done),
        Err(Fault::Dead(Unreadable { code, reason })) => Ok(Verdict::Dead { code, reason, stream }),
        Err(Fault::App(error)) => {
            dead(error).map(|Unreadable { code, reason }| Verdict::Dead { code, reason, stream })
        }
    }
}

/// Sorts failures: what will be the same however often it is tried is a verdict.
fn dead(error: AppError) -> Result<Unreadable, AppError> {
    let refused = |error: &StoreError| {
        Unreadable::new("UNREADABLE", format!("It is about what can't be read: {error}."))
    };
    match &error {
        AppError::Command(CommandError::Rejected(rejection)) => {
            Ok(Unreadable::new(rejection.code(), rejection.message()))
        }
        AppError::Store(store) | AppError::Command(CommandError::Store(store)) if store.is_refusal() => {
            Ok(refused(store))
        }
        AppError::Command(
            CommandError::VersionMoved
            | CommandError::IdempotencyReused
            | CommandError::IdempotencyInProgress
            | CommandError::Overloaded
            | CommandError::ShuttingDown
            | CommandError::Store(_),
        )
        | AppError::NotFound { .. }
        | AppError::Ambiguous { .. }
        | AppError::VersionConflict { .. }
        | AppError::Exists { .. }
        | AppError::Locked { .. }
        | AppError::Invalid { .. }
        | AppError::ReadModelBehind { .. }
        | AppError::Account(_)
        | AppError::Store(_) => Err(error),
    }
}

enum Fault {
    Dead(Unreadable),
    App(AppError),
}

impl From<Unreadable> for Fault {
    fn from(why: Unreadable) -> Self {
        Self::Dead(why)
    }
}

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::App(error.into())
    }
}

async fn tell(
    app: &App,
    message: &InboundMessage,
    reading: &Reading,
    label: &Label,
    delivery: Delivery,
    told: Told,
    about: About,
) -> Result<(), Fault> {
    let About { saga_id, price, payments } = about;
    let inbox = Message { source: message.source.clone(), message_id: label.message_id.clone() };
    if delivery == Delivery::Redrive
        && !sagas::told(&app.stores.write, std::slice::from_ref(&inbox)).await?.is_empty()
    {
        return Ok(());
    }
    let (notice, wrong) = match told {
        Told::Paid => {
            let amount = read::money(reading, price.currency)?;
            let wrong = amount.filter(|amount| *amount != price);
            // A service that names no payment has one for a booking.
            let external_id = reading.payment_id.clone().unwrap_or_else(|| saga_id.to_string());
            (Notice::Paid { external_id, amount }, wrong)
        }
        Told::Failed => {
            let external_id = reading.payment_id.clone();
            (Notice::Failed { external_id, reason: reading.reason.clone() }, None)
        }
        Told::Refunded => {
            let amount = read::money(reading, price.currency)?;
            if let Some(other) = amount.filter(|amount| amount.currency != price.currency) {
                let reason = format!("{other} was given back for {saga_id}, whose price is {price}.");
                return Err(Unreadable::new("WRONG_AMOUNT", reason).into());
            }
            let is_known = |id: &String| payments.iter().any(|payment| is_called(payment, id));
            // A transaction's id may be the refund's own. If it is no payment's, the saga finds out which is meant.
            let is_refunds =
                |id: &String| reading.is_any_transaction && !payments.is_empty() && !is_known(id);
            let external_id = reading.payment_id.clone().filter(|id| !is_refunds(id));
            (Notice::Refunded { external_id, amount }, None)
        }
    };
    let meta = Meta::system(label.correlation_id.clone());
    let done = payments::told(app, saga_id, EXTERNAL, notice, inbox, meta).await?;
    match wrong {
        None => Ok(()),
        Some(came) => {
            let then = match done.changed {
                0 => "Its payment was told before; nothing was done about it now",
                _ => "All of it is being given back",
            };
            let reason = format!("{came} came for {saga_id}, whose price is {price}. {then}.");
            Err(Unreadable::new("WRONG_AMOUNT", reason).into())
        }
    }
}

fn is_called(payment: &Payment, id: &str) -> bool {
    payment.id.to_string() == id
        || payment.external_id.as_deref() == Some(id)
        || payment.provider_ref.as_deref() == Some(id)
}

/// What a message is about.
struct About {
    saga_id: SagaId,
    price: Money,
    payments: Vec<Payment>,
}

/// Finds the booking that is named, or the payment, if that is one of ours.
async fn about(app: &App, reading: &Reading) -> Result<About, Fault> {
    let db = &app.stores.write;
    let ids: Vec<BookingId> = reading.bookings.iter().copied().map(BookingId).collect();
    let found = if ids.is_empty() { Vec::new() } else { bookings::load(db, &ids).await? };
    let of_booking = |booking: &Booking| (SagaId::from(booking.id), booking.price);
    let mut of = ids.iter().find_map(|id| found.iter().find(|booking| booking.id == *id)).map(of_booking);
    if of.is_none()
        && let Some(id) = &reading.payment_id
        && let Some(payment) = payments::find(app, id).await?
    {
        let booking = match payment.booking_id {
            Some(id) => bookings::load(db, &[id]).await?.pop(),
            None => None,
        };
        of = Some((payment.saga_id, booking.map_or(payment.amount, |booking| booking.price)));
    }
    if let Some((saga_id, price)) = of {
        return Ok(About { saga_id, price, payments: payment_store::of_sagas(db, &[saga_id]).await? });
    }
    let named = reading.bookings.first().map(Uuid::to_string).or_else(|| reading.unknown_booking.clone());
    Err(match (named, &reading.payment_id) {
        (Some(id), _) => Unreadable::new("UNKNOWN_BOOKING", format!("There is no booking {}.", quoted(&id))),
        (None, Some(id)) => Unreadable::new(
            "NO_BOOKING",
            format!("It names no booking, and its payment {} is none of ours.", quoted(id)),
        ),
        (None, None) => Unreadable::new("NO_BOOKING", "It names neither a booking nor a payment."),
    }
    .into())
}

#[cfg(test)]
mod tests;
