//! The feed's network: agencies with their time zones, routes, stops and trips.

use super::GtfsError;
use super::calendar::Services;
use super::rows::{Feed, optional, required, shown};
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::sync::Arc;

/// Marks an id whose own row was skipped and reported: what refers to it isn't reported again.
const SKIPPED: u32 = u32::MAX;

/// Things by the ids they have in the feed, in the feed's order.
pub(super) struct Known<T> {
    index_of: HashMap<Arc<str>, u32>,
    items: Vec<T>,
}

/// What an id refers to.
pub(super) enum Lookup {
    /// The thing with this index.
    Found(u32),
    /// A thing that was skipped.
    Skipped,
    /// Nothing.
    Unknown,
}

impl<T> Known<T> {
    fn new() -> Self {
        Self { index_of: HashMap::new(), items: Vec::new() }
    }

    /// Finds what an id refers to.
    pub(super) fn find(&self, id: &str) -> Lookup {
        match self.index_of.get(id) {
            Some(&SKIPPED) => Lookup::Skipped,
            Some(&index) => Lookup::Found(index),
            None => Lookup::Unknown,
        }
    }

    /// The things, in the feed's order.
    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    /// The thing with this index.
    pub(super) fn get(&self, index: u32) -> &T {
        &self.items[index as usize]
    }

    fn check_new(&self, name: &str, id: &str) -> Result<(), String> {
        if self.index_of.contains_key(id) {
            return Err(format!("{name} {} is there already", shown(id)));
        }
        Ok(())
    }

    fn add(&mut self, id: Arc<str>, item: T) {
        let index = u32::try_from(self.items.len()).unwrap_or(SKIPPED);
        self.index_of.insert(id, index);
        self.items.push(item);
    }

    fn add_skipped(&mut self, id: &str) {
        self.index_of.insert(id.into(), SKIPPED);
    }
}

/// A time zone of the feed.
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) tz: TimeZone,
}

/// Agencies, as far as they matter: whose times and whose fares.
pub(super) struct Agencies {
    pub(super) zones: Vec<Zone>,
    /// The zone of each agency, by `agency_id`; `None` if it names none.
    zone_of: HashMap<String, Option<usize>>,
}

/// A route of the feed.
pub(super) struct Route {
    pub(super) id: Arc<str>,
    pub(super) agency_id: String,
    pub(super) name: String,
    pub(super) short_name: Option<String>,
    /// Index into [`Agencies::zones`].
    pub(super) zone: usize,
}

/// A stop of the feed.
pub(super) struct Stop {
    pub(super) id: Arc<str>,
    pub(super) name: String,
}

/// A trip of the feed: a journey of some route on some days.
pub(super) struct Trip {
    pub(super) id: Arc<str>,
    pub(super) route: u32,
    pub(super) service: u32,
    pub(super) line: u64,
}

impl Agencies {
    /// Reads `agency.txt`. An agency without a zone has that of the others, if they have but one.
    pub(super) fn read(feed: &mut Feed<'_>) -> Result<Self, GtfsError> {
        let mut agencies = Self { zones: Vec::new(), zone_of: HashMap::new() };
        let mut blank_line = None;
        let columns = [optional("agency_id"), optional("agency_timezone")];
        let there = feed.each_row("agency.txt", columns, |row| {
            let (id, name) = (row.text(0).into_owned(), row.text(1));
            if agencies.zone_of.contains_key(&id) {
                return Err(format!("agency_id {} is there already", shown(&id)).into());
            }
            if name.is_empty() {
                blank_line.get_or_insert(row.line);
                agencies.zone_of.insert(id, None);
                return Ok(());
            }
            let tz = TimeZone::get(&name)
                .map_err(|_| GtfsError::UnknownTimezone { line: row.line, name: shown_zone(&name) })?;
            let name = tz.iana_name().unwrap_or(&name).to_owned();
            let zone = agencies.zones.iter().position(|z| z.name == name).unwrap_or_else(|| {
                agencies.zones.push(Zone { name, tz });
                agencies.zones.len() - 1
            });
            agencies.zone_of.insert(id, Some(zone));
            Ok(())
        })?;
        if !there {
            return Err(GtfsError::MissingFile { file: "agency.txt", found: feed.source.found() });
        }
        match (agencies.zones.len(), blank_line) {
            (0, _) => return Err(GtfsError::NoTimezone),
            (1, _) | (_, None) => {}
            (_, Some(line)) => return Err(GtfsError::UnknownTimezone { line, name: String::new() }),
        }
        Ok(agencies)
    }

