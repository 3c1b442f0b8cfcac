//! The format as its users meet it: good files, bad files, the demo city and the manual's examples.

use super::{Seed, SeedFileError, builtin_layouts, demo, demo_city, merge, parse, parse_all};
use crate::domain::catalog::{LatePayment, OfferingKind};
use crate::domain::layout::Layout;
use crate::domain::time::Timestamp;
use proptest::prelude::{any, prop, proptest};
use std::collections::HashSet;

const STOPS: &str =
    "stops: [{key: a, name: Ash}, {key: b, name: Beech}, {key: c, name: Cedar}, {key: dock, name: D}]\n";

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T03:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Seed, SeedFileError> {
    parse("city.yaml", text, now())
}

/// A file with one route, whose single timetable entry is `entry`.
fn with_entry(entry: &str) -> Result<Seed, SeedFileError> {
    let route = "routes: [{key: 7, name: Seven, stops: [a, b, c], price: 2.5, timezone: America/Chicago";
    read(&format!("{STOPS}{route}, layout: bus, departures: [{{{entry}}}]}}]"))
}

/// The departures of an entry as `externalId service-day departs-at`.
fn departures(entry: &str) -> Vec<String> {
    let offerings = with_entry(entry).unwrap().catalog.offerings;
    let show = |o: &crate::domain::catalog::OfferingFacts| {
        format!(
            "{} {} {}",
            o.external_id.as_deref().unwrap(),
            o.service_date,
            &o.departs_at.to_string()[..16]
        )
    };
    offerings.iter().map(show).collect()
}

#[test]
fn a_timetable_gives_a_departure_for_each_day_and_time() {
    let rows: &[(&str, &[&str])] = &[
        ("at: 2026-12-01T08:00", &["7@08:00 2026-12-01 2026-12-01T14:00"]),
        (
            "at: [2026-12-01T08:00, 2026-07-01 09:30]",
            &["7@08:00 2026-12-01 2026-12-01T14:00", "7@09:30 2026-07-01 2026-07-01T14:30"],
        ),
        (
            // At 03:00 UTC it is still the day before in Chicago.
            "days: {from: today, count: 2}, times: [06:30, 25:10]",
            &[
                "7@06:30 2026-11-19 2026-11-19T12:30",
                "7@25:10 2026-11-19 2026-11-20T07:10",
                "7@06:30 2026-11-20 2026-11-20T12:30",
                "7@25:10 2026-11-20 2026-11-21T07:10",
            ],
        ),
        (
            "days: {from: 2026-11-23, count: 7, weekdays: [sun, Mon]}, every: {from: 6:00, to: 7:05, minutes: 60}",
            &[
                "7@06:00 2026-11-23 2026-11-23T12:00",
                "7@07:00 2026-11-23 2026-11-23T13:00",
                "7@06:00 2026-11-29 2026-11-29T12:00",
                "7@07:00 2026-11-29 2026-11-29T13:00",
            ],
        ),
        ("days: {from: today+1, count: 1}, times: ['06:00']", &["7@06:00 2026-11-20 2026-11-20T12:00"]),
        ("days: {from: today-1, count: 1}, times: ['06:00']", &["7@06:00 2026-11-18 2026-11-18T12:00"]),
    ];
    for (entry, expected) in rows {
        assert_eq!(departures(&format!("{entry}, minutes: [0, 4, 9]")), *expected, "{entry}");
    }
}

#[test]
fn running_times_and_dwell_become_calls_in_seconds() {
    let seed = with_entry("at: 2026-12-01T08:00, minutes: [0, 4, 9.5], dwell: 1").unwrap();
    let calls: Vec<_> = seed.catalog.patterns[0].calls.iter().map(|c| (c.arrival_s, c.departure_s)).collect();
    assert_eq!(calls, [(0, 0), (240, 300), (570, 570)]);
    let departure = &seed.catalog.offerings[0];
    assert_eq!(departure.arrives_at, departure.departs_at.plus_seconds(570));
    assert_eq!(departure.fare.to_string(), "2.50 USD");
    assert_eq!(departure.late_payment, LatePayment::ReReserve);
    let strict = with_entry("at: 2026-12-01T08:00, minutes: [0, 4, 9], latePayment: refund").unwrap();
    assert_eq!(strict.catalog.offerings[0].late_payment, LatePayment::Refund);
    let wrong = with_entry("at: 2026-12-01T08:00, minutes: [0, 4, 9], latePayment: keep").unwrap_err();
    assert!(wrong.to_string().contains("must be re-reserve or refund"), "{wrong}");
    let names: Vec<_> = seed.referenced_layouts.iter().map(|l| (l.name.as_str(), l.place.as_str())).collect();
    assert_eq!(names, [("bus", "city.yaml:2:97")]);
}

