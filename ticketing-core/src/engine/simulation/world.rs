//! Everything that happens in one simulated life, and the two processes that it happens to.

mod outside;
mod people;
mod processes;
mod scene;

use super::provider::{Delivery, Provider};
use super::rng::Rng;
use super::store::Store;
use crate::domain::booking::event::BookingEvent;
use crate::domain::event::Event;
use crate::domain::id::{BookingId, SagaId};
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::engine::command::{Meta, Outcome, Work};
use crate::engine::state::State;
use crate::saga::{Input, OperatorMove, SagaState};
use outside::Tiding;
use scene::{saga, system};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What is broken on purpose, to see that the checker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sabotage {
    None,
    /// The decision does not see who has which seat.
    SellTwice,
    /// Refunds are never begun.
    KeepMoney,
    /// The provider is given another key for each try.
    NewKeyPerTry,
    /// Answers go out before the commit.
    AnswerBeforeCommit,
}

const BEGIN: Timestamp = Timestamp::from_millis(1_000_000_000);
const FARE: Money = Money { amount_minor: 2_500, currency: Currency::USD };
const OFFERINGS: u128 = 2;
const LEASE_MS: i64 = 30_000;
/// Things that happen in a life before it gets quiet.
const MOVES: u64 = 90;

pub(super) struct World {
    rng: Rng,
    pub(super) sabotage: Sabotage,
    now: Timestamp,
    pub(super) store: Store,
    /// The memories of the two processes.
    states: [State; 2],
    provider_name: &'static str,
    pub(super) provider: Provider,
    deliveries: Vec<Delivery>,
    tidings: Vec<Tiding>,
    /// How far the outside service has read the log.
    read: usize,
    ids: u128,
    /// Requests without an answer, which their clients send again with their keys.
    unanswered: Vec<(Work, Meta)>,
    /// Bookings that buyers were told of.
    pub(super) acknowledged: BTreeSet<BookingId>,
    /// What buyers were told is confirmed.
    pub(super) confirmed: BTreeSet<BookingId>,
    /// Sagas that an operator closed as they were.
    pub(super) abandoned: BTreeSet<SagaId>,
    pub(super) crashes: u32,
    pub(super) stales: u32,
    pub(super) parked: u32,
}

impl World {
    pub(super) fn new(seed: u64, sabotage: Sabotage) -> Self {
        Self {
            rng: Rng::new(seed),
            sabotage,
            now: BEGIN,
            store: Store::default(),
            states: [State::new(), State::new()],
            provider_name: if seed % 4 == 3 { "external" } else { "simulated" },
            provider: Provider::default(),
            deliveries: Vec::new(),
            tidings: Vec::new(),
            read: 0,
            ids: 1_000,
            unanswered: Vec::new(),
            acknowledged: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            abandoned: BTreeSet::new(),
            crashes: 0,
            stales: 0,
            parked: 0,
        }
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn is_external(&self) -> bool {
        self.provider_name == "external"
    }

    /// How often seats were taken again for money that came late.
    pub(super) fn taken_again(&self) -> u32 {
        let again = |e: &&crate::store::events::LogEntry| {
            matches!(e.event, Event::Booking(BookingEvent::TicketReserved(_))) && e.stream_version > 1
        };
        self.store.log.iter().filter(again).count() as u32
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    pub(super) fn run(&mut self) -> Result<(), String> {
        for _ in 0..MOVES {
            let pause = self.rng.below(20_000) as i64;
            self.pass(pause)?;
            match self.rng.below(100) {
                0..40 => self.buyer_books()?,
                40..50 => self.somebody_changes()?,
                50..58 => self.somebody_pays()?,
                58..64 => self.operator_acts()?,
                64..70 => self.ask_again()?,
                70..80 => self.sweep()?,
                80..84 => self.crash(),
                _ => self.run_due(false)?,
            }
        }
        Ok(())
    }

    /// Lets everything come to its end with a provider that works.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        for _ in 0..400 {
            self.pass(31_000)?;
            self.ask_again()?;
            self.sweep()?;
            self.run_due(true)?;
            let parked: Vec<(SagaId, u32)> = self
                .store
                .cases
                .values()
                .filter(|case| case.saga.state == SagaState::Parked)
                .map(|case| (case.saga.id, case.saga.version))
                .collect();
            for (saga_id, version) in parked {
                self.parked += 1;
                self.operate(saga_id, version, OperatorMove::Retry)?;
            }
            let open = self.store.cases.values().any(|case| case.saga.state.is_open());
            let quiet = self.deliveries.is_empty() && self.tidings.is_empty() && self.provider.is_quiet();
            let now = self.now;
            let held = self.store.bookings.values().any(|b| b.state.is_hold() && b.hold_expires_at <= now);
            if !open && quiet && !held && self.unanswered.is_empty() {
                return Ok(());
            }
        }
        let open: Vec<String> = self
            .store
            .cases
            .values()
            .filter(|case| case.saga.state.is_open())
            .map(|case| format!("{case:?}"))
            .collect();
        Err(format!("it never gets quiet; open: {open:#?}"))
    }

    /// Time passes, and what was on its way arrives.
    fn pass(&mut self, millis: i64) -> Result<(), String> {
        self.now = Timestamp::from_millis(self.now.as_millis() + millis);
        self.provider.pass(self.now);
        let (mut arrived, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.deliveries).into_iter().partition(|d| d.at <= self.now);
        self.deliveries = waiting;
        arrived.sort_by_key(|d| d.at);
        for Delivery { saga_id, attempt_id, answer, .. } in arrived {
            let input = Input::Answered { attempt_id, answer };
            // The process that asked is the one that is answered, whatever it remembers.
            let process = (attempt_id.0.as_u128() % 2) as usize;
            self.submit_to(process, saga(saga_id, input, None, None), system())?;
        }
        let (told, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.tidings).into_iter().partition(|t| t.at <= self.now);
        self.tidings = waiting;
        for tiding in told {
            let input = Input::Told { provider: "external".into(), notice: tiding.notice.clone() };
            let id = tiding.booking_id.into();
            if self.submit(saga(id, input, Some(tiding.message.clone()), None), system())?.is_none() {
                // Not taken: it is told again.
                self.tidings.push(Tiding { at: self.now, ..tiding });
            }
        }
        self.listen_outside();
        Ok(())
    }

    /// One command on one of the processes. `None` if it crashed before it answered.
    fn submit(&mut self, work: Work, meta: Meta) -> Result<Option<Outcome>, String> {
        let process = self.rng.below(2) as usize;
        self.submit_to(process, work, meta)
    }
}
