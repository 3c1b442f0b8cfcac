//! `ticketctl schedule create`.

use crate::commands::seed::one;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::ops::lookup;

/// Put a departure of a route on sale
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl schedule create --route 10 --at 2026-12-01T08:00 \\\n      \
                        --layout bus-40 --minutes 0,6,11,19,34\n  \
                        ticketctl schedule create --route X90 --at 2026-12-24T23:30 \\\n      \
                        --layout coach-52 --minutes 0,25,70,145 --price 35.00 \\\n      \
                        --reason 'Christmas' --dry-run")]
pub struct Args {
    /// The route: its id, a unique beginning of it, or its externalId
    #[arg(long, value_name = "ROUTE")]
    route: String,
    /// When it leaves its first stop, local time there, such as 2026-12-01T08:00
    #[arg(long, value_name = "LOCALTIME")]
    at: String,
    /// Its seats: the name of a layout
    #[arg(long, value_name = "NAME")]
    layout: String,
    /// The running time to each stop, from 0, such as 0,6,11.5
    #[arg(long, value_name = "M,M,…", value_delimiter = ',', required = true)]
    minutes: Vec<String>,
    /// The fare, if it is not the route's
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Makes the departure.
///
/// # Errors
/// Not found for the route; what can't be right; a conflict if it is there already; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let seed = args.as_seed_file(session).await?;
        let now = session.app.clock.now();
        let mut seed = one::parse("schedule create", &seed, now)?;
        // The route is stored as it is; only the departure and its running times are new.
        seed.catalog.routes.clear();
        one::create("schedule", seed, &args.change, desk, session, printer).await
    })
}

impl Args {
    /// Writes the departure as a seed file has it, so that the same rules hold.
    async fn as_seed_file(&self, session: &Session) -> Result<serde_json::Value, Failure> {
        let route = lookup::route(&session.app, &self.route).await?;
        let key = |id: &Option<String>, other: String| id.clone().unwrap_or(other);
        let stops: Vec<String> =
            route.stops.iter().map(|stop| key(&stop.external_id, stop.id.to_string())).collect();
        let named = route.stops.iter().zip(&stops);
        let mut named: Vec<_> =
            named.map(|(stop, key)| serde_json::json!({"key": key, "name": stop.name})).collect();
        named.dedup();
        let mut departure = serde_json::json!({"at": self.at, "minutes": one::numbers(&self.minutes)});
        if let Some(price) = &self.price {
            departure["price"] = price.clone().into();
        }
        Ok(serde_json::json!({
            "stops": named,
            "routes": [{
                "key": key(&route.external_id, route.id.to_string()),
                "name": route.name,
                "stops": stops,
                "price": route.fare.decimal(),
                "currency": route.fare.currency,
                "timezone": route.timezone,
                "layout": self.layout,
                "departures": [departure],
            }],
        }))
    }
}
