//! Which events are told to the passenger by mail, and what becomes of such a mail. Pure: no addresses, no texts.

use super::event::Event;
use super::id::BookingId;
use super::payment::PaymentEvent;
use super::time::Timestamp;
use crate::domain::booking::event::BookingEvent;
use uuid::Uuid;

/// What a mail tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// The seats are sold.
    Confirmed,
    /// The booking was cancelled, by whomever.
    Cancelled,
    /// The hold ended without a payment.
    Expired,
    /// Money went back.
    Refunded,
}

impl MailKind {
    /// All.
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::Cancelled, Self::Expired, Self::Refunded];

    /// The word of the store and of operators.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        }
    }

    /// Returns the kind with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Returns what is told of an event; `None` for one that nobody is mailed about.
    ///
    /// Money that went back is told by the payment's event: it comes with every sum, also of a payment that came too
    /// late, while [`BookingEvent::TicketRefunded`] follows only once all of a sold booking's money is back.
    #[must_use]
    pub const fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Booking(event) => match event {
                BookingEvent::TicketConfirmed(_) => Some(Self::Confirmed),
                BookingEvent::TicketCancelled(_) => Some(Self::Cancelled),
                BookingEvent::TicketExpired(_) => Some(Self::Expired),
                BookingEvent::TicketBooked(_)
                | BookingEvent::TicketReserved(_)
                | BookingEvent::RefundRequested(_)
                | BookingEvent::TicketRefunded(_) => None,
            },
            Event::Payment(event) => match event {
                PaymentEvent::PaymentRefunded(facts) if facts.booking_id.is_some() => Some(Self::Refunded),
                PaymentEvent::PaymentRefunded(_)
                | PaymentEvent::PaymentRequested(_)
                | PaymentEvent::PaymentCreated(_)
                | PaymentEvent::PaymentFailed(_) => None,
            },
            Event::Catalog(_) => None,
        }
    }

    /// The types of the events that [`MailKind::of`] knows, as the log names them.
    pub const EVENT_TYPES: [&'static str; 4] =
        ["TicketConfirmed", "TicketCancelled", "TicketExpired", "PaymentRefunded"];
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailState {
    /// It is to be sent.
    Queued,
    /// The mail server has taken it.
    Sent,
    /// It was refused, or its tries are used up: an operator decides.
    Failed,
    /// There is nobody to send it to: the passenger was forgotten.
    Dropped,
}

impl MailState {
    /// All, in the order of a mail's life.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sent, Self::Failed, Self::Dropped];

    /// The word of the store and of operators.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// Returns the state with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A mail that is due, was sent, or never will be. It names no person: the address is looked up when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its id, derived from its event.
    pub id: Uuid,
    /// The event's place in the log: one event, one mail.
    pub position: i64,
    /// The booking that it is about.
    pub booking_id: BookingId,
    /// What it tells.
    pub kind: MailKind,
    /// Its `Message-ID`, without the angle brackets; the same each time it is sent.
    pub message_id: String,
    /// Where it stands.
    pub state: MailState,
    /// How often it was tried while the mail server answered; an outage of the server does not count.
    pub tries: u32,
    /// When it is due; `None` if it is not queued.
    pub next_at: Option<Timestamp>,
    /// What went wrong last, without the address.
    pub last_error: Option<String>,
    /// The request that all this followed from.
    pub correlation_id: String,
    /// When the event happened: the mail's `Date`.
    pub created_at: Timestamp,
    /// When it last moved.
    pub moved_at: Timestamp,
    /// When the mail server took it.
    pub sent_at: Option<Timestamp>,
}

/// Returns the id of the mail about the event of a stream at a position. The stream makes it differ between two
/// systems that share a domain, the position between the events of one.
#[must_use]
pub fn mail_id(stream_id: Uuid, position: i64) -> Uuid {
    super::id::derived("mail", &format!("{stream_id} {position}"))
}

#[cfg(test)]
mod tests {
    use super::{MailKind, MailState};
    use crate::domain::event::Event;

    #[test]
    fn words_are_read_back() {
        for kind in MailKind::ALL {
            assert_eq!(MailKind::parse(kind.word()), Some(kind));
        }
        for state in MailState::ALL {
            assert_eq!(MailState::parse(state.word()), Some(state));
        }
    }

    #[test]
    fn only_the_named_types_of_events_are_mailed_about() {
        for event_type in MailKind::EVENT_TYPES {
            assert!(Event::TYPES.contains(&event_type), "{event_type}");
        }
        let facts = r#"{"paymentId":"p","bookingId":"01a1fdc9-1ee4-71b5-b22a-9866c2943084","reference":"r",
            "userId":"u","amount":{"amountMinor":100,"currency":"USD"}}"#;
        let offering = r#"{"offeringId":"01a1fdc9-1ee4-71b5-b22a-9866c2943084","paymentId":"p"}"#;
        for event_type in Event::TYPES {
            let parsed = Event::parse(event_type, facts).or_else(|_| Event::parse(event_type, offering));
            let Ok(event) = parsed else { continue };
            let is_mailed = MailKind::of(&event).is_some();
            assert_eq!(is_mailed, MailKind::EVENT_TYPES.contains(event_type), "{event_type}");
        }
    }
}
