//! Mails as an operator meets them: sent over TLS with a password, waiting while the server is away, listed, explained,
//! sent again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

#[path = "../../ticketing-core/tests/it/support/door.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod door;
#[path = "../../ticketing-core/tests/it/support/smtp.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod smtp;
#[path = "support/mod.rs"]
#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use door::{Door, Mode};
use serde_json::Value;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use support::Place;
use support::paid::fits_80_columns;

/// All has come by then.
const COMES_WITHIN: Duration = Duration::from_secs(40);

/// A server on the folder of a place.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(place: &Place, set: &[(&str, &str)]) -> Server {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log =
        std::fs::File::options().create(true).append(true).open(place.0.path().join("server.log")).unwrap();
    let mut command = place.command(&["up", "--port", &free.port().to_string()]);
    let child = command.envs(set.iter().copied()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let began = Instant::now();
    while TcpStream::connect(free).is_err() {
        assert!(began.elapsed() < COMES_WITHIN, "the server answers");
        std::thread::sleep(Duration::from_millis(20));
    }
    Server(child)
}

/// What the services of the tests set for this variable; `None` if the test is to be left out.
fn set(name: &str) -> Option<String> {
    let found = std::env::var(name).ok().filter(|value| !value.is_empty());
    if found.is_none() {
        assert_ne!(
            std::env::var("TICKETING_REQUIRE_SERVICES").as_deref(),
            Ok("1"),
            "TICKETING_REQUIRE_SERVICES=1, but there is no {name}; start one: eval \"$(scripts/services up)\""
        );
        // Past the test harness, which keeps what passing tests print to itself.
        let _ = writeln!(
            std::io::stderr(),
            "tests of mail left out: set {name}: eval \"$(scripts/services up)\""
        );
    }
    found
}

fn mails(place: &Place) -> Vec<Value> {
    place.run(&["mail", "list", "-o", "json"]).ok().json().as_array().unwrap().clone()
}

/// Waits until there are `count` mails, and all stand so.
fn until(place: &Place, count: usize, state: &str) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let mails = mails(place);
        if mails.len() == count && mails.iter().all(|mail| mail["state"] == state) {
            return mails;
        }
        let log = std::fs::read_to_string(place.0.path().join("server.log")).unwrap();
        assert!(began.elapsed() < COMES_WITHIN, "{count} {state}: {mails:#?}\n{log}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn sold(place: &Place) -> String {
    let id = place.booking(&[]);
    place.run(&["booking", "confirm", &id, "--payment", &format!("pay-{id}"), "--yes"]).ok();
    id
}

