//! From the rows of `stop_times.txt` to journeys: who calls where and when, and which trips share that.
//!
//! Rows may come in any order, so all are read (packed small) before a trip is looked at. What a trip
//! keeps is in order of `stop_sequence`, never goes back in time, and is timed at both ends.

use super::network::{Known, Lookup, Stop, Trip};
use super::report::Reporter;
use super::rows::{Feed, optional, required, shown};
use super::value::{clock, number, seconds};
use super::{GtfsError, Progress};
use crate::domain::catalog::CALLS_MAX;
use std::collections::HashMap;
use std::rc::Rc;

const FILE: &str = "stop_times.txt";
/// How often progress is told.
const TRIPS_PER_PROGRESS: u32 = 5_000;
/// No time given.
const BLANK: i32 = i32::MIN;

/// A row of the file, packed.
#[derive(Clone, Copy)]
struct CallRow {
    trip: u32,
    sequence: u32,
    line: u32,
    stop: u32,
    arrival_s: i32,
    departure_s: i32,
    boards: bool,
    alights: bool,
}

/// A call of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PatternCall {
    pub(super) stop: u32,
    pub(super) sequence: u32,
    /// Seconds after the departure from the first stop.
    pub(super) arrival_s: i32,
    /// Seconds after the departure from the first stop.
    pub(super) departure_s: i32,
    pub(super) boards: bool,
    pub(super) alights: bool,
}

/// The calls that several trips of a route share.
pub(super) struct CallPattern {
    pub(super) route: u32,
    pub(super) calls: Rc<[PatternCall]>,
    /// How many trips have it.
    pub(super) trips: u32,
}

/// What is left of a trip: its pattern, and when it leaves its first stop.
pub(super) struct Journey {
    pub(super) trip: u32,
    pub(super) pattern: u32,
    /// Seconds of the service day.
    pub(super) departure_s: i32,
}

/// All usable trips of the feed, in its own order.
pub(super) struct Journeys {
    pub(super) patterns: Vec<CallPattern>,
    pub(super) journeys: Vec<Journey>,
}

/// Reads `stop_times.txt` and reports the trips that come to nothing.
pub(super) fn read(
    feed: &mut Feed<'_>,
    trips: &Known<Trip>,
    stops: &Known<Stop>,
) -> Result<Journeys, GtfsError> {
    let mut rows = read_rows(feed, trips, stops)?;
    rows.sort_unstable_by_key(|r| (r.trip, r.sequence, r.line));
    let mut all = Journeys { patterns: Vec::new(), journeys: Vec::new() };
    let mut pattern_of: HashMap<(u32, Rc<[PatternCall]>), u32> = HashMap::new();
    let mut rest = rows.as_slice();
    let total = trips.items().len();
    for (index, trip) in (0_u32..).zip(trips.items()) {
        if index.is_multiple_of(TRIPS_PER_PROGRESS) {
            let total = Some(total as u64);
            (feed.progress)(Progress { phase: "arranging trips", done: u64::from(index), total });
        }
        let (own, others) = rest.split_at(rest.partition_point(|r| r.trip <= index));
        rest = others;
        let calls = match arrange(own, &mut feed.reporter)? {
            Ok(calls) => calls,
            Err(reason) => {
                feed.reporter.skip("trips.txt", trip.line, reason)?;
                continue;
            }
        };
        let departure_s = calls[0].departure_s;
        let calls: Rc<[PatternCall]> = calls.iter().map(|row| relative(row, departure_s)).collect();
        let pattern = *pattern_of.entry((trip.route, calls)).or_insert_with_key(|(route, calls)| {
            all.patterns.push(CallPattern { route: *route, calls: Rc::clone(calls), trips: 0 });
            u32::try_from(all.patterns.len() - 1).unwrap_or(u32::MAX)
        });
        all.patterns[pattern as usize].trips += 1;
        all.journeys.push(Journey { trip: index, pattern, departure_s });
    }
    Ok(all)
}

fn relative(row: &CallRow, departure_s: i32) -> PatternCall {
    PatternCall {
        stop: row.stop,
        sequence: row.sequence,
        arrival_s: row.arrival_s - departure_s,
        departure_s: row.departure_s - departure_s,
        boards: row.boards,
        alights: row.alights,
    }
}

