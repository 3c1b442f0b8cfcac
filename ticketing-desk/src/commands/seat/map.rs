//! `ticketctl seat map`.

use super::{drawing, hall};
use crate::commands::listing::node;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Format, Node, Printer, View};
use ticketing_core::app::queries::network::SeatMap;
use ticketing_core::domain::layout::Section;
use ticketing_core::ops::{seat_map, seats};
use ticketing_core::text::nearest;

/// Draw which seats of a departure, an event or a listing are free
#[derive(clap::Args, Debug)]
#[command(after_help = "A seat counts as taken if it is on any of the legs between the two stops.\n\n\
                        Examples:\n  ticketctl seat map 5f0c9a1e\n  ticketctl seat map 5f0c9a1e --from harbour --to university\n  \
                        ticketctl seat map 5f0c9a1e --watch\n  ticketctl seat map 5f0c9a1e -o csv\n  ticketctl seat map rovers@15:00 --section 101")]
pub struct Args {
    /// The departure, event or listing: its id, a unique beginning of it, its externalId, or externalId/DATE
    #[arg(value_name = "OFFERING")]
    offering: String,
    /// Where the journey begins: a stop's id, externalId or #sequence [default: the first stop]
    #[arg(long, value_name = "STOP")]
    from: Option<String>,
    /// Where it ends [default: the last stop]
    #[arg(long, value_name = "STOP")]
    to: Option<String>,
    /// Show the seats of this section of a hall only
    #[arg(long, value_name = "NAME")]
    section: Option<String>,
    /// Count the seats of each section of a hall, a row each
    #[arg(long, conflicts_with = "section")]
    sections: bool,
    #[command(flatten)]
    watch: Watch,
}

const SEATS: View =
    View::new("seats", &[Column::text("Seat", "seatNumber"), Column::state("State", "state")])
        .named_by(&["seatNumber"]);

/// How each section of a hall stands.
const SECTIONS: View = View::new(
    "sections",
    &[
        Column::text("Section", "section"),
        Column::text("Category", "category"),
        Column::number("Seats", "total"),
        Column::number("Free", "free"),
        Column::number("Held", "held"),
        Column::number("Sold", "sold"),
        Column::number("Blocked", "blocked"),
    ],
)
.named_by(&["section"]);

/// Draws the map.
///
/// # Errors
/// Not found; a stop that is none; what the stores say; ctrl-c.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let offering = seat_map::find(&session.app, &args.offering).await?;
        if !args.watch.watch {
            session.warn_of_lag(printer).await?;
        }
        let map = seat_map::map(&session.app, offering, args.from.as_deref(), args.to.as_deref()).await?;
        let section = match &args.section {
            Some(name) => Some(section(&map, name)?),
            None => None,
        };
        match args.sections {
            true => printer.list(&SECTIONS, seats::of_sections(&map).iter(), None),
            false => show(&map, section, printer),
        }
    })
}

/// The section of a hall with this name.
fn section<'a>(map: &'a SeatMap, name: &str) -> Result<&'a Section, Failure> {
    let layout = &map.offering.layout;
    let named: Vec<&str> = layout
        .sections()
        .iter()
        .map(|section| section.name.as_str())
        .filter(|name| !name.is_empty())
        .collect();
    layout.section(name).filter(|section| !section.name.is_empty()).ok_or_else(|| {
        let failure = Failure::usage(format!("There is no section {name}.")).code("UNKNOWN_SECTION");
        match nearest(name, named.iter().copied()) {
            _ if named.is_empty() => failure.why("A vehicle has none.").hint("leave out --section"),
            Some(near) => failure.why(format!("Did you mean {near}?")).hint("leave out --section to see all"),
            None => failure.hint("leave out --section to see all"),
        }
    })
}

fn show(map: &SeatMap, section: Option<&Section>, printer: &mut Printer) -> Result<(), Failure> {
    let body = || node(&section.map_or_else(|| map.body(), |section| map.body_of(section.seats())));
    match printer.format() {
        Format::Table | Format::Wide => {
            let width = if printer.format() == Format::Wide { None } else { Some(printer.width()) };
            let leaves = printer.time(map.offering.departure_at(map.legs.from()));
            let paint = |tone, text: &str| printer.paint(tone, text);
            let is_hall = !map.offering.layout.spec().sections.is_empty();
            let text = match section {
                Some(section) => hall::section(map, section, &leaves, printer.width(), &paint),
                None if is_hall => hall::overview(map, &leaves, &paint),
                None => drawing::draw(map, &leaves, width, &paint),
            };
            printer.drawing(&text)
        }
        Format::Json | Format::Jsonl | Format::Yaml => printer.object(&body()?, &[]),
        Format::Csv | Format::Name => {
            let body = body()?;
            match body.at("seats") {
                Some(Node::List(seats)) => printer.list(&SEATS, seats, None),
                _ => printer.list(&SEATS, Vec::<Node>::new(), None),
            }
        }
    }
}
