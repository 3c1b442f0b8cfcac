//! What commands do where there are no stores, or none that can be used, and who serves them.

use crate::UNKNOWN;
use crate::support::Place;
use ticketing_core::app::folder::FolderLock;
use ticketing_core::domain::time::Timestamp;

#[test]
fn reading_makes_no_folder_and_names_the_way_to_one() {
    let place = Place::new();
    for args in [
        &["booking", "list"][..],
        &["schedule", "list"],
        &["hold", "list"],
        &["events", "tail"],
        &["audit", "list"],
        &["status"],
        &["booking", "cancel", UNKNOWN, "--yes"],
        &["user", "token", "ada"],
    ] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{args:?}");
        assert_eq!(
            ran.err,
            "error: There is no store in ./data.\n  try: ticketctl seed demo, or ticketctl up --demo\n"
        );
    }
    let status = place.run(&["migrate", "status", "-o", "json"]);
    assert_eq!((status.code, status.json()[0]["state"].as_str()), (8, Some("PENDING")));
    assert!(!place.0.path().join("data").exists());
}

#[test]
fn status_says_who_serves_the_data_folder() {
    let place = Place::seeded();
    let status = || place.run(&["status", "-o", "json"]).ok().json();
    assert!(status()["server"].is_null());
    let folder = place.0.path().join("data");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let mut lock = runtime.block_on(FolderLock::take(&folder, now)).unwrap();
    lock.listens_at("127.0.0.1:3002").unwrap();
    let served = status();
    assert_eq!(served["server"]["address"], "127.0.0.1:3002");
    assert_eq!(served["server"]["pid"].as_u64(), Some(u64::from(std::process::id())));
    assert!(place.run(&["status"]).ok().out.contains("127.0.0.1:3002"));
    drop(lock);
    assert!(status()["server"].is_null());
}

#[test]
fn stores_that_can_not_be_used_get_their_sentence() {
    let place = Place::seeded();
    let path = |name: &str| place.0.path().join(name);
    std::fs::create_dir(path("junk")).unwrap();
    for name in ["write.db", "read.db"] {
        std::fs::write(path("junk").join(name), vec![b'x'; 5000]).unwrap();
    }
    for args in [&["booking", "list"][..], &["migrate", "status"], &["seed", "demo"], &["status"]] {
        let ran = place.run(&[args, &["--data-dir", "junk", "-o", "json"]].concat());
        assert_eq!((ran.code, ran.error()["code"].as_str()), (1, Some("NOT_A_DATABASE")), "{args:?}");
        assert!(ran.error()["message"].as_str().unwrap().starts_with("junk/write.db is no database."));
    }
    std::fs::write(path("file"), "").unwrap();
    assert_eq!(place.run(&["seed", "demo", "--data-dir", "file"]).code, 1);

    std::fs::create_dir(path("empty")).unwrap();
    for name in ["write.db", "read.db"] {
        std::fs::write(path("empty").join(name), "").unwrap();
    }
    let old = place.run(&["booking", "list", "--data-dir", "empty", "-o", "json"]);
    assert_eq!((old.code, old.error()["hint"].as_str()), (1, Some("ticketctl --data-dir empty migrate up")));
    assert_eq!(place.run(&["migrate", "status", "--data-dir", "empty"]).code, 8);
    let up = place.run(&["migrate", "up", "--data-dir", "empty", "-o", "json"]).ok().json();
    assert!(up.as_array().unwrap().iter().all(|m| m["state"] == "APPLIED"));
    assert_eq!(place.run(&["migrate", "up", "--data-dir", "empty"]).ok().err, "Nothing to change.\n");
    assert_eq!(place.run(&["migrate", "status", "--data-dir", "empty"]).ok().err, "");

    // Nothing listens on port 1.
    let url = "postgres://u:hunter2@127.0.0.1:1/x";
    for args in [&["booking", "list"][..], &["seed", "demo"], &["migrate", "status"]] {
        let away = place.run(&[args, &["--database-url", url, "--timeout", "1s", "-o", "json"]].concat());
        assert_eq!((away.code, away.error()["retryable"].as_bool()), (7, Some(true)), "{args:?}");
        assert!(
            away.err.contains("postgres://u@127.0.0.1:1/x") && !away.err.contains("hunter2"),
            "{}",
            away.err
        );
    }
    let mut settled = place.command(&["booking", "list"]);
    assert_eq!(place.finish(settled.env("DATABASE_URL", "mysql://x"), "").code, 2);
    std::fs::write(path("ticketing.toml"), "database_url = \"mysql://x\"\n").unwrap();
    assert_eq!(place.run(&["booking", "list"]).code, 2);
    place.run(&["booking", "list", "--data-dir", "data"]).ok();
    std::fs::write(path("ticketing.toml"), "database_url = \n").unwrap();
    let broken = place.run(&["booking", "list"]);
    assert_eq!((broken.code, broken.err.starts_with("error: ticketing.toml ")), (2, true), "{broken:?}");
}
