//! The dashboard's demonstration: a whole platform in a folder that is thrown away, with people who buy all the time.
//!
//! Nothing of it is faked but the people and their troubles: the same server, engine, sagas and simulated payment provider run here that
//! run elsewhere, on the demo city. It listens on no address that anybody is told.

mod trouble;

use std::time::Duration;
use ticketing_core::adapters::seed_file::demo_city;
use ticketing_core::app::commands::{change, new_booking_id, reserve_and_pay};
use ticketing_core::app::config::Settings;
use ticketing_core::app::{App, StoreConfig};
use ticketing_core::domain::booking::command::{Change, HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::engine::Meta;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::{lists, people, seed};
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
        let is_reserved = n % 5 == 4;
        let token = (!is_reserved).then(|| TOKENS[n % TOKENS.len()].to_owned());
        let Some(booking_id) = book(&self.app, (n * 7, name, &user), HOLD_SECONDS, token).await? else {
            return Ok(());
        };
        self.open.push((booking_id, user));
        Ok(())
    }
}

/// Books a seat of the departure that comes `nth`, for a person, and pays where there is a token; `None` if no departure
/// is ahead.
async fn book(
    app: &App,
    (nth, name, user): (usize, &str, &UserId),
    hold_seconds: u32,
    token: Option<String>,
) -> Result<Option<BookingId>, Failure> {
    let departures = lists::departures(app, app.clock.now(), None).await?;
    let Some(departure) = departures.get(nth % departures.len().clamp(1, 40)) else { return Ok(None) };
    let booking_id = new_booking_id();
    let command = Reserve {
        booking_id,
        offering_id: departure.id,
        route_id: None,
        user_id: user.clone(),
        seats: SeatChoice::Any(1),
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
