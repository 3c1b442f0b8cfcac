//! Verifying and rebuilding from end to end: the program itself, on stores that something was done to.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use std::process::Stdio;
use std::time::Duration;
use support::Place;
use ticketing_core::store::db::{Address, Db, Role, Tx};

/// A store of a place, as another program opens it.
async fn opened(place: &Place, role: Role) -> Db {
    let file = match role {
        Role::Write => "data/write.db",
        Role::Read => "data/read.db",
    };
    Db::open(Address::File(place.0.path().join(file)), role, false).await.unwrap()
}

fn by_hand(place: &Place, role: Role, text: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db = opened(place, role).await;
        let mut tx: Tx = db.begin().await.unwrap();
        tx.script(text.to_owned()).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    });
}

#[test]
fn what_is_broken_is_found_and_what_is_named_mends_it() {
    let place = Place::seeded();
    let id = place.booking(&[]);
    let clean = place.run(&["verify"]).ok();
    assert_eq!(clean.out.lines().count(), 12, "{clean:?}");
    assert!(clean.out.lines().all(|line| line.chars().count() <= 80), "{}", clean.out);
    assert!(clean.err.contains("Everything holds."), "{clean:?}");
    assert_eq!(place.run(&["verify", "-o", "jsonl"]).ok().out, "");
    assert_eq!(place.run(&["projection", "verify", "-o", "json"]).ok().out, "[]\n");

    by_hand(&place, Role::Read, "UPDATE view_tickets SET price_minor = 1");
    let broken = place.run(&["verify", "-o", "json"]);
    assert_eq!((broken.code, broken.error()["code"].as_str().unwrap()), (8, "NOT_VERIFIED"), "{broken:?}");
    let found = &broken.json()[0];
    assert_eq!((found["check"].as_str(), found["id"].as_str()), (Some("tickets"), Some(id.as_str())));
    assert_eq!(place.run(&["projection", "verify"]).code, 8);
    assert_eq!(
        place.run(&["verify", "--check", "log,claims", "--check", "bookings"]).ok().out.lines().count(),
        4
    );
    let limited = place.run(&["verify", "-o", "jsonl", "--limit", "1"]);
    assert_eq!((limited.code, limited.out.lines().count()), (8, 1));
    let unknown = place.run(&["verify", "--check", "everything"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");

    // The command of the finding, as it stands there.
    let command = found["command"].as_str().unwrap();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    assert_eq!(words[..2], ["projection", "rebuild"]);
    place.run(&words).ok();
    place.run(&["verify"]).ok();
}

#[test]
fn a_rebuild_is_planned_asked_for_made_and_taken_back() {
    let place = Place::seeded();
    place.booking(&[]);
    let listed = place.run(&["projection", "list", "-o", "json"]).ok().json();
    assert_eq!(
        (listed[0]["name"].as_str(), listed[0]["rows"].as_u64(), listed[0]["lag"].as_u64()),
        (Some("tickets"), Some(1), Some(0))
    );
    assert!(listed[0]["rebuiltAt"].is_null() && listed[0]["beforePosition"].is_null(), "{listed}");
    let position = listed[0]["position"].as_u64().unwrap();

    let rebuild = ["projection", "rebuild", "tickets"];
    let plan = place.run(&[&rebuild[..], &["--dry-run", "-o", "json"]].concat()).ok().json();
    assert_eq!((plan["action"].as_str(), plan["affected"].as_u64()), (Some("projection rebuild"), Some(1)));
    assert_eq!(plan["changes"][0]["before"]["position"].as_u64(), Some(position));
    assert_eq!(place.run(&rebuild).code, 9, "nobody confirmed it");
    assert_eq!(place.run(&["projection", "rebuild", "other", "--yes"]).code, 3);
    let early = place.run(&["projection", "revert", "tickets", "--yes"]);
    assert_eq!(early.code, 1, "{early:?}");

    let yes = ["--yes", "--reason", "to see", "-o", "json"];
    let done = place.run(&[&rebuild[..], &yes].concat()).ok().json();
    assert_eq!((done["rows"].as_u64(), done["beforePosition"].as_u64()), (Some(1), Some(position)));
    assert!(done["rebuiltAt"].is_string(), "{done}");
    let reverted = place.run(&[&["projection", "revert", "tickets"], &yes[..]].concat()).ok().json();
    assert_eq!(reverted["rows"].as_u64(), Some(1));
    place.run(&["verify"]).ok();
    let audit = place.run(&["audit", "list", "-o", "json"]).ok().json();
    let told: Vec<_> =
        audit.as_array().unwrap().iter().take(2).map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["projection revert", "projection rebuild"]);
    assert_eq!(audit[1]["reason"], "to see");
    let shown = place.run(&["projection", "list"]).ok().out;
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_takes_away_what_a_rebuild_has_made() {
    let place = Place::seeded();
    place.booking(&[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (read, write) = (opened(&place, Role::Read).await, opened(&place, Role::Write).await);
        // Whoever writes the read store holds the rebuild up.
        let lock = read.begin().await.unwrap();
        let mut command = place.command(&["projection", "rebuild", "tickets", "--yes", "-o", "json"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let began = std::time::Instant::now();
        while ticketing_core::store::leases::work_since(&write, "rebuild/tickets").await.unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(20), "it never began");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let sent =
            std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        lock.rollback().await.unwrap();
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
        assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        assert!(
            String::from_utf8_lossy(&ended.stderr).contains("The live tables are as they were."),
            "{ended:?}"
        );
        let since = ticketing_core::store::leases::work_since(&write, "rebuild/tickets").await.unwrap();
        assert_eq!(since, None, "the next one need not wait");
        let target = ticketing_core::store::views::Target::Next;
        assert!(!ticketing_core::store::views::rebuild::is_there(&read, target).await.unwrap());
        read.close().await;
        write.close().await;
    });
    place.run(&["projection", "rebuild", "tickets", "--yes"]).ok();
    place.run(&["verify"]).ok();
}
