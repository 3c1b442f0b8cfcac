//! The marketplace by the program: the demo's listings, orders of them, how long those last, and what `verify` says
//! of what is searched.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use serde_json::Value;
use support::{Place, Ran};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::store::db::{Address, Db, Role};

fn list(place: &Place, args: &[&str]) -> Vec<Value> {
    place.run(&[args, &["-o", "json"]].concat()).ok().json().as_array().unwrap().clone()
}

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

fn seconds(from: &Value, to: &Value) -> i64 {
    let at = |text: &Value| Timestamp::parse(text.as_str().unwrap()).unwrap().as_millis();
    (at(to) - at(from)) / 1_000
}

#[test]
fn the_demo_has_listings_of_two_sellers_which_seeding_again_leaves_to_them() {
    let place = Place::seeded();
    let all = list(&place, &["listing", "list"]);
    assert_eq!(all.len(), 5);
    assert_eq!(list(&place, &["listing", "list", "--seller", "bob"]).len(), 2);
    let jazz = list(&place, &["listing", "list", "--text", "jazz"]);
    assert_eq!((jazz.len(), &jazz[0]["price"], &jazz[0]["status"]), (1, &"40.00".into(), &"open".into()));
    // Withdrawn by an operator: seeding does not put it up again.
    let down = ["listing", "cancel", &id(&jazz[0]), "--reason", "a forgery", "--yes", "-o", "json"];
    let down = place.run(&down).ok().json();
    assert_eq!((&down["status"], &down["version"]), (&"cancelled".into(), &2.into()));
    assert_eq!(place.run(&["seed", "demo"]).ok().err, "Nothing to change.\n");
    assert_eq!(list(&place, &["listing", "list", "--status", "open"]).len(), 4);
    let why = place.run(&["why", &id(&jazz[0])]);
    assert!(why.out.contains("withdrawn (a forgery)") || why.code == 3, "{why:?}");
    place.run(&["verify"]).ok();
}

#[test]
fn an_order_lasts_as_long_as_is_set_and_is_listed_by_its_own_index() {
    let place = Place::seeded();
    let tickets: Vec<String> = list(&place, &["listing", "list"]).iter().map(id).collect();
    let order = |ticket: &str, set: Option<&str>, more: &[&str]| -> Ran {
        let args = [&["order", "create", ticket, "--user", "cid", "-o", "json"], more].concat();
        let mut command = place.command(&args);
        match set {
            Some(seconds) => command.env("ORDER_SECONDS", seconds),
            None => command.env_remove("ORDER_SECONDS"),
        };
        place.finish(&mut command, "")
    };
    for (n, (set, more, expected)) in
        [(None, &[][..], 900), (Some("60"), &[], 60), (Some("60"), &["--hold", "5m"], 300)].iter().enumerate()
    {
        let made = order(&tickets[n], *set, more).ok().json();
        assert_eq!(seconds(&made["createdAt"], &made["expiresAt"]), *expected, "{set:?} {more:?}");
    }
    let wrong = order(&tickets[3], Some("15m"), &[]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let said = wrong.error();
    assert_eq!(said["message"], "ORDER_SECONDS is \"15m\", which is no number from 1 to 86400.");
    assert_eq!(said["hint"], "set it right, or give --hold 15m");
    // A booking of a bus is none of them.
    place.booking(&["--user", "cid"]);
    let all = list(&place, &["order", "list"]);
    let made: Vec<&str> = all.iter().map(|order| order["ticket"]["id"].as_str().unwrap()).collect();
    assert_eq!(made, [&tickets[2], &tickets[1], &tickets[0]], "newest first");
    assert_eq!(list(&place, &["order", "list", "--user", "cid"]), all);
    assert_eq!(list(&place, &["order", "list", "--user", "nobody"]), Vec::<Value>::new());
    assert_eq!(place.run(&["order", "list", "--limit", "1", "-o", "name"]).ok().names(), [id(&all[0])]);
    let gone = place.run(&["order", "cancel", &id(&all[0]), "--yes", "-o", "json"]).ok().json();
    assert_eq!(gone["status"], "cancelled");
    place.run(&["verify"]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_search_is_unhealthy_and_the_command_that_verify_names_mends_it() {
    let place = Place::seeded();
    place.run(&["verify", "--check", "search"]).ok();
    let db = Db::open(Address::File(place.0.path().join("data/read.db")), Role::Read, false).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let damage = "UPDATE view_sales SET title = 'x' WHERE title LIKE 'Kabuki%'; DELETE FROM view_words WHERE word = 'jazz'";
    tx.script(damage.into()).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    let found = place.run(&["verify", "--check", "search", "-o", "json"]);
    assert_eq!(found.code, 8, "{found:?}");
    let rows = found.json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in rows {
        assert_eq!((&row["check"], &row["kind"]), (&"search".into(), &"search row".into()));
    }
    assert_eq!(place.run(&["projection", "verify"]).code, 8);
    let command = rows[0]["command"].as_str().unwrap().strip_prefix("ticketctl ").unwrap();
    place.run(&command.split(' ').collect::<Vec<_>>()).ok();
    place.run(&["verify"]).ok();
    assert_eq!(list(&place, &["listing", "list", "--text", "kabuki jazz"]).len(), 0);
    assert_eq!(list(&place, &["listing", "list", "--text", "kabuki"]).len(), 1);
}
