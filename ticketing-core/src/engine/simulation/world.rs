//! Everything that happens in one simulated life, and the two processes that it happens to.

use super::provider::{Delivery, Provider};
use super::rng::Rng;
use super::store::Store;
use crate::domain::booking::command::{Change, HoldKind, Reserve, SeatChoice};
use crate::domain::booking::event::BookingEvent;
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::state::BookingState;
use crate::domain::catalog::{
    Call, LatePayment, Offering, OfferingFacts, OfferingKind, OfferingStatus, Particulars, Pattern,
};
use crate::domain::event::Event;
use crate::domain::id::{
    AttemptId, BookingId, LayoutId, OfferingId, PatternId, PaymentId, RouteId, SagaId, StopId, UserId,
};
use crate::domain::layout::{Layout, LayoutSpec};
use crate::domain::money::{Currency, Money};
use crate::domain::occupancy::Held;
use crate::domain::payment::{AttemptKind, PaymentEvent};
use crate::domain::seating::SeatNo;
use crate::domain::time::Timestamp;
use crate::engine::command::{CommandError, IdempotencyKey, Meta, Outcome, SagaAnswer, Work};
use crate::engine::decide::decide_all;
use crate::engine::load::{Found, doubtful, find_lapsed};
use crate::engine::run::Queued;
use crate::engine::state::{Live, State};
use crate::saga::{Input, NewCharge, Notice, OperatorMove, SagaState};
use crate::store::batch;
use crate::store::offerings;
use crate::store::sagas::{Lease, Message};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
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

