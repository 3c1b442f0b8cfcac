//! `ticketctl seat count`.

use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, node_of};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Node, Printer, View};
use crate::session::Session;
use clap::ValueEnum;
use ticketing_core::domain::catalog::OfferingFacts;
use ticketing_core::domain::id::OfferingId;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::seats::{self, OnSale};
use ticketing_core::ops::{OpsError, lists, lookup};
use ticketing_core::projection::sales::SaleRow;

/// Count the seats of what is ahead: departures, events, listings, each with what is free, held, sold and kept back
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A seat that is sold for a part of the way counts as sold; of what is cancelled nothing is free. Departures that have left, events that have begun\n\
                        and listings that were withdrawn are left out. Fields of --query are the columns of -o csv.\n\nExamples:\n  \
                        ticketctl seat count\n  ticketctl seat count --kind event --query 'free<10'\n  \
                        ticketctl seat count --kind listing --watch\n  ticketctl seat count --all -o csv"
)]
pub struct Args {
    /// Only these; may be given more than once
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Vec<Kind>,
    #[command(flatten)]
    list: Flags,
}

/// What is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Departures of routes
    Departure,
    /// Events at venues
    Event,
    /// Tickets that users sell
    Listing,
}

const KINDS: &[&str] = &["departure", "event", "listing"];

const LIST: View = View::new(
    "offerings",
    &[
        Column::id("Id", "id"),
        Column::text("Kind", "kind").whole().one_of(KINDS),
        Column::text("Name", "name"),
        Column::time("When", "when"),
        Column::number("Free", "free"),
        Column::number("Held", "held"),
        Column::number("Sold", "sold"),
        Column::state("Status", "status"),
        Column::money("From", "priceFrom").wide(),
        Column::number("Blocked", "blocked").wide(),
        Column::number("Seats", "total").wide(),
        Column::text("External id", "externalId").wide(),
    ],
);

/// Departures whose seats are counted at once.
const CHUNK: usize = 500;

/// Counts.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: LIST, fields: Fields::Columns, is_read_model: true };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(args, asked, session, printer).await
    })
}

/// A row, before its seats are counted.
enum Row {
    Departure(OfferingFacts),
    Event(SaleRow),
    Listing(SaleRow),
}

/// How far the walk is: one kind after the other.
#[derive(Clone, Copy)]
enum At {
    Departures(Timestamp, Option<OfferingId>),
    Events(u32),
    Listings(u32),
    End,
}

async fn list(args: &Args, asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let wants = |kind| args.kind.is_empty() || args.kind.contains(&kind);
    let mut at = At::Departures(now, None);
    let mut rows = Rows::begin(asked, LIST, now, printer)?;
    rows.walk(
        async |_: Option<()>| {
            loop {
                let (page, next): (Vec<Row>, At) = match at {
                    At::Departures(..) if !wants(Kind::Departure) => (Vec::new(), At::Events(1)),
                    At::Departures(after, id) => {
                        let found = lists::departures(app, after, id).await?;
                        let next = found.last().map(|row| At::Departures(row.departs_at, Some(row.id)));
                        (found.into_iter().map(Row::Departure).collect(), next.unwrap_or(At::Events(1)))
                    }
                    At::Events(_) if !wants(Kind::Event) => (Vec::new(), At::Listings(1)),
                    At::Events(page) => {
                        let found = seats::events(app, now, page).await?;
                        let next = if found.is_empty() { At::Listings(1) } else { At::Events(page + 1) };
                        (found.into_iter().map(Row::Event).collect(), next)
                    }
                    At::Listings(_) if !wants(Kind::Listing) => (Vec::new(), At::End),
                    At::Listings(page) => {
                        let found = seats::listings(app, page).await?;
                        let next = if found.is_empty() { At::End } else { At::Listings(page + 1) };
                        (found.into_iter().map(Row::Listing).collect(), next)
                    }
                    At::End => return Ok::<_, OpsError>(Vec::new()),
                };
                at = next;
                if !page.is_empty() {
                    return Ok(page);
                }
            }
        },
        |_| (),
        |_| true,
        async |rows| bodies(session, rows).await,
    )
    .await?;
    let prefix = async |shown: &Shown| {
        let ids: Vec<OfferingId> = shown.ids.iter().copied().map(OfferingId).collect();
        lookup::schedule_prefix_len(app, &ids).await
    };
    rows.finish(prefix).await.map(drop)
}

/// Counts the seats of a page, whose rows are of one kind.
async fn bodies(session: &Session, rows: Vec<Row>) -> Result<Vec<Node>, Failure> {
    let app = &session.app;
    let (mut departures, mut events, mut listings) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row {
            Row::Departure(facts) => departures.push(facts),
            Row::Event(row) => events.push(row),
            Row::Listing(row) => listings.push(row),
        }
    }
    let mut found: Vec<OnSale> = Vec::new();
    while !departures.is_empty() {
        let rest = departures.split_off(departures.len().min(CHUNK));
        found.extend(seats::of_facts(app, departures).await?);
        departures = rest;
    }
    if !events.is_empty() {
        found.extend(seats::of_events(app, &events).await?);
    }
    found.extend(seats::of_listings(listings, app.clock.now()));
    found.iter().map(node_of).collect()
}

