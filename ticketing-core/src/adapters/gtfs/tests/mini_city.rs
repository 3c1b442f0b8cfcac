//! The good fixture feed: exact routes, patterns, instants and fares, on days with a change of clocks too.

use super::super::Summary;
use super::{Import, fixture, options, run};
use jiff::civil::date;

fn mini_city(from: &str, days: u32) -> Import {
    let import = run(&fixture("mini-city"), &options(from, days)).unwrap();
    assert_eq!(import.report.total(), 0, "{:?}", import.report);
    import
}

/// The departures of some days: external id, service date, departure and arrival in minutes of UTC.
fn departures(from: &str, days: u32) -> Vec<String> {
    let short = |t: String| t[..16].to_owned();
    let line = |o: &crate::domain::catalog::OfferingFacts| {
        let id = o.external_id.as_deref().unwrap();
        let (departs, arrives) = (short(o.departs_at.to_string()), short(o.arrives_at.to_string()));
        format!("{id} of {}: {departs} {arrives} {}", o.service_date, o.fare.decimal())
    };
    let mut lines: Vec<String> = mini_city(from, days).catalog.offerings.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn a_weekday_has_the_trips_of_its_service() {
    assert_eq!(
        departures("2026-06-01", 1),
        [
            "M1-0800 of 2026-06-01: 2026-06-01T06:00 2026-06-01T06:17 2.80",
            "M1-0900 of 2026-06-01: 2026-06-01T07:00 2026-06-01T07:17 2.80",
            "M1-back of 2026-06-01: 2026-06-01T15:00 2026-06-01T15:20 2.80",
        ]
    );
}

#[test]
fn clocks_go_forward_in_the_night_of_a_service_day() {
    // In Berlin 02:00 becomes 03:00 on Sunday 2026-03-29. Saturday's night trip crosses it; Sunday's day is
    // counted from noon minus 12 h, which is 23:00 of Saturday.
    assert_eq!(
        departures("2026-03-28", 2),
        [
            "M1-W-1000 of 2026-03-28: 2026-03-28T09:00 2026-03-28T09:15 2.80",
            "M1-W-1000 of 2026-03-29: 2026-03-29T08:00 2026-03-29T08:15 2.80",
            "N1-2510 of 2026-03-28: 2026-03-29T00:10 2026-03-29T01:10 4.00",
            "N1-2510 of 2026-03-29: 2026-03-29T23:10 2026-03-30T00:10 4.00",
            "SHUTTLE@07:00:00 of 2026-03-28: 2026-03-28T06:00 2026-03-28T06:55 9.50",
            "SHUTTLE@07:00:00 of 2026-03-29: 2026-03-29T05:00 2026-03-29T05:55 9.50",
            "SHUTTLE@08:00:00 of 2026-03-28: 2026-03-28T07:00 2026-03-28T07:55 9.50",
            "SHUTTLE@08:00:00 of 2026-03-29: 2026-03-29T06:00 2026-03-29T06:55 9.50",
            "SHUTTLE@23:30:00 of 2026-03-28: 2026-03-28T22:30 2026-03-28T23:25 9.50",
            "SHUTTLE@23:30:00 of 2026-03-29: 2026-03-29T21:30 2026-03-29T22:25 9.50",
            "SHUTTLE@24:15:00 of 2026-03-28: 2026-03-28T23:15 2026-03-29T00:10 9.50",
            "SHUTTLE@24:15:00 of 2026-03-29: 2026-03-29T22:15 2026-03-29T23:10 9.50",
        ]
    );
}

#[test]
fn clocks_go_back_in_the_night_of_a_service_day() {
    // In Berlin 03:00 becomes 02:00 on Sunday 2026-10-25.
    let lines = departures("2026-10-24", 2);
    let of = |trip: &str| lines.iter().filter(|l| l.starts_with(trip)).cloned().collect::<Vec<_>>();
    assert_eq!(
        of("N1-2510"),
        [
            "N1-2510 of 2026-10-24: 2026-10-24T23:10 2026-10-25T00:10 4.00",
            "N1-2510 of 2026-10-25: 2026-10-26T00:10 2026-10-26T01:10 4.00",
        ]
    );
    assert_eq!(
        of("M1-W-1000"),
        [
            "M1-W-1000 of 2026-10-24: 2026-10-24T08:00 2026-10-24T08:15 2.80",
            "M1-W-1000 of 2026-10-25: 2026-10-25T09:00 2026-10-25T09:15 2.80",
        ]
    );
}

#[test]
fn exceptions_take_days_away_and_add_them() {
    // Good Friday runs as a weekend; the festival has no calendar.txt row at all.
    let trips = |from: &str| {
        let mut ids: Vec<String> =
            departures(from, 1).iter().map(|l| l.split(' ').next().unwrap().to_owned()).collect();
        ids.retain(|id| !id.starts_with("SHUTTLE"));
        ids
    };
    assert_eq!(trips("2026-04-02"), ["M1-0800", "M1-0900", "M1-back"]);
    assert_eq!(trips("2026-04-03"), ["M1-W-1000", "N1-2510"]);
    assert_eq!(trips("2026-07-18"), ["FE-1", "M1-W-1000", "N1-2510"]);
    assert_eq!(trips("2026-07-20"), ["M1-0800", "M1-0900", "M1-back"]);
}

#[test]
fn trips_with_the_same_running_times_share_a_pattern() {
    let import = mini_city("2026-06-01", 1);
    let pattern = |id: &str| {
        let offering =
            import.catalog.offerings.iter().find(|o| o.external_id.as_deref() == Some(id)).unwrap();
        import.catalog.patterns.iter().find(|p| p.id == offering.pattern_id).unwrap()
    };
    assert_eq!(pattern("M1-0800").id, pattern("M1-0900").id);
    assert_eq!(import.catalog.patterns.len(), 2);
    let calls: Vec<_> = pattern("M1-0800")
        .calls
        .iter()
        .map(|c| (c.name.as_str(), c.sequence, c.arrival_s, c.departure_s, c.boards, c.alights))
        .collect();
    assert_eq!(
        calls,
        [
            ("Harbour", 10, 0, 0, true, false),
            ("Market", 20, 360, 420, true, true),
            ("University", 30, 720, 720, true, true),
            ("Castle, upper gate", 40, 1020, 1020, false, true),
        ]
    );
    let festival = mini_city("2026-07-18", 1);
    let calls = festival.catalog.patterns.iter().map(|p| p.calls[0].arrival_s).min();
    assert_eq!(calls, Some(-300), "the festival bus waits five minutes at its first stop");
}

#[test]
fn routes_have_the_stops_of_their_longest_journey_and_the_highest_fare() {
    let import = mini_city("2026-06-01", 1);
    let line = |r: &crate::domain::catalog::Route| {
        let stops: Vec<String> =
            r.stops.iter().map(|s| format!("{}{}", s.external_id.as_deref().unwrap(), s.sequence)).collect();
        let (id, short) = (r.external_id.as_deref().unwrap(), r.short_name.as_deref().unwrap_or("-"));
        let (stops, fare, currency) = (stops.join(" "), r.fare.decimal(), r.fare.currency);
        format!("{id} | {} | {short} | {stops} | {fare} {currency} | {}", r.name, r.timezone)
    };
    let lines: Vec<String> = import.catalog.routes.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "M1 | Harbour – Castle | 1 | HAR10 MKT20 UNI30 CAS40 | 2.80 EUR | Europe/Berlin",
            "N1 | Night line | N1 | CAS1 HAR2 | 4.00 EUR | Europe/Berlin",
            "SH | Airport shuttle | - | HAR1 AIR2 HAR3 | 9.50 EUR | Europe/Berlin",
            "FE | F | F | HAR1 CAS2 | 2.80 EUR | Europe/Berlin",
        ]
    );
}

