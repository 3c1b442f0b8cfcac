//! Tokens and accounts.

use crate::support::Place;
use serde_json::Value;

#[test]
fn a_token_is_bare_and_its_making_is_written_down() {
    let place = Place::seeded();
    let token =
        place.run(&["user", "token", "ada", "--role", "operator", "--ttl", "8h", "--reason", "on call"]).ok();
    assert_eq!((token.out.matches('.').count(), token.out.lines().count()), (2, 1));
    let audit = place.run(&["audit", "list", "-o", "json", "--limit", "1"]).ok();
    assert_eq!(audit.json()[0]["plan"]["changes"][0]["after"]["role"], "operator");
    assert!(!audit.out.contains(token.out.trim()), "the token itself is not kept");
    place.run(&["user", "token", "ada", "--dry-run"]).ok();
    assert_eq!(place.audit_rows(), 2);
    assert_eq!(place.run(&["user", "token", "ada", "--role", "king"]).code, 2);
    assert_eq!(place.run(&["user", "token", ""]).code, 2);
    let mut production = place.command(&["user", "token", "ada"]);
    assert_eq!(place.finish(production.env("APP_ENV", "production"), "").code, 2);
}

#[test]
fn an_account_is_made_suspended_let_in_again_and_deleted() {
    let place = Place::seeded();
    let made =
        place.run(&["user", "create", "--email", "Ada@Example.org", "--username", "ada", "-o", "json"]).ok();
    let account = made.json();
    let password = account["password"].as_str().unwrap().to_owned();
    assert_eq!((account["email"].as_str(), password.len()), (Some("ada@example.org"), 32));
    assert!(made.err.contains("shown this once"), "{}", made.err);
    let id = account["id"].as_str().unwrap().to_owned();
    let bob = ["user", "create", "--email", "bob@example.org", "--password", "-", "-o", "json"];
    let fed = |args: &[&str], stdin: &str| place.finish(&mut place.command(args), stdin);
    let bob = fed(&bob, "correct horse\n").ok();
    assert!(bob.json().get("password").is_none() && !bob.out.contains("correct"), "{}", bob.out);
    for (args, stdin, code, word) in [
        (&["--email", "ADA@example.org"][..], "", 5, "EMAIL_TAKEN"),
        (&["--email", "c@example.org", "--username", "ADA"], "", 5, "USERNAME_TAKEN"),
        (&["--email", "nobody"], "", 2, "USAGE"),
        (&["--email", "c@example.org", "--username", "a b"], "", 2, "USAGE"),
        (&["--email", "c@example.org", "--password", "-"], "short\n", 2, "USAGE"),
        (&["--email", "c@example.org", "--password", "correct horse"], "", 2, "USAGE"),
    ] {
        let ran = fed(&[&["user", "create", "-o", "json"], args].concat(), stdin);
        assert_eq!((ran.code, ran.error()["code"].as_str()), (code, Some(word)), "{args:?}");
        assert!(!ran.err.contains("short"), "{}", ran.err);
    }
    let list =
        |args: &[&str]| place.run(&[&["user", "list", "-o", "name"], args].concat()).ok().names().len();
    assert_eq!((list(&[]), list(&["--search", "ADA"]), list(&["--status", "suspended"])), (2, 1, 0));

    let schedule = place.schedule();
    let passenger =
        ["--passenger-name", "Ada Lovelace", "--passenger-email", "ada@example.org", "--user", &id];
    let booking =
        place.run(&[&["booking", "reserve", &schedule, "-o", "name"], &passenger[..]].concat()).ok();
    let booking = booking.out.trim().to_owned();
    assert_eq!(place.run(&["user", "suspend", "ada"]).code, 9, "nobody said yes");
    let rows = place.audit_rows();
    let dry = place.run(&["user", "suspend", "ada", "--dry-run", "-o", "json"]).ok().json();
    assert_eq!((&dry["changes"][0]["before"]["status"], &dry["affected"]), (&"ACTIVE".into(), &1.into()));
    assert_eq!(place.audit_rows(), rows);
    let suspended =
        place.run(&["user", "suspend", "ada", "--yes", "--reason", "spam", "-o", "json"]).ok().json();
    assert_eq!(
        (suspended["status"].as_str(), suspended["statusReason"].as_str()),
        (Some("SUSPENDED"), Some("spam"))
    );
    assert_eq!(list(&["--status", "suspended"]), 1);
    assert!(place.run(&["user", "suspend", "ada", "--yes"]).ok().err.contains("Nothing to change."));
    assert_eq!(place.run(&["user", "unsuspend", &id[..13], "-o", "json"]).ok().json()["status"], "ACTIVE");
    assert_eq!(place.run(&["user", "delete", &id]).code, 9);
    let gone = place.run(&["user", "delete", &id, "--yes", "--reason", "asked", "-o", "json"]).ok().json();
    assert_eq!((gone["status"].as_str(), &gone["email"]), (Some("DELETED"), &Value::Null));
    let shown = place.run(&["booking", "get", &booking, "-o", "json"]).ok().json();
    assert_eq!((&shown["passenger"], shown["userId"].as_str()), (&Value::Null, Some(&*id)));
    assert_eq!(place.run(&["user", "get", "ada@example.org"]).code, 3);
    assert_eq!(place.run(&["user", "resume", &id]).code, 5);
    assert_eq!((list(&[]), list(&["--status", "deleted"])), (1, 1));
    place.run(&["verify"]).ok();
    // Nobody's name or password is in what is written down.
    let audit = place.run(&["audit", "list", "--all", "-o", "json"]).ok().out;
    for word in ["example.org", "Lovelace", &password, "correct", "argon2"] {
        assert!(!audit.contains(word), "{word} in {audit}");
    }
}
