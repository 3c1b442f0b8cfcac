//! `ticketctl venue create`.

use crate::commands::seed::one;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening};
use ticketing_core::domain::event::LayoutDefined;
use ticketing_core::domain::layout::LayoutSpec;
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
    #[arg(long, value_name = "NAME", conflicts_with = "section")]
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
    if args.layout.is_none() && args.section.is_empty() {
        return Err(Failure::usage("Give the venue its seats: --section for each section, or --layout.")
            .hint("--section NAME:ROWSxSEATS, or --layout NAME of a stored one"));
    }
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let layouts = match &args.layout {
            None => Vec::new(),
            Some(name) => vec![one::layout(&named(name, seed::layouts(&session.app).await?)?)],
        };
        let seed = one::parse("venue create", &args.as_seed_file(&layouts), session.app.clock.now())?;
        one::create("venue", seed, &args.change, desk, session, printer).await
    })
}

/// Returns the stored layout with this name, which has sections.
fn named(name: &str, stored: Vec<LayoutDefined>) -> Result<LayoutSpec, Failure> {
    let mut halls: Vec<LayoutSpec> = stored.into_iter().map(|layout| layout.spec).collect();
    halls.retain(|spec| !spec.sections.is_empty());
    if let Some(at) = halls.iter().position(|spec| spec.name == name) {
        return Ok(halls.swap_remove(at));
    }
    let mut names: Vec<&str> = halls.iter().map(|spec| spec.name.as_str()).collect();
    names.sort_unstable();
    let failure = Failure::usage(format!("There is no stored layout \"{name}\" with sections."))
        .code("UNKNOWN_LAYOUT")
        .hint("name one of them, or give --section for each section");
    Err(match names.as_slice() {
        [] => failure.why("There is none.").hint("give --section for each section"),
        names => failure.why(format!("There are {}.", names.join(", "))),
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
    use super::{named, section};
    use serde_json::json;
    use ticketing_core::domain::event::LayoutDefined;
    use ticketing_core::domain::id::LayoutId;
    use ticketing_core::domain::layout::{LayoutSpec, SectionSpec};
    use uuid::Uuid;

    #[test]
    fn a_layout_that_is_not_stored_is_refused_with_those_that_are() {
        let layout = |name: &str, sections| LayoutDefined {
            id: LayoutId(Uuid::nil()),
            spec: LayoutSpec { name: name.into(), sections, ..LayoutSpec::default() },
        };
        let section = || vec![SectionSpec { name: "A".into(), ..SectionSpec::default() }];
        let stored =
            || vec![layout("bus", Vec::new()), layout("opera", section()), layout("arena", section())];
        assert_eq!(named("opera", stored()).unwrap().name, "opera");
        for name in ["bus", "operas"] {
            let refused = named(name, stored()).unwrap_err();
            assert!(refused.message.contains("no stored layout"), "{refused}");
            assert_eq!(refused.why.as_deref(), Some("There are arena, opera."));
        }
    }

    #[test]
    fn a_section_is_written_in_one_word() {
        let numbered = json!({"name": "A", "rows": "10", "seats": "20", "category": "GOLD"});
        assert_eq!(section("A:10x20:GOLD"), numbered);
        assert_eq!(section("FLOOR:50"), json!({"name": "FLOOR", "seats": "50"}));
        assert_eq!(section("FLOOR"), json!({"name": "FLOOR"}));
    }
}
