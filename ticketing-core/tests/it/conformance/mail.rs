//! Passengers are told by mail, at a real mail server: each thing once, never for a replay, and at no booking's cost.

use crate::conformance::rebuilding::rebuild;
use crate::support::check::{check, project};
use crate::support::city::{ask, cancel, confirm, meta, operator, seed_line};
use crate::support::door::{Door, Mode};
use crate::support::place::{Place, by_hand, clock, count, on_both_engines, rows};
use crate::support::smtp::{Arrived, Smtp, smtp};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::adapters::mail::{MailConfig, Mailer, Outgoing};
use ticketing_core::adapters::payments::guard::{Guard, Limits};
use ticketing_core::adapters::payments::{Provider, ProviderConfig};
use ticketing_core::app::{App, Stores, commands};
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::{HoldKind, Reserve};
use ticketing_core::domain::booking::passenger::Passenger;
use ticketing_core::domain::booking::state::Booking;
use ticketing_core::domain::id::{OfferingId, UserId};
use ticketing_core::domain::mail::{Mail, MailState};
use ticketing_core::ops::{OpsError, mails as ops};
use ticketing_core::store::mails;
use ticketing_core::worker::mail::Mailing;
use ticketing_core::worker::payments::Asking;
use ticketing_core::worker::{Roles, Workers, sweeper};
use uuid::Uuid;

on_both_engines!(
    what_becomes_of_a_booking_is_mailed_as_text_and_html,
    a_dead_and_a_silent_mail_server_cost_bookings_nothing_and_each_mail_arrives_once_when_it_is_back,
    a_mail_whose_answer_was_lost_goes_out_again_under_the_same_id,
    a_mail_of_a_process_that_died_before_it_wrote_it_down_goes_out_again_under_the_same_id,
    neither_a_rebuild_nor_a_look_from_the_beginning_mails_again,
    nobody_is_told_of_what_was_long_past_when_mail_came,
    two_programs_send_each_mail_once,
    who_was_forgotten_gets_no_mail,
    a_mailbox_that_is_none_fails_at_once_and_a_full_one_is_tried_again,
    without_a_server_mails_are_files,
    whoever_orders_without_an_address_is_mailed_by_the_account_s,
    an_operator_sees_what_nobody_sends_and_what_was_refused,
);

/// The tests' clock, but ten times as fast as others: pauses and leases end soon.
fn hurrying() -> Clock {
    let clock = clock();
    let ticks = clock.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            ticks.advance(100);
        }
    });
    clock
}

fn mailer(url: &str) -> Mailer {
    let set = |name: &str| (name == "SMTP_URL").then(|| url.to_owned());
    Mailer::new(MailConfig::read(set, Path::new("unused")).unwrap()).unwrap()
}

/// Runs the mail's worker, and nothing else.
fn run(app: &App, url: &str) -> Workers {
    Workers::start(app, Roles { mail: Some(Mailing::quietly(mailer(url))), ..Roles::default() })
}

/// An address that no other test has.
fn address(name: &str) -> String {
    format!("{name}-{}@example.org", &Uuid::new_v4().simple().to_string()[..12])
}

async fn held_for(app: &App, command: Reserve, email: &str) -> Booking {
    let passenger = Passenger { name: "Ann Ümit".into(), email: email.into(), phone: None };
    let done = commands::reserve(app, command, passenger, meta()).await.unwrap();
    Booking::clone(&done.booking.unwrap())
}

/// Sells a seat to whoever has this address.
async fn sold_to(app: &App, bus: OfferingId, email: &str) -> Booking {
    let held = held_for(app, ask(bus), email).await;
    confirm(app, held.id, &format!("pay-{}", held.id)).await.unwrap();
    held
}

async fn mails_of(app: &App, booking: &Booking) -> Vec<Mail> {
    mails::of_booking(&app.stores.write, booking.id.0).await.unwrap()
}

