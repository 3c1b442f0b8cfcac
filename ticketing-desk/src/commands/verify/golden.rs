//! What comes of verifying, format by format, to the last blank.

use super::told::verify;
use crate::failure::Exit;
use crate::globals::ListArgs;
use crate::output::testing::{Screen, screen};
use crate::session::Session;
use crate::session::testing::{riverton, tester};
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::ops::verify::Check;
use ticketing_core::ops::{bookings, lists, people};
use uuid::Uuid;

const BOOKING: u128 = 0x0192_a8c4_0000_7000_8000_0000_0000_0001;

/// Riverton, where Ada holds a seat; nobody sweeps.
async fn held(folder: &tempfile::TempDir) -> Session {
    let session = riverton(folder).await;
    let app = &session.app;
    let departure = lists::departures(app, app.clock.now(), None).await.unwrap()[0].id;
    let command = Reserve {
        booking_id: BookingId(Uuid::from_u128(BOOKING)),
        offering_id: departure,
        route_id: None,
        user_id: UserId("ada".into()),
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
    session.catch_up().await.unwrap();
    session
}

async fn told(
    session: &Session,
    flags: &[&str],
    checks: &[Check],
) -> (Screen, Option<(Exit, String, String)>) {
    let mut screen = screen(flags, false);
    let outcome = verify(session, &mut screen.printer, checks, &ListArgs::default()).await;
    (screen, outcome.err().map(|failure| (failure.exit, failure.code, failure.message)))
}

#[tokio::test]
async fn what_holds_is_a_table_of_checks_and_no_finding() {
    let folder = tempfile::tempdir().unwrap();
    let session = held(&folder).await;
    let checks = [Check::Bookings, Check::Claims, Check::Passengers];
    let (screen, outcome) = told(&session, &[], &checks).await;
    assert_eq!(outcome, None);
    let expected = "\
CHECK       LOOKED AT  FINDINGS
bookings            1         0
claims              6         0
passengers          2         0
";
    assert_eq!(screen.out(), expected);
    assert_eq!(screen.err(), "Everything holds.\n");
    for (flags, expected) in [(["-ojson"], "[]\n"), (["-ojsonl"], ""), (["-oyaml"], "[]\n")] {
        let (screen, outcome) = told(&session, &flags, &checks).await;
        assert_eq!((screen.out().as_str(), outcome), (expected, None), "{flags:?}");
    }
}

#[tokio::test]
async fn what_does_not_hold_is_named_with_its_command_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let session = held(&folder).await;
    session.app.clock.advance(200_000);
    let checks = [Check::Claims];
    let (screen, outcome) = told(&session, &[], &checks).await;
    let message = "1 finding: claims.".to_owned();
    let failure = Some((Exit::Unhealthy, "NOT_VERIFIED".to_owned(), message));
    assert_eq!(outcome, failure);
    let expected = "\
CHECK   LOOKED AT  FINDINGS
claims          6         1

claims: booking 0192a8c4-0000-7000-8000-000000000001
    its hold ended 140 s ago and was not swept: no process runs the role expiry,
    or it is behind
    ticketctl serve --roles expiry
";
    assert_eq!(screen.out(), expected);
    assert!(screen.out().lines().all(|line| line.chars().count() <= 80));

    let (screen, outcome) = told(&session, &["-ojson"], &checks).await;
    assert_eq!(outcome, failure);
    let rows: serde_json::Value = serde_json::from_str(&screen.out()).unwrap();
    let names: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["check", "command", "finding", "id", "kind"]);
    let (screen, _) = told(&session, &["-ocsv"], &checks).await;
    assert_eq!(screen.out().lines().next().unwrap(), "check,kind,id,finding,command");
    let (screen, _) = told(&session, &["-oname"], &checks).await;
    assert_eq!(screen.out(), "0192a8c4-0000-7000-8000-000000000001\n");
}
