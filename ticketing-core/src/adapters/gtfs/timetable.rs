//! From journeys and calendars to the catalogue: every departure of the window as an instant.

use super::calendar::Services;
use super::fares::Fares;
use super::frequencies::{Frequencies, Period};
use super::network::{Known, Lookup, Route, Stop, Trip, Zone};
use super::rows::{Feed, ID_CHARS_MAX, shown};
use super::stop_times::{CallPattern, Journeys};
use super::value::clock;
use super::{DEPARTURES_MAX, GtfsError, Options, Progress, Summary, Window};
use crate::domain::catalog::{
    Call, CatalogSet, LatePayment, OfferingFacts, OfferingKind, OfferingStatus, Particulars, Pattern,
};
use crate::domain::catalog::{Route as CatalogRoute, RouteStop};
use crate::domain::id::{OfferingId, PatternId, RouteId, StopId, derived};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, HashSet};

/// How often progress is told.
const DEPARTURES_PER_PROGRESS: u64 = 5_000;

/// A feed that was read, and what of it is wanted.
pub(super) struct Timetable<'a> {
    pub(super) window: Window,
    pub(super) options: &'a Options,
    pub(super) zones: &'a [Zone],
    pub(super) routes: &'a Known<Route>,
    pub(super) stops: &'a Known<Stop>,
    pub(super) services: &'a Services,
    pub(super) trips: &'a Known<Trip>,
    pub(super) frequencies: &'a Frequencies,
    pub(super) fares: &'a Fares,
    pub(super) journeys: &'a Journeys,
}

/// A departure of every day on which its trip runs.
struct Run {
    trip: u32,
    pattern: u32,
    /// From the first stop, in seconds of the service day.
    departure_s: i32,
    external_id: String,
}

