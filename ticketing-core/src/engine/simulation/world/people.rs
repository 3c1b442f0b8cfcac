//! What people do in a simulated life: they book, change their minds, pay and operate, and ask again when nobody
//! answered.

use super::scene::{by, key_of, saga, system};
use super::{FARE, OFFERINGS, World};
use crate::domain::booking::command::{Change, HoldKind, Reserve, SeatChoice};
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::state::BookingState;
use crate::domain::id::{AttemptId, BookingId, OfferingId, PaymentId, SagaId, UserId};
use crate::engine::command::{Meta, Work};
use crate::saga::{Input, NewCharge, OperatorMove};
use uuid::Uuid;

impl World {
    pub(super) fn buyer_books(&mut self) -> Result<(), String> {
        let kind = *self.rng.pick(&[HoldKind::Book, HoldKind::Book, HoldKind::Reserve]);
        let (from, to) = *self.rng.pick(&[(None, None), (None, Some("#1")), (Some("#1"), None)]);
        let label = (*self.rng.pick(&["A1", "B1", "A2"])).to_owned();
        let user_id = UserId(format!("u{}", self.rng.below(4)));
        let booking_id = BookingId(self.id());
        let command = Reserve {
            booking_id,
            offering_id: OfferingId(Uuid::from_u128(1 + u128::from(self.rng.below(OFFERINGS as u64)))),
            route_id: None,
            user_id: user_id.clone(),
            seats: if self.rng.percent(50) { SeatChoice::Named(vec![label]) } else { SeatChoice::Any(1) },
            from_stop: from.map(str::to_owned),
            to_stop: to.map(str::to_owned),
            expected_price: None,
            hold_seconds: 20 + self.rng.below(60) as u32,
            kind,
        };
        let pays = kind == HoldKind::Book && (self.is_external() || self.rng.percent(70));
        let charge = pays.then(|| self.charge(&user_id, booking_id.to_string()));
        let passenger = Passenger { name: "A".into(), email: "a@example.org".into(), phone: None };
        let key = self.id().to_string();
        let meta = Meta { idempotency: Some(key_of(&user_id, &key)), ..by(&user_id) };
        self.ask(Work::Reserve { command, passenger, charge }, meta)
    }

    fn charge(&mut self, user_id: &UserId, reference: String) -> NewCharge {
        NewCharge {
            payment_id: PaymentId(self.id()),
            attempt_id: AttemptId(self.id()),
            token: "tok_visa".into(),
            provider: self.provider_name.into(),
            user_id: user_id.clone(),
            reference,
            amount: None,
        }
    }

    fn some_booking(&mut self) -> Option<(BookingId, UserId)> {
        let count = self.store.bookings.len() as u64;
        let nth = if count == 0 { return None } else { self.rng.below(count) as usize };
        self.store.bookings.values().nth(nth).map(|b| (b.id, b.user_id.clone()))
    }

    pub(super) fn somebody_changes(&mut self) -> Result<(), String> {
        let Some((booking_id, user_id)) = self.some_booking() else { return Ok(()) };
        let (change, owner) = match self.rng.below(10) {
            0..6 => (Change::Cancel { reason: None }, Some(user_id.clone())),
            6 => (Change::ForceExpire { reason: "drill".into() }, None),
            // An outside service that vouches for a booking means the payment that it was asked for.
            _ if self.is_external() => (Change::Cancel { reason: None }, None),
            _ => {
                let payment_id = format!("vouched-{}", self.rng.below(30));
                // What a service vouches for, it has.
                (Change::Confirm { payment_id }, None)
            }
        };
        let vouches = matches!(change, Change::Confirm { .. });
        let was = self.store.bookings.get(&booking_id).map(|b| b.state);
        let work = Work::Change { booking_id, change, owner, expected_version: None };
        self.submit(work, by(&user_id))?;
        let is = self.store.bookings.get(&booking_id);
        if vouches
            && was != Some(BookingState::Confirmed)
            && is.is_some_and(|b| b.state == BookingState::Confirmed)
        {
            let price = is.map_or(0, |b| b.price.amount_minor);
            *self.provider.kept.entry(booking_id.into()).or_default() += price;
        }
        Ok(())
    }