#[test]
fn mails_go_out_over_tls_with_a_password_and_the_password_is_nowhere() {
    let (Some(starttls), Some(smtps), Some(folder)) =
        (set("TEST_SMTP_SECURED_URL"), set("TEST_SMTPS_URL"), set("TEST_SMTP_FOLDER"))
    else {
        return;
    };
    let password = smtps.rsplit('@').nth(1).unwrap().rsplit(':').next().unwrap().to_owned();
    let ca = format!("{folder}/ca.pem");
    let place = Place::seeded();
    let required = format!("{starttls}?tls=required");
    for url in [&required, &smtps] {
        let from = format!("Tickets <{}@example.org>", uuid::Uuid::new_v4().simple());
        let settings = [("SMTP_URL", url.as_str()), ("MAIL_FROM", &from), ("SSL_CERT_FILE", &ca)];
        let before = mails(&place).len();
        let server = serve(&place, &settings);
        sold(&place);
        until(&place, before + 1, "sent");
        drop(server);
        let arrived = std::fs::read_dir(format!("{folder}/mails/new")).unwrap();
        let arrived = arrived.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok());
        assert_eq!(arrived.filter(|mail| mail.contains(&from)).count(), 1, "{from}");
        let mut doctor = place.command(&["doctor", "-o", "json"]);
        let checks = place.finish(doctor.envs(settings), "").json();
        assert_eq!(check(&checks, "mail")["state"], "ok", "{checks:#}");
    }

    // Nobody vouches for the server, or the password is another: nothing is sent, and what is said has no password.
    let wrong = smtps.replace(&password, "hunter2");
    let cases: [&[(&str, &str)]; 2] =
        [&[("SMTP_URL", &smtps)], &[("SMTP_URL", &wrong), ("SSL_CERT_FILE", &ca)]];
    for settings in cases {
        let before = mails(&place).len();
        let server = serve(&place, settings);
        let id = sold(&place);
        let began = Instant::now();
        while mails(&place).len() == before || mails(&place)[0]["lastError"].is_null() {
            assert!(began.elapsed() < COMES_WITHIN, "{:#?}", mails(&place));
            std::thread::sleep(Duration::from_millis(200));
        }
        let waiting = mails(&place).remove(0);
        assert_eq!(
            (waiting["state"].as_str(), waiting["tries"].as_u64()),
            (Some("queued"), Some(0)),
            "{waiting}"
        );
        let mut doctor = place.command(&["doctor", "-o", "json"]);
        let checks = place.finish(doctor.envs(settings.iter().copied()), "").json();
        assert_eq!(check(&checks, "mail")["state"], "warn", "{checks:#}");
        let story = place.run(&["why", &id]).ok();
        assert!(story.out.contains("waits, and is tried again"), "{story:?}");
        let log = std::fs::read_to_string(place.0.path().join("server.log")).unwrap();
        for said in [waiting.to_string(), checks.to_string(), story.out, log] {
            assert!(!said.contains(&password) && !said.contains("hunter2"), "{said}");
        }
        drop(server);
        // For the next case: it is put into the folder.
        let server = serve(&place, &[]);
        let mail = waiting["id"].as_str().unwrap();
        place.run(&["mail", "retry", mail, "--reason", "the server is another now"]).ok();
        until(&place, before + 1, "sent");
        drop(server);
        assert!(place.0.path().join(format!("data/mail/{mail}.eml")).is_file());
    }
}

fn check<'v>(checks: &'v Value, name: &str) -> &'v Value {
    checks
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == name)
        .unwrap_or_else(|| panic!("{name}: {checks:#}"))
}

