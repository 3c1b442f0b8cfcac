//! `ticketctl booking list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Listing, Of, Rows, is_match, node, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::UserId;
use ticketing_core::ops::lists;
use ticketing_core::ops::ticket_fields::TICKET_FIELDS;
use ticketing_core::projection::{TicketRow, bodies};

/// List bookings, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query: id user route routeId schedule kind from to seat status price currency payment \
                        reason age created confirmed departure arrival holdExpires holdLeft\n\n\
                        Examples:\n  ticketctl booking list\n  ticketctl booking list --status confirmed --user ada\n  \
                        ticketctl booking list --query 'status=RESERVED age>10m route~\"Airport\"'\n  \
                        ticketctl booking list --query 'departure<+2h and price>=20' -o csv --all"
)]
pub struct Args {
    /// Only those in this state: pending, reserved, confirmed, cancelled, expired or refunded
    #[arg(long, value_name = "STATE", value_parser = state)]
    status: Option<BookingState>,
    /// Only those of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    list: Flags,
}

fn state(word: &str) -> Result<BookingState, String> {
    let words = || BookingState::ALL.map(BookingState::word).join(", ");
    BookingState::parse(&word.to_ascii_uppercase()).ok_or_else(|| format!("there are {}", words()))
}

const OF: Of = Of { view: view::LIST, fields: Fields::These(TICKET_FIELDS), is_read_model: true };

/// Lists the bookings.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let walk = async |of: &Listing<'_>, rows: &mut Rows<'_, '_>| walk(args, of, rows).await;
    listing::list(&args.list, OF, desk, printer, walk, prefix::bookings)
}

async fn walk(args: &Args, of: &Listing<'_>, rows: &mut Rows<'_, '_>) -> Result<(), Failure> {
    let (app, now) = (of.app, of.now);
    let user = args.user.as_ref().map(|user| UserId(user.clone()));
    let mut pages = 0;
    rows.walk(
        async |after| match &user {
            None => lists::bookings(app, after).await,
            Some(user) => {
                pages += 1;
                lists::bookings_of(app, user, pages).await
            }
        },
        |row: &TicketRow| row.booking.id,
        |row| {
            args.status.is_none_or(|state| row.booking.state_at(now) == state)
                && of.passes(|filter| is_match(filter, row, now))
        },
        async |rows| rows.iter().map(|row| node(&bodies::listed(row, now))).collect(),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::{Args, OF, walk};
    use crate::commands::listing::{self, Asked, prefix};
    use crate::output::testing::{Screen, screen};
    use crate::session::Session;
    use crate::session::testing::{riverton, tester};
    use clap::{Args as _, FromArgMatches as _};
    use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
    use ticketing_core::domain::id::{BookingId, UserId};
    use ticketing_core::ops::{bookings, lists, people};
    use uuid::Uuid;

    fn args(words: &[&str]) -> Args {
        let command = Args::augment_args(clap::Command::new("list").no_binary_name(true));
        Args::from_arg_matches(&command.get_matches_from(words)).unwrap()
    }

    async fn list(args: &Args, session: &Session, screen: &mut Screen) {
        let asked = Asked::read(&args.list, &OF, screen.printer.format()).unwrap();
        let walk =
            async |of: &listing::Listing<'_>, rows: &mut listing::Rows<'_, '_>| walk(args, of, rows).await;
        listing::on(session, &mut screen.printer, &asked, OF.view, walk, prefix::bookings).await.unwrap();
    }

    #[tokio::test]
    async fn bookings_are_listed_newest_first_with_prefixes_that_are_unique_in_the_whole_store() {
        let folder = tempfile::tempdir().unwrap();
        let session = riverton(&folder).await;
        let app = &session.app;
        let departure = lists::departures(app, app.clock.now(), None).await.unwrap()[0].id;
        for (last, user) in [(1_u128, "ada"), (2, "bob"), (0x1000_0000, "cleo")] {
            let command = Reserve {
                booking_id: BookingId(Uuid::from_u128(
                    0x0192_a8c4_0000_7000_8000_0000_0000_0000 + (last << 64),
                )),
                offering_id: departure,
                route_id: None,
                user_id: UserId(user.into()),
                seats: SeatChoice::Any(1),
                from_stop: None,
                to_stop: None,
                expected_price: None,
                hold_seconds: 60,
                kind: HoldKind::Reserve,
            };
            let person = people::passenger("Ada", "ada@example.org", None).unwrap();
            let plan = bookings::plan_reserve(app, "booking reserve", command, person).await.unwrap();
            bookings::execute(app, plan, &tester(), None, &mut |_, _| ()).await.unwrap();
        }
        session.catch_up().await.unwrap();
        let rows: [(&[&str], &str, &str); 3] = [
            (
                &[],
                "\
ID                  STATUS    SEAT  ROUTE      DEPARTS     PRICE
0192a8c4-1000-7000  RESERVED  A2    City Loop  in 10m   1.80 USD
0192a8c4-0000-7002  RESERVED  D1    City Loop  in 10m   1.80 USD
0192a8c4-0000-7001  RESERVED  C1    City Loop  in 10m   1.80 USD
",
                "",
            ),
            (&["--limit", "1"], "", "1 of 3 bookings; --limit N or --all lists more.\n"),
            (&["--user", "eve"], "", "No bookings match.\n"),
        ];
        for (words, out, err) in rows {
            let mut screen = screen(&[], true);
            list(&args(words), &session, &mut screen).await;
            if !out.is_empty() {
                assert_eq!(screen.out(), out);
            }
            assert_eq!(screen.err(), err, "{words:?}");
        }
        let mut names = screen(&["-oname"], false);
        list(&args(&["--query", "user~o age<1m"]), &session, &mut names).await;
        assert_eq!(names.out().lines().count(), 2);
    }
}