#[cfg(test)]
mod tests {
    use super::{Args, LIST, list};
    use crate::commands::listing::{Asked, Fields, Of};
    use crate::output::testing::screen;
    use crate::session::Session;
    use crate::session::testing::{riverton, tester};
    use clap::{Args as _, FromArgMatches as _};
    use serde_json::Value;
    use ticketing_core::app::listings;
    use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
    use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
    use ticketing_core::domain::money::{Currency, Money};
    use ticketing_core::engine::Meta;
    use ticketing_core::ops::{bookings, halls, people};
    use uuid::Uuid;

    async fn counted(session: &Session, words: &[&str]) -> Vec<Value> {
        let command = Args::augment_args(clap::Command::new("count").no_binary_name(true));
        let args = Args::from_arg_matches(&command.get_matches_from(words)).unwrap();
        let mut screen = screen(&["-ojson"], false);
        let of = Of { view: LIST, fields: Fields::Columns, is_read_model: true };
        let asked = Asked::read(&args.list, &of, screen.printer.format()).unwrap();
        list(&args, &asked, session, &mut screen.printer).await.unwrap();
        serde_json::from_str(&screen.out()).unwrap()
    }

    async fn reserve(session: &Session, of: &Value, seats: usize) {
        let command = Reserve {
            booking_id: BookingId(Uuid::now_v7()),
            offering_id: OfferingId(of["id"].as_str().unwrap().parse::<Uuid>().unwrap()),
            route_id: None,
            user_id: UserId("ada".into()),
            seats: SeatChoice::Any(seats),
            from_stop: None,
            to_stop: None,
            expected_price: None,
            hold_seconds: 60,
            kind: HoldKind::Reserve,
        };
        let person = people::passenger("Ada", "ada@example.org", None).unwrap();
        let plan = bookings::plan_reserve(&session.app, "booking reserve", command, person).await.unwrap();
        bookings::execute(&session.app, plan, &tester(), None, &mut |_, _| ()).await.unwrap();
        session.catch_up().await.unwrap();
    }

    fn seats(row: &Value) -> [u64; 5] {
        ["total", "free", "held", "sold", "blocked"].map(|name| row[name].as_u64().unwrap())
    }

    #[tokio::test]
    async fn departures_events_and_listings_are_counted_and_what_is_held_is_not_free() {
        let folder = tempfile::tempdir().unwrap();
        let session = riverton(&folder).await;
        let price = Money::parse("75.00", Currency::USD).unwrap();
        let meta = Meta { actor: "ada".into(), correlation_id: "c".into(), idempotency: None };
        listings::create(&session.app, &UserId("bela".into()), "Jazz".into(), price, &meta).await.unwrap();
        session.catch_up().await.unwrap();
        let kinds = ["departure", "event", "listing"];
        let all = counted(&session, &[]).await;
        let first_of = |kind: &str| all.iter().position(|row| row["kind"] == kind).unwrap();
        assert!(kinds.map(first_of).is_sorted(), "one kind after the other");
        for (kind, count) in kinds.into_iter().zip([1, 3, 1]) {
            let before = counted(&session, &["--kind", kind]).await;
            assert!(before.iter().all(|row| row["kind"] == kind), "{kind}");
            let [total, free, held, sold, blocked] = seats(&before[0]);
            assert_eq!((free + blocked, held, sold), (total, 0, 0), "{kind}");
            reserve(&session, &before[0], count).await;
            let after = counted(&session, &["--kind", kind, "--query", "held>0"]).await;
            assert_eq!(after.len(), 1, "{kind}");
            let count = count as u64;
            assert_eq!(seats(&after[0]), [total, free - count, count, 0, blocked], "{kind}");
        }
    }

    #[tokio::test]
    async fn of_a_cancelled_event_nothing_is_free_and_it_is_told_where_it_was_and_why_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let session = riverton(&folder).await;
        let before = counted(&session, &["--kind", "event"]).await.remove(0);
        let [total, free, ..] = seats(&before);
        assert!(free > 0 && before["price"].is_null() && before["priceFrom"].is_number(), "{before}");
        let id = before["id"].as_str().unwrap();
        let of = OfferingId(id.parse::<Uuid>().unwrap());
        let details = async || -> Value {
            serde_json::from_str(&halls::event(&session.app, of).await.unwrap()).unwrap()
        };
        let shown = details().await;
        assert_eq!((shown["seatsTotal"].as_u64(), shown["seatsLeft"].as_u64()), (Some(free), Some(free)));
        let zone = shown["timezone"].as_str().unwrap();
        assert!(shown["localStartTime"].as_str().unwrap().ends_with(zone), "{shown}");
        assert!(shown["venueName"].is_string() && shown["reason"].is_null(), "{shown}");
        reserve(&session, &before, 2).await;
        assert_eq!(details().await["seatsLeft"], free - 2);

        let meta = Meta { actor: "tester".into(), correlation_id: "c".into(), idempotency: None };
        halls::withdraw(&session.app, id, "the tenor is ill", &meta).await.unwrap();
        session.catch_up().await.unwrap();
        let after = counted(&session, &["--kind", "event", "--query", &format!("id={id}")]).await.remove(0);
        assert_eq!(after["status"], "CANCELLED");
        assert_eq!(seats(&after), [total, 0, 0, 0, total]);
        let shown = details().await;
        assert_eq!((&shown["seatsLeft"], &shown["reason"]), (&0.into(), &"the tenor is ill".into()));
        let columns = LIST.columns.iter().filter(|column| !column.wide_only).map(|column| column.header);
        assert!(columns.into_iter().any(|header| header == "Status"));
    }
}