#[test]
fn an_operator_lists_shows_explains_and_sends_again() {
    let place = Place::seeded();
    let server = serve(&place, &[]);
    let (kept, given_up) = (sold(&place), sold(&place));
    place.run(&["booking", "cancel", &given_up, "--reason", "ill", "--yes"]).ok();
    let sent = until(&place, 4, "sent");
    let kinds: Vec<&str> = sent.iter().map(|mail| mail["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["refunded", "cancelled", "confirmed", "confirmed"], "the newest first: {sent:#?}");
    let mail = &sent[1];
    let id = mail["id"].as_str().unwrap();
    assert_eq!(mail["bookingId"], given_up.as_str());
    assert_eq!(mail["messageId"], format!("<{id}@localhost>"));
    assert!(!serde_json::to_string(&sent).unwrap().contains("ada@example.org"), "no address: {sent:#?}");
    for args in [&["mail", "list"][..], &["mail", "show", &id[..12]], &["why", &given_up]] {
        let shown = place.run(args).ok();
        assert!(shown.out.contains("sent"), "{shown:?}");
        if args[0] == "mail" {
            fits_80_columns(&shown.out);
        }
    }
    let shown = place.run(&["mail", "show", &id[..12], "-o", "json"]).ok().json();
    assert_eq!((&shown["id"], &shown["safeAction"]), (&mail["id"], &Value::Null));
    let path = place.0.path().join(format!("data/mail/{id}.eml"));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("Subject: Your booking is cancelled") && text.contains("Reason:"), "{text}");
    assert!(text.contains("ada@example.org"), "{text}");

    let rows = place.audit_rows();
    let query = ["mail", "retry", "--query", "kind=confirmed", "--reason", "r"];
    let nothing = place.run(&query).ok();
    assert!(
        nothing.err.contains("othing to change"),
        "what was sent is sent again only by name: {nothing:?}"
    );
    let plan = place.run(&["mail", "retry", id, "--dry-run", "-o", "json"]).ok().json();
    let change = &plan["changes"][0];
    assert_eq!((&plan["action"], &change["before"]["state"]), (&"mail retry".into(), &"sent".into()));
    assert_eq!((&change["after"]["state"], &plan["affected"]), (&"queued".into(), &1.into()));
    assert_eq!((place.audit_rows(), mails(&place)[1]["state"].as_str()), (rows, Some("sent")), "a dry run");
    std::fs::remove_file(&path).unwrap();
    place.run(&["mail", "retry", id, "--reason", "she lost it"]).ok();
    until(&place, 4, "sent");
    assert!(std::fs::read_to_string(&path).unwrap().contains(&format!("Message-ID: <{id}@localhost>")));
    let audit = place.run(&["audit", "list", "-o", "json", "--limit", "1"]).ok().json();
    assert_eq!((&audit[0]["action"], &audit[0]["target"]), (&"mail retry".into(), &id.into()), "{audit}");
    assert_eq!(audit[0]["reason"], "she lost it");

    let status = place.run(&["status", "-o", "json"]).ok().json();
    assert_eq!((&status["mails"]["queued"], &status["mails"]["failed"]), (&0.into(), &0.into()), "{status}");
    assert_eq!(place.run(&["mail", "show", "00000000"]).code, 3);
    assert_eq!(place.run(&["mail", "list", "--query", "nonsense=1"]).code, 2);
    drop(server);
    // What happens while nobody serves is told when somebody does.
    place.run(&["booking", "cancel", &kept, "--yes"]).ok();
    assert_eq!(mails(&place).len(), 4);
    let _server = serve(&place, &[]);
    let all = until(&place, 6, "sent");
    assert_eq!((&all[1]["kind"], &all[1]["bookingId"]), (&"cancelled".into(), &kept.as_str().into()));
}

/// Longer than a mail that was taken up stays with a process that died: 60 s.
const LEASE_ENDS_WITHIN: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_when_a_mail_was_taken_but_not_written_down_sends_it_again_under_the_same_id()
{
    let Some(server) = smtp::smtp() else { return };
    let door = Door::before(&server.url, Mode::KeepsTheLastWord).await;
    let place = Place::seeded();
    let running = serve(&place, &[("SMTP_URL", &door.url)]);
    let email = format!("killed-{}@example.org", uuid::Uuid::new_v4().simple());
    let passenger = ["--passenger-name", "Ada", "--passenger-email", &email, "-o", "json"];
    let booked =
        place.run(&[&["booking", "reserve", &place.schedule()], &passenger[..]].concat()).ok().json();
    let id = booked["id"].as_str().unwrap();
    place.run(&["booking", "confirm", id, "--payment", "pay-1", "--yes"]).ok();
    server.wait_for(&email, 1).await;
    // SIGKILL: the mail server has the mail, and nobody has written that down.
    drop(running);
    assert_eq!(mails(&place)[0]["state"], "queued");
    let _running = serve(&place, &[("SMTP_URL", &server.url)]);
    let began = Instant::now();
    while mails(&place)[0]["state"] != "sent" {
        assert!(began.elapsed() < LEASE_ENDS_WITHIN, "{:#?}", mails(&place));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let arrived = server.wait_for(&email, 2).await;
    let ids: Vec<String> = arrived.iter().map(|mail| mail.header("Message-ID")).collect();
    let expected = mails(&place)[0]["messageId"].as_str().unwrap().to_owned();
    assert_eq!(ids, [expected.clone(), expected], "it came twice, as one mail");
}
