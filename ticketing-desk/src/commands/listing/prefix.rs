//! To how many characters the ids of a short table can be cut, by what they are ids of.

use super::Shown;
use ticketing_core::app::App;
use ticketing_core::domain::id::{BookingId, OfferingId, PaymentId, SagaId};
use ticketing_core::ops::{OpsError, dlq, jobs, lookup, mails, payments, sagas};
use uuid::Uuid;

fn ids<T>(shown: &Shown, id: fn(Uuid) -> T) -> Vec<T> {
    shown.ids.iter().copied().map(id).collect()
}

/// Of bookings and holds.
pub async fn bookings(app: &App, shown: &Shown) -> Result<usize, OpsError> {
    lookup::booking_prefix_len(app, &ids(shown, BookingId)).await
}

/// Of departures, events and listings.
pub async fn offerings(app: &App, shown: &Shown) -> Result<usize, OpsError> {
    lookup::schedule_prefix_len(app, &ids(shown, OfferingId)).await
}

/// Of payments.
pub async fn payments(app: &App, shown: &Shown) -> Result<usize, OpsError> {
    payments::prefix_len(app, &ids(shown, PaymentId)).await
}

/// Of sagas.
pub async fn sagas(app: &App, shown: &Shown) -> Result<usize, OpsError> {
    sagas::prefix_len(app, &ids(shown, SagaId)).await
}

/// Of jobs.
pub async fn jobs(app: &App, shown: &Shown) -> Result<usize, OpsError> {
    jobs::prefix_len(app, &shown.ids).await
}

/// Of mails.
pub async fn mails(app: &App, shown: &Shown) -> Result<usize, OpsError> {
    mails::prefix_len(app, &shown.ids).await
}

/// Of what could not be handled.
pub async fn letters(app: &App, shown: &Shown) -> Result<usize, OpsError> {
    dlq::prefix_len(app, &shown.ids).await
}

/// Of what can be looked up by a whole id only, unless all there are are shown.
pub async fn only_whole(_: &App, shown: &Shown) -> Result<usize, OpsError> {
    if shown.is_all { Ok(0) } else { super::whole(shown).await }
}

/// Of what has names, and no ids to cut.
pub async fn names(_: &App, shown: &Shown) -> Result<usize, OpsError> {
    super::whole(shown).await
}
