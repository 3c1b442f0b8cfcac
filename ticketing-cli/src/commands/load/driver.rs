//! Sends the load: so many buyers at once, each over a connection of its own, each with one request under way.
//!
//! In a closed loop the next request follows the answer. In an open one each has a time at which it is due, and its
//! latency counts from then, also when all connections were busy: a server that stalls is not spared the requests that
//! it held up (no coordinated omission).

use super::client::{Answer, Api, Call};
use super::discover::Departure;
use super::live::{Live, Second};
use super::profile::{Kind, Mix, Picker, Rate, Rng};
use super::record::{Lost, Meaning, Outcome, Record};
use super::sale::Sale;
use reqwest::Url;
use reqwest::header::HeaderValue;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use ticketing_desk::failure::Failure;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

/// So often the figures are taken.
const TICK: Duration = Duration::from_secs(1);
/// After a request without an answer its buyer waits so long, so that a server that is gone is not hammered.
const LOST_PAUSE: Duration = Duration::from_millis(100);
/// A server that answers nothing for so long is gone, and the load ends. It is longer than a timeout.
const SILENT_TICKS_MAX: u32 = 15;
/// A timer that wakes us this much late is this machine's, not the server's.
const TIMER_LATE_MAX: Duration = Duration::from_millis(2);

/// Everything that a load is made of.
#[derive(Debug)]
pub struct Load {
    /// The server.
    pub api: Api,
    /// What begins the name of each buyer, and of each payment.
    pub run: String,
    /// What is booked.
    pub departures: Vec<Departure>,
    /// Which of them next.
    pub picker: Picker,
    /// Which commands.
    pub mix: Mix,
    /// How many of the bookings name a seat, in percent; for the others the server picks one.
    pub named_seats: f64,
    /// How one event is sold out, where that is what is booked.
    pub sale: Option<Sale>,
    /// The buyers' tokens.
    pub users: Vec<HeaderValue>,
    /// The token of the payment service.
    pub service: HeaderValue,
    /// The reason of the cancellations, as a JSON string.
    pub reason: String,
    /// How many at once.
    pub connections: usize,
    /// How often, in an open loop.
    pub rate: Option<Rate>,
    /// How long before anything is measured.
    pub warmup: Duration,
    /// How long from then.
    pub duration: Duration,
    /// How many at most from then.
    pub requests_max: Option<u64>,
    /// What decides all choices.
    pub seed: u64,
}

impl Load {
    /// What is booked, as people call it.
    pub const fn noun(&self) -> &'static str {
        if self.sale.is_some() { "event" } else { "departure" }
    }
}

/// A booking of this load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its id.
    pub id: Uuid,
    /// Whose it is: an index of the users.
    pub user: usize,
}

/// What became of the bookings.
#[derive(Debug, Default)]
pub struct Bookings {
    /// How many were made.
    pub made: u64,
    /// How many seats they were for.
    pub seats: u64,
    /// How many were confirmed.
    pub confirmed: u64,
    /// How many were cancelled again.
    pub cancelled: u64,
    /// Those that hold their seats.
    pub held: Vec<Booking>,
    /// Those that are sold.
    pub sold: Vec<Booking>,
    /// Users with a command whose answer was lost: it may have been done.
    pub doubtful: Vec<usize>,
}

impl Bookings {
    fn add(&mut self, mut other: Self) {
        self.made += other.made;
        self.seats += other.seats;
        self.confirmed += other.confirmed;
        self.cancelled += other.cancelled;
        self.held.append(&mut other.held);
        self.sold.append(&mut other.sold);
        self.doubtful.append(&mut other.doubtful);
    }
}

/// Why a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its time or its requests were over.
    Finished,
    /// No seat was left.
    SoldOut,
    /// Somebody stopped it.
    Stopped,
    /// The server answered nothing any more.
    Silent,
}

/// What came of a load.
#[derive(Debug)]
pub struct Ended {
    /// What was measured.
    pub record: Record,
    /// How many requests warmed it up, which nothing else counts.
    pub warmup_requests: u64,
    /// From the first measured request to the last answer.
    pub elapsed: Duration,
    /// How many were due in an open loop and not sent, because all connections were busy.
    pub not_sent: u64,
    /// What became of the bookings, those of the warm-up too.
    pub bookings: Bookings,
    /// Why it ended.
    pub end: End,
}

