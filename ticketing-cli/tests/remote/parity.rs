//! Every command, near and far: what it prints, on which stream, and how it ends.

use crate::support::Place;
use crate::support::paid::{UNKNOWN, booked_and_paid, parked, with_app};
use crate::{Far, Same};
use clap::CommandFactory as _;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};
use ticketing_core::app::inbound::{InboundMessage, letter};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::store::dead_letters;

const FORMATS: [&str; 7] = ["table", "wide", "json", "jsonl", "yaml", "csv", "name"];

/// A command line, what is piped into it, and how alike its answers are.
type Row = (Vec<String>, &'static str, Same);

fn keep(place: &Place, offset: i64, code: &str) -> String {
    let message = InboundMessage {
        source: "payment-events".into(),
        partition: 0,
        offset,
        key: Some(UNKNOWN.into()),
        headers: vec![("ce_type".into(), "PaymentSucceeded".into())],
        body: json!({"bookingId": UNKNOWN, "paymentId": "p-1"}).to_string().into_bytes(),
        at: Timestamp::from_millis(0),
    };
    with_app(place, async |app| {
        let letter = letter(&message, Some((code, "It was so.")), app.clock.now());
        assert!(dead_letters::put(&app.stores.write, &letter).await.unwrap());
        letter.id.to_string()
    })
}

/// What is not the same from afar: these write files or fill a folder, which is done where the folder is, and the doctor
/// also looks at the machine that it runs on.
const OTHERWISE: [&str; 4] = ["backup", "doctor", "restore", "support bundle"];

/// The words of every command that does something: `booking list`.
fn leaves(command: &clap::Command, words: &str, found: &mut BTreeSet<String>) {
    for below in command.get_subcommands() {
        let words = format!("{words} {}", below.get_name()).trim().to_owned();
        if below.has_subcommands() {
            leaves(below, &words, found);
        } else {
            found.insert(words);
        }
    }
}

fn zipped(folder: &std::path::Path, to: &std::path::Path) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(to).unwrap());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(path.file_name().unwrap().to_str().unwrap(), options).unwrap();
        zip.write_all(&std::fs::read(path).unwrap()).unwrap();
    }
    zip.finish().unwrap();
}

/// A city in which something of every kind has happened, and a server on it.
struct World {
    far: Far,
    schedule: String,
    listing: String,
    order: String,
    held: String,
    parked: String,
    paid: String,
    letter: String,
    job: String,
    user: String,
    mail: String,
}

impl World {
    fn new() -> Self {
        let place = Place::seeded();
        let (paid, parked) = (booked_and_paid(&place, "C1"), parked(&place, "D1"));
        let held = place.booking(&["--seat", "C2", "--hold", "1h"]);
        let (letter, other) = (keep(&place, 1, "UNKNOWN_BOOKING"), keep(&place, 2, "UNKNOWN_TYPE"));
        let schedule = place.schedule();
        let listing =
            ["listing", "create", "--title", "Jazz", "--price", "25", "--seller", "sam", "-o", "name"];
        let listing = place.run(&listing).ok().out.trim().to_owned();
        let order = ["order", "create", &listing, "--user", "ben", "--hold", "1h", "-o", "name"];
        let order = place.run(&order).ok().out.trim().to_owned();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = place.0.path();
        std::fs::copy(root.join("fixtures/demo-city.yaml"), folder.join("city.yaml")).unwrap();
        zipped(&root.join("fixtures/gtfs/mini-city"), &folder.join("feed.zip"));
        std::fs::write(folder.join("junk.zip"), "route_id,agency\n").unwrap();
        std::fs::create_dir(folder.join("folder")).unwrap();
        std::fs::write(folder.join("events.jsonl"), "{\"type\":\"PaymentSucceeded\"}\n").unwrap();
        std::fs::write(folder.join("statement.csv"), "attempt_id,type,amount,currency,status\n").unwrap();
        let far = Far::on(place);
        let discard = ["dlq", "discard", &other, "--yes", "--detach", "-o", "name"];
        let job = far.place.run(&discard).ok().out.trim().to_owned();
        far.place.run(&["job", "watch", &job]).ok();
        let began = Instant::now();
        while far.place.run(&["booking", "get", &paid, "-o", "json"]).ok().json()["status"] != "CONFIRMED" {
            assert!(began.elapsed() < Duration::from_secs(20), "it is paid");
            std::thread::sleep(Duration::from_millis(100));
        }
        let made = ["user", "create", "--email", "ada@example.org", "--username", "ada", "-o", "name"];
        let user = far.place.run(&made).ok().out.trim().to_owned();
        far.place.run(&["user", "create", "--email", "bob@example.org", "-o", "name"]).ok();
        far.place.run(&["user", "suspend", "bob@example.org", "--reason", "spam", "--yes"]).ok();
        let mail = loop {
            let mails = far.place.run(&["mail", "list", "-o", "json"]).ok().json();
            if mails[0]["state"] == "sent" {
                break mails[0]["id"].as_str().unwrap().to_owned();
            }
            assert!(began.elapsed() < Duration::from_secs(30), "its passenger is told: {mails}");
            std::thread::sleep(Duration::from_millis(100));
        };
        Self { far, schedule, listing, order, held, parked, paid, letter, job, user, mail }
    }

