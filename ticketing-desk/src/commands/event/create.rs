//! `ticketctl event create`.

use crate::commands::seed::one;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening};
use ticketing_core::app::venues;
use ticketing_core::domain::catalog::Venue;
use ticketing_core::domain::layout::Layout;
use ticketing_core::domain::occasion::{self, NewEvent};
use ticketing_core::ops::{OpsError, lookup};
use uuid::Uuid;

/// Announce an event at a venue
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl event create --venue old-playhouse --key hamlet --title Hamlet \\\n      \
                        --at 2026-12-24T19:30 --minutes 150 --price 30.00 --prices PREMIUM=65.00\n  \
                        ticketctl event create --venue riverside-arena --key gala --title Gala \\\n      \
                        --at 2026-12-31T21:00 --minutes 240 --price 40 --type concert --dry-run"
)]
pub struct Args {
    /// The venue: its id, a unique beginning of it, or its externalId
    #[arg(long, value_name = "VENUE")]
    venue: String,
    /// With @ and its time the event's externalId
    #[arg(long, value_name = "KEY")]
    key: String,
    /// What it is called
    #[arg(long, value_name = "TEXT")]
    title: String,
    /// What sort of event it is, such as concert
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// When it begins, local time there, such as 2026-12-24T19:30
    #[arg(long, value_name = "LOCALTIME")]
    at: String,
    /// How long it lasts
    #[arg(long, value_name = "M")]
    minutes: String,
    /// The price of a seat whose category has none of its own
    #[arg(long, value_name = "AMOUNT")]
    price: String,
    /// The prices' currency, by its ISO 4217 code
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: String,
    /// The prices of categories
    #[arg(long, value_name = "CATEGORY=AMOUNT,…", value_delimiter = ',')]
    prices: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Announces the event.
///
/// # Errors
/// Not found for the venue; what can't be right; a conflict if it is there already; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let app = &session.app;
        let id = lookup::venue(app, &args.venue).await?.id.to_string();
        let (venue, layout) = venues::stored(app, &id).await.map_err(OpsError::from)?;
        let mut seed = one::parse("event create", &args.as_seed_file(&venue, &layout), app.clock.now())?;
        // The venue is stored as it is; only the event is new, and is held there.
        seed.catalog.venues.clear();
        seed.catalog.layouts.clear();
        seed.catalog.patterns.clear();
        for facts in std::mem::take(&mut seed.catalog.offerings) {
            let new = NewEvent {
                external_id: facts.external_id,
                title: facts.particulars.title.unwrap_or_default(),
                event_type: facts.particulars.event_type,
                description: facts.particulars.description,
                begins_at: facts.departs_at,
                ends_at: facts.arrives_at,
                price: facts.fare,
                prices: facts.particulars.prices,
                late_payment: facts.late_payment,
            };
            if new.begins_at <= app.clock.now() {
                return Err(Failure::usage(format!("at: {} has passed at the venue.", args.at))
                    .why(format!(
                        "It is the local time of {}, and nobody can buy a seat of what has begun.",
                        venue.timezone
                    ))
                    .hint("give a time in the future: --at 2026-12-24T19:30"));
            }
            let announced = occasion::announce(&venue, &layout, new, Uuid::nil());
            let (pattern, facts) =
                announced.map_err(|(field, fault)| Failure::usage(format!("{field}: {fault}.")))?;
            seed.catalog.patterns.push(pattern);
            seed.catalog.offerings.push(facts);
        }
        one::create("event", seed, &args.change, desk, session, printer).await
    })
}

impl Args {
    /// Writes the event as a seed file has it, so that the same rules hold.
    fn as_seed_file(&self, venue: &Venue, layout: &Layout) -> serde_json::Value {
        let price = |text: &String| {
            let (category, price) = text.split_once('=').unwrap_or((text, ""));
            serde_json::json!({"category": category, "price": price})
        };
        let prices: Vec<_> = self.prices.iter().map(price).collect();
        let mut event = serde_json::json!({
            "key": self.key,
            "venue": "venue",
            "title": self.title,
            "at": self.at,
            "minutes": self.minutes,
            "price": self.price,
            "currency": self.currency,
            "prices": prices,
        });
        for (name, text) in [("type", &self.event_type), ("description", &self.description)] {
            if let Some(text) = text {
                event[name] = text.clone().into();
            }
        }
        serde_json::json!({
            "layouts": [one::layout(layout.spec())],
            "venues": [{
                "key": "venue",
                "name": venue.name,
                "city": venue.city,
                "timezone": venue.timezone,
                "layout": layout.spec().name,
            }],
            "events": [event],
        })
    }
}
