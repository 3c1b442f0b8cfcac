//! `ticketctl booking list`.

use super::view;
use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, is_match, node};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::ops::ticket_fields::TICKET_FIELDS;
use ticketing_core::ops::{lists, lookup};
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

/// Lists the bookings.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::These(TICKET_FIELDS), is_read_model: true };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(args, asked, session, printer).await
    })
}

async fn list(args: &Args, asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let user = args.user.as_ref().map(|user| UserId(user.clone()));
    let mut pages = 0;
    let mut rows = Rows::begin(asked, view::LIST, now, printer)?;
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
                && asked.filter.as_ref().is_none_or(|filter| is_match(filter, row, now))
        },
        async |rows| rows.iter().map(|row| node(&bodies::listed(row, now))).collect(),
    )
    .await?;
    let prefix = async |shown: &Shown| {
        let ids: Vec<BookingId> = shown.ids.iter().copied().map(BookingId).collect();
        lookup::booking_prefix_len(app, &ids).await
    };
    rows.finish(prefix).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::{Args, list, view};
    use crate::commands::listing::{Asked, Fields, Of};
    use crate::output::testing::{Screen, screen};
    use crate::session::testing::{riverton, tester};
    use clap::{Args as _, FromArgMatches as _};
    use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
    use ticketing_core::domain::id::{BookingId, UserId};
    use ticketing_core::ops::ticket_fields::TICKET_FIELDS;
    use ticketing_core::ops::{bookings, lists, people};
    use uuid::Uuid;

    fn args(words: &[&str]) -> Args {
        let command = Args::augment_args(clap::Command::new("list").no_binary_name(true));
        Args::from_arg_matches(&command.get_matches_from(words)).unwrap()
    }

    fn asked(args: &Args, screen: &Screen) -> Asked {
        let of = Of { view: view::LIST, fields: Fields::These(TICKET_FIELDS), is_read_model: true };
        Asked::read(&args.list, &of, screen.printer.format()).unwrap()
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
            let plan = bookings::plan_reserve(app, command, person).await.unwrap();
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
            let args = args(words);
            let asked = asked(&args, &screen);
            list(&args, &asked, &session, &mut screen.printer).await.unwrap();
            if !out.is_empty() {
                assert_eq!(screen.out(), out);
            }
            assert_eq!(screen.err(), err, "{words:?}");
        }
        let mut names = screen(&["-oname"], false);
        let args = args(&["--query", "user~o age<1m"]);
        let asked = asked(&args, &names);
        list(&args, &asked, &session, &mut names.printer).await.unwrap();
        assert_eq!(names.out().lines().count(), 2);
    }
}