#[test]
fn equal_running_times_share_a_pattern_and_a_second_reading_names_the_same_things() {
    let twice = "at: 2026-12-01T08:00, minutes: [0, 4, 9]}, {at: 2026-12-02T08:00, minutes: [0, 4, 9.0]";
    let seed = with_entry(twice).unwrap();
    assert_eq!((seed.catalog.patterns.len(), seed.catalog.offerings.len()), (1, 2));
    assert_eq!(with_entry(twice).unwrap(), seed);
    let fresh = |entry| with_entry(entry).unwrap().catalog;
    let both = merge([seed.catalog.clone(), seed.catalog.clone()]).unwrap();
    assert_eq!(both, seed.catalog);
    let dearer = fresh("at: 2026-12-01T08:00, minutes: [0, 4, 9], price: 3");
    assert!(merge([dearer, seed.catalog]).unwrap_err().contains("two ways"));
}

#[test]
fn a_price_is_exact_however_it_is_written() {
    let rows = [
        ("0.1", "USD", Ok("0.10 USD")),
        ("'0.10'", "USD", Ok("0.10 USD")),
        ("33.33", "EUR", Ok("33.33 EUR")),
        ("9007199254.99", "USD", Ok("9007199254.99 USD")),
        ("500", "JPY", Ok("500 JPY")),
        ("1.234", "KWD", Ok("1.234 KWD")),
        ("2.505", "USD", Err("more decimals")),
        ("1.5", "JPY", Err("more decimals")),
        ("-1", "USD", Err("negative")),
        (".nan", "USD", Err("decimal number")),
        ("2,50", "USD", Err("decimal number")),
    ];
    for (price, currency, expected) in rows {
        let text = format!(
            "{STOPS}routes:\n- key: 7\n  name: S\n  stops: [a, b]\n  price: {price}\n  currency: {currency}\n  timezone: UTC"
        );
        match (read(&text), expected) {
            (Ok(seed), Ok(expected)) => assert_eq!(seed.catalog.routes[0].fare.to_string(), expected),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
                assert!(error.to_string().starts_with("city.yaml:6:10: routes[0].price: "), "{error}");
            }
            (answer, _) => panic!("{price} {currency}: {answer:?}"),
        }
    }
}