    /// Every command, with what it is tried with.
    fn rows(&self) -> Vec<Row> {
        let Self { schedule, listing, order, held, parked, paid, letter, job, user, mail, .. } = self;
        let passenger = "--passenger-name Ada --passenger-email ada@example.org";
        let route = "--key K1 --name Ring --stops A,B,C --price 2.50 --timezone Europe/Berlin";
        let departure = "--route X90 --at 2027-01-05T10:00 --layout coach-52 --minutes 10,20,30";
        let days = "--from 2026-11-23 --days 7";
        let match_of_rovers = "rovers@15:00";
        let venue = "--key hut --name Hut --city Riverton --timezone UTC --section A:2x3:GOLD --section B:10";
        let concert =
            "--venue riverside-arena --key gala --title Gala --at 2027-01-05T20:00 --minutes 90 --price 30";
        let rows: &[(String, &'static str, Same)] = &[
            ("migrate status".into(), "", Same::Bytes),
            ("migrate up --dry-run".into(), "", Same::Bytes),
            ("seed demo --dry-run".into(), "", Same::Bytes),
            ("seed apply -f city.yaml --dry-run".into(), "", Same::Bytes),
            ("seed apply -fcity.yaml --dry-run".into(), "", Same::Bytes),
            ("seed apply --file=none.yaml --dry-run".into(), "", Same::Bytes),
            ("seed apply -f - --dry-run".into(), "routes: [\n", Same::Bytes),
            (format!("seed gtfs feed.zip {days} --dry-run"), "", Same::Bytes),
            (format!("seed gtfs none.zip {days} --dry-run"), "", Same::Bytes),
            (format!("seed gtfs junk.zip {days} --dry-run"), "", Same::Bytes),
            ("route list".into(), "", Same::Bytes),
            ("route get X90".into(), "", Same::Bytes),
            ("route get none".into(), "", Same::Bytes),
            (format!("route create {route} --dry-run"), "", Same::Bytes),
            ("schedule list".into(), "", Same::Bytes),
            (format!("schedule get {schedule}"), "", Same::Bytes),
            (format!("schedule create {departure} --dry-run"), "", Same::Bytes),
            (format!("schedule cancel {schedule} --dry-run"), "", Same::ButForTheTime),
            (format!("schedule cancel {schedule}"), "", Same::Bytes),
            ("route cancel X90 --dry-run".into(), "", Same::ButForTheTime),
            ("route cancel X90".into(), "", Same::Bytes),
            ("venue list".into(), "", Same::Bytes),
            ("venue get old-playhouse".into(), "", Same::Bytes),
            ("venue get none".into(), "", Same::Bytes),
            (format!("venue create {venue} --dry-run"), "", Same::Bytes),
            ("venue cancel old-playhouse --dry-run".into(), "", Same::ButForTheTime),
            ("venue cancel none --reason gone --yes".into(), "", Same::Bytes),
            ("event list".into(), "", Same::Bytes),
            (format!("event get {match_of_rovers}"), "", Same::Bytes),
            (format!("event create {concert} --dry-run"), "", Same::Bytes),
            (format!("event block {match_of_rovers} 101-A1 --dry-run"), "", Same::Bytes),
            (format!("event block {match_of_rovers} 999-A1"), "", Same::Bytes),
            (format!("event unblock {match_of_rovers} 101-A1"), "", Same::Bytes),
            (format!("event cancel {match_of_rovers} --dry-run"), "", Same::ButForTheTime),
            (format!("event cancel {match_of_rovers}"), "", Same::Bytes),
            (format!("seat map {match_of_rovers}"), "", Same::Bytes),
            (format!("seat map {match_of_rovers} --section 101"), "", Same::Bytes),
            (format!("seat map {match_of_rovers} --section 999"), "", Same::Bytes),
            (format!("seat map {match_of_rovers} --sections"), "", Same::Bytes),
            ("seat count --kind event --kind listing".to_owned(), "", Same::Bytes),
            ("seat count --query free<0".to_owned(), "", Same::Bytes),
            ("listing list".into(), "", Same::Bytes),
            (format!("listing get {listing}"), "", Same::Bytes),
            (format!("listing get {UNKNOWN}"), "", Same::Bytes),
            ("listing create --title Rock --price 10 --seller sam --dry-run".into(), "", Same::Shape),
            ("listing create --title Rock --price 0 --seller sam".into(), "", Same::Bytes),
            (format!("listing cancel {listing} --dry-run"), "", Same::ButForTheTime),
            ("order list".into(), "", Same::Bytes),
            (format!("order get {order}"), "", Same::Bytes),
            (format!("order create {listing} --user eve"), "", Same::Bytes),
            (format!("order create {listing} --user eve --dry-run"), "", Same::Bytes),
            (format!("order cancel {order} --dry-run"), "", Same::ButForTheTime),
            (format!("seat map {schedule}"), "", Same::Bytes),
            (format!("seat map {schedule} --watch"), "", Same::Bytes),
            ("booking list".into(), "", Same::Bytes),
            ("booking list --query status=CONFIRMED".into(), "", Same::Bytes),
            ("booking list --query stat=X".into(), "", Same::Bytes),
            ("booking list --bogus".into(), "", Same::Bytes),
            (format!("booking get {paid}"), "", Same::Bytes),
            (format!("booking get {UNKNOWN}"), "", Same::Bytes),
            (format!("booking reserve {schedule} {passenger} --dry-run"), "", Same::Shape),
            (format!("booking reserve {schedule} {passenger} --seat C2"), "", Same::Bytes),
            (format!("booking confirm {held} --payment {UNKNOWN} --dry-run"), "", Same::ButForTheTime),
            (format!("booking cancel {held} --dry-run"), "", Same::ButForTheTime),
            (format!("booking cancel {held}"), "", Same::Bytes),
            ("hold list".into(), "", Same::ButForTheTime),
            (format!("hold expire {held} --dry-run"), "", Same::ButForTheTime),
            ("hold expire - --dry-run".into(), UNKNOWN, Same::Bytes),
            ("saga list".into(), "", Same::Bytes),
            ("saga list --stuck".into(), "", Same::Bytes),
            (format!("saga show {parked}"), "", Same::Bytes),
            (format!("saga retry {parked} --dry-run"), "", Same::ButForTheTime),
            (format!("saga compensate {parked} --dry-run"), "", Same::ButForTheTime),
            (format!("saga abandon {parked} --dry-run"), "", Same::ButForTheTime),
            (format!("saga inject-error {held} --step charge --kind timeout --dry-run"), "", Same::Shape),
            (format!("saga inject-error {held} --off"), "", Same::Bytes),
            ("payment list".into(), "", Same::Bytes),
            (format!("payment show {paid}"), "", Same::Bytes),
            (format!("payment refund {paid} --dry-run"), "", Same::ButForTheTime),
            ("payment reconcile statement.csv".into(), "", Same::ButForTheTime),
            ("payment reconcile -".into(), "a,b\n", Same::Bytes),
            ("payment reconcile none.csv".into(), "", Same::Bytes),
            ("payment books".into(), "", Same::Bytes),
            ("mail list".into(), "", Same::Bytes),
            ("mail list --query kind=nonsense".into(), "", Same::Bytes),
            (format!("mail show {mail}"), "", Same::Bytes),
            (format!("mail retry {mail} --dry-run"), "", Same::ButForTheTime),
            (format!("why {parked}"), "", Same::Bytes),
            ("why none".into(), "", Same::Bytes),
            ("events tail".into(), "", Same::Bytes),
            ("events tail --range 2026-11-21..2026-11-20".into(), "", Same::Bytes),
            ("events show 3".into(), "", Same::Bytes),
            ("events show 999999".into(), "", Same::Bytes),
            ("events replay --range 1.. --to-projection tickets --dry-run".into(), "", Same::ButForTheTime),
            ("events republish --range 1..5 --dry-run".into(), "", Same::ButForTheTime),
            ("events publish payment-events events.jsonl --dry-run".into(), "", Same::Bytes),
            ("events publish payment-events none.jsonl --dry-run".into(), "", Same::Bytes),
            ("outbox status".into(), "", Same::ButForTheTime),
            ("group list".into(), "", Same::ButForTheTime),
            ("group lag".into(), "", Same::ButForTheTime),
            (
                "group seek ours --topic payment-events --to earliest --dry-run".into(),
                "",
                Same::ButForTheTime,
            ),
            ("dlq list".into(), "", Same::Bytes),
            (format!("dlq show {letter}"), "", Same::Bytes),
            (format!("dlq redrive {letter} --dry-run"), "", Same::ButForTheTime),
            (format!("dlq discard {letter} --dry-run"), "", Same::ButForTheTime),
            ("job list".into(), "", Same::Bytes),
            (format!("job get {job}"), "", Same::Bytes),
            (format!("job watch {job}"), "", Same::Bytes),
            (format!("job cancel {job}"), "", Same::Bytes),
            (format!("job resume {job}"), "", Same::Bytes),
            ("audit list".into(), "", Same::Bytes),
            ("user list".into(), "", Same::Bytes),
            ("user list --status suspended".into(), "", Same::Bytes),
            ("user list --search ADA --query status=ACTIVE".into(), "", Same::Bytes),
            (format!("user get {user}"), "", Same::Bytes),
            ("user get ada@example.org".into(), "", Same::Bytes),
            ("user get nobody".into(), "", Same::Bytes),
            ("user create --email cid@example.org --dry-run".into(), "", Same::Bytes),
            (
                "user create --email cid@example.org --password - --dry-run".into(),
                "correct horse",
                Same::Bytes,
            ),
            ("user create --email cid@example.org --password -".into(), "short", Same::Bytes),
            ("user create --email cid@example.org --password horse".into(), "", Same::Bytes),
            ("user create --email ADA@example.org".into(), "", Same::Bytes),
            (format!("user suspend {user} --dry-run"), "", Same::Bytes),
            (format!("user suspend {user}"), "", Same::Bytes),
            ("user resume bob@example.org --dry-run".into(), "", Same::Bytes),
            (format!("user resume {user}"), "", Same::Bytes),
            (format!("user delete {user} --dry-run"), "", Same::Bytes),
            ("user delete -".into(), "ada", Same::Bytes),
            ("user token ada --role user".into(), "", Same::Shape),
            ("user token ada --role king".into(), "", Same::Bytes),
            ("status".into(), "", Same::ButForTheTime),
            ("verify --check log".into(), "", Same::ButForTheTime),
            ("projection list".into(), "", Same::ButForTheTime),
            ("projection verify tickets".into(), "", Same::ButForTheTime),
            ("projection rebuild tickets --dry-run".into(), "", Same::ButForTheTime),
            ("projection revert tickets --dry-run".into(), "", Same::ButForTheTime),
        ];
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        rows.iter().map(|(line, stdin, same)| (words(line), *stdin, *same)).collect()
    }
}

#[test]
fn every_command_says_through_a_server_what_it_says_on_the_stores() {
    // From near and from afar, in two formats.
    const TOKENS_MADE: usize = 4;
    let world = World::new();
    let rows = world.rows();
    let mut known = BTreeSet::new();
    leaves(&ticketing_desk::Program::command(), "", &mut known);
    let tried = |leaf: &String| {
        rows.iter().any(|(words, ..)| format!("{} ", words.join(" ")).starts_with(&format!("{leaf} ")))
    };
    let untried: Vec<_> =
        known.iter().filter(|leaf| !OTHERWISE.contains(&leaf.as_str()) && !tried(leaf)).collect();
    assert!(untried.is_empty(), "{untried:?} have no row");
    for (args, code) in [(&["backup", "b.zip"][..], 2), (&["restore", "b.zip", "--yes"], 2), (&["doctor"], 0)]
    {
        let ran = world.far.run(args);
        assert_eq!(ran.code, code, "{args:?}: {} {}", ran.out, ran.err);
    }
    let rows_before = world.far.place.audit_rows();
    let mut differences = Vec::new();
    for (turn, (words, stdin, same)) in rows.iter().enumerate() {
        // The same command prints in every format: each has them in turn, and what people read always.
        for format in [FORMATS[0], FORMATS[1 + turn % (FORMATS.len() - 1)]] {
            let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
            args.extend(["-o", format]);
            differences.extend(world.far.difference(&args, stdin, *same));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert_eq!(world.far.place.audit_rows(), rows_before + TOKENS_MADE, "all else only looked");
}

/// The newest row of the audit log.
fn audited(place: &Place) -> serde_json::Value {
    place.run(&["audit", "list", "-o", "json"]).ok().json()[0].clone()
}

#[test]
fn a_change_through_a_server_is_made_once_and_audited_under_the_token_s_name() {
    let World { far, schedule, held, parked, letter, user, .. } = World::new();
    let passenger = ["--passenger-name", "Ada", "--passenger-email", "ada@example.org"];
    let seat = [&["booking", "reserve", &schedule, "--seat", "D4"][..], &passenger].concat();
    let changes: Vec<(&str, Vec<&str>, &str)> = vec![
        ("booking reserve", seat, ""),
        ("booking cancel", vec!["booking", "cancel", &held, "--yes"], ""),
        ("saga retry", vec!["saga", "retry", "-", "--yes"], &parked),
        ("dlq discard", vec!["dlq", "discard", &letter, "--yes"], ""),
        ("seed gtfs", "seed gtfs feed.zip --from 2026-11-23 --days 7".split(' ').collect(), ""),
        ("user token", vec!["user", "token", "bob"], ""),
        (
            "user create",
            "user create --email cid@example.org --password -".split(' ').collect(),
            "correct horse\n",
        ),
        ("user suspend", vec!["user", "suspend", &user, "--yes"], ""),
        ("user resume", vec!["user", "resume", &user], ""),
        ("user delete", vec!["user", "delete", &user, "--yes"], ""),
        ("schedule cancel", vec!["schedule", "cancel", &schedule, "--yes"], ""),
    ];
    for (action, args, stdin) in changes {
        let before = far.place.audit_rows();
        // Asking again takes nothing away.
        let refused_first = args.contains(&"--yes") && action != "saga retry";
        if refused_first {
            let bare: Vec<&str> = args.iter().copied().filter(|arg| *arg != "--yes").collect();
            assert_eq!(far.fed(&bare, stdin).code, 9, "{bare:?}");
        }
        far.fed(&args, stdin).ok();
        // A departure that is cancelled takes its bookings with it, in a row of their own.
        let rows = if action == "schedule cancel" { 2 } else { 1 };
        assert_eq!(far.place.audit_rows(), before + rows, "{action}");
        let row = audited(&far.place);
        assert_eq!((&row["actor"], row["action"].as_str().unwrap()), (&json!("olga"), action), "{row}");
    }
    // An operator gives nobody a role.
    for role in ["service", "operator", "admin"] {
        let token = far.run(&["user", "token", "eve", "--role", role]);
        assert_eq!((token.code, token.out.as_str()), (4, ""), "{}", token.err);
    }
    // Nobody says by a flag who acts.
    let named = far.run(&["booking", "cancel", &parked, "--yes", "--as", "somebody"]);
    assert_eq!((named.code, named.err.contains("--as is not for commands that a server runs")), (2, true));
}
