//! `ticketctl route create`.

use crate::commands::seed::one;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening};

/// Make a route, which then can have departures
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl route create --key 7 --name 'Harbour – Lakeside' --price 2.50 \\\n      \
                        --timezone America/Chicago --stops 'harbour=Harbour,lakeside=Lakeside'\n  \
                        ticketctl route create --key N1 --name 'Night bus' --price 4 --currency EUR \\\n      \
                        --stops 'a=North,b=South,a' --timezone Europe/Dublin --dry-run"
)]
pub struct Args {
    /// Its externalId
    #[arg(long, value_name = "KEY")]
    key: String,
    /// What passengers call it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The number on the bus
    #[arg(long, value_name = "TEXT")]
    short_name: Option<String>,
    /// Its stops in order of travel: KEY=NAME, or KEY where that is the name, or was named before
    #[arg(long, value_name = "STOP,STOP,…", value_delimiter = ',', required = true)]
    stops: Vec<String>,
    /// The fare of one seat
    #[arg(long, value_name = "AMOUNT")]
    price: String,
    /// The fare's currency, by its ISO 4217 code
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: String,
    /// The time zone of its departures, such as America/Chicago
    #[arg(long, value_name = "ZONE")]
    timezone: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Makes the route.
///
/// # Errors
/// What can't be right; a conflict if another has its key; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let seed = one::parse("route create", &args.as_seed_file(), session.app.clock.now())?;
        one::create("route", seed, &args.change, desk, session, printer).await
    })
}

impl Args {
    /// Writes the route as a seed file has it, so that the same rules hold.
    fn as_seed_file(&self) -> serde_json::Value {
        let mut named: Vec<serde_json::Value> = Vec::new();
        let mut keys: Vec<&str> = Vec::new();
        for stop in &self.stops {
            let (key, name) = stop.split_once('=').unwrap_or((stop, stop));
            let is_again = !stop.contains('=') && keys.contains(&key);
            if !is_again {
                named.push(serde_json::json!({"key": key, "name": name}));
            }
            keys.push(key);
        }
        let mut route = serde_json::json!({
            "key": self.key,
            "name": self.name,
            "stops": keys,
            "price": self.price,
            "currency": self.currency,
            "timezone": self.timezone,
        });
        if let Some(short_name) = &self.short_name {
            route["shortName"] = short_name.clone().into();
        }
        serde_json::json!({"stops": named, "routes": [route]})
    }
}
