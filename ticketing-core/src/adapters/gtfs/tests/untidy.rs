//! The untidy fixture feed: what is taken as it is meant, and what is left out with which reason.

use super::{GtfsError, fixture, options, run, skipped, small};

/// A row of a skipped trip isn't named again; nor is what its own file already explains.
const SKIPPED: &[&str] = &[
    r#"agency.txt:4: agency_id "U1" is there already"#,
    r#"calendar.txt:3: service_id "ALL" is there already"#,
    r#"calendar.txt:4: wednesday "yes" is not 0 or 1"#,
    r#"calendar.txt:5: start_date "2026-01-01" is no date YYYYMMDD"#,
    "calendar.txt:6: ends on 2026-01-01, before it starts on 2026-12-31",
    r#"calendar_dates.txt:3: 2026-06-01 of service_id "ONCE" is there already"#,
    r#"calendar_dates.txt:5: date "20260230" is no date YYYYMMDD"#,
    r#"calendar_dates.txt:6: exception_type "3" is not 1 or 2"#,
    r#"fare_attributes.txt:4: fare_id "long" is there already"#,
    r#"fare_attributes.txt:5: price "-1.00" must not be negative (EUR)"#,
    r#"fare_attributes.txt:6: currency_type "XXQ" is no ISO 4217 currency"#,
    r#"fare_attributes.txt:7: price "1.005" has more decimals than the currency (EUR)"#,
    r#"fare_attributes.txt:8: price "" must be a decimal number (EUR)"#,
    r#"fare_attributes.txt:9: currency_type "" is no ISO 4217 currency"#,
    r#"fare_rules.txt:5: fare_id "ghost" is not in fare_attributes.txt"#,
    r#"fare_rules.txt:6: route_id "R9" is not in routes.txt"#,
    r#"fare_rules.txt:7: route_id "R3" is not in routes.txt"#,
    "frequencies.txt:3: overlaps the same trip's period on line 2",
    r#"frequencies.txt:4: headway_secs "0" is no number above 0"#,
    r#"frequencies.txt:5: headway_secs "-60" is no number above 0"#,
    "frequencies.txt:6: ends at 09:00:00, not after its start at 09:00:00",
    r#"frequencies.txt:7: start_time "nine" is no time"#,
    r#"frequencies.txt:9: trip_id "NOBODY" is not in trips.txt"#,
    r#"frequencies.txt:11: headway_secs "often" is no number above 0"#,
    r#"routes.txt:5: route_id "R1" is there already"#,
    "routes.txt:6: has no route_id",
    "routes.txt:7: has 7 values for 6 columns: a comma inside a value needs quotes",
    r#"stop_times.txt:7: departure_time "10:61:00" is no time"#,
    r#"stop_times.txt:8: stop_id "Z" is not in stops.txt"#,
    "stop_times.txt:9: times go backwards: leaves at 10:10:00, before it arrives at 10:12:00",
    "stop_times.txt:11: stop_sequence 5 is there already in this trip",
    "stop_times.txt:12: times go backwards: arrives at 10:15:00, after leaving the stop before at 10:20:00",
    r#"stop_times.txt:13: stop_sequence "seven" is no whole number"#,
    r#"stop_times.txt:14: pickup_type "9" is not 0, 1, 2 or 3"#,
    r#"stop_times.txt:15: stop_sequence "-9" is no whole number"#,
    r#"stop_times.txt:17: trip_id "NOBODY" is not in trips.txt"#,
    r#"stop_times.txt:23: arrival_time "soon" is no time"#,
    r#"stops.txt:9: stop_id "A" is there already"#,
    "stops.txt:10: has no stop_id",
    "stops.txt:11: has 8 values for 6 columns: a comma inside a value needs quotes",
    r#"trips.txt:5: trip_id "GOOD" is there already"#,
    r#"trips.txt:6: route_id "R9" is not in routes.txt"#,
    r#"trips.txt:7: service_id "NEVER" is in neither calendar.txt nor calendar_dates.txt"#,
    r#"trips.txt:8: service_id "BADDATE" was skipped in calendar.txt"#,
    r#"trips.txt:9: route_id "R3" is not in routes.txt"#,
    "trips.txt:10: the trip has no usable row in stop_times.txt",
    "trips.txt:11: the trip has fewer than two usable calls in stop_times.txt",
    "trips.txt:12: the trip's last call (stop_times.txt line 26) has no time",
    "trips.txt:13: has no trip_id",
];

#[test]
fn every_row_that_can_not_be_right_is_named_by_file_line_and_reason() {
    let import = run(&fixture("untidy"), &options("2026-06-01", 1)).unwrap();
    let lines = skipped(&import);
    assert_eq!(lines, SKIPPED, "\n{}", lines.join("\n"));
    assert_eq!(import.summary.skipped_rows, SKIPPED.len() as u64);
}

#[test]
fn what_can_be_understood_is_taken_as_it_is_meant() {
    let import = run(&fixture("untidy"), &options("2026-06-01", 1)).unwrap();
    let lines: Vec<String> = import
        .catalog
        .offerings
        .iter()
        .map(|o| {
            let pattern = import.catalog.patterns.iter().find(|p| p.id == o.pattern_id).unwrap();
            let calls: Vec<String> = pattern
                .calls
                .iter()
                .map(|c| format!("{}{}+{}", c.external_id.as_deref().unwrap(), c.sequence, c.departure_s))
                .collect();
            let (id, departs) = (o.external_id.as_deref().unwrap(), o.departs_at.to_string());
            format!("{id} {} {} {}", &departs[11..16], o.fare.decimal(), calls.join(" "))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "GOOD 07:00 1.20 A1+0 B9+900 C12+1800 D100+3600",
            "MIXED 09:00 1.20 A1+0 B5+1200 D10+2400",
            "ONCE-1 11:00 0.50 A1+0 B2+1800",
            "EVERY@06:00:00 05:00 0.50 A1+0 C2+600",
            "EVERY@06:15:00 05:15 0.50 A1+0 C2+600",
            "EVERY@06:30:00 05:30 0.50 A1+0 C2+600",
        ]
    );
    let routes: Vec<_> =
        import.catalog.routes.iter().map(|r| (r.name.as_str(), r.timezone.as_str())).collect();
    assert_eq!(routes, [("The \"Long\" line", "Europe/Lisbon"), ("22", "Europe/Lisbon")]);
    let stops: Vec<_> = import.catalog.routes[0].stops.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(stops, ["Café “Nice”", "Bridge", "Church, \"old\"", "D"]);
}

#[test]
fn a_strict_import_is_refused_at_the_first_such_row() {
    let mut options = options("2026-06-01", 1);
    options.strict = true;
    let error = run(&fixture("untidy"), &options).unwrap_err();
    assert!(matches!(&error, GtfsError::Strict { file, line: 4, .. } if file == "agency.txt"), "{error}");
    assert!(run(&fixture("mini-city"), &options).is_ok(), "a good feed is taken");
}

#[test]
fn the_small_feed_is_good() {
    let import = small(&[]).unwrap();
    assert_eq!((import.summary.departures, import.summary.stop_times, import.report.total()), (1, 3, 0));
}
