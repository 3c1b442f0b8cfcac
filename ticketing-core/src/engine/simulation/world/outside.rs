//! The outside payment service of a life that has one: reads the log, does what it is asked for, and tells it late,
//! twice or wrongly.

use super::World;
use crate::domain::booking::event::BookingEvent;
use crate::domain::event::Event;
use crate::domain::id::BookingId;
use crate::domain::money::Money;
use crate::domain::payment::PaymentEvent;
use crate::domain::time::Timestamp;
use crate::saga::Notice;
use crate::store::sagas::Message;

/// What an outside payment service has to tell, until it was taken.
#[derive(Clone)]
pub(super) struct Tiding {
    pub(super) at: Timestamp,
    pub(super) booking_id: BookingId,
    pub(super) notice: Notice,
    pub(super) message: Message,
}

impl World {
    /// The outside service reads the log and does what it is asked for.
    pub(super) fn listen_outside(&mut self) {
        if !self.is_external() {
            self.read = self.store.log.len();
            return;
        }
        while let Some(entry) = self.store.log.get(self.read) {
            self.read += 1;
            let (booking_id, event) = (BookingId(entry.stream_id), entry.event.clone());
            let position = entry.position;
            match event {
                Event::Payment(PaymentEvent::PaymentRequested(facts)) => {
                    let external_id = facts.payment_id.clone();
                    let fails = self.rng.percent(20);
                    let wrong = self.rng.percent(5);
                    let notice = if fails {
                        Notice::Failed { external_id: Some(external_id), reason: None }
                    } else {
                        let extra = if wrong { 5 } else { 0 };
                        let amount =
                            Money { amount_minor: facts.amount.amount_minor + extra, ..facts.amount };
                        *self.provider.kept.entry(booking_id.into()).or_default() += amount.amount_minor;
                        Notice::Paid { external_id, amount: Some(amount) }
                    };
                    self.tell(booking_id, notice, position, "paid");
                }
                Event::Booking(BookingEvent::RefundRequested(asked)) => {
                    *self.provider.kept.entry(booking_id.into()).or_default() -= asked.amount.amount_minor;
                    let notice =
                        Notice::Refunded { external_id: Some(asked.payment_id), amount: Some(asked.amount) };
                    self.tell(booking_id, notice, position, "refunded");
                }
                Event::Booking(_) | Event::Payment(_) | Event::Catalog(_) => {}
            }
        }
    }

    fn tell(&mut self, booking_id: BookingId, notice: Notice, position: i64, what: &str) {
        let message = Message { source: "wallet-events".into(), message_id: format!("{what} {position}") };
        let times = if self.rng.percent(20) { 2 } else { 1 };
        for _ in 0..times {
            let at = Timestamp::from_millis(self.now.as_millis() + self.rng.below(60_000) as i64);
            self.tidings.push(Tiding { at, booking_id, notice: notice.clone(), message: message.clone() });
        }
    }
}
