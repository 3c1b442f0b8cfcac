//! `ticketctl group list` and `lag`.

use crate::commands::bulk;
use crate::commands::listing::{self, Fields, Flags, Of, Rows, whole};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Printer, View};
use crate::session::{self, Opening, Session};
use ticketing_core::adapters::carriers::{CONSUMED, Carrier, PUBLISHED};
use ticketing_core::ops::groups::{self, EMBEDDED, Group, Mark, PartitionLag};

/// List our groups of readers, with what they read and how far behind they are
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl group list\n  ticketctl group list -o json"
)]
pub struct GroupsArgs {
    #[command(flatten)]
    list: Flags,
}

/// Show how far behind a group is, partition by partition
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A group's place is in our own stores; what a broker's tools show for it is a hint.\n\n\
                        Examples:\n  ticketctl group lag\n  ticketctl group lag payments -o wide"
)]
pub struct LagArgs {
    /// Which group; all without it
    #[arg(value_name = "GROUP", value_parser = parse_group)]
    group: Option<Group>,
}

/// Reads a group's name.
///
/// # Errors
/// Says which there are.
pub fn parse_group(name: &str) -> Result<Group, String> {
    Group::parse(name).ok_or_else(|| format!("there are {}", Group::ALL.map(Group::name).join(", ")))
}

const GROUPS: View = View::new(
    "groups",
    &[
        Column::text("Group", "name").whole(),
        Column::text("Carrier", "carrier").whole(),
        Column::text("Topics", "topics"),
        Column::number("Partitions", "partitions"),
        Column::number("Lag", "lag"),
    ],
);

/// A group's partitions.
pub const LAG: View = View::new(
    "partitions",
    &[
        Column::text("Group", "group").whole(),
        Column::text("Topic", "topic").whole(),
        Column::number("Partition", "partition"),
        Column::number("Next", "nextOffset"),
        Column::number("End", "high"),
        Column::number("Lag", "lag"),
        Column::time("Moved", "movedAt"),
        Column::text("Carrier", "carrier").wide(),
        Column::number("First", "low").wide(),
        Column::text("Sources", "sources").wide(),
    ],
)
.named_by(&["topic"]);

/// Returns how far a group is in each partition.
///
/// # Errors
/// The broker can't be reached; what the stores say.
pub async fn rows(
    session: &Session,
    carrier: Option<&Carrier>,
    group: Group,
) -> Result<Vec<PartitionLag>, Failure> {
    let Some(carrier) = carrier else { return Ok(groups::embedded_lag(&session.app, group).await?) };
    let topics = match group {
        Group::Projector => PUBLISHED,
        Group::Payments => CONSUMED,
    };
    let marks = carrier.watermarks(topics).await?;
    let mut marks: Vec<Mark> = marks
        .into_iter()
        .map(|mark| Mark { topic: mark.topic, partition: mark.partition, low: mark.low, high: mark.high })
        .collect();
    marks.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    Ok(groups::lag(&session.app, group, carrier.word(), &marks).await?)
}

/// Lists the groups.
///
/// # Errors
/// As [`rows`].
pub fn list(args: &GroupsArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: GROUPS, fields: Fields::Columns, is_read_model: false };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        let carrier = bulk::carrier(&session.settings)?;
        let word = carrier.as_ref().map_or(EMBEDDED, |carrier| carrier.word());
        let mut shown = Rows::begin(asked, GROUPS, session.app.clock.now(), printer)?;
        let mut bodies = Vec::new();
        for group in Group::ALL {
            bodies.push(groups::body(group, word, &rows(session, carrier.as_ref(), group).await?));
        }
        shown.all(&bodies)?;
        shown.finish(whole).await?;
        say_embedded(printer, carrier.as_ref());
        Ok(())
    })
}

/// Shows the partitions.
///
/// # Errors
/// As [`rows`].
pub fn lag(args: &LagArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let carrier = bulk::carrier(&session.settings)?;
        let mut all = Vec::new();
        for group in Group::ALL.into_iter().filter(|group| args.group.is_none_or(|only| only == *group)) {
            all.extend(rows(session, carrier.as_ref(), group).await?);
        }
        printer.list(&LAG, &all, None)?;
        say_embedded(printer, carrier.as_ref());
        Ok(())
    })
}

fn say_embedded(printer: &mut Printer, carrier: Option<&Carrier>) {
    if carrier.is_none() {
        printer.note("There is no broker: the projector reads the log itself.");
    }
}
