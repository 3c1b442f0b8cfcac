//! Who has which seats of the offerings whose maps are asked for just now.
//!
//! A full hall has thousands of bookings, and reading them all for each map would take longer the more is sold. So the
//! first map reads them, and from then on what this process's projector folds into the read model is folded here too:
//! the rows are the truth, and this is a copy that never is behind the position it is asked for. A copy that missed a
//! page, since another process folded it, is thrown away and read again.

use super::App;
use crate::domain::booking::state::BookingState;
use crate::domain::id::{BookingId, LayoutId, OfferingId};
use crate::domain::layout::Layout;
use crate::domain::occupancy::SeatState;
use crate::domain::seating::SeatNo;
use crate::domain::time::Timestamp;
use crate::projection::venue::SeatTexts;
use crate::projection::{TicketChange, TicketRow};
use crate::store::error::Result;
use crate::store::views::fold;
use crate::store::views::tickets::{Holder, holders};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Halls that are remembered; of more, the one that was asked for longest ago is forgotten.
const HALLS_MAX: usize = 64;
/// Layouts whose seats' texts are remembered; with one more, all are forgotten.
const TEXTS_MAX: usize = 64;
/// Events that are remembered as such; with one more, all are forgotten.
const EVENTS_MAX: usize = 100_000;
/// Pages that are kept for a hall whose bookings are being read.
const WAITING_MAX: usize = 1_000;
/// How long a map waits for what this process's projector has written and not yet told.
const TOLD_WAIT: Duration = Duration::from_millis(50);
/// A projector that told nothing for so long is not waited for.
const TOLD_LATELY: Duration = Duration::from_secs(2);

/// The copies. See the module.
#[derive(Debug)]
pub struct Halls {
    halls: Mutex<HashMap<OfferingId, Hall>>,
    /// What the seats of a layout are called in answers.
    texts: Mutex<HashMap<LayoutId, Arc<SeatTexts>>>,
    /// Offerings that are known to be events: that never changes.
    events: Mutex<HashSet<OfferingId>>,
    /// Up to where this process's projector has told, and when it did.
    told: watch::Sender<(i64, Option<Instant>)>,
}

impl Default for Halls {
    fn default() -> Self {
        Self {
            halls: Mutex::default(),
            texts: Mutex::default(),
            events: Mutex::default(),
            told: watch::channel((0, None)).0,
        }
    }
}

#[derive(Debug)]
struct Hall {
    /// The position that it shows; `None` while its bookings are being read.
    at: Option<i64>,
    holders: HashMap<BookingId, Seats>,
    /// What was folded while its bookings were being read.
    waiting: Vec<Told>,
    asked_at: Instant,
}

#[derive(Clone, Debug)]
struct Seats {
    seats: Vec<SeatNo>,
    state: BookingState,
    hold_expires_at: Timestamp,
    version: u32,
}

/// A page, as far as it concerns seats.
#[derive(Clone, Debug)]
struct Told {
    from: i64,
    to: i64,
    new: Vec<(BookingId, Seats)>,
    changes: Vec<TicketChange>,
}

impl Halls {
    /// The projector of this process has written the page after `from` up to `to`.
    pub(crate) fn folded(&self, from: i64, to: i64, new: &[TicketRow], changes: &[TicketChange]) {
        let mut halls = self.lock();
        halls.retain(|id, hall| {
            let of_hall = new.iter().filter(|row| row.booking.offering_id == *id);
            let new = of_hall.map(|row| (row.booking.id, Seats::of(row)));
            match hall.at {
                // A page is missing.
                Some(at) if at < from => false,
                Some(at) if to <= at => true,
                Some(at) => {
                    let new = new.collect();
                    hall.apply(new, changes) && {
                        hall.at = Some(at.max(to));
                        true
                    }
                }
                None => {
                    hall.waiting.push(Told { from, to, new: new.collect(), changes: changes.to_vec() });
                    hall.waiting.len() <= WAITING_MAX
                }
            }
        });
        drop(halls);
        self.told.send_replace((to, Some(Instant::now())));
    }

