//! `ticketctl venue create`.

use crate::commands::seed::one;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening};
use ticketing_core::ops::seed;

/// Make a venue, in which then events can be held
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl venue create --key opera --name 'Opera House' --city Riverton \\\n      \
                        --timezone America/Chicago --section STALLS:10x20:GOLD --section STANDING:50\n  \
                        ticketctl venue create --key dome --name Dome --city Northport \\\n      \
                        --timezone America/Chicago --layout arena-20000 --dry-run"
)]
pub struct Args {
    /// Its externalId
    #[arg(long, value_name = "KEY")]
    key: String,
    /// What people call it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Its city
    #[arg(long, value_name = "CITY")]
    city: String,
    /// Its street address
    #[arg(long, value_name = "TEXT")]
    address: Option<String>,
    /// The time zone of its events, such as America/Chicago
    #[arg(long, value_name = "ZONE")]
    timezone: String,
    /// Its seats: the name of a stored layout with sections
    #[arg(long, value_name = "NAME", conflicts_with = "section", required_unless_present = "section")]
    layout: Option<String>,
    /// A section, the best first: NAME:ROWSxSEATS[:CATEGORY], or NAME:SEATS[:CATEGORY] where nothing is numbered
    #[arg(long, value_name = "SECTION")]
    section: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Makes the venue.
///
/// # Errors
/// What can't be right; a conflict if another has its key; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let layouts = match &args.layout {
            None => Vec::new(),
            Some(_) => seed::layouts(&session.app).await?,
        };
        let named = layouts.into_iter().find(|layout| Some(&layout.spec.name) == args.layout.as_ref());
        let layouts: Vec<_> = named.into_iter().map(|layout| one::layout(&layout.spec)).collect();
        let seed = one::parse("venue create", &args.as_seed_file(&layouts), session.app.clock.now())?;
        one::create("venue", seed, &args.change, desk, session, printer).await
    })
}

impl Args {
    /// Writes the venue as a seed file has it, so that the same rules hold.
    fn as_seed_file(&self, layouts: &[serde_json::Value]) -> serde_json::Value {
        let mut venue = serde_json::json!({
            "key": self.key,
            "name": self.name,
            "city": self.city,
            "timezone": self.timezone,
        });
        if let Some(address) = &self.address {
            venue["address"] = address.clone().into();
        }
        match &self.layout {
            Some(layout) => venue["layout"] = layout.clone().into(),
            None => venue["sections"] = self.section.iter().map(|text| section(text)).collect(),
        }
        serde_json::json!({"layouts": layouts, "venues": [venue]})
    }
}

/// Writes `NAME:ROWSxSEATS:CATEGORY` as a seed file has it.
fn section(text: &str) -> serde_json::Value {
    let mut parts = text.splitn(3, ':');
    let (name, size, category) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let mut section = serde_json::json!({"name": name});
    match size.map(|size| size.split_once('x').ok_or(size)) {
        Some(Ok((rows, seats))) => {
            section["rows"] = rows.into();
            section["seats"] = seats.into();
        }
        Some(Err(seats)) => section["seats"] = seats.into(),
        None => {}
    }
    if let Some(category) = category {
        section["category"] = category.into();
    }
    section
}

#[cfg(test)]
mod tests {
    use super::section;
    use serde_json::json;

    #[test]
    fn a_section_is_written_in_one_word() {
        let numbered = json!({"name": "A", "rows": "10", "seats": "20", "category": "GOLD"});
        assert_eq!(section("A:10x20:GOLD"), numbered);
        assert_eq!(section("FLOOR:50"), json!({"name": "FLOOR", "seats": "50"}));
        assert_eq!(section("FLOOR"), json!({"name": "FLOOR"}));
    }
}
