//! A saga as a test drives it: as the engine does, with the booking's own decisions applied first.

use crate::domain::booking::command::Change;
use crate::domain::booking::decide::change;
use crate::domain::booking::event::{BookingEvent, HoldBegan, SeatRef};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::{Booking, evolve};
use crate::domain::event::Event as Logged;
use crate::domain::id::{AttemptId, BookingId, OfferingId, PaymentId, SagaId, UserId};
use crate::domain::money::{Currency, Money};
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;
use crate::saga::definition::{Saga, StepRecord, TRIES_MAX};
use crate::saga::input::{Answer, Input, NewCharge, Notice, OperatorMove};
use crate::saga::plan::{By, Case, EXTERNAL, Event, advance};
use uuid::Uuid;

pub(super) const NOW: Timestamp = Timestamp::from_millis(50_000_000);
pub(super) const PRICE: Money = Money { amount_minor: 2_500, currency: Currency::USD };
pub(super) const HOLD_SECONDS: i64 = 900;
const BOOKING: BookingId = BookingId(Uuid::from_u128(0xB));
const OFFERING: OfferingId = OfferingId(Uuid::from_u128(0xF));

/// What is left of the seats when money comes after the hold has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seats {
    Same,
    Others,
    Gone,
}

/// What a test does to a saga. Attempts and payments are named by their place, the first one first.
#[derive(Clone, Debug)]
pub(super) enum Do {
    Pay,
    PayOutside,
    Answer(usize, Answer),
    /// As many unclear answers as there are tries.
    GivesUp(usize),
    Told(Notice),
    /// A service's word, with this payment id.
    Vouch(&'static str),
    Cancel,
    /// The hold's time is over, and nobody has written it down.
    HoldEnds,
    /// The sweeper comes by.
    Sweep,
    Refund(usize, Option<i64>),
    Operator(OperatorMove),
}

pub(super) fn succeeded() -> Answer {
    captured(PRICE)
}

pub(super) fn captured(amount: Money) -> Answer {
    Answer::Succeeded { provider_ref: "ref".into(), amount }
}

pub(super) fn declined() -> Answer {
    Answer::Declined { code: "card_declined".into(), message: "No.".into() }
}

pub(super) fn unclear() -> Answer {
    Answer::Unclear { error: "timeout".into() }
}

pub(super) fn not_sent() -> Answer {
    Answer::NotSent { error: "busy".into() }
}

pub(super) fn paid(id: &str) -> Do {
    Do::Told(Notice::Paid { external_id: id.into(), amount: None })
}

pub(super) fn failed(id: Option<&str>) -> Do {
    Do::Told(Notice::Failed { external_id: id.map(Into::into), reason: Some("no money".into()) })
}

pub(super) fn refunded(id: Option<&str>, amount_minor: Option<i64>) -> Do {
    let amount = amount_minor.map(|amount_minor| Money { amount_minor, ..PRICE });
    Do::Told(Notice::Refunded { external_id: id.map(Into::into), amount })
}

/// A case, as it is after what was done so far.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) case: Case,
    pub(super) now: Timestamp,
    pub(super) seats: Seats,
    pub(super) events: Vec<Event>,
    pub(super) steps: Vec<StepRecord>,
}

impl Run {
    /// A booking that waits for its payment.
    pub(super) fn booked(seats: Seats) -> Self {
        Self::booked_at(seats, PRICE)
    }

    pub(super) fn booked_at(seats: Seats, price: Money) -> Self {
        let began = HoldBegan {
            offering_id: OFFERING,
            user_id: UserId("ann".into()),
            seats: vec![SeatRef { no: SeatNo(0), label: "A1".into() }],
            legs: LegRange::new(0, 4).unwrap(),
            price,
            hold_expires_at: NOW.plus_seconds(HOLD_SECONDS),
        };
        let event = BookingEvent::TicketBooked(began);
        let booking = evolve(None, BOOKING, &event, NOW);
        let saga = Saga::new(SagaId::from(BOOKING), Some(BOOKING), "c".into(), NOW);
        Self::of(Case { saga, booking, payments: Vec::new(), attempts: Vec::new() }, seats)
    }

    /// A charge for no booking, begun.
    pub(super) fn standalone() -> Self {
        let saga = Saga::new(SagaId(Uuid::from_u128(0xC0)), None, "c".into(), NOW);
        Self::of(Case { saga, booking: None, payments: Vec::new(), attempts: Vec::new() }, Seats::Gone)
    }

    fn of(case: Case, seats: Seats) -> Self {
        Self { case, now: NOW, seats, events: Vec::new(), steps: Vec::new() }
    }

    /// The next charge that is asked for. Ids are counted, so that equal stories give equal cases.
    pub(super) fn charge(&self, provider: &str) -> NewCharge {
        let n = self.case.payments.len() as u128;
        NewCharge {
            payment_id: PaymentId(Uuid::from_u128(0xC0 + n)),
            attempt_id: AttemptId(Uuid::from_u128(0xA0 + self.case.attempts.len() as u128)),
            token: "tok_visa".into(),
            provider: provider.into(),
            user_id: UserId("ann".into()),
            reference: "ref".into(),
            amount: Some(self.case.booking.as_ref().map_or(PRICE, |b| b.price)),
        }
    }