    /// Finds the zone of a route: its agency's, or the only one there is.
    fn zone(&self, agency_id: &str) -> Option<usize> {
        if self.zones.len() == 1 {
            return Some(0);
        }
        self.zone_of.get(agency_id).copied().flatten()
    }

    /// How many agencies there are.
    pub(super) fn len(&self) -> usize {
        self.zone_of.len()
    }
}

fn shown_zone(name: &str) -> String {
    shown(name).trim_matches('"').to_owned()
}

/// Reads `routes.txt`.
pub(super) fn read_routes(feed: &mut Feed<'_>, agencies: &Agencies) -> Result<Known<Route>, GtfsError> {
    let mut routes = Known::new();
    let columns = [
        required("route_id"),
        optional("agency_id"),
        optional("route_long_name"),
        optional("route_short_name"),
    ];
    let there = feed.each_row("routes.txt", columns, |row| {
        let id = row.id(0, "route_id")?;
        routes.check_new("route_id", &id)?;
        let agency_id = row.text(1).into_owned();
        let Some(zone) = agencies.zone(&agency_id) else {
            routes.add_skipped(&id);
            return Err(format!("agency_id {} is not in agency.txt", shown(&agency_id)).into());
        };
        let (long, short) = (row.name(2), row.name(3));
        let short_name = (!short.is_empty()).then_some(short);
        let name = match (&short_name, long.is_empty()) {
            (_, false) => long,
            (Some(short), true) => short.clone(),
            (None, true) => id.clone().into_owned(),
        };
        let id: Arc<str> = id.into();
        routes.add(id.clone(), Route { id, agency_id, name, short_name, zone });
        Ok(())
    })?;
    if !there {
        return Err(GtfsError::MissingFile { file: "routes.txt", found: feed.source.found() });
    }
    Ok(routes)
}

/// Reads `stops.txt`. Stops that no trip serves are read like any other, and come to nothing later.
pub(super) fn read_stops(feed: &mut Feed<'_>) -> Result<Known<Stop>, GtfsError> {
    let mut stops = Known::new();
    let there = feed.each_row("stops.txt", [required("stop_id"), optional("stop_name")], |row| {
        let id = row.id(0, "stop_id")?;
        stops.check_new("stop_id", &id)?;
        let name = row.name(1);
        let name = if name.is_empty() { id.clone().into_owned() } else { name };
        let id: Arc<str> = id.into();
        stops.add(id.clone(), Stop { id, name });
        Ok(())
    })?;
    if !there {
        return Err(GtfsError::MissingFile { file: "stops.txt", found: feed.source.found() });
    }
    Ok(stops)
}

/// Reads `trips.txt`.
pub(super) fn read_trips(
    feed: &mut Feed<'_>,
    routes: &Known<Route>,
    services: &Services,
) -> Result<Known<Trip>, GtfsError> {
    let mut trips = Known::new();
    let columns = [required("trip_id"), required("route_id"), required("service_id")];
    let there = feed.each_row("trips.txt", columns, |row| {
        let id = row.id(0, "trip_id")?;
        trips.check_new("trip_id", &id)?;
        let (route_id, service_id) = (row.text(1), row.text(2));
        let route = match routes.find(&route_id) {
            Lookup::Found(route) => Ok(route),
            Lookup::Skipped => Err(format!("route_id {} was skipped in routes.txt", shown(&route_id))),
            Lookup::Unknown => Err(format!("route_id {} is not in routes.txt", shown(&route_id))),
        };
        let service = services.find(&service_id);
        match (route, service) {
            (Ok(route), Ok(service)) => {
                let id: Arc<str> = id.into();
                trips.add(id.clone(), Trip { id, route, service, line: row.line });
                Ok(())
            }
            (Err(reason), _) | (_, Err(reason)) => {
                trips.add_skipped(&id);
                Err(reason.into())
            }
        }
    })?;
    if !there {
        return Err(GtfsError::MissingFile { file: "trips.txt", found: feed.source.found() });
    }
    Ok(trips)
}