impl Timetable<'_> {
    /// Returns routes, patterns and departures; nothing at all if the window holds no departure.
    pub(super) fn build(&self, feed: &mut Feed<'_>) -> Result<(CatalogSet, Summary), GtfsError> {
        let mut summary = Summary { trips: self.journeys.journeys.len() as u64, ..Summary::default() };
        let mut used = vec![false; self.services.len()];
        for journey in &self.journeys.journeys {
            used[self.trips.get(journey.trip).service as usize] = true;
        }
        if let Some((first, last)) = self.services.ends(&used) {
            (summary.first_service_date, summary.last_service_date) = (Some(first), Some(last));
        }
        // The fare is read in any case: a bad --fare should not depend on the feed to be seen.
        let fallback = self.options.fare.as_deref().map(|f| self.fares.fallback(f)).transpose()?.flatten();
        let total = self.count()?;
        let runs = self.runs(feed)?;
        if total == 0 || runs.is_empty() {
            return Ok((CatalogSet::default(), summary));
        }
        let (fares, routes) = self.routes(&runs, fallback)?;
        let ids = Ids::new(self, &runs);
        let offerings = self.offerings(&runs, &ids, &fares, total, feed)?;
        let patterns: Vec<Pattern> = (self.journeys.patterns.iter().zip(&ids.patterns))
            .filter_map(|(pattern, id)| id.map(|id| self.catalog_pattern(id, pattern)))
            .collect();
        let calls = |run: &Run| self.journeys.patterns[run.pattern as usize].calls.len() as u64;
        summary.stop_times = self.window.days().fold(0, |sum, (day, _)| {
            let running = self.services.running(day);
            sum + runs.iter().filter(|r| running[self.service(r.trip)]).map(calls).sum::<u64>()
        });
        summary.departures = offerings.len() as u64;
        summary.routes = routes.len() as u64;
        let stops: HashSet<StopId> = patterns.iter().flat_map(|p| &p.calls).map(|c| c.stop_id).collect();
        summary.stops = stops.len() as u64;
        Ok((CatalogSet { routes, patterns, offerings, ..CatalogSet::default() }, summary))
    }

    fn service(&self, trip: u32) -> usize {
        self.trips.get(trip).service as usize
    }

    /// Counts the departures of the window before any of them is made.
    fn count(&self) -> Result<u64, GtfsError> {
        let mut per_service = vec![0_u64; self.services.len()];
        for journey in &self.journeys.journeys {
            let count = match self.frequencies.get(&journey.trip) {
                Some(periods) => periods.values().map(|p| p.count()).sum(),
                None => 1,
            };
            per_service[self.service(journey.trip)] += count;
        }
        let mut total = 0;
        for (day, _) in self.window.days() {
            let running = self.services.running(day);
            total += running.iter().zip(&per_service).filter(|(runs, _)| **runs).map(|(_, n)| n).sum::<u64>();
            if total > DEPARTURES_MAX {
                return Err(GtfsError::TooManyDepartures { days: self.window.days });
            }
        }
        Ok(total)
    }

    /// Returns the departures of a day, of all trips that run on some day of the window.
    fn runs(&self, feed: &mut Feed<'_>) -> Result<Vec<Run>, GtfsError> {
        let mut in_window = vec![false; self.services.len()];
        for (day, _) in self.window.days() {
            for (any, runs) in in_window.iter_mut().zip(self.services.running(day)) {
                *any |= runs;
            }
        }
        let mut runs = Vec::new();
        for journey in self.journeys.journeys.iter().filter(|j| in_window[self.service(j.trip)]) {
            let (trip, pattern) = (journey.trip, journey.pattern);
            let trip_id = &self.trips.get(trip).id;
            let Some(periods) = self.frequencies.get(&trip) else {
                let external_id = trip_id.to_string();
                runs.push(Run { trip, pattern, departure_s: journey.departure_s, external_id });
                continue;
            };
            for period in periods.values() {
                for departure_s in period.departures() {
                    let external_id = format!("{trip_id}@{}", clock(departure_s));
                    if let Some(reason) = self.unusable(&external_id) {
                        self.report_period(feed, period, reason)?;
                        continue;
                    }
                    runs.push(Run { trip, pattern, departure_s, external_id });
                }
            }
        }
        Ok(runs)
    }

    /// Says why the external id of a departure by frequency can't be used.
    fn unusable(&self, external_id: &str) -> Option<String> {
        if external_id.len() > ID_CHARS_MAX && external_id.chars().count() > ID_CHARS_MAX {
            return Some(format!(
                "departure {} has an id over {ID_CHARS_MAX} characters",
                shown(external_id)
            ));
        }
        match self.trips.find(external_id) {
            Lookup::Unknown => None,
            Lookup::Found(_) | Lookup::Skipped => {
                Some(format!("departure {} has the id of a trip in trips.txt", shown(external_id)))
            }
        }
    }

    fn report_period(&self, feed: &mut Feed<'_>, period: &Period, reason: String) -> Result<(), GtfsError> {
        feed.reporter.skip("frequencies.txt", period.line, reason)
    }

    /// Returns the routes that have a usable trip and a fare, and the fare of each by its index.
    ///
    /// A route with departures in the window must have a fare; one without any is left out for want of it.
    fn routes(
        &self,
        runs: &[Run],
        fallback: Option<Money>,
    ) -> Result<(Vec<Option<Money>>, Vec<CatalogRoute>), GtfsError> {
        let served: HashSet<u32> = runs.iter().map(|r| self.trips.get(r.trip).route).collect();
        let mut longest: BTreeMap<u32, &CallPattern> = BTreeMap::new();
        for pattern in &self.journeys.patterns {
            let weight = |p: &CallPattern| (p.calls.len(), p.trips);
            let best = longest.entry(pattern.route).or_insert(pattern);
            if weight(pattern) > weight(best) {
                *best = pattern;
            }
        }
        let mut fares = vec![None; self.routes.items().len()];
        let (mut routes, mut missing) = (Vec::with_capacity(longest.len()), Vec::new());
        for (index, pattern) in longest {
            let route = self.routes.get(index);
            match self.fares.of(index, route)?.or(fallback) {
                Some(fare) => {
                    fares[index as usize] = Some(fare);
                    routes.push(self.catalog_route(route, pattern, fare));
                }
                None if served.contains(&index) => missing.push(&*route.id),
                None => {}
            }
        }
        if missing.is_empty() {
            Ok((fares, routes))
        } else {
            Err(self.fares.missing(&missing, self.options.fare.is_some()))
        }
    }

    fn catalog_route(&self, route: &Route, pattern: &CallPattern, fare: Money) -> CatalogRoute {
        let stop = |call: &super::stop_times::PatternCall| {
            let stop = self.stops.get(call.stop);
            RouteStop {
                id: stop_id(stop),
                external_id: Some(stop.id.to_string()),
                name: stop.name.clone(),
                sequence: call.sequence,
            }
        };
        CatalogRoute {
            id: route_id(route),
            external_id: Some(route.id.to_string()),
            name: route.name.clone(),
            short_name: route.short_name.clone(),
            stops: pattern.calls.iter().map(stop).collect(),
            fare,
            timezone: self.zones[route.zone].name.clone(),
        }
    }

    fn catalog_pattern(&self, id: PatternId, pattern: &CallPattern) -> Pattern {
        let calls: Vec<Call> = pattern
            .calls
            .iter()
            .map(|call| {
                let stop = self.stops.get(call.stop);
                Call {
                    stop_id: stop_id(stop),
                    external_id: Some(stop.id.to_string()),
                    name: stop.name.clone(),
                    sequence: call.sequence,
                    arrival_s: call.arrival_s,
                    departure_s: call.departure_s,
                    boards: call.boards,
                    alights: call.alights,
                }
            })
            .collect();
        Pattern { id, calls }
    }

    /// Writes all that a pattern holds, and its route, as one text that no other pattern has: ids and names
    /// hold no control characters.
    fn pattern_key(&self, pattern: &CallPattern) -> String {
        use std::fmt::Write as _;
        let mut key = self.routes.get(pattern.route).id.to_string();
        for call in pattern.calls.iter() {
            let stop = self.stops.get(call.stop);
            let (boards, alights) = (u8::from(call.boards), u8::from(call.alights));
            // Writing to a String can't fail.
            let _ = write!(
                key,
                "\u{1e}{}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{boards}{alights}",
                stop.id, stop.name, call.sequence, call.arrival_s, call.departure_s
            );
        }
        key
    }

    fn offerings(
        &self,
        runs: &[Run],
        ids: &Ids,
        fares: &[Option<Money>],
        total: u64,
        feed: &mut Feed<'_>,
    ) -> Result<Vec<OfferingFacts>, GtfsError> {
        let mut offerings = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
        for (day, laid_on) in self.window.days() {
            let running = self.services.running(day);
            let service_date = laid_on.to_string();
            let bases: Vec<i64> = self.zones.iter().map(|z| service_day_start_s(laid_on, &z.tz)).collect();
            for run in runs.iter().filter(|r| running[self.service(r.trip)]) {
                let done = offerings.len() as u64;
                if done.is_multiple_of(DEPARTURES_PER_PROGRESS) {
                    (feed.progress)(Progress { phase: "placing departures", done, total: Some(total) });
                }
                let route = self.trips.get(run.trip).route;
                let Some(fare) = fares[route as usize] else { continue };
                let (pattern_id, route_id) = (ids.patterns[run.pattern as usize], ids.routes[route as usize]);
                let (Some(pattern_id), Some(route_id)) = (pattern_id, route_id) else { continue };
                let calls = &self.journeys.patterns[run.pattern as usize].calls;
                let runs_s = calls.last().map_or(0, |c| c.arrival_s);
                let base_s = bases[self.routes.get(route).zone];
                let departs_at = Timestamp::from_millis((base_s + i64::from(run.departure_s)) * 1000);
                let key = format!("{}\u{1f}{service_date}", run.external_id);
                offerings.push(OfferingFacts {
                    id: OfferingId(derived("offering", &key)),
                    kind: OfferingKind::Departure,
                    route_id: Some(route_id),
                    pattern_id,
                    layout_id: self.options.layout_id,
                    external_id: Some(run.external_id.clone()),
                    service_date: service_date.clone(),
                    departs_at,
                    arrives_at: departs_at.plus_seconds(i64::from(runs_s)),
                    fare,
                    status: OfferingStatus::Open,
                    late_payment: LatePayment::default(),
                    particulars: Particulars::default(),
                });
            }
        }
        let done = offerings.len() as u64;
        (feed.progress)(Progress { phase: "placing departures", done, total: Some(done) });
        Ok(offerings)
    }
}