#[test]
fn what_is_wrong_with_a_timetable_is_said_at_its_place() {
    let rows = [
        ("at: 2026-12-01T08:00", "routes[0].departures[0]: the field minutes is missing"),
        ("minutes: [0, 1, 2]", "routes[0].departures[0]: says when in no way"),
        ("at: 2026-12-01T08:00, times: ['08:00'], minutes: [0, 1, 2]", "says when in no way"),
        ("at: 2026-12-01T24:00, minutes: [0, 1, 2]", ".at: expected a local time"),
        ("at: 2026-02-30T08:00, minutes: [0, 1, 2]", ".at: expected a local time"),
        ("at: 2026-12-01T08:00, minutes: [0, 1]", ".minutes: has 2 times, but the route has 3 stops"),
        ("at: 2026-12-01T08:00, minutes: [1, 2, 3]", ".minutes[0]: the first stop's time must be 0"),
        ("at: 2026-12-01T08:00, minutes: [0, 3, 2]", ".minutes[2]: is earlier than the stop before"),
        ("at: 2026-12-01T08:00, minutes: [0, 0, 0]", ".minutes: the last stop's time must be after"),
        (
            "at: 2026-12-01T08:00, minutes: [0, x, 2]",
            ".minutes[1]: expected minutes, as 4 or 2.5, found \"x\"",
        ),
        ("at: 2026-12-01T08:00, minutes: [0, 1.111, 2]", ".minutes[1]: is not a whole number of seconds"),
        ("at: 2026-12-01T08:00, minutes: [0, 1, 20000]", ".minutes[2]: is longer than a week"),
        ("at: 2026-12-01T08:00, minutes: [0, 4, 9], dwell: 6", ".dwell: is longer than the ride to Cedar"),
        ("days: {from: soon, count: 1}, times: ['08:00'], minutes: [0, 1, 2]", ".days.from: expected a day"),
        (
            "days: {from: today+x, count: 1}, times: ['08:00'], minutes: [0, 1, 2]",
            ".days.from: expected a day",
        ),
        (
            "days: {from: today, count: 0}, times: ['08:00'], minutes: [0, 1, 2]",
            "a whole number from 1 to 3660",
        ),
        ("days: {from: 9999-12-31, count: 9}, times: ['08:00'], minutes: [0, 1, 2]", "past the year 9999"),
        (
            "days: {from: today, count: 1, weekdays: [monday]}, times: [], minutes: [0, 1, 2]",
            "one of mon, tue",
        ),
        ("days: {from: today, count: 1}, times: ['8'], minutes: [0, 1, 2]", ".times[0]: expected a time"),
        (
            "days: {from: today, count: 1}, every: {from: '9:00', to: '8:00', minutes: 5}, minutes: [0, 1, 2]",
            ".every.to: is before from",
        ),
        (
            "days: {from: today, count: 3660}, every: {from: 0:00, to: '47:59', minutes: 1}, minutes: [0, 1, 2]",
            "more than 500000 departures",
        ),
        (
            "at: [2026-12-01T08:00, 2026-12-01T08:00], minutes: [0, 1, 2]",
            "two departures at 08:00 on 2026-12-01",
        ),
    ];
    for (entry, expected) in rows {
        let error = with_entry(entry).unwrap_err().to_string();
        assert!(error.contains(expected), "{entry}\n{error}\nexpected {expected}");
        assert!(error.starts_with("city.yaml:2:"), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_at_its_place() {
    let route = |rest: &str| format!("{STOPS}routes:\n- key: 7\n  name: S\n  timezone: UTC\n{rest}");
    let rows = [
        (String::new(), "city.yaml: is empty"),
        ("[1, 2]".to_owned(), "city.yaml:1:1: expected a seed file with the fields layouts, stops, routes"),
        ("routs: []".to_owned(), "city.yaml:1:1: unknown field \"routs\"; did you mean routes?"),
        ("routes: 7".to_owned(), "city.yaml:1:9: routes: expected a list of routes, found \"7\""),
        (
            "layouts: [{name: b, rows: 0, columns: A}]".to_owned(),
            "layouts[0].rows: expected a whole number from 1",
        ),
        (
            "layouts: [{name: b, rows: 1, columns: ab}]".to_owned(),
            "layouts[0]: columns: must be capital letters",
        ),
        (
            "layouts: [{name: b, rows: 1, columns: A, blocked: [Z9]}]".to_owned(),
            "layouts[0]: blocked: there is no seat Z9",
        ),
        (
            "layouts: [{name: b, rows: 1, columns: A}, {name: b, rows: 2, columns: A}]".to_owned(),
            "layouts[1]: the layout \"b\" is defined differently at city.yaml:1:11",
        ),
        ("stops: [{key: a, name: ''}]".to_owned(), "stops[0].name: expected a name"),
        (
            "stops: [{key: a, name: 'x\\ty'}, {key: a, name: b}]".to_owned(),
            "stops[1]: the stop \"a\" has another",
        ),
        (format!("stops: [{{key: a, name: {}}}]", "x".repeat(65)), "has 65 characters; at most 64"),
        (format!("{STOPS}stops: []"), "city.yaml:2:1: the field \"stops\" stands here twice"),
        (
            route("  stops: [a, dokc]\n  price: 1"),
            "city.yaml:6:14: routes[0].stops[1]: there is no stop \"dokc\"; did you mean dock?",
        ),
        (route("  stops: [a, far]\n  price: 1"), "the stops section of these files must name it"),
        (route("  stops: [a]\n  price: 1"), "routes[0].stops: has 1 stops; a route has 2 to 1000"),
        (route("  stops: [a, a]\n  price: 1"), "routes[0].stops[1]: calls at \"a\" twice in a row"),
        (route("  stops: [a, b]"), "city.yaml:3:3: routes[0]: the field price is missing: the fare, as 2.50"),
        (route("  stops: [a, b]\n  price: 1\n  currency: usd"), "routes[0].currency: expected a currency"),
        (
            route("  stops: [a, b]\n  price: 1\n- key: 7"),
            "routes[1].key: the route \"7\" stands at city.yaml:3:3",
        ),
        (
            route("  stops: [a, b]\n  price: 1\n  departures: [{at: 2026-12-01T08:00, minutes: [0, 1]}]"),
            "routes[0].departures[0]: the field layout is missing",
        ),
        (
            format!("{STOPS}routes: [{{key: 1, name: x, stops: [a, b], price: 1, timezone: Mars/Base}}]"),
            "routes[0].timezone: expected a time zone of the IANA database",
        ),
    ];
    for (text, expected) in rows {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}\n{error}\nexpected {expected}");
    }
}

#[test]
fn files_given_together_are_read_as_one() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let routes = "routes: [{key: 7, name: S, stops: [a, c], price: 1, timezone: UTC, layout: bus}]";
    let layouts =
        "layouts: [{name: bus, rows: 2, columns: AB}]\n---\nlayouts: [{name: van, rows: 1, columns: A}]";
    let sources = [file("routes.yaml", routes), file("stops.yaml", STOPS), file("layouts.yaml", layouts)];
    let seed = parse_all(&sources, now()).unwrap();
    assert_eq!((seed.catalog.layouts.len(), seed.catalog.routes.len()), (2, 1));
    assert!(seed.referenced_layouts.is_empty());
    let again = [sources.clone(), sources].concat();
    let error = parse_all(&again, now()).unwrap_err().to_string();
    assert!(error.starts_with("routes.yaml:1:16: routes[0].key: the route \"7\" stands at routes.yaml:1:10"));
}

#[test]
fn the_demo_city_always_has_a_departure_ahead() {
    for time in ["2026-11-20T03:00:00Z", "2026-03-08T08:30:00Z", "2027-01-01T05:59:59.999Z"] {
        let now = Timestamp::parse(time).unwrap();
        let city = demo_city(now);
        assert_eq!((city.layouts.len(), city.routes.len(), city.venues.len()), (5, 4, 2));
        for route in &city.routes {
            let of_route = city.offerings.iter().filter(|o| o.route_id == Some(route.id));
            assert!(of_route.filter(|o| o.departs_at > now).count() > 20, "{} at {time}", route.name);
        }
        let next_hour = now.plus_seconds(3_600);
        assert!(city.offerings.iter().any(|o| o.departs_at > now && o.departs_at <= next_hour), "{time}");
        let layouts: HashSet<_> = city.layouts.iter().map(|layout| layout.id).collect();
        let patterns: HashSet<_> = city.patterns.iter().map(|pattern| pattern.id).collect();
        for offering in &city.offerings {
            assert!(layouts.contains(&offering.layout_id) && patterns.contains(&offering.pattern_id));
        }
    }
}

#[test]
fn the_layouts_that_come_along_are_good_ones() {
    let layouts = builtin_layouts();
    let seats: Vec<_> = layouts
        .iter()
        .map(|l| Layout::new(l.id, l.spec.clone()).map(|layout| (l.spec.name.as_str(), layout.seat_count())))
        .collect();
    assert_eq!(seats, [Ok(("bus-40", 40)), Ok(("minibus-16", 16)), Ok(("coach-52", 52))]);
}

#[test]
fn the_examples_of_the_manual_are_good_files() {
    let manual = include_str!("../../../../fixtures/README.md");
    let mut examples = 0;
    for block in manual.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap();
        if language == "yaml" || language == "json" {
            let seed = parse(language, text, now()).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert!(!seed.catalog.layouts.is_empty() || !seed.catalog.offerings.is_empty());
            examples += 1;
        }
    }
    assert_eq!(examples, 6);
}