    pub(super) fn somebody_pays(&mut self) -> Result<(), String> {
        if !self.is_external() && self.rng.percent(25) {
            let user_id = UserId("shop".into());
            let charge = NewCharge { amount: Some(FARE), ..self.charge(&user_id, "order-1".into()) };
            let saga_id = SagaId::from(charge.payment_id);
            return self.submit(saga(saga_id, Input::Pay(charge), None, None), by(&user_id)).map(drop);
        }
        let Some((booking_id, user_id)) = self.some_booking() else { return Ok(()) };
        let charge = self.charge(&user_id, booking_id.to_string());
        self.submit(saga(booking_id.into(), Input::Pay(charge), None, None), by(&user_id)).map(drop)
    }

    pub(super) fn operator_acts(&mut self) -> Result<(), String> {
        let count = self.store.cases.len() as u64;
        if count == 0 {
            return Ok(());
        }
        let nth = self.rng.below(count) as usize;
        let Some(case) = self.store.cases.values().nth(nth) else { return Ok(()) };
        let (saga_id, version) = (case.saga.id, case.saga.version);
        let paid = case.payments.iter().find(|p| p.kept_minor() > 0).map(|p| (p.id, p.kept_minor()));
        match (self.rng.below(10), paid) {
            (0..3, _) => self.operate(saga_id, version, OperatorMove::Retry),
            (3..5, _) => self.operate(saga_id, version, OperatorMove::Compensate),
            (5, _) => self.operate(saga_id, version, OperatorMove::Abandon),
            (_, Some((payment_id, kept))) => {
                let attempt_id = AttemptId(self.id());
                let part = self.rng.below(kept as u64) as i64 + 1;
                let amount_minor = if self.rng.percent(50) { None } else { Some(part) };
                let input = Input::Refund { payment_id, attempt_id, amount_minor, reason: None };
                self.submit(saga(saga_id, input, None, Some(version)), by(&UserId("op".into()))).map(drop)
            }
            (_, None) => Ok(()),
        }
    }

    pub(super) fn operate(
        &mut self,
        saga_id: SagaId,
        version: u32,
        action: OperatorMove,
    ) -> Result<(), String> {
        let input = Input::Operator { action, reason: "drill".into() };
        let moved = self.submit(saga(saga_id, input, None, Some(version)), by(&UserId("op".into())))?;
        let case = self.store.cases.get(&saga_id);
        if action == OperatorMove::Abandon && case.is_some_and(|case| case.saga.version != version) {
            self.abandoned.insert(saga_id);
        }
        drop(moved);
        Ok(())
    }

    pub(super) fn sweep(&mut self) -> Result<(), String> {
        let ended =
            |b: &&crate::domain::booking::state::Booking| b.state.is_hold() && b.hold_expires_at <= self.now;
        let due: Vec<BookingId> = self.store.bookings.values().filter(ended).map(|b| b.id).collect();
        if due.is_empty() { Ok(()) } else { self.submit(Work::Expire(due), system()).map(drop) }
    }

    /// What was never answered is asked again, with its key.
    pub(super) fn ask_again(&mut self) -> Result<(), String> {
        for (work, meta) in std::mem::take(&mut self.unanswered) {
            // The server gives each try ids of its own.
            let work = match work {
                Work::Reserve { command, passenger, charge } => {
                    let booking_id = BookingId(self.id());
                    let charge = charge.map(|c| self.charge(&c.user_id, booking_id.to_string()));
                    Work::Reserve { command: Reserve { booking_id, ..command }, passenger, charge }
                }
                other @ (Work::Change { .. } | Work::Saga { .. } | Work::Expire(_)) => other,
            };
            self.ask(work, meta)?;
        }
        Ok(())
    }

    /// A request of a client that notes what it was told, and asks again if it was told nothing.
    fn ask(&mut self, work: Work, meta: Meta) -> Result<(), String> {
        match self.submit(work.clone(), meta.clone())? {
            None => self.unanswered.push((work, meta)),
            Some(Ok(done)) => {
                if let Some(booking) = &done.booking {
                    self.acknowledged.insert(booking.id);
                    if booking.state == BookingState::Confirmed {
                        self.confirmed.insert(booking.id);
                    }
                }
            }
            Some(Err(_)) => {}
        }
        Ok(())
    }
}