/// When to send the next one, and the figures of the current second.
#[derive(Debug)]
struct Pace {
    begin: Instant,
    measured_from: Instant,
    end: Instant,
    rate: Option<Rate>,
    requests_max: u64,
    /// The number of the next request of an open loop.
    next: AtomicU64,
    /// How many of them were sent.
    sent: AtomicU64,
    /// How many were given out to be measured.
    measured: AtomicU64,
    warmup: AtomicU64,
    second: Mutex<Record>,
    halt: watch::Receiver<bool>,
}

/// The right to send a request.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// From when its latency counts.
    from: Instant,
    is_measured: bool,
}

impl Pace {
    fn new(load: &Load, halt: watch::Receiver<bool>) -> Self {
        let begin = Instant::now();
        let measured_from = begin + load.warmup;
        Self {
            begin,
            measured_from,
            end: measured_from + load.duration,
            rate: load.rate,
            requests_max: load.requests_max.unwrap_or(u64::MAX),
            next: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            warmup: AtomicU64::new(0),
            second: Mutex::default(),
            halt,
        }
    }

    /// Waits for the next turn; none when the load is over.
    async fn next(&self) -> Option<Turn> {
        if *self.halt.borrow() {
            return None;
        }
        let Some(rate) = self.rate else {
            let now = Instant::now();
            return self.turn(now, now);
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = self.begin + rate.due(number);
        let turn = self.turn(due, due)?;
        let from = if Instant::now() < due {
            let mut halt = self.halt.clone();
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                _ = halt.wait_for(|halt| *halt) => return None,
            }
            let woken = Instant::now();
            if woken < due + TIMER_LATE_MAX { woken } else { due }
        } else if Instant::now() >= self.end {
            return None;
        } else {
            due
        };
        self.sent.fetch_add(1, Ordering::Relaxed);
        Some(Turn { from, ..turn })
    }

    /// The turn of a request that is due at a time, if that is before the end.
    fn turn(&self, due: Instant, from: Instant) -> Option<Turn> {
        if due >= self.end {
            return None;
        }
        let is_measured = due >= self.measured_from;
        if is_measured && self.measured.fetch_add(1, Ordering::Relaxed) >= self.requests_max {
            return None;
        }
        Some(Turn { from, is_measured })
    }