#[test]
fn the_demo_has_a_small_market_of_two_sellers_beside_the_city() {
    let (all, city) = (demo(now()), demo_city(now()));
    let listings: Vec<_> = all.offerings.iter().filter(|o| o.kind == OfferingKind::Listing).collect();
    assert_eq!(all.offerings.len(), city.offerings.len() + listings.len());
    let sellers: HashSet<_> = listings.iter().filter_map(|l| l.particulars.seller_id.clone()).collect();
    assert_eq!((listings.len(), sellers.len()), (5, 2));
    for listing in listings {
        assert!(listing.fare.amount_minor > 0 && listing.particulars.title.is_some());
        assert!(all.layouts.iter().any(|layout| layout.id == listing.layout_id));
        assert!(all.patterns.iter().any(|pattern| pattern.id == listing.pattern_id));
    }
    let once = |text: &str| read(&format!("listings: [{text}]"));
    let good = "{key: a, title: T, price: 1, seller: s}";
    assert_eq!(
        once(&format!("{good}, {{key: b, title: T, price: 2, seller: s}}")).unwrap().catalog.layouts.len(),
        1
    );
    for (text, fault) in [
        (format!("{good}, {good}"), "listings[1].key: the listing \"a\" stands in these files already"),
        ("{key: a, title: T, price: 0, seller: s}".into(), "listings[0].price: must be more than 0"),
        ("{key: a, title: T, price: 1}".into(), "seller"),
        ("{key: a, title: T, price: 1, seller: s, row: 3}".into(), "row"),
    ] {
        let error = once(&text).unwrap_err().to_string();
        assert!(error.contains(fault), "{text}: {error}");
    }
}