    /// Returns the texts of a layout's seats, as it is now: they are written once, and again if it has changed.
    pub(crate) fn texts(&self, layout: &Layout) -> Arc<SeatTexts> {
        let lock = || self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&layout.id()).map(Arc::clone);
        if let Some(texts) = known.filter(|texts| texts.are_of(layout)) {
            return texts;
        }
        let texts = Arc::new(SeatTexts::of(layout));
        let mut kept = lock();
        if kept.len() >= TEXTS_MAX {
            kept.clear();
        }
        kept.insert(layout.id(), Arc::clone(&texts));
        texts
    }

    /// Whether an offering is known to be an event.
    pub(crate) fn is_event(&self, id: OfferingId) -> bool {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Remembers that an offering is an event.
    pub(crate) fn know_event(&self, id: OfferingId) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= EVENTS_MAX {
            events.clear();
        }
        events.insert(id);
    }

    /// Rows were changed without an event: nothing here is sure any more.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OfferingId, Hall>> {
        // What a panic left half done is a copy: it is read again at worst.
        self.halls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the states of a hall's taken seats, if it is known at `position` or later.
    fn draw(&self, id: OfferingId, position: i64, states: &mut [SeatState], now: Timestamp) -> bool {
        let mut halls = self.lock();
        match halls.get_mut(&id) {
            Some(hall) if hall.at.is_some_and(|at| at >= position) => {
                hall.asked_at = Instant::now();
                for seats in hall.holders.values() {
                    seats.draw(states, now);
                }
                true
            }
            Some(_) | None => false,
        }
    }

    /// Waits until the projector of this process has told of `position`, if it is at work.
    async fn told(&self, position: i64) {
        let mut told = self.told.subscribe();
        let is_at_work = told.borrow().1.is_some_and(|at| at.elapsed() < TOLD_LATELY);
        if is_at_work {
            // Whether it came or not, what there is then is looked at.
            let _ = tokio::time::timeout(TOLD_WAIT, told.wait_for(|(to, _)| *to >= position)).await;
        }
    }

    /// Begins to keep what is folded for a hall; false if somebody reads it just now.
    fn begin(&self, id: OfferingId) -> bool {
        let mut halls = self.lock();
        if halls.get(&id).is_some_and(|hall| hall.at.is_none()) {
            return false;
        }
        if halls.len() >= HALLS_MAX
            && let Some(oldest) = halls.iter().min_by_key(|(_, hall)| hall.asked_at).map(|(id, _)| *id)
        {
            halls.remove(&oldest);
        }
        let hall = Hall { at: None, holders: HashMap::new(), waiting: Vec::new(), asked_at: Instant::now() };
        halls.insert(id, hall);
        true
    }

    /// Takes over what was read of a hall: all up to `at` is in it.
    fn loaded(&self, id: OfferingId, at: i64, rows: &[Holder]) {
        let mut halls = self.lock();
        let Some(mut hall) = halls.remove(&id) else { return };
        hall.holders = rows.iter().map(|row| (row.booking_id, Seats::from(row))).collect();
        let mut at = at;
        for told in std::mem::take(&mut hall.waiting) {
            if told.to <= at {
                continue;
            }
            if told.from > at || !hall.apply(told.new, &told.changes) {
                return;
            }
            at = told.to;
        }
        hall.at = Some(at);
        halls.insert(id, hall);
    }

    fn give_up(&self, id: OfferingId) {
        self.lock().remove(&id);
    }
}

impl Hall {
    /// Folds a page; false if it can't be known what becomes of a seat.
    fn apply(&mut self, new: Vec<(BookingId, Seats)>, changes: &[TicketChange]) -> bool {
        for (id, seats) in new {
            if self.holders.get(&id).is_none_or(|known| known.version < seats.version) {
                self.holders.insert(id, seats);
            }
        }
        for change in changes {
            match self.holders.get_mut(&change.booking_id) {
                Some(known) if known.version < change.version => {
                    known.change(change);
                    if !known.state.has_seats() {
                        self.holders.remove(&change.booking_id);
                    }
                }
                Some(_) => {}
                // Seats that were taken again, by a booking that had given them back: here, or in another hall.
                None if change.seats.is_some() => return false,
                None => {}
            }
        }
        true
    }
}

impl Seats {
    fn of(row: &TicketRow) -> Self {
        let booking = &row.booking;
        Self {
            seats: booking.seats.iter().map(|seat| seat.no).collect(),
            state: booking.state,
            hold_expires_at: booking.hold_expires_at,
            version: booking.version,
        }
    }

    fn change(&mut self, change: &TicketChange) {
        self.version = change.version;
        if let Some(state) = change.state {
            self.state = state;
        }
        if let Some(seats) = &change.seats {
            self.seats = seats.iter().map(|seat| seat.no).collect();
        }
        if let Some(at) = change.hold_expires_at {
            self.hold_expires_at = at;
        }
    }

    fn draw(&self, states: &mut [SeatState], now: Timestamp) {
        let state = match self.state {
            BookingState::Confirmed => SeatState::Sold,
            BookingState::Pending | BookingState::Reserved if self.hold_expires_at > now => SeatState::Held,
            BookingState::Pending
            | BookingState::Reserved
            | BookingState::Cancelled
            | BookingState::Expired
            | BookingState::Refunded => return,
        };
        for seat in &self.seats {
            if let Some(shown) = states.get_mut(seat.0 as usize) {
                *shown = (*shown).max(state);
            }
        }
    }
}

impl From<&Holder> for Seats {
    fn from(row: &Holder) -> Self {
        Self {
            seats: row.seats.clone(),
            state: row.state,
            hold_expires_at: row.hold_expires_at,
            version: row.version,
        }
    }
}