    fn note(&self, turn: Turn, kind: Kind, outcome: &Outcome) {
        let latency = turn.from.elapsed();
        if turn.is_measured {
            self.second.lock().unwrap_or_else(PoisonError::into_inner).note(kind, outcome, latency);
        } else {
            self.warmup.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take_second(&self) -> Record {
        std::mem::take(&mut self.second.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many requests of an open loop were due by a time and not sent.
    fn not_sent(&self, by: Instant) -> u64 {
        let Some(rate) = self.rate else { return 0 };
        let due_at = |time: Instant| rate.due_within(time.saturating_duration_since(self.begin));
        let due = due_at(by.min(self.end)).min(due_at(self.measured_from).saturating_add(self.requests_max));
        due.saturating_sub(self.sent.load(Ordering::Relaxed))
    }
}

/// Sends the load until its end, or until `stop` says so.
///
/// # Errors
/// A defect in this program.
pub async fn drive(
    load: &Arc<Load>,
    live: &mut Live,
    mut stop: watch::Receiver<bool>,
) -> Result<Ended, Failure> {
    let (halt, halted) = watch::channel(false);
    let pace = Arc::new(Pace::new(load, halted));
    let mut tasks = JoinSet::new();
    for number in 0..load.connections {
        tasks.spawn(Buyer::new(Arc::clone(load), number).buy(Arc::clone(&pace)));
    }
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
    let (mut record, mut bookings) = (Record::default(), Bookings::default());
    let (mut end, mut silent, mut last_tick) = (End::Finished, 0, pace.begin);
    let mut stopped_at = None;
    loop {
        tokio::select! {
            joined = tasks.join_next() => match joined {
                None => break,
                Some(Ok(theirs)) => bookings.add(theirs),
                Some(Err(error)) => return Err(Failure::defect(&format!("a buyer stopped: {error}"), None)),
            },
            _ = ticks.tick() => {
                let second = pace.take_second();
                let total = second.total();
                let is_silent = total.unanswered > 0 && total.requests() == total.unanswered;
                let waits = total.requests() == 0 && silent > 0;
                silent = if is_silent || waits { silent + 1 } else { 0 };
                if silent >= SILENT_TICKS_MAX && end == End::Finished {
                    end = End::Silent;
                    stopped_at = Some(Instant::now());
                    // The buyers hold the other ends.
                    let _ = halt.send(true);
                }
                record.add(&second);
                let now = Instant::now();
                live.show(&Second {
                    elapsed: now - pace.begin,
                    is_warmup: last_tick < pace.measured_from,
                    took: now - last_tick,
                    last: &total,
                    all: &record,
                });
                last_tick = now;
            }
            Ok(_) = stop.wait_for(|stop| *stop), if end == End::Finished => {
                end = End::Stopped;
                stopped_at = Some(Instant::now());
                // As above.
                let _ = halt.send(true);
            }
        }
    }
    record.add(&pace.take_second());
    if end == End::Finished && load.sale.as_ref().is_some_and(Sale::is_sold_out) {
        end = End::SoldOut;
    }
    Ok(Ended {
        record,
        warmup_requests: pace.warmup.load(Ordering::Relaxed),
        elapsed: Instant::now().saturating_duration_since(pace.measured_from),
        // What nobody sends once there is nothing left was not held up by the server.
        not_sent: if end == End::SoldOut { 0 } else { pace.not_sent(stopped_at.unwrap_or(pace.end)) },
        bookings,
        end,
    })
}

/// What a request is to do.
#[derive(Clone, Copy, Debug)]
enum Step {
    Make { kind: Kind, user: usize, party: u64 },
    Confirm(Booking),
    Cancel { booking: Booking, was_sold: bool },
    Read(Kind),
}

impl Step {
    const fn kind(self) -> Kind {
        match self {
            Self::Make { kind, .. } | Self::Read(kind) => kind,
            Self::Confirm(_) => Kind::Confirm,
            Self::Cancel { .. } => Kind::Cancel,
        }
    }
}

/// One of those who send: a connection, and what was booked over it.
#[derive(Debug)]
struct Buyer {
    load: Arc<Load>,
    number: usize,
    rng: Rng,
    payments: u64,
    bookings: Bookings,
    urls: [Url; 6],
}

const RESERVE: usize = 0;
const BOOK: usize = 1;
const CONFIRM: usize = 2;
const CANCEL: usize = 3;
const TICKETS: usize = 4;
const SEATS: usize = 5;

impl Buyer {
    fn new(load: Arc<Load>, number: usize) -> Self {
        let rng = Rng::new(load.seed, number as u64);
        let urls = [
            "/api/tickets/commands/reserve",
            "/api/tickets/commands/book",
            "/api/tickets/commands/confirm",
            "/api/tickets/commands/cancel",
            "/api/tickets/queries/my-tickets",
            "/v1/seats/reserve",
        ]
        .map(|path| load.api.url(path));
        Self { load, number, rng, payments: 0, bookings: Bookings::default(), urls }
    }

    async fn buy(mut self, pace: Arc<Pace>) -> Bookings {
        while let Some(turn) = pace.next().await {
            if self.load.sale.as_ref().is_some_and(Sale::is_sold_out) {
                break;
            }
            let step = self.choose();
            let call = self.call(step);
            let answer = self.load.api.call(call).await;
            pace.note(turn, step.kind(), &answer.outcome);
            let is_lost = matches!(answer.outcome, Outcome::Lost(_));
            self.learn(step, &answer);
            if is_lost {
                tokio::time::sleep(LOST_PAUSE).await;
            }
        }
        self.bookings
    }

    fn choose(&mut self) -> Step {
        let kind = self.load.mix.pick(&mut self.rng);
        let Bookings { held, sold, .. } = &mut self.bookings;
        match kind {
            Kind::Confirm if !held.is_empty() => Step::Confirm(held.swap_remove(self.rng.index(held.len()))),
            Kind::Cancel if !held.is_empty() || !sold.is_empty() => {
                let at = self.rng.index(held.len() + sold.len());
                match at.checked_sub(held.len()) {
                    None => Step::Cancel { booking: held.swap_remove(at), was_sold: false },
                    Some(at) => Step::Cancel { booking: sold.swap_remove(at), was_sold: true },
                }
            }
            // There is nothing to confirm or cancel yet: something is booked instead.
            Kind::Confirm | Kind::Cancel => self.make(None),
            Kind::Reserve | Kind::Book => self.make(Some(kind)),
            Kind::Tickets | Kind::Seats | Kind::Schedules => Step::Read(kind),
        }
    }

    fn make(&mut self, kind: Option<Kind>) -> Step {
        let kind = kind.unwrap_or_else(|| self.load.mix.pick_making(&mut self.rng));
        let party = self.load.sale.as_ref().map_or(1, |sale| sale.party(&mut self.rng));
        Step::Make { kind, user: self.rng.index(self.load.users.len()), party }
    }

    fn call(&mut self, step: Step) -> Call {
        let load = &self.load;
        let departure = |rng: &mut Rng| &load.departures[load.picker.pick(rng)];
        let (url, body, token) = match step {
            Step::Make { kind, user, party } => {
                let departure = departure(&mut self.rng);
                if let Some(sale) = &load.sale {
                    let by_name = self.rng.fraction() * 100.0 < load.named_seats;
                    let seats = sale.seats(departure, party, by_name, &mut self.rng);
                    let body = Some(format!("{}{seats}", departure.body));
                    return Call { url: self.urls[SEATS].clone(), body, token: load.users[user].clone() };
                }
                let url = if kind == Kind::Reserve { RESERVE } else { BOOK };
                let names_one = self.rng.fraction() * 100.0 < load.named_seats && !departure.seats.is_empty();
                let body = if names_one {
                    let seat = &departure.seats[self.rng.index(departure.seats.len())];
                    // A label is plain in every feed; what is not is left to the server to pick.
                    format!("{},\"seatNumber\":{}}}", departure.body, quoted(seat))
                } else {
                    format!("{}}}", departure.body)
                };
                (self.urls[url].clone(), Some(body), &load.users[user])
            }
            Step::Confirm(booking) => {
                self.payments += 1;
                let payment = format!("{}-{}-{}", load.run, self.number, self.payments);
                let body = format!(r#"{{"bookingId":"{}","paymentId":"{payment}"}}"#, booking.id);
                (self.urls[CONFIRM].clone(), Some(body), &load.service)
            }
            Step::Cancel { booking, .. } => (
                self.urls[CANCEL].clone(),
                Some(cancel_body(booking, &load.reason)),
                &load.users[booking.user],
            ),
            Step::Read(kind) => {
                let user = self.rng.index(load.users.len());
                let departure = departure(&mut self.rng);
                let url = match kind {
                    Kind::Seats => &departure.seats_url,
                    Kind::Schedules => &departure.schedules_url,
                    Kind::Tickets | Kind::Reserve | Kind::Book | Kind::Confirm | Kind::Cancel => {
                        &self.urls[TICKETS]
                    }
                };
                (url.clone(), None, &load.users[user])
            }
        };
        Call { url, body, token: token.clone() }
    }

    fn learn(&mut self, step: Step, answer: &Answer) {
        let ours = &mut self.bookings;
        let meaning = answer.outcome.meaning();
        // What could not be sent was not done.
        let is_unsent = answer.outcome == Outcome::Lost(Lost::Connect);
        if let (Some(sale), Step::Make { party, .. }, Outcome::Answered { code, .. }) =
            (&self.load.sale, step, &answer.outcome)
        {
            sale.refused(party, code.as_deref());
        }
        match (step, meaning) {
            (Step::Make { user, party, .. }, Meaning::Ok) => match answer.id {
                Some(id) => {
                    ours.made += 1;
                    ours.seats += party;
                    ours.held.push(Booking { id, user });
                }
                None => ours.doubtful.push(user),
            },
            (Step::Confirm(booking), Meaning::Ok) => {
                ours.confirmed += 1;
                ours.sold.push(booking);
            }
            (Step::Cancel { .. }, Meaning::Ok) => ours.cancelled += 1,
            (Step::Confirm(booking), _) if meaning == Meaning::Error || is_unsent => ours.held.push(booking),
            (Step::Cancel { booking, was_sold }, _) if meaning == Meaning::Error || is_unsent => {
                if was_sold { &mut ours.sold } else { &mut ours.held }.push(booking);
            }
            (Step::Make { user, .. }, Meaning::Unanswered) if !is_unsent => ours.doubtful.push(user),
            (Step::Confirm(booking) | Step::Cancel { booking, .. }, Meaning::Unanswered) => {
                ours.doubtful.push(booking.user);
            }
            // A refusal means that its hold has ended; the rest changed nothing.
            (Step::Confirm(_) | Step::Cancel { .. }, Meaning::Refused | Meaning::Error)
            | (Step::Make { .. }, Meaning::Refused | Meaning::Error | Meaning::Unanswered)
            | (Step::Read(_), _) => {}
        }
    }
}

/// The body that cancels a booking.
pub fn cancel_body(booking: Booking, reason: &str) -> String {
    format!(r#"{{"bookingId":"{}","reason":{reason}}}"#, booking.id)
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