/// What an outside payment service has to tell, until it was taken.
#[derive(Clone)]
struct Tiding {
    at: Timestamp,
    booking_id: BookingId,
    notice: Notice,
    message: Message,
}

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

    /// The outside service reads the log and does what it is asked for.
    fn listen_outside(&mut self) {
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

    fn buyer_books(&mut self) -> Result<(), String> {
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

    fn somebody_changes(&mut self) -> Result<(), String> {
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

    fn somebody_pays(&mut self) -> Result<(), String> {
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

    fn operator_acts(&mut self) -> Result<(), String> {
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

    fn operate(&mut self, saga_id: SagaId, version: u32, action: OperatorMove) -> Result<(), String> {
        let input = Input::Operator { action, reason: "drill".into() };
        let moved = self.submit(saga(saga_id, input, None, Some(version)), by(&UserId("op".into())))?;
        let case = self.store.cases.get(&saga_id);
        if action == OperatorMove::Abandon && case.is_some_and(|case| case.saga.version != version) {
            self.abandoned.insert(saga_id);
        }
        drop(moved);
        Ok(())
    }

    fn sweep(&mut self) -> Result<(), String> {
        let ended =
            |b: &&crate::domain::booking::state::Booking| b.state.is_hold() && b.hold_expires_at <= self.now;
        let due: Vec<BookingId> = self.store.bookings.values().filter(ended).map(|b| b.id).collect();
        if due.is_empty() { Ok(()) } else { self.submit(Work::Expire(due), system()).map(drop) }
    }

    /// What was never answered is asked again, with its key.
    fn ask_again(&mut self) -> Result<(), String> {
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

    /// One command on one of the processes. `None` if it crashed before it answered.
    fn submit(&mut self, work: Work, meta: Meta) -> Result<Option<Outcome>, String> {
        let process = self.rng.below(2) as usize;
        self.submit_to(process, work, meta)
    }

    fn submit_to(&mut self, process: usize, work: Work, meta: Meta) -> Result<Option<Outcome>, String> {
        let commands = [Queued::alone(work, meta)];
        let calm = self.now.as_millis() - BEGIN.as_millis() > 3 * MOVES as i64 * 20_000;
        for again in [false, true, true, true] {
            if again || self.rng.percent(60) {
                self.catch_up(process);
            }
            let mut found = self.load(process, &commands, again);
            let state = &mut self.states[process];
            let (mut batch, mut outcomes) =
                decide_all(state, &mut found, &commands, self.provider_name, self.now);
            let leases = self.rng.percent(90);
            let until = Timestamp::from_millis(self.now.as_millis() + LEASE_MS);
            batch.lease = leases.then(|| Lease { owner: "p".into(), until });
            let doubtful = doubtful(&commands, &outcomes, &found);
            if !doubtful.is_empty() {
                self.states[process].forget_batch(&batch);
                for id in doubtful {
                    self.states[process].cases.remove(id);
                }
                continue;
            }
            if self.sabotage == Sabotage::KeepMoney {
                for change in &mut batch.sagas {
                    let mut case = crate::saga::Case::clone(&change.after);
                    case.attempts.retain(|a| a.kind == AttemptKind::Charge);
                    change.after = Arc::new(case);
                }
            }
            let refused_early = !again && outcomes.iter().any(Result::is_err);
            if batch.is_empty() && self.states[process].head == Some(self.store.head()) && !refused_early {
                return Ok(outcomes.pop());
            }
            if refused_early {
                // Refusals count only when decided on the truth, keys looked up.
                self.states[process].forget_batch(&batch);
                continue;
            }
            if !calm && self.rng.percent(4) {
                self.crash();
                let told_too_early = self.sabotage == Sabotage::AnswerBeforeCommit;
                return Ok(if told_too_early { outcomes.pop() } else { None });
            }
            match self.store.apply(&batch, until)? {
                batch::Outcome::Committed => {
                    self.states[process].head = Some(self.store.head());
                    if !calm && self.rng.percent(4) {
                        self.crash();
                        return Ok(None);
                    }
                    if batch.lease.is_some() {
                        self.run_begun(&batch);
                    }
                    return Ok(outcomes.pop());
                }
                batch::Outcome::Stale => {
                    self.stales += 1;
                    self.states[process].forget_batch(&batch);
                }
            }
        }
        Ok(Some(Err(CommandError::Overloaded)))
    }

    fn catch_up(&mut self, process: usize) {
        let state = &mut self.states[process];
        match state.head {
            Some(known) => {
                let entries = self.store.log[known as usize..].to_vec();
                state.catch_up(&entries);
                state.head = Some(self.store.head());
            }
            None => state.head = Some(self.store.head()),
        }
    }

    /// What the engine would load.
    fn load(&mut self, process: usize, commands: &[Queued], again: bool) -> Found {
        if self.states[process].head.is_none() {
            self.catch_up(process);
        }
        let state = &mut self.states[process];
        let mut found = Found::default();
        for queued in commands {
            if let Some(key) = queued.meta.idempotency.as_ref().filter(|key| state.met(key) || again) {
                let key = (key.caller.clone(), key.key.clone());
                if let Some(answer) = self.store.answers.get(&key) {
                    found.answers.insert(key, answer.clone());
                }
            }
            if let Work::Change { change: Change::Confirm { payment_id }, .. } = &queued.work {
                let used = self.store.bookings.values().find(|b| b.payment_id.as_ref() == Some(payment_id));
                found.payments.extend(used.map(|b| (payment_id.clone(), b.id)));
                let named = |p: &crate::domain::payment::Payment| p.public_id() == *payment_id;
                let owner = self.store.cases.values().find(|case| case.payments.iter().any(named));
                found.payers.extend(owner.map(|case| (payment_id.clone(), case.saga.id)));
            }
            if let Work::Saga { message: Some(message), .. } = &queued.work
                && self.store.told.contains(&(message.source.clone(), message.message_id.clone()))
            {
                found.told.insert(message.clone());
            }
        }
        let as_of = state.head.unwrap_or(0);
        for n in 0..OFFERINGS {
            let id = OfferingId(Uuid::from_u128(n + 1));
            if state.offerings.get_mut(id).is_none() {
                let offering = Arc::new(offering(id));
                let mut claims: HashMap<BookingId, Held> = HashMap::new();
                let blind = self.sabotage == Sabotage::SellTwice;
                for ((offering_id, seat, _), booking_id) in self.store.claims.iter().filter(|_| !blind) {
                    let booking = &self.store.bookings[booking_id];
                    let seats = vec![SeatNo(*seat)];
                    let hold_expires_at = booking.state.is_hold().then_some(booking.hold_expires_at);
                    if *offering_id == id {
                        claims.insert(*booking_id, Held { seats, legs: booking.legs, hold_expires_at });
                    }
                }
                let occupancy = offerings::occupancy(&offering, claims);
                state.offerings.insert(id, Live { offering, occupancy, as_of });
            }
        }
        find_lapsed(state, commands, self.now, &mut found);
        let named: Vec<SagaId> = commands.iter().filter_map(|c| saga_of(&c.work)).collect();
        found.fresh = named.into_iter().filter(|id| state.cases.get_mut(*id).is_none()).collect();
        for booking in self.store.bookings.values() {
            if state.bookings.get_mut(booking.id).is_none() {
                state.bookings.insert(booking.id, Arc::new(booking.clone()));
            }
            if state.cases.get_mut(booking.id.into()).is_none() {
                state.cases.insert(
                    booking.id.into(),
                    self.store.cases.get(&booking.id.into()).cloned().map(Arc::new),
                );
            }
        }
        for case in self.store.cases.values() {
            if state.cases.get_mut(case.saga.id).is_none() {
                state.cases.insert(case.saga.id, Some(Arc::new(case.clone())));
            }
        }
        find_lapsed(state, commands, self.now, &mut found);
        found
    }

    /// The runner does what a batch has begun.
    fn run_begun(&mut self, batch: &batch::Batch) {
        for change in &batch.sagas {
            for attempt in &change.after.attempts {
                let is_new =
                    change.before.as_ref().is_none_or(|b| b.attempts.iter().all(|a| a.id != attempt.id));
                if is_new && attempt.next_at.is_some() {
                    let is_wanted = change.after.saga.state == SagaState::Charging;
                    self.call(attempt, is_wanted, false);
                }
            }
        }
    }

    fn run_due(&mut self, calm: bool) -> Result<(), String> {
        let until = Timestamp::from_millis(self.now.as_millis() + LEASE_MS);
        for attempt in self.store.claim_due(self.now, until) {
            let is_wanted =
                self.store.cases.get(&attempt.saga_id).is_some_and(|c| c.saga.state == SagaState::Charging);
            self.call(&attempt, is_wanted, calm);
        }
        Ok(())
    }

    fn call(&mut self, attempt: &crate::domain::payment::Attempt, is_wanted: bool, calm: bool) {
        let key = if self.sabotage == Sabotage::NewKeyPerTry { AttemptId(self.id()) } else { attempt.id };
        let answers = self.provider.ask(attempt, key, is_wanted, calm, self.now, &mut self.rng);
        self.deliveries.extend(answers);
    }

    /// Both processes die: memory and all that was on its way to them is gone.
    fn crash(&mut self) {
        self.crashes += 1;
        for state in &mut self.states {
            state.forget();
        }
        self.deliveries.clear();
    }
}

/// The saga that a command names.
fn saga_of(work: &Work) -> Option<SagaId> {
    match work {
        Work::Saga { saga_id, .. } => Some(*saga_id),
        Work::Change { booking_id, .. } => Some((*booking_id).into()),
        Work::Reserve { .. } | Work::Expire(_) => None,
    }
}

fn saga(saga_id: SagaId, input: Input, message: Option<Message>, expected_version: Option<u32>) -> Work {
    Work::Saga { saga_id, input, owner: None, expected_version, message, answer: SagaAnswer::Nothing }
}

fn system() -> Meta {
    Meta::system("simulation".into())
}

fn by(user: &UserId) -> Meta {
    Meta { actor: user.0.clone(), correlation_id: "simulation".into(), idempotency: None }
}

fn key_of(user: &UserId, key: &str) -> IdempotencyKey {
    IdempotencyKey { caller: user.0.clone(), key: key.to_owned(), request_hash: [7; 32], status: 201 }
}

/// A vehicle of three seats that calls at three stops; the second one's money comes back if its seats are gone.
fn offering(id: OfferingId) -> Offering {
    let call = |n: u32| Call {
        stop_id: StopId(Uuid::from_u128(100 + u128::from(n))),
        external_id: None,
        name: format!("Stop {n}"),
        sequence: n,
        arrival_s: n as i32 * 3_600,
        departure_s: n as i32 * 3_600,
        boards: true,
        alights: true,
    };
    let (pattern_id, layout_id) = (PatternId(Uuid::from_u128(50)), LayoutId(Uuid::from_u128(51)));
    let spec = LayoutSpec {
        name: "van".into(),
        rows: 2,
        columns: "AB".into(),
        blocked: vec!["B2".into()],
        ..LayoutSpec::default()
    };
    let late_payment = if id.0.as_u128() == 1 { LatePayment::ReReserve } else { LatePayment::Refund };
    Offering::new(
        OfferingFacts {
            id,
            kind: OfferingKind::Departure,
            route_id: Some(RouteId(Uuid::from_u128(52))),
            pattern_id,
            layout_id,
            external_id: None,
            service_date: "1970-01-12".into(),
            departs_at: BEGIN.plus_seconds(1_200),
            arrives_at: BEGIN.plus_seconds(8_400),
            fare: FARE,
            status: OfferingStatus::Open,
            late_payment,
            particulars: Particulars::default(),
        },
        Arc::new(Pattern { id: pattern_id, calls: (0..3).map(call).collect() }),
        Arc::new(Layout::new(layout_id, spec).expect("a layout")),
    )
}