/// The derived ids of the routes and patterns in use, by their index.
struct Ids {
    routes: Vec<Option<RouteId>>,
    patterns: Vec<Option<PatternId>>,
}

impl Ids {
    fn new(timetable: &Timetable<'_>, runs: &[Run]) -> Self {
        let mut ids = Self {
            routes: vec![None; timetable.routes.items().len()],
            patterns: vec![None; timetable.journeys.patterns.len()],
        };
        for run in runs {
            let index = run.pattern as usize;
            if ids.patterns[index].is_some() {
                continue;
            }
            let pattern = &timetable.journeys.patterns[index];
            let key = timetable.pattern_key(pattern);
            ids.patterns[index] = Some(PatternId(derived("pattern", &key)));
            ids.routes[pattern.route as usize] = Some(route_id(timetable.routes.get(pattern.route)));
        }
        ids
    }
}

fn route_id(route: &Route) -> RouteId {
    RouteId(derived("route", &route.id))
}

fn stop_id(stop: &Stop) -> StopId {
    StopId(derived("stop", &stop.id))
}

/// Returns when a service day starts: noon minus 12 h, in seconds since 1970. That is midnight, but for
/// days on which the clocks change.
fn service_day_start_s(day: Date, tz: &TimeZone) -> i64 {
    let noon = tz.to_ambiguous_timestamp(day.at(12, 0, 0, 0)).compatible();
    noon.expect("noon of a day in the years 1900 to 9001 is an instant").as_second() - 12 * 3600
}