/// Writes the states of an offering's taken seats over `states`, as the read model has them at least.
///
/// # Errors
/// What the store says.
pub(crate) async fn draw(app: &App, id: OfferingId, states: &mut [SeatState]) -> Result<()> {
    let read = &app.stores.read;
    let position = fold::cursor(read).await?;
    let now = app.clock.now();
    if app.halls.draw(id, position, states, now) {
        return Ok(());
    }
    app.halls.told(position).await;
    if app.halls.draw(id, position, states, now) {
        return Ok(());
    }
    let is_kept = app.halls.begin(id);
    // The rows may show more than the position says; what is folded again then changes nothing.
    let found = async {
        let at = fold::cursor(read).await?;
        Ok((at, holders(read, id).await?))
    };
    let (at, rows) = found.await.inspect_err(|_| {
        if is_kept {
            app.halls.give_up(id);
        }
    })?;
    if is_kept {
        app.halls.loaded(id, at, &rows);
    }
    for row in &rows {
        Seats::from(row).draw(states, now);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Halls, Seats};
    use crate::domain::booking::state::BookingState;
    use crate::domain::id::{BookingId, OfferingId};
    use crate::domain::occupancy::SeatState;
    use crate::domain::seating::SeatNo;
    use crate::domain::time::Timestamp;
    use crate::projection::TicketChange;
    use crate::store::views::tickets::Holder;
    use uuid::Uuid;

    const HALL: OfferingId = OfferingId(Uuid::nil());

    fn holder(n: u128, seat: u32) -> Holder {
        Holder {
            booking_id: BookingId(Uuid::from_u128(n)),
            seats: vec![SeatNo(seat)],
            state: BookingState::Reserved,
            hold_expires_at: Timestamp::from_millis(1_000),
            version: 1,
        }
    }

    fn change(n: u128, state: BookingState, version: u32) -> TicketChange {
        TicketChange {
            booking_id: BookingId(Uuid::from_u128(n)),
            state: Some(state),
            payment_id: None,
            confirmed_at: None,
            cancel_reason: None,
            seats: None,
            hold_expires_at: None,
            version,
        }
    }

    fn drawn(halls: &Halls, position: i64, now: i64) -> Option<String> {
        let mut states = [SeatState::Free; 3];
        let is_known = halls.draw(HALL, position, &mut states, Timestamp::from_millis(now));
        is_known.then(|| states.map(|state| &state.word()[..1]).concat())
    }

    #[test]
    fn what_is_folded_while_a_hall_is_read_is_not_lost_and_what_comes_twice_changes_nothing() {
        let halls = Halls::default();
        assert!(halls.begin(HALL));
        assert!(!halls.begin(HALL), "one reads it");
        halls.folded(5, 7, &[], &[change(1, BookingState::Confirmed, 2)]);
        halls.folded(7, 9, &[], &[change(2, BookingState::Cancelled, 2)]);
        halls.loaded(HALL, 5, &[holder(1, 0), holder(2, 1), holder(3, 2)]);
        assert_eq!(drawn(&halls, 9, 0).as_deref(), Some("sfh"));
        assert_eq!(drawn(&halls, 9, 1_000).as_deref(), Some("sff"), "a hold ends at its time");
        assert_eq!(drawn(&halls, 10, 0), None, "it is not there yet");
        halls.folded(
            9,
            10,
            &[],
            &[change(1, BookingState::Reserved, 1), change(2, BookingState::Refunded, 3)],
        );
        assert_eq!(drawn(&halls, 10, 0).as_deref(), Some("sfh"), "an old change");
    }

    #[test]
    fn a_copy_that_missed_a_page_is_thrown_away() {
        let halls = Halls::default();
        halls.begin(HALL);
        halls.loaded(HALL, 5, &[holder(1, 0)]);
        halls.folded(4, 6, &[], &[]);
        assert!(drawn(&halls, 6, 0).is_some(), "a page that begins before it is none");
        halls.folded(8, 9, &[], &[]);
        assert_eq!(drawn(&halls, 6, 0), None);
        // The same, while it is read.
        halls.begin(HALL);
        halls.folded(11, 12, &[], &[]);
        halls.loaded(HALL, 10, &[]);
        assert_eq!(drawn(&halls, 0, 0), None);
        // Seats that were taken again by nobody that is known here.
        halls.begin(HALL);
        halls.loaded(HALL, 20, &[]);
        let again = TicketChange { seats: Some(Vec::new()), ..change(9, BookingState::Confirmed, 5) };
        halls.folded(20, 21, &[], &[again]);
        assert_eq!(drawn(&halls, 0, 0), None);
    }

    #[test]
    fn seats_are_drawn_by_what_their_booking_is() {
        let mut states = [SeatState::Free; 2];
        let seats = Seats::from(&Holder { state: BookingState::Confirmed, ..holder(1, 7) });
        seats.draw(&mut states, Timestamp::from_millis(0));
        assert_eq!(states, [SeatState::Free; 2], "a seat that the hall has not");
    }
}
