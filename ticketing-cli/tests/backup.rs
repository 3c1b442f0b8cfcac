//! A backup that is made while people book, and its way back.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use support::Place;

/// A server on the place's folder, ended with the test.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(place: &Place) -> Self {
        let mut command = place.command(&["up", "--port", "0"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines
            .find_map(|line| line.unwrap().split_once("Serving at ").map(|(_, url)| url.trim().to_owned()))
            .expect("the server says where it serves");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn backup(place: &Place, name: &str) -> Value {
    place.run(&["backup", name, "-o", "json"]).ok().json()
}

#[test]
fn a_backup_under_load_comes_back_whole_and_verifies_clean() {
    let place = Place::seeded();
    let schedules = place.run(&["schedule", "list", "-o", "name"]).ok();
    let schedules: Vec<&str> = schedules.names();
    let server = Server::start(&place);
    let token = place.run(&["user", "token", "ada", "--role", "operator"]).ok().out.trim().to_owned();
    let (is_over, booked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let manifests: Vec<Value> = std::thread::scope(|scope| {
        for buyer in 0..2 {
            let (place, is_over, booked, schedules) = (&place, &is_over, &booked, &schedules);
            scope.spawn(move || {
                for schedule in schedules.iter().skip(20 * buyer).cycle() {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let ran = place.reserve(schedule, &["-q"]);
                    // A departure may be gone, or sold out.
                    if ran.code == 0 {
                        booked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let wait = |n: usize| {
            while booked.load(Ordering::Relaxed) < n {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        };
        wait(2);
        let found = (1..=2).map(|n| {
            let manifest = backup(&place, &format!("{n}.backup"));
            wait(2 + 2 * n);
            manifest
        });
        let found = found.collect();
        is_over.store(true, Ordering::Relaxed);
        found
    });
    // From afar it is refused, and no file is made there.
    let mut afar = place.command(&["--server", &server.url, "backup", "afar.backup"]);
    let refused = place.finish(afar.env("TICKETCTL_TOKEN", &token), "");
    assert!(refused.code == 2 && refused.err.contains("on the server's own machine"), "{refused:?}");
    let mut bundle = place.command(&["--server", &server.url, "support", "bundle", "afar.zip"]);
    let refused = place.finish(bundle.env("TICKETCTL_TOKEN", &token), "");
    assert!(refused.code == 2 && refused.err.contains("A support bundle is not sent"), "{refused:?}");
    assert!(!place.0.path().join("afar.backup").exists());
    let served = place.run(&["restore", "1.backup", "--yes"]);
    assert_eq!(served.code, 5, "a served folder is left alone: {served:?}");
    drop(server);

    assert!(manifests[0]["head"].as_i64() < manifests[1]["head"].as_i64(), "{manifests:?}");
    for (n, manifest) in manifests.iter().enumerate() {
        let file = format!("{}.backup", n + 1);
        let folder = format!("restored-{n}");
        let at = ["--data-dir", &folder];
        let restore = |more: &[&str]| place.run(&[&["restore", &file], &at[..], more].concat());
        let dry = restore(&["--dry-run", "-o", "json"]).ok().json();
        assert_eq!(dry["affected"], 2);
        assert!(!place.0.path().join(&folder).exists(), "a dry run makes nothing");
        assert_eq!(restore(&[]).code, 9, "nobody said yes");
        let restored = restore(&["--yes", "--reason", "a test"]).ok();
        assert!(restored.err.contains("ticketctl --data-dir restored-"), "{}", restored.err);
        let audit =
            place.run(&[&["audit", "list", "--limit", "1", "-o", "json"], &at[..]].concat()).ok().json();
        assert_eq!(
            (audit[0]["action"].as_str(), audit[0]["reason"].as_str()),
            (Some("restore"), Some("a test"))
        );
        place.run(&[&["verify"], &at[..]].concat()).ok();
        let status = place.run(&[&["status", "-o", "json"], &at[..]].concat()).ok().json();
        assert_eq!(status["head"], manifest["head"]);
        assert!(manifest["readPosition"].as_i64() <= manifest["head"].as_i64());
        // Nothing is written over it.
        assert_eq!(restore(&["--yes"]).code, 9, "a folder that holds something is left alone");
        // It goes on: people book in it.
        place.run(&[&["hold", "list"], &at[..]].concat()).ok();
        assert!(!place.0.path().join(&folder).join("jwt_secret").exists());
    }
}

#[test]
fn a_backup_is_its_owners_alone_and_never_takes_another_files_place_by_itself() {
    let place = Place::seeded();
    let path = place.0.path().join("b");
    backup(&place, "b");
    let audit = place.run(&["audit", "list", "--limit", "1", "-o", "json"]).ok().json();
    assert_eq!(
        (&audit[0]["action"], &audit[0]["target"], &audit[0]["actor"]),
        (&json!("backup"), &json!("b"), &json!("tester"))
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let before = fs::read(&path).unwrap();
    let again = place.run(&["backup", "b", "-o", "json"]);
    assert_eq!((again.code, again.error()["code"].as_str()), (9, Some("EXISTS")));
    assert_eq!(fs::read(&path).unwrap(), before);
    place.run(&["backup", "b", "--force"]).ok();
    let left: Vec<String> = fs::read_dir(place.0.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    for (file, code, part) in
        [("/dev/full", 2, "no ordinary file"), ("none/b", 3, "can't be written"), ("", 2, "")]
    {
        let ran = place.run(&["backup", file, "--force"]);
        assert!(ran.code == code && ran.err.contains(part), "{file}: {ran:?}");
    }
    let elsewhere = place.run(&["backup", "c", "--database-url", "postgres://h/d", "-o", "json"]);
    let error = elsewhere.error();
    assert_eq!(error["code"], "NOT_EMBEDDED");
    assert!(error["hint"].as_str().unwrap().contains("pg_dump"), "{error}");
}

#[test]
fn a_damaged_backup_a_newer_one_and_none_write_nothing() {
    let place = Place::seeded();
    backup(&place, "b");
    let path = place.0.path().join("b");
    let whole = fs::read(&path).unwrap();
    let refused = |name: &str, code: &str| {
        let ran = place.run(&["restore", name, "--data-dir", "new", "--yes", "-o", "json"]);
        assert_eq!(ran.error()["code"], code, "{name}: {ran:?}");
        assert!(!place.0.path().join("new").exists(), "{name}");
        ran.error()["message"].as_str().unwrap().to_owned()
    };
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(place.0.path().join("flipped"), &bytes).unwrap();
    refused("flipped", "BACKUP_DAMAGED");
    fs::write(place.0.path().join("cut"), &whole[..middle]).unwrap();
    refused("cut", "BACKUP_DAMAGED");
    fs::write(place.0.path().join("text"), "no zip").unwrap();
    refused("text", "BACKUP_DAMAGED");
    refused("missing", "FILE_NOT_FOUND");

    rewrite(&path, &place.0.path().join("newer"), |manifest| manifest["stores"][0]["schema"] = 999.into());
    let message = refused("newer", "SCHEMA_NEWER");
    assert!(message.contains("999") && message.contains("knows up to"), "{message}");
    rewrite(&path, &place.0.path().join("form"), |manifest| manifest["format"] = 2.into());
    refused("form", "BACKUP_DAMAGED");
    rewrite(&path, &place.0.path().join("other"), |manifest| {
        manifest["stores"][1]["sha256"] = "00".repeat(32).into();
    });
    refused("other", "BACKUP_DAMAGED");
    place.run(&["restore", "b", "--data-dir", "new", "--yes"]).ok();
}

/// Writes the backup anew, with another manifest.
fn rewrite(from: &Path, to: &Path, change: impl Fn(&mut Value)) {
    let mut old = zip::ZipArchive::new(fs::File::open(from).unwrap()).unwrap();
    let mut new = zip::ZipWriter::new(fs::File::create(to).unwrap());
    for index in 0..old.len() {
        let mut entry = old.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name == "manifest.json" {
            let mut manifest = serde_json::from_slice(&bytes).unwrap();
            change(&mut manifest);
            bytes = serde_json::to_vec(&manifest).unwrap();
        }
        new.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        new.write_all(&bytes).unwrap();
    }
    new.finish().unwrap();
}