#[test]
fn the_summary_counts_the_feed_and_the_window() {
    let expected = Summary {
        routes: 4,
        stops: 4,
        trips: 7,
        departures: 15,
        stop_times: 50,
        skipped_rows: 0,
        first_service_date: Some(date(2026, 3, 1)),
        last_service_date: Some(date(2026, 11, 29)),
    };
    assert_eq!(mini_city("2026-06-01", 5).summary, expected);
}

#[test]
fn a_window_without_service_is_empty_and_names_the_feeds_own_dates() {
    let import = mini_city("2027-01-01", 30);
    assert_eq!(import.catalog, crate::domain::catalog::CatalogSet::default());
    assert_eq!(import.summary.departures, 0);
    assert_eq!(import.summary.first_service_date, Some(date(2026, 3, 1)));
    assert_eq!(import.summary.last_service_date, Some(date(2026, 11, 29)));
}

#[test]
fn importing_twice_names_the_same_things() {
    assert_eq!(mini_city("2026-06-01", 7).catalog, mini_city("2026-06-01", 7).catalog);
    let later = mini_city("2026-06-08", 7).catalog;
    let first = mini_city("2026-06-01", 7).catalog;
    assert_eq!(first.patterns, later.patterns, "the next week has the same patterns");
    assert!(first.offerings.iter().all(|o| later.offerings.iter().all(|l| l.id != o.id)));
}

#[test]
fn days_laid_on_later_ones_keep_the_feeds_calendar_and_take_the_clock_of_the_later_day() {
    // Friday 2026-04-03, an exception, laid on Friday 2027-01-08: winter time.
    let mut options = options("2026-04-03", 2);
    options.start_on = Some(date(2027, 1, 8));
    let import = run(&fixture("mini-city"), &options).unwrap();
    let night: Vec<_> = import
        .catalog
        .offerings
        .iter()
        .filter(|o| o.external_id.as_deref() == Some("N1-2510"))
        .map(|o| (o.service_date.as_str(), o.departs_at.to_string()))
        .collect();
    let expected = [
        ("2027-01-08", "2027-01-09T00:10:00.000Z".to_owned()),
        ("2027-01-09", "2027-01-10T00:10:00.000Z".to_owned()),
    ];
    assert_eq!(night, expected);
}

#[test]
fn progress_moves_and_ends_at_its_total() {
    let mut phases: Vec<(String, u64, Option<u64>)> = Vec::new();
    let options = options("2026-06-01", 7);
    super::import(&fixture("mini-city"), &options, &mut |p| phases.push((p.phase.into(), p.done, p.total)))
        .unwrap();
    let stop_times: Vec<_> = phases.iter().filter(|p| p.0 == "reading stop_times.txt").collect();
    assert_eq!(stop_times.first().unwrap().1, 0);
    assert_eq!(Some(stop_times.last().unwrap().1), stop_times.last().unwrap().2);
    assert!(phases.iter().any(|p| p.0 == "placing departures"));
}