fn read_rows(
    feed: &mut Feed<'_>,
    trips: &Known<Trip>,
    stops: &Known<Stop>,
) -> Result<Vec<CallRow>, GtfsError> {
    let mut rows: Vec<CallRow> = Vec::new();
    let columns = [
        required("trip_id"),
        required("stop_id"),
        required("stop_sequence"),
        optional("arrival_time"),
        optional("departure_time"),
        optional("pickup_type"),
        optional("drop_off_type"),
    ];
    let there = feed.each_row(FILE, columns, |row| {
        let trip_id = row.text(0);
        // Rows of one trip mostly stand together.
        let last = rows.last().map(|r| r.trip).filter(|last| *trips.get(*last).id == *trip_id);
        let trip = match last.map_or_else(|| trips.find(&trip_id), Lookup::Found) {
            Lookup::Found(trip) => trip,
            Lookup::Skipped => return Ok(()),
            Lookup::Unknown => return Err(format!("trip_id {} is not in trips.txt", shown(&trip_id)).into()),
        };
        let stop_id = row.text(1);
        let Lookup::Found(stop) = stops.find(&stop_id) else {
            return Err(format!("stop_id {} is not in stops.txt", shown(&stop_id)).into());
        };
        let sequence = number(row.bytes(2))
            .and_then(|n| u32::try_from(n).ok())
            .ok_or_else(|| format!("stop_sequence {} is no whole number", shown(&row.text(2))))?;
        let time = |column: usize, name: &str| match row.bytes(column) {
            b"" => Ok(BLANK),
            text => seconds(text).ok_or_else(|| format!("{name} {} is no time", shown(&row.text(column)))),
        };
        let (arrival, departure) = (time(3, "arrival_time")?, time(4, "departure_time")?);
        let arrival_s = if arrival == BLANK { departure } else { arrival };
        let departure_s = if departure == BLANK { arrival } else { departure };
        if departure_s < arrival_s {
            let (a, d) = (clock(arrival_s), clock(departure_s));
            return Err(format!("times go backwards: leaves at {d}, before it arrives at {a}").into());
        }
        // 2 and 3 are "by arrangement": they may.
        let allowed = |column: usize, name: &str| match row.bytes(column) {
            b"" | b"0" | b"2" | b"3" => Ok(true),
            b"1" => Ok(false),
            _ => Err(format!("{name} {} is not 0, 1, 2 or 3", shown(&row.text(column)))),
        };
        let (boards, alights) = (allowed(5, "pickup_type")?, allowed(6, "drop_off_type")?);
        let line = u32::try_from(row.line).unwrap_or(u32::MAX);
        rows.push(CallRow { trip, sequence, line, stop, arrival_s, departure_s, boards, alights });
        Ok(())
    })?;
    if !there {
        return Err(GtfsError::MissingFile { file: FILE, found: feed.source.found() });
    }
    Ok(rows)
}

/// Returns the calls of one trip, all timed, or the reason why it can't run. Reports the rows left out.
fn arrange(rows: &[CallRow], reporter: &mut Reporter) -> Result<Result<Vec<CallRow>, String>, GtfsError> {
    let mut calls: Vec<CallRow> = Vec::with_capacity(rows.len());
    let mut left_s = BLANK;
    for row in rows {
        if calls.last().is_some_and(|last| last.sequence == row.sequence) {
            let reason = format!("stop_sequence {} is there already in this trip", row.sequence);
            reporter.skip(FILE, u64::from(row.line), reason)?;
            continue;
        }
        if row.arrival_s != BLANK {
            if row.arrival_s < left_s {
                let (a, d) = (clock(row.arrival_s), clock(left_s));
                let reason =
                    format!("times go backwards: arrives at {a}, after leaving the stop before at {d}");
                reporter.skip(FILE, u64::from(row.line), reason)?;
                continue;
            }
            left_s = row.departure_s;
        }
        calls.push(*row);
    }
    let refused = match calls.as_slice() {
        [] if rows.is_empty() => Some("the trip has no usable row in stop_times.txt".into()),
        [] | [_] => Some("the trip has fewer than two usable calls in stop_times.txt".into()),
        [first, ..] if first.arrival_s == BLANK => {
            Some(format!("the trip's first call (stop_times.txt line {}) has no time", first.line))
        }
        [.., last] if last.arrival_s == BLANK => {
            Some(format!("the trip's last call (stop_times.txt line {}) has no time", last.line))
        }
        _ if calls.len() > CALLS_MAX => Some(format!("the trip has more than {CALLS_MAX} calls")),
        _ => None,
    };
    if let Some(reason) = refused {
        return Ok(Err(reason));
    }
    interpolate(&mut calls);
    Ok(Ok(calls))
}