/// Waits until all mails of a booking stand so, `count` of them.
async fn until(app: &App, booking: &Booking, count: usize, state: MailState) -> Vec<Mail> {
    let began = Instant::now();
    loop {
        let mails = mails_of(app, booking).await;
        if mails.len() == count && mails.iter().all(|mail| mail.state == state) {
            return mails;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "waiting for {state:?}: {mails:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn ids(arrived: &[Arrived]) -> BTreeSet<String> {
    arrived.iter().map(|mail| mail.header("Message-ID")).collect()
}

async fn what_becomes_of_a_booking_is_mailed_as_text_and_html(place: Place) {
    let Some(server) = smtp() else { return };
    let clock = hurrying();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 3, 1).await[0];
    let provider = Provider::new(ProviderConfig::Simulated, Clock::system()).unwrap();
    let asking = Asking::quietly(Arc::new(Guard::new(provider, Limits::default())));
    let mail = Some(Mailing::quietly(mailer(&server.url)));
    let workers = Workers::start(&app, Roles { saga: Some(asking), mail, ..Roles::default() });
    let (paid, late) = (address("paid"), address("late"));
    let passenger = Passenger { name: "Ann Ümit\r\nBcc: x@y.z".into(), email: paid.clone(), phone: None };
    let command = Reserve { kind: HoldKind::Book, ..ask(bus) };
    let done =
        commands::reserve_and_pay(&app, command, passenger, Some("tok_visa".into()), meta()).await.unwrap();
    let booking = Booking::clone(&done.booking.unwrap());
    let confirmed = server.wait_for(&paid, 1).await.remove(0);
    assert_eq!(confirmed.header("Subject"), "Your ticket is confirmed: Line");
    assert_eq!(confirmed.header("Auto-Submitted"), "auto-generated");
    assert_eq!(confirmed.header("X-MailFrom"), "tickets@localhost");
    assert!(confirmed.header("Content-Type").starts_with("multipart/alternative;"), "{}", confirmed.0);
    assert_eq!(confirmed.header("Bcc"), "", "{}", confirmed.0);
    for part in ["Content-Type: text/plain; charset=utf-8", "Content-Type: text/html; charset=utf-8"] {
        assert_eq!(confirmed.0.matches(part).count(), 1, "{part} in {}", confirmed.0);
    }
    for word in ["Line", "Stop 0", "Stop 2", "Saturday 21 November 2026, 09:00 UTC", "25.00 USD"] {
        assert!(confirmed.0.matches(word).count() >= 2, "{word} as text and HTML in {}", confirmed.0);
    }
    assert!(confirmed.0.contains(&booking.id.to_string()), "{}", confirmed.0);

    cancel(&app, booking.id).await.unwrap();
    let expired = held_for(&app, Reserve { hold_seconds: 1, ..ask(bus) }, &late).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    sweeper::sweep(&app).await.unwrap();
    until(&app, &booking, 3, MailState::Sent).await;
    until(&app, &expired, 1, MailState::Sent).await;
    let mut told: Vec<String> =
        server.wait_for(&paid, 3).await.iter().map(|mail| mail.header("Subject")).collect();
    told.sort();
    assert_eq!(
        told,
        ["Your booking is cancelled: Line", "Your refund: Line", "Your ticket is confirmed: Line"]
    );
    let over = server.wait_for(&late, 1).await;
    assert_eq!((over.len(), over[0].header("Subject").as_str()), (1, "Your hold has ended: Line"));
    workers.stop().await;
    check(&app).await;
}

async fn a_dead_and_a_silent_mail_server_cost_bookings_nothing_and_each_mail_arrives_once_when_it_is_back(
    place: Place,
) {
    let Some(server) = smtp() else { return };
    let app = place.program(&hurrying()).await;
    let bus = seed_line(&app, 10, "ABCD", 2, 1).await[0];
    let door = Door::before(&server.url, Mode::Silent).await;
    let workers = run(&app, &door.url);
    let email = address("patient");
    let mut slowest = Duration::ZERO;
    let mut booked = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        booked.push(sold_to(&app, bus, &email).await);
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Two commits on a busy machine; a mail's patience is 20 s.
    assert!(slowest < Duration::from_secs(5), "a booking took {slowest:?} beside a silent mail server");
    let began = Instant::now();
    while door.came() == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody tried to send");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.arrived(&email), []);
    door.set(Mode::Open);
    for booking in &booked {
        until(&app, booking, 1, MailState::Sent).await;
    }
    let arrived = server.arrived(&email);
    assert_eq!((arrived.len(), ids(&arrived).len()), (20, 20), "each once");
    // Those under way when it came back may have had one for nothing.
    assert_eq!(count(&app.stores.write, "mails WHERE tries > 2").await, 0, "an outage is no mail's own try");
    workers.stop().await;

    // The same with a server that is not there at all, and another process afterwards.
    let nobody = run(&app, "smtp://127.0.0.1:1");
    let later = sold_to(&app, bus, &email).await;
    let began = Instant::now();
    while mails_of(&app, &later).await.first().is_none_or(|mail| mail.last_error.is_none()) {
        assert!(began.elapsed() < Duration::from_secs(20), "it was never tried");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mail = mails_of(&app, &later).await.remove(0);
    assert_eq!((mail.state, mail.tries), (MailState::Queued, 0), "{mail:?}");
    nobody.stop().await;
    let workers = run(&app, &server.url);
    until(&app, &later, 1, MailState::Sent).await;
    assert_eq!(server.wait_for(&email, 21).await.len(), 21);
    workers.stop().await;
}

async fn a_mail_whose_answer_was_lost_goes_out_again_under_the_same_id(place: Place) {
    let Some(server) = smtp() else { return };
    let app = place.program(&hurrying()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let door = Door::before(&server.url, Mode::LosesTheLastWord).await;
    let workers = run(&app, &door.url);
    let email = address("twice");
    let booking = sold_to(&app, bus, &email).await;
    server.wait_for(&email, 1).await;
    let mail = mails_of(&app, &booking).await.remove(0);
    assert_eq!(mail.state, MailState::Queued, "nobody said that it was taken: {mail:?}");
    door.set(Mode::Open);
    let mail = until(&app, &booking, 1, MailState::Sent).await.remove(0);
    let arrived = server.wait_for(&email, 2).await;
    assert_eq!(ids(&arrived), BTreeSet::from([format!("<{}>", mail.message_id)]));
    workers.stop().await;
}

/// Sends a mail that is due and dies before it is written down.
async fn sent_and_died(app: &App, server: &Smtp, email: &str) -> Mail {
    let began = Instant::now();
    loop {
        let now = app.clock.now();
        let due = mails::claim_due(&app.stores.write, now, now.plus_seconds(60), 1).await.unwrap();
        if let Some(mail) = due.into_iter().next() {
            let outgoing = Outgoing {
                message_id: mail.message_id.clone(),
                date: mail.created_at,
                to_name: "Ann".into(),
                to_email: email.into(),
                subject: "Your ticket".into(),
                text: "…".into(),
                html: "…".into(),
            };
            mailer(&server.url).send(outgoing).await.unwrap();
            return mail;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "nothing is due");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_mail_of_a_process_that_died_before_it_wrote_it_down_goes_out_again_under_the_same_id(
    place: Place,
) {
    let Some(server) = smtp() else { return };
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    // It queues, and can send nothing: its mails are taken by hand.
    let queues = run(&app, "smtp://127.0.0.1:1");
    let email = address("again");
    let booking = sold_to(&app, bus, &email).await;
    let began = Instant::now();
    while mails_of(&app, &booking).await.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing is queued");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    queues.stop().await;
    clock.advance(120_000);
    let mail = sent_and_died(&app, &server, &email).await;
    let workers = run(&app, &server.url);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.arrived(&email).len(), 1, "it is leased to the dead for a while");
    clock.advance(61_000);
    until(&app, &booking, 1, MailState::Sent).await;
    let arrived = server.wait_for(&email, 2).await;
    assert_eq!((arrived.len(), ids(&arrived)), (2, BTreeSet::from([format!("<{}>", mail.message_id)])));
    workers.stop().await;
}

async fn neither_a_rebuild_nor_a_look_from_the_beginning_mails_again(place: Place) {
    let Some(server) = smtp() else { return };
    let app = place.program(&hurrying()).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let email = address("once");
    let workers = run(&app, &server.url);
    let booking = sold_to(&app, bus, &email).await;
    until(&app, &booking, 1, MailState::Sent).await;
    project(&app).await;
    rebuild(&app).await.unwrap();
    workers.stop().await;
    // Even a cursor that was put back by hand finds every event's mail there already.
    by_hand(&app.stores.write, "UPDATE mail_cursor SET position = 0", vec![]).await.unwrap();
    let other = place.program(&app.clock).await;
    let workers = run(&other, &server.url);
    let booking = sold_to(&other, bus, &email).await;
    until(&other, &booking, 1, MailState::Sent).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.arrived(&email).len(), 2);
    assert_eq!(count(&other.stores.write, "mails").await, 2);
    workers.stop().await;
}

async fn nobody_is_told_of_what_was_long_past_when_mail_came(place: Place) {
    let Some(server) = smtp() else { return };
    let app = place.program(&hurrying()).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let email = address("past");
    let past = sold_to(&app, bus, &email).await;
    // As a store was before there were mails.
    for text in
        ["DROP TABLE mails", "DROP TABLE mail_cursor", "DELETE FROM schema_migrations WHERE name = 'mail'"]
    {
        by_hand(&app.stores.write, text, vec![]).await.unwrap();
    }
    let stores = Stores::open_and_migrate(&place.config, app.clock.now()).await.unwrap();
    stores.close().await;
    let workers = run(&app, &server.url);
    let booking = sold_to(&app, bus, &email).await;
    until(&app, &booking, 1, MailState::Sent).await;
    assert_eq!((server.arrived(&email).len(), mails_of(&app, &past).await.len()), (1, 0));
    workers.stop().await;
}

async fn two_programs_send_each_mail_once(place: Place) {
    let Some(server) = smtp() else { return };
    let clock = hurrying();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let bus = seed_line(&apps[0], 10, "ABCD", 2, 1).await[0];
    let email = address("shared");
    let workers = [run(&apps[0], &server.url), run(&apps[1], &server.url)];
    let mut booked = Vec::new();
    for n in 0..30 {
        booked.push(sold_to(&apps[n % 2], bus, &email).await);
    }
    for booking in &booked {
        until(&apps[0], booking, 1, MailState::Sent).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let arrived = server.arrived(&email);
    assert_eq!((arrived.len(), ids(&arrived).len()), (30, 30));
    let tries = rows::<(i64,)>(&apps[0].stores.write, "SELECT SUM(tries) + 0 AS n FROM mails", vec![]).await;
    assert_eq!(tries[0].0, 30, "each was tried once");
    for workers in workers {
        workers.stop().await;
    }
}

async fn who_was_forgotten_gets_no_mail(place: Place) {
    let Some(server) = smtp() else { return };
    let app = place.program(&hurrying()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let email = address("forgotten");
    let booking = sold_to(&app, bus, &email).await;
    by_hand(&app.stores.write, "DELETE FROM passengers", vec![]).await.unwrap();
    let workers = run(&app, &server.url);
    let mail = until(&app, &booking, 1, MailState::Dropped).await.remove(0);
    assert_eq!(mail.last_error.as_deref(), Some("the passenger was forgotten"));
    workers.stop().await;
    assert_eq!(server.arrived(&email), []);
}

async fn a_mailbox_that_is_none_fails_at_once_and_a_full_one_is_tried_again(place: Place) {
    let Some(server) = smtp() else { return };
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "ABC", 2, 1).await[0];
    let workers = run(&app, &server.url);
    let refused = sold_to(&app, bus, "refused@example.org").await;
    let full = sold_to(&app, bus, "full@example.org").await;
    let bad = sold_to(&app, bus, "not an address").await;
    let mail = until(&app, &refused, 1, MailState::Failed).await.remove(0);
    let error = mail.last_error.unwrap();
    assert!(error.contains("550") || error.contains("no such mailbox"), "{error}");
    assert!(!error.contains("refused@example.org") && error.contains("<recipient>"), "{error}");
    let mail = until(&app, &bad, 1, MailState::Failed).await.remove(0);
    assert!(mail.last_error.unwrap().contains("e-mail address can't be used"));
    let began = Instant::now();
    for tries in 1..=3 {
        let mail = loop {
            let mail = mails_of(&app, &full).await.pop();
            match mail {
                Some(mail) if mail.tries == tries => break mail,
                _ => assert!(began.elapsed() < Duration::from_secs(40), "waiting for try {tries}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(mail.state, MailState::Queued);
        let pause = mail.next_at.unwrap().as_millis() - clock.now().as_millis();
        let least = 30_000 << (tries - 1);
        assert!((least..least * 5 / 4).contains(&pause), "{pause} ms after try {tries}");
        clock.advance(pause + 1);
    }
    workers.stop().await;
    // What an operator queues again is tried anew, and only from where it was seen.
    let seen = mails_of(&app, &refused).await;
    let db = &app.stores.write;
    assert!(mails::queue_again(db, &seen, clock.now()).await.unwrap());
    assert!(!mails::queue_again(db, &seen, clock.now()).await.unwrap(), "it is not there any more");
    assert_eq!(mails_of(&app, &refused).await[0].tries, 0);
}

async fn without_a_server_mails_are_files(place: Place) {
    let folder = tempfile::tempdir().unwrap();
    let app = place.program(&hurrying()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let config = MailConfig::read(|_| None, folder.path()).unwrap();
    let mail = Some(Mailing::quietly(Mailer::new(config).unwrap()));
    let workers = Workers::start(&app, Roles { mail, ..Roles::default() });
    let booking = sold_to(&app, bus, "ann@example.org").await;
    let mail = until(&app, &booking, 1, MailState::Sent).await.remove(0);
    workers.stop().await;
    let path = folder.path().join(format!("mail/{}.eml", mail.id));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("To: =?utf-8?") && text.contains("<ann@example.org>\r\n"), "{text}");
    assert!(text.contains(&format!("Message-ID: <{}@localhost>\r\n", mail.id)), "{text}");
    assert_eq!(std::fs::read_dir(folder.path().join("mail")).unwrap().count(), 1);
}

async fn whoever_orders_without_an_address_is_mailed_by_the_account_s(place: Place) {
    let folder = tempfile::tempdir().unwrap();
    let app = place.program(&hurrying()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let account = super::accounts::signed_up(&app, "ada").await.0.to_string();
    let order = async |user: &str| {
        let booking = held_for(&app, Reserve { user_id: UserId(user.into()), ..ask(bus) }, "").await;
        confirm(&app, booking.id, &format!("pay-{}", booking.id)).await.unwrap();
        booking
    };
    let (with, without) = (order(&account).await, order("a-service").await);
    let config = MailConfig::read(|_| None, folder.path()).unwrap();
    let mail = Some(Mailing::quietly(Mailer::new(config).unwrap()));
    let workers = Workers::start(&app, Roles { mail, ..Roles::default() });
    let mail = until(&app, &with, 1, MailState::Sent).await.remove(0);
    let text = std::fs::read_to_string(folder.path().join(format!("mail/{}.eml", mail.id))).unwrap();
    assert!(text.contains("ada@example.org>\r\n"), "{text}");
    let mail = until(&app, &without, 1, MailState::Dropped).await.remove(0);
    assert_eq!(mail.last_error.as_deref(), Some("the buyer has given no e-mail address"));
    workers.stop().await;
}

async fn an_operator_sees_what_nobody_sends_and_what_was_refused(place: Place) {
    let Some(server) = smtp() else { return };
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let refused = sold_to(&app, bus, "refused@example.org").await;
    let status = ops::status(&app).await.unwrap();
    assert_eq!(
        (status.queued, status.failed, status.warning),
        (1, 0, None),
        "nobody has looked at the log yet"
    );
    clock.advance(ops::STUCK_MS);
    let warning = ops::status(&app).await.unwrap().warning.unwrap();
    assert!(warning.contains("ticketctl serve --roles saga"), "{warning}");
    let workers = run(&app, &server.url);
    until(&app, &refused, 1, MailState::Failed).await;
    workers.stop().await;
    let status = ops::status(&app).await.unwrap();
    assert_eq!((status.queued, status.failed, status.warning), (0, 1, None));

    let found = ops::list(&app, None).await.unwrap();
    let details = serde_json::to_value(ops::details(&found[0])).unwrap();
    assert_eq!(details["safeAction"], format!("ticketctl mail retry {}", found[0].id));
    let planned = ops::plan_retry(&app, found.clone(), false).unwrap();
    assert_eq!((planned.plan.affected, planned.plan.changes[0].kind.as_str()), (1, "mail"));
    let stale = ops::plan_retry(&app, found, false).unwrap();
    clock.advance(1);
    ops::retry(&app, planned, &operator()).await.unwrap();
    let error = ops::retry(&app, stale, &operator()).await.unwrap_err();
    assert!(matches!(error, OpsError::WorldMoved { .. }), "{error}");
    assert_eq!(mails_of(&app, &refused).await[0].state, MailState::Queued);
}
