//! What is sent to the engine, and what comes back.

use crate::domain::booking::command::{Change, Reserve};
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::Booking;
use crate::domain::id::{BookingId, SagaId, UserId};
use crate::saga::{Case, Input, NewCharge};
use crate::store::error::StoreError;
use crate::store::sagas::Message;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Work {
    /// Hold seats for a buyer.
    Reserve {
        /// The command.
        command: Reserve,
        /// Who travels.
        passenger: Passenger,
        /// The charge that pays it at once. Only for a booking that waits for its payment.
        charge: Option<NewCharge>,
    },
    /// Change a booking.
    Change {
        /// Which.
        booking_id: BookingId,
        /// How.
        change: Change,
        /// The caller, if it may only see its own bookings: another's is then unknown to it. Without one, the
        /// caller is a service or an operator, whose word stands for a payment that we have no record of.
        owner: Option<UserId>,
        /// Refuse if the booking has another version than the one that was looked at.
        expected_version: Option<u32>,
    },
    /// Something happens to a saga: somebody pays, a provider answers, an operator acts.
    Saga {
        /// Which: a booking's id, or a payment's.
        saga_id: SagaId,
        /// What.
        input: Input,
        /// The caller, if it may only see its own.
        owner: Option<UserId>,
        /// Refuse if the saga has another version than the one that was looked at.
        expected_version: Option<u32>,
        /// The message that told it, which is done once.
        message: Option<Message>,
        /// What is answered.
        answer: SagaAnswer,
    },
    /// Write down that these holds have ended; those that have not, or are gone, are left alone.
    Expire(Vec<BookingId>),
}

/// What is answered to an input of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SagaAnswer {
    /// The booking with its payment.
    Booking,
    /// The payment at hand.
    Payment,
    /// Nothing: nobody reads it.
    Nothing,
}

/// The `Idempotency-Key` of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Who asks.
    pub caller: String,
    /// The key: 1 to 255 visible ASCII characters.
    pub key: String,
    /// SHA-256 of method, path, query and body.
    pub request_hash: [u8; 32],
    /// The HTTP status that a success will have.
    pub status: u16,
}

/// Who asks, and how it will be found again.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The acting person or service; `system` when no person acts.
    pub actor: String,
    /// The request that all this follows from.
    pub correlation_id: String,
    /// Its key, if it has one.
    pub idempotency: Option<IdempotencyKey>,
}

impl Meta {
    /// What nobody asked for: the sweeper's work.
    #[must_use]
    pub fn system(correlation_id: String) -> Self {
        Self { actor: "system".into(), correlation_id, idempotency: None }
    }
}

/// A command that succeeded.
#[derive(Clone, Debug)]
pub struct Done {
    /// The HTTP status of the first answer.
    pub status: u16,
    /// The booking as JSON, as of the commit; the stored text for a replay.
    pub body: Arc<str>,
    /// The position of its last event; for what changed nothing, the head.
    pub position: i64,
    /// Whether this is the stored answer to an earlier request.
    pub replayed: bool,
    /// The booking; `None` for a replay, and where it is about none.
    pub booking: Option<Arc<Booking>>,
    /// The saga, where one was moved.
    pub case: Option<Arc<Case>>,
    /// How many bookings changed.
    pub changed: usize,
}

/// A command that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandError {
    /// A rule forbids it. It changed nothing.
    #[error("{}", .0.message())]
    Rejected(Rejection),
    /// The booking is not as it was when it was looked at.
    #[error("the booking has changed since it was looked at")]
    VersionMoved,
    /// The key was used with another request.
    #[error("this Idempotency-Key was used with another request")]
    IdempotencyReused,
    /// The first request with this key is still running.
    #[error("a request with this Idempotency-Key is still running")]
    IdempotencyInProgress,
    /// Too many commands wait.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The engine is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl From<Rejection> for CommandError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// The outcome of one command, to be sent once its batch is on disk.
pub(super) type Outcome = Result<Done, CommandError>;

/// A command in the queue.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) work: Work,
    pub(super) meta: Meta,
    pub(super) reply: oneshot::Sender<Outcome>,
}

#[cfg(test)]
impl Queued {
    /// A command whose answer nobody waits for.
    pub(super) fn alone(work: Work, meta: Meta) -> Self {
        Self { work, meta, reply: oneshot::channel().0 }
    }
}