/// Spreads the calls without times evenly between their timed neighbours. Both ends must be timed.
fn interpolate(calls: &mut [CallRow]) {
    let mut timed = 0;
    for i in 1..calls.len() {
        if calls[i].arrival_s == BLANK {
            continue;
        }
        let (left_s, arrives_s) = (i64::from(calls[timed].departure_s), i64::from(calls[i].arrival_s));
        let steps = (i - timed) as i64;
        for (step, call) in (1..).zip(&mut calls[timed + 1..i]) {
            let time_s = left_s + (arrives_s - left_s) * step / steps;
            call.arrival_s = i32::try_from(time_s).unwrap_or(i32::MAX);
            call.departure_s = call.arrival_s;
        }
        timed = i;
    }
}

#[cfg(test)]
mod tests {
    use super::{BLANK, CallRow, Reporter, arrange};

    /// A call's sequence, arrival and departure.
    type Times = (u32, i32, i32);

    /// These calls, on lines 2, 3, ….
    fn rows(times: &[Times]) -> Vec<CallRow> {
        let row = |(line, &(sequence, arrival_s, departure_s)): (u32, &Times)| CallRow {
            trip: 0,
            sequence,
            line,
            stop: sequence,
            arrival_s,
            departure_s,
            boards: true,
            alights: true,
        };
        (2..).zip(times).map(row).collect()
    }

    /// What is kept of a trip, and the lines left out.
    type Arranged = (Result<Vec<Times>, String>, Vec<u64>);

    fn arranged(times: &[Times]) -> Arranged {
        let mut reporter = Reporter::new(false);
        let calls = arrange(&rows(times), &mut reporter).unwrap();
        let calls = calls.map(|c| c.iter().map(|r| (r.sequence, r.arrival_s, r.departure_s)).collect());
        (calls, reporter.finish().rows.iter().map(|r| r.line).collect())
    }

    #[test]
    fn blank_times_are_spread_between_their_timed_neighbours() {
        const B: i32 = BLANK;
        let (calls, skipped) =
            arranged(&[(1, 0, 10), (2, B, B), (4, B, B), (5, 100, 120), (6, B, B), (9, 125, 125)]);
        let expected =
            vec![(1, 0, 10), (2, 40, 40), (4, 70, 70), (5, 100, 120), (6, 122, 122), (9, 125, 125)];
        assert_eq!((calls, skipped), (Ok(expected), vec![]));
    }

    #[test]
    fn rows_that_go_back_in_time_or_repeat_a_sequence_are_left_out() {
        let (calls, skipped) = arranged(&[
            (1, 0, 10),
            (1, 5, 5),
            (2, 60, 60),
            (3, 50, 50),
            (4, 60, 60),
            (5, BLANK, BLANK),
            (6, 90, 90),
        ]);
        let expected = vec![(1, 0, 10), (2, 60, 60), (4, 60, 60), (5, 75, 75), (6, 90, 90)];
        assert_eq!((calls, skipped), (Ok(expected), vec![3, 5]));
    }

    #[test]
    fn a_trip_without_two_timed_ends_is_refused_with_its_reason() {
        const B: i32 = BLANK;
        let table: &[(&[Times], &str)] = &[
            (&[], "no usable row"),
            (&[(1, 0, 0)], "fewer than two"),
            (&[(1, 0, 0), (1, 9, 9)], "fewer than two"),
            (&[(1, B, B), (2, 0, 0), (3, 9, 9)], "first call (stop_times.txt line 2)"),
            (&[(1, 0, 0), (2, 9, 9), (3, B, B)], "last call (stop_times.txt line 4)"),
            (&[(1, 50, 50), (2, B, B), (3, 9, 9)], "last call (stop_times.txt line 3)"),
        ];
        for (times, expected) in table {
            let reason = arranged(times).0.unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
