//! A store with a past: a million bookings, most of them confirmed, some of them open holds.

use crate::city;
use ticketing_core::app::App;
use ticketing_core::domain::booking::event::{BookingEvent, Confirmed, HoldBegan, SeatRef};
use ticketing_core::domain::booking::passenger::Passenger;
use ticketing_core::domain::booking::state::evolve;
use ticketing_core::domain::event::Event;
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::domain::seating::{LegRange, SeatNo};
use ticketing_core::store::batch::{self, Batch};
use ticketing_core::store::events::{self, LogEntry};
use uuid::Uuid;

/// Bookings of one write.
const CHUNK: usize = 2_000;

/// Writes `bookings` over `offerings` departures, one in ten an open hold, in the very form in which the
/// engine writes them.
pub(crate) async fn fill(app: &App, bookings: usize, offerings: usize) {
    fill_with(app, bookings, offerings, |n| n.is_multiple_of(10)).await;
}

/// The same; `is_hold` says which of them are open holds.
pub(crate) async fn fill_with(app: &App, bookings: usize, offerings: usize, is_hold: impl Fn(usize) -> bool) {
    let db = &app.stores.write;
    let mut head = events::head(db).await.expect("a head");
    for start in (0..bookings).step_by(CHUNK) {
        let now = city::now();
        let mut batch = Batch { expected_head: head, decided_at: now, ..Batch::default() };
        for n in start..(start + CHUNK).min(bookings) {
            let id = BookingId(Uuid::now_v7());
            let seat = SeatNo((n / offerings) as u32);
            let began = BookingEvent::TicketReserved(HoldBegan {
                offering_id: city::offering_id(n % offerings),
                user_id: UserId(format!("past-{}", n % 20_000)),
                seats: vec![SeatRef { no: seat, label: format!("A{}", seat.0 + 1) }],
                legs: LegRange::new(0, 1).expect("a leg"),
                price: city::FARE,
                hold_expires_at: now.plus_seconds(20 * 86_400),
            });
            let confirmed = BookingEvent::TicketConfirmed(Confirmed {
                offering_id: city::offering_id(n % offerings),
                payment_id: format!("pay-{id}"),
            });
            let story = if is_hold(n) { vec![began] } else { vec![began, confirmed] };
            let mut booking = None;
            for event in story {
                booking = evolve(booking, id, &event, now);
                head += 1;
                batch.events.push(LogEntry {
                    position: head,
                    stream_id: id.0,
                    stream_version: booking.as_ref().map_or(1, |b| b.version as i32),
                    recorded_at: now,
                    actor: "past".into(),
                    correlation_id: "past".into(),
                    causation_id: None,
                    event: Event::Booking(event),
                });
            }
            let booking = booking.map(std::sync::Arc::new);
            batch.taken.extend(booking.clone());
            batch.created.extend(booking);
            let email = "rosalind.franklin@example.org".into();
            let person = Passenger { name: "Rosalind Franklin".into(), email, phone: None };
            batch.passengers.push((id, person));
        }
        let outcome = batch::write(db, &batch, None).await.expect("a past");
        assert_eq!(outcome, batch::Outcome::Committed, "nobody else writes");
    }
}