#[test]
fn an_arena_of_twenty_thousand_seats_is_a_good_file() {
    let seed = parse("arena.yaml", include_str!("../../../../fixtures/arena.yaml"), now()).unwrap().catalog;
    let layout = Layout::new(seed.layouts[0].id, seed.layouts[0].spec.clone()).unwrap();
    assert_eq!((layout.seat_count(), layout.sections().len(), seed.offerings.len()), (20_000, 100, 1));
    let event = &seed.offerings[0];
    assert_eq!(event.external_id.as_deref(), Some("final@20:00"));
    assert_eq!(event.particulars.venue_id, Some(seed.venues[0].id));
    let again = parse("arena.yaml", include_str!("../../../../fixtures/arena.yaml"), now()).unwrap().catalog;
    assert_eq!(seed, again, "applying it twice names the same things");
}

#[test]
fn what_is_wrong_with_a_venue_or_an_event_is_named_with_its_place() {
    let hall = "sections: [{name: A, rows: 2, seats: 3, category: GOLD}]";
    let venue = |seats: &str| format!("venues: [{{key: v, name: V, city: C, timezone: UTC, {seats}}}]\n");
    let event = |more: &str| {
        let event = "key: e, title: T, price: 1, at: 2026-12-01T20:00";
        format!("{}events: [{{{event}, {more}}}]\n", venue(hall))
    };
    assert!(read(&event("venue: v, minutes: 90")).is_ok());
    for (text, fault) in [
        (venue("address: x"), "needs its seats"),
        (venue("layout: none"), "must define \"none\""),
        (venue("sections: [{name: A B, seats: 3}]"), "letters and digits"),
        (event("venue: w, minutes: 90"), "there is no venue \"w\"; the venues section"),
        (event("venue: v, minutes: 0"), "must be more than 0"),
        (event("venue: v, minutes: 90, prices: [{category: BOX, price: 1}]"), "there is no category BOX"),
        (event("venue: v, minutes: 90, seller: me"), "unknown field"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(fault), "{fault}: {error}");
    }
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(
        at in any::<prop::sample::Index>(),
        length in 0_usize..12,
        put in "[-+0-9a-z:.,#&*!|>'\"{}\\[\\] \n\t]{0,6}|9999999999|\\PC{0,4}",
    ) {
        let stops = STOPS;
        let good = format!(
            "{stops}layouts: [{{name: bus, rows: 9, columns: A B}}]\nroutes:\n- key: 7\n  name: Seven\n  \
             stops: [a, b, c]\n  price: 2.5\n  timezone: America/Chicago\n  layout: bus\n  departures:\n  \
             - {{at: 2026-12-01T08:00, minutes: [0, 4.5, 9], dwell: 1}}\n  - days: {{from: today, count: 3}}\n    \
             every: {{from: '06:00', to: '25:00', minutes: 30}}\n    minutes: [0, 4, 9]\n"
        );
        assert!(read(&good).is_ok());
        let mut text: Vec<char> = good.chars().collect();
        let at = at.index(text.len());
        let end = (at + length).min(text.len());
        text.splice(at..end, put.chars());
        if let Err(error) = read(&text.into_iter().collect::<String>()) {
            assert!(error.to_string().starts_with("city.yaml"), "{error}");
        }
    }
}
