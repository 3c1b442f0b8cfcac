//! An id that there is not is answered with the one that was probably meant.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use support::Place;

/// With another digit in place of the one at `at`.
fn mistyped(id: &str, at: usize) -> String {
    let other = if id.as_bytes()[at] == b'7' { "8" } else { "7" };
    format!("{}{other}{}", &id[..at], &id[at + 1..])
}

#[test]
fn an_unknown_id_names_the_one_that_was_meant() {
    let place = Place::seeded();
    let schedule = place.schedule();
    let booking = place.booking(&[]);
    let row = place.run(&["schedule", "get", &schedule, "-o", "json"]).ok().json();
    let route = row["routeId"].as_str().unwrap().to_owned();
    let read = |args: &[&str]| {
        let ran = place.run(&[args, &["-o", "json"]].concat());
        assert_eq!(ran.code, 3, "{args:?}: {ran:?}");
        ran.error()["message"].as_str().unwrap().to_owned()
    };
    for (noun, verb, id) in [
        ("booking", "get", &booking),
        ("schedule", "get", &schedule),
        ("route", "get", &route),
        ("booking", "cancel", &booking),
    ] {
        let swapped = format!("{}{}{}", &id[..34], &id[35..36], &id[34..35]);
        let short = mistyped(&id[..12], 10);
        for wrong in [
            mistyped(id, 35),
            mistyped(id, 2),
            mistyped(&mistyped(id, 30), 33),
            short,
            format!("{id}0"),
            id[..35].to_owned() + "o",
        ]
        .into_iter()
        .chain((swapped != *id).then_some(swapped))
        {
            let said = read(&[noun, verb, &wrong]);
            assert!(said.contains("Did you mean ") && said.contains(id.as_str()), "{noun} {wrong}: {said}");
        }
        let far = read(&[noun, verb, "ffffffff-ffff-7fff-bfff-ffffffffffff"]);
        assert!(!far.contains("Did you mean"), "{far}");
    }
    for (noun, verb) in
        [("saga", "show"), ("payment", "show"), ("job", "get"), ("dlq", "show"), ("booking", "get")]
    {
        for strange in ["ab", "nothing-of-the-kind", "0000", "\u{202e}", "é", &*"f".repeat(5_000)] {
            let said = read(&[noun, verb, strange]);
            assert!(!said.contains("Did you mean"), "{noun} {strange}: {said}");
        }
    }
    let layout = place.run(&[
        "seed",
        "gtfs",
        "nowhere.zip",
        "--from",
        "2026-11-20",
        "--days",
        "1",
        "--layout",
        "cooach-49",
    ]);
    assert_ne!(layout.code, 0);
}

#[test]
fn a_beginning_that_is_too_short_says_so_and_how_long_one_is() {
    let place = Place::seeded();
    let booking = place.booking(&[]);
    for (noun, verb) in [("booking", "get"), ("saga", "show"), ("job", "get"), ("dlq", "show")] {
        let short = place.run(&[noun, verb, &booking[..2]]);
        assert!(short.code == 3 && short.err.contains("too short"), "{noun}: {short:?}");
        assert!(short.err.contains("at least 4 characters"), "{noun}: {short:?}");
    }
    let why = place.run(&["why", "fe"]);
    assert!(why.code == 3 && why.err.contains("at least 4 characters"), "{why:?}");
}