    /// Does it; the step's word, `None` if it changed nothing.
    pub(super) fn act(&mut self, what: &Do) -> Result<Option<String>, Rejection> {
        match what {
            Do::Pay => self.input(&Input::Pay(self.charge("simulated"))),
            Do::PayOutside => self.input(&Input::Pay(self.charge(EXTERNAL))),
            Do::Answer(n, answer) => {
                let attempt_id = self.attempt(*n);
                self.input(&Input::Answered { attempt_id, answer: answer.clone() })
            }
            Do::GivesUp(n) => {
                let attempt_id = self.attempt(*n);
                for _ in 0..TRIES_MAX {
                    self.input(&Input::Answered { attempt_id, answer: unclear() })?;
                }
                Ok(None)
            }
            Do::Told(notice) => {
                self.input(&Input::Told { provider: EXTERNAL.into(), notice: notice.clone() })
            }
            Do::Vouch(id) => {
                let before = (self.case.clone(), self.events.clone());
                self.decide(&Change::Confirm { payment_id: (*id).into() })?;
                let (payment_id, provider) = ((*id).to_owned(), EXTERNAL.to_owned());
                let user_id = UserId("service".into());
                let answer = self.input(&Input::Vouched { payment_id, provider, user_id });
                if answer.is_err() {
                    (self.case, self.events) = before;
                }
                answer
            }
            Do::Cancel => {
                self.decide(&Change::Cancel { reason: Some("rain".into()) })?;
                self.input(&Input::Ended)
            }
            Do::HoldEnds => {
                self.now = self.now.plus_seconds(2 * HOLD_SECONDS);
                Ok(None)
            }
            Do::Sweep => {
                self.decide(&Change::Expire)?;
                self.input(&Input::Ended)
            }
            Do::Refund(n, amount_minor) => {
                let attempt_id = AttemptId(Uuid::from_u128(0xA0 + self.case.attempts.len() as u128));
                let payment_id = self.case.payments.get(*n).map_or(PaymentId(Uuid::nil()), |p| p.id);
                let reason = Some("asked".to_owned());
                self.input(&Input::Refund { payment_id, attempt_id, amount_minor: *amount_minor, reason })
            }
            Do::Operator(action) => {
                self.input(&Input::Operator { action: *action, reason: "because".into() })
            }
        }
    }

    fn attempt(&self, n: usize) -> AttemptId {
        self.case.attempts.get(n).map_or(AttemptId(Uuid::from_u128(0xDEAD)), |a| a.id)
    }

    /// The booking's own decision, folded as the engine does before the saga hears of it.
    fn decide(&mut self, what: &Change) -> Result<(), Rejection> {
        let Some(booking) = self.case.booking.clone() else { return Ok(()) };
        for event in change(&booking, what, self.now)? {
            let booking = self.case.booking.take();
            self.case.booking = evolve(booking, BOOKING, &event, self.now);
            self.events.push(Event::Booking(event));
        }
        Ok(())
    }

    pub(super) fn input(&mut self, input: &Input) -> Result<Option<String>, Rejection> {
        let (seats, now) = (self.seats, self.now);
        let mut seats_again = |booking: &Booking| {
            let no = match seats {
                Seats::Same => SeatNo(0),
                Seats::Others => SeatNo(7),
                Seats::Gone => return None,
            };
            Some(HoldBegan {
                offering_id: booking.offering_id,
                user_id: booking.user_id.clone(),
                seats: vec![SeatRef { no, label: format!("S{}", no.0) }],
                legs: booking.legs,
                price: booking.price,
                hold_expires_at: now.plus_seconds(HOLD_SECONDS),
            })
        };
        let by = By { actor: "system", correlation_id: "c" };
        let advanced = advance(self.case.clone(), input, by, self.now, &mut seats_again)?;
        self.case = advanced.case;
        self.events.extend(advanced.events);
        let word = advanced.step.as_ref().map(|step| step.input.clone());
        self.steps.extend(advanced.step);
        Ok(word)
    }

    pub(super) fn kept(&self) -> i64 {
        self.case.payments.iter().map(|p| p.captured_minor - p.refunded_minor).sum()
    }

    /// Where it ended, in one line: the booking's state, the saga's, what is parked, what is kept.
    pub(super) fn end(&self) -> String {
        let booking = self.case.booking.as_ref().map_or("-", |b| b.state_at(self.now).word());
        let park = self.case.saga.park.map_or(String::new(), |p| format!("({})", p.word()));
        format!("{booking} {}{park} {}", self.case.saga.state.word(), self.kept())
    }

    /// The types of what was logged, in order.
    pub(super) fn log(&self) -> String {
        let name = |event: &Event| match event.clone() {
            Event::Booking(event) => Logged::Booking(event).type_name(),
            Event::Payment(event) => Logged::Payment(event).type_name(),
        };
        self.events.iter().map(name).collect::<Vec<_>>().join(" ")
    }
}

/// One row of a table: what is done to a saga, where it ends, and what is logged after `TicketBooked`.
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) seats: Seats,
    pub(super) done: Vec<Do>,
    pub(super) end: &'static str,
    pub(super) log: &'static str,
}

pub(super) fn check(rows: Vec<Row>) {
    check_from(Run::booked, rows);
}

/// Does every row, each to a fresh saga; nothing in them is refused.
pub(super) fn check_from(begin: fn(Seats) -> Run, rows: Vec<Row>) {
    for Row { what, seats, done, end, log } in rows {
        let mut run = begin(seats);
        for step in &done {
            let before = run.end();
            run.act(step).unwrap_or_else(|refusal| panic!("{what}: {step:?} at {before}: {refusal:?}"));
        }
        assert_eq!(run.end(), end, "{what}: {:#?}", run.steps);
        assert_eq!(run.log(), log, "{what}");
        let numbers: Vec<u32> = run.steps.iter().map(|step| step.no).collect();
        assert_eq!(numbers, (1..=run.case.saga.version).collect::<Vec<_>>(), "{what}");
    }
}
