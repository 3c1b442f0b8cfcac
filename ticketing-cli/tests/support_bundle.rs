//! What a support bundle tells, and what it never does.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use support::Place;

/// What must be nowhere in a bundle, whatever the case.
const PLANTED: [&str; 9] = [
    "hunter2",
    "sk_live_51",
    "whsec_9",
    "ada",
    "lovelace",
    "example.org",
    "555-0199",
    "grace",
    "for the minister",
];

fn texts(place: &Place, name: &str) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(fs::File::open(place.0.path().join(name)).unwrap()).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut entry = zip.by_index(index).unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.name().unwrap().into_owned(), text)
        })
        .collect()
}

#[test]
fn a_bundle_tells_how_things_are_and_nothing_of_people_or_secrets() {
    let place = Place::seeded();
    let schedule = place.schedule();
    let passenger =
        ["--passenger-name", "Ada Lovelace", "--passenger-email", "ada@example.org", "--user", "ada"];
    let phone =
        ["--passenger-phone", "+1 555-0199", "--as", "Grace", "--reason", "for the minister", "-o", "name"];
    let id = place.run(&[&["booking", "reserve", &schedule], &passenger[..], &phone].concat()).ok();
    place.run(&["booking", "cancel", id.out.trim(), "--yes", "--as", "grace@example.org"]).ok();
    place.run(&["user", "token", "ada", "--as", "Grace", "-q"]).ok();
    let made = ["user", "create", "--email", "lovelace@example.org", "--username", "lovelace", "-o", "json"];
    let made = place.run(&made).ok().json();
    place
        .run(&["user", "suspend", "lovelace", "--yes", "--as", "Grace", "--reason", "for the minister"])
        .ok();
    fs::write(
        place.0.path().join("server.log"),
        "2026-11-20T12:00:00.000Z  INFO ticketing_core::engine: booking made for Ada Lovelace user=ada n=3\n\
         {\"level\":\"WARN\",\"message\":\"paid by Ada\",\"email\":\"ada@example.org\",\"key\":\"sk_live_51\"}\n",
    )
    .unwrap();
    let run = |more: &[&str]| {
        let mut command =
            place.command(&[&["support", "bundle", "b.zip", "--log", "server.log"], more].concat());
        command
            .env("STRIPE_KEY", "sk_live_51")
            .env("STRIPE_WEBHOOK_SECRET", "whsec_9")
            .env("JWT_SECRET", "hunter2hunter2hunter2hunter2hunter2")
            .env("REDIS_URL", "redis://ada:hunter2@cache:6379/0")
            .env("SOMEBODY_ELSES", "hunter2");
        place.finish(&mut command, "")
    };
    let dry = run(&["--dry-run", "-o", "name"]).ok();
    assert!(!place.0.path().join("b.zip").exists(), "a dry run writes nothing");
    run(&[]).ok();
    let found = texts(&place, "b.zip");
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, dry.names());
    for name in [
        "version.json",
        "settings.json",
        "schemas.json",
        "status.json",
        "audit.json",
        "stuck-sagas.json",
        "dead-letters.json",
        "groups.json",
        "log.txt",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    for (name, text) in &found {
        for planted in PLANTED {
            // Ids are hexadecimal, and may have "ada" in them.
            let words = text.to_lowercase();
            let is_there = words.match_indices(planted).any(|(at, _)| {
                let is_hex = |c: char| c.is_ascii_hexdigit() || c == '-';
                let before = words[..at].chars().next_back().is_some_and(is_hex);
                let after = words[at + planted.len()..].chars().next().is_some_and(is_hex);
                !(before && after)
            });
            assert!(!is_there, "{planted} is in {name}: {text}");
        }
    }
    let password = made["password"].as_str().unwrap();
    assert!(
        found.iter().all(|(_, text)| !text.contains(password) && !text.contains("argon2")),
        "of accounts nothing"
    );
    let of = |name: &str| &found.iter().find(|(found, _)| found == name).unwrap().1;
    let audit: serde_json::Value = serde_json::from_str(of("audit.json")).unwrap();
    assert!(audit["rows"].as_array().unwrap().iter().any(|row| row["action"] == "booking cancel"), "{audit}");
    assert!(of("settings.json").contains("redis://cache:6379/0"), "{}", of("settings.json"));
    assert!(of("log.txt").contains("booking made for"), "{}", of("log.txt"));
    assert!(of("status.json").contains("\"head\""));
    assert_eq!(run(&[]).code, 9, "another file's place is not taken");
    let file = place.0.path().join("b.zip");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    run(&["--force"]).ok();
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "whoever could read the one before can't read this one");
    let left: Vec<_> =
        fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".b.zip")), "{left:?}");
}

#[test]
fn without_stores_a_bundle_says_why_they_were_not_looked_at() {
    let place = Place::new();
    place.run(&["support", "bundle", "b.zip"]).ok();
    let found = texts(&place, "b.zip");
    assert!(found.iter().any(|(name, text)| name == "stores.json" && text.contains("NO_STORE")), "{found:?}");
    assert!(!place.0.path().join("data").exists());
    let refused = place.run(&["support", "bundle", "c.zip", "--log", "none.log"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(!place.0.path().join("c.zip").exists());
}
