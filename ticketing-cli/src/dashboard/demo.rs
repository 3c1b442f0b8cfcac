//! The dashboard's demonstration: a whole platform in a folder that is thrown away, with people who buy all the time.
//!
//! Nothing of it is faked but the people and their troubles: the same server, engine, sagas and simulated payment provider run here that
//! run elsewhere, on the demo city. It listens on no address that anybody is told.

mod trouble;

use std::time::Duration;
use ticketing_core::adapters::seed_file::demo_city;
use ticketing_core::app::commands::{change, new_booking_id, reserve_and_pay};
use ticketing_core::app::config::Settings;
use ticketing_core::app::{App, StoreConfig, listings};
use ticketing_core::domain::booking::command::{Change, HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::Meta;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::{lists, people, seats, seed};
use ticketing_core::worker::projector::Projector;
use ticketing_desk::Failure;
use ticketing_desk::desk::Scratch;
use ticketing_desk::remote::Backend;
use ticketing_desk::session::no_scratch;
use ticketing_server::failures::sign_token;
use ticketing_server::{Running, ServerConfig};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// What has happened before anybody looks.
const BOOKINGS_BEFORE: usize = 60;
/// Between two buyers.
const BUYER_EVERY: Duration = Duration::from_millis(900);
/// How long holds last, in seconds: some end while one looks.
const HOLD_SECONDS: u32 = 120;
/// People of the demo city.
const PEOPLE: &[&str] = &["Ada", "Bela", "Chidi", "Dora", "Emil", "Farah", "Goro", "Hana", "Ines", "Jonas"];
/// What they sell each other.
const LISTINGS: &[(&str, &str)] = &[
    ("The Tempest, stalls, my sister is ill", "55.00"),
    ("Night Parade, standing, hand to hand at the door", "48.50"),
    ("Two weeks of the City Loop", "21.00"),
    ("Rovers against Northport, lower tier", "40.00"),
    ("Jazz in the old harbour, front row", "75.00"),
    ("A place in the choir's bus to the lake", "12.00"),
    ("Season card of the swimming bath, till May", "90.00"),
    ("Last train to Westlake, window", "2.50"),
];
/// One more is put up by every so manieth of them, so that there always is one to be had.
const LISTING_EVERY: usize = 12;
/// Seats that one person takes at an event.
const PARTY_MAX: usize = 4;
/// How they pay: most well.
const TOKENS: &[&str] = &[
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_chargeDeclined",
    "tok_visa",
    "tok_slow",
    "tok_error",
    "tok_visa",
];

/// A platform that goes with this value. It is started when it is first asked for.
#[derive(Default)]
pub struct Demo {
    started: Mutex<Option<Started>>,
}

struct Started {
    running: Running,
    backend: Backend,
    people: JoinHandle<()>,
    _scratch: Scratch,
}

impl Demo {
    /// Returns what commands run on.
    ///
    /// # Errors
    /// What stands in the way of a server in a new folder.
    pub async fn backend(&self) -> Result<Backend, Failure> {
        let mut started = self.started.lock().await;
        if let Some(started) = &*started {
            return Ok(started.backend.clone());
        }
        let new = start().await?;
        let backend = new.backend.clone();
        *started = Some(new);
        Ok(backend)
    }

    /// Ends it.
    pub async fn close(&self) {
        if let Some(Started { running, backend, people, _scratch }) = self.started.lock().await.take() {
            people.abort();
            drop(backend);
            running.stop().await;
        }
    }
}

async fn start() -> Result<Started, Failure> {
    let scratch = Scratch::make("demo").map_err(|error| no_scratch(&error))?;
    let settings = Settings::default();
    let stores =
        StoreConfig { data_dir: scratch.path().to_owned(), database_url: None, read_database_url: None };
    let mut config = ServerConfig::read(&settings, stores.clone())?;
    config.port = 0;
    let running = ticketing_server::start(config).await.map_err(|error| Failure::from(&error))?;
    let app = running.app().clone();
    let actor = Actor { name: "demo".into(), reason: Some("the demonstration".into()), correlation_id: None };
    let plan = seed::plan(&app, "seed demo", demo_city(app.clock.now())).await?;
    let seeded = seed::execute(&app, plan, &actor, &mut |_, _| ()).await?;
    Projector::default().reach(&app, seeded.position).await?;
    let backend = Backend::of_process(app.clone(), settings, stores, sign_token).counting(running.requests());
    let people = tokio::spawn(async move {
        // Whatever stands in the way of a made-up buyer is theirs to see on the dashboard, and nobody else's.
        let _ = trouble::make(&app, &actor).await;
        for n in 0..LISTINGS.len() {
            let _ = put_up(&app, n).await;
        }
        let mut buyers = Buyers { app, count: 0, open: Vec::new() };
        for _ in 0..BOOKINGS_BEFORE {
            let _ = buyers.live().await;
        }
        loop {
            tokio::time::sleep(BUYER_EVERY).await;
            let _ = buyers.live().await;
        }
    });
    Ok(Started { running, backend, people, _scratch: scratch })
}

/// Those who buy, one after another, by a fixed order of fates.
struct Buyers {
    app: App,
    count: usize,
    open: Vec<(BookingId, UserId)>,
}

impl Buyers {
    /// Lets one more person book, reserve, or cancel what they have.
    async fn live(&mut self) -> Result<(), Failure> {
        let n = self.count;
        self.count += 1;
        let name = PEOPLE[n % PEOPLE.len()];
        let user = UserId(format!("{}-{}", name.to_lowercase(), n / PEOPLE.len()));
        if n % 9 == 8 && !self.open.is_empty() {
            let (id, owner) = self.open.remove(n % self.open.len());
            let reason = Some("plans have changed".to_owned());
            change(&self.app, id, Change::Cancel { reason }, Some(owner.clone()), None, meta(&owner)).await?;
            return Ok(());
        }
        if n % LISTING_EVERY == LISTING_EVERY - 1 {
            return put_up(&self.app, n).await;
        }
        let is_reserved = n % 5 == 4;
        let token = (!is_reserved).then(|| TOKENS[n % TOKENS.len()].to_owned());
        let (offering_id, seats) = match n % 7 {
            1 | 4 => (event(&self.app, n / 2).await?, 1 + n % PARTY_MAX),
            5 => (listing(&self.app).await?, 1),
            _ => (departure(&self.app, n * 7).await?, 1),
        };
        let wanted = offering_id.map(|id| (id, SeatChoice::Any(seats)));
        let Some(booking_id) = book(&self.app, wanted, (name, &user), HOLD_SECONDS, token).await? else {
            return Ok(());
        };
        self.open.push((booking_id, user));
        Ok(())
    }
}

/// Puts the listing that comes `nth` up, by one of those who else buy.
async fn put_up(app: &App, nth: usize) -> Result<(), Failure> {
    let (title, price) = LISTINGS[nth % LISTINGS.len()];
    let seller = UserId(format!("{}-sells", PEOPLE[(nth * 3) % PEOPLE.len()].to_lowercase()));
    let price = Money::parse(price, Currency::USD)
        .map_err(|_| Failure::defect("a price of the demonstration is none", None))?;
    listings::create(app, &seller, title.to_owned(), price, &meta(&seller)).await?;
    Ok(())
}

/// Returns the departure that comes `nth`; `None` if none is ahead.
async fn departure(app: &App, nth: usize) -> Result<Option<OfferingId>, Failure> {
    let departures = lists::departures(app, app.clock.now(), None).await?;
    Ok(departures.get(nth % departures.len().clamp(1, 40)).map(|departure| departure.id))
}

/// Returns the event that comes `nth`; `None` if none is ahead.
async fn event(app: &App, nth: usize) -> Result<Option<OfferingId>, Failure> {
    let events = seats::events(app, app.clock.now(), 1).await?;
    Ok(events.get(nth % events.len().max(1)).map(|event| event.id))
}

/// Returns a listing that nobody has; `None` if there is none.
async fn listing(app: &App) -> Result<Option<OfferingId>, Failure> {
    let now = app.clock.now();
    Ok(seats::listings(app, 1)
        .await?
        .iter()
        .rfind(|listing| listing.free_at <= now)
        .map(|listing| listing.id))
}

/// Books seats for a person, and pays where there is a token; `None` if there is nothing to be had.
async fn book(
    app: &App,
    wanted: Option<(OfferingId, SeatChoice)>,
    (name, user): (&str, &UserId),
    hold_seconds: u32,
    token: Option<String>,
) -> Result<Option<BookingId>, Failure> {
    let Some((offering_id, seats)) = wanted else { return Ok(None) };
    let booking_id = new_booking_id();
    let command = Reserve {
        booking_id,
        offering_id,
        route_id: None,
        user_id: user.clone(),
        seats,
        from_stop: None,
        to_stop: None,
        expected_price: None,
        hold_seconds,
        kind: if token.is_some() { HoldKind::Book } else { HoldKind::Reserve },
    };
    let passenger = people::passenger(name, &format!("{}@example.org", user.0), None)
        .map_err(|(field, why)| Failure::error(format!("{field} {why}.")))?;
    reserve_and_pay(app, command, passenger, token, meta(user)).await?;
    Ok(Some(booking_id))
}

fn meta(user: &UserId) -> Meta {
    Meta { actor: user.0.clone(), correlation_id: format!("demo-{}", new_booking_id()), idempotency: None }
}
