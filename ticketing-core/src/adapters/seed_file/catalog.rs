//! From the trees of seed files to a catalogue: what a field means, and which values make sense together.

use super::cursor::{Cursor, Fields};
use super::error::SeedFileError;
use super::halls::{self, Place};
use super::timetable::{self, Start};
use super::{LayoutReference, Seed};
use crate::domain::catalog::{
    CALLS_MAX, Call, CatalogSet, LatePayment, OfferingFacts, OfferingKind, OfferingStatus, Particulars,
    Pattern, Route, RouteStop,
};
use crate::domain::event::LayoutDefined;
use crate::domain::id::{LayoutId, OfferingId, PatternId, RouteId, StopId, derived};
use crate::domain::layout::{Layout, LayoutSpec, ROWS_MAX};
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::text::{nearest, quoted};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{HashMap, HashSet};

/// The longest name of a route, in characters.
const NAME_CHARS_MAX: usize = 200;
/// The longest name of a stop or layout, in characters.
const STOP_NAME_CHARS_MAX: usize = 64;
/// The longest key of a route or stop: a departure's external id adds `@HH:MM`, and has at most 255.
const KEY_CHARS_MAX: usize = 249;

/// What a seed file has.
const SECTIONS: [&str; 6] = ["layouts", "stops", "routes", "venues", "events", "listings"];

/// Reads all documents into one catalogue: what one refers to may stand in another.
///
/// # Errors
/// The first fault.
pub fn read(documents: &[Cursor<'_>], now: Timestamp) -> Result<Seed, SeedFileError> {
    let mut reader = Reader { now, ..Reader::default() };
    let sections = documents
        .iter()
        .map(|document| document.fields("a seed file", &SECTIONS))
        .collect::<Result<Vec<_>, _>>()?;
    for fields in &sections {
        for item in fields.items("layouts", "a list of layouts")? {
            reader.layout(&item)?;
        }
        for item in fields.items("stops", "a list of stops")? {
            reader.stop(&item)?;
        }
    }
    for fields in &sections {
        for item in fields.items("routes", "a list of routes")? {
            reader.route(&item)?;
        }
        for item in fields.items("venues", "a list of venues")? {
            reader.venue(&item)?;
        }
    }
    for fields in &sections {
        for item in fields.items("events", "a list of events")? {
            reader.event(&item)?;
        }
        for item in fields.items("listings", "a list of listings")? {
            reader.listing(&item)?;
        }
    }
    Ok(reader.seed)
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) now: Timestamp,
    pub(super) seed: Seed,
    pub(super) places: HashMap<String, Place>,
    layouts: HashMap<String, String>,
    stops: HashMap<String, (RouteStop, String)>,
    routes: HashMap<String, String>,
    pub(super) patterns: HashSet<PatternId>,
    pub(super) offerings: HashSet<OfferingId>,
}

/// What a route's departures share.
struct Line<'r> {
    route: &'r Route,
    key: &'r str,
    zone: TimeZone,
    today: Date,
    layout: Option<Cursor<'r>>,
}

impl Reader {
    pub(super) fn catalog(&mut self) -> &mut CatalogSet {
        &mut self.seed.catalog
    }

    fn layout(&mut self, item: &Cursor<'_>) -> Result<(), SeedFileError> {
        let fields = item.fields("a layout", &["name", "rows", "columns", "sections", "blocked"])?;
        let name = fields.required("name", "as bus-40")?.name("a name, as bus-40", STOP_NAME_CHARS_MAX)?;
        let sections = halls::sections(&fields.items("sections", "a list of sections")?)?;
        let is_hall = !sections.is_empty();
        let (mut rows, mut columns) = (0, String::new());
        if !is_hall || fields.optional("rows").is_some() {
            rows = fields.required("rows", "how many, as 10")?.whole(1, ROWS_MAX)?;
        }
        if !is_hall || fields.optional("columns").is_some() {
            let what = "a row's seats, a blank for the aisle, as \"AB CD\"";
            columns = fields.required("columns", what)?.text(what)?.to_owned();
        }
        let mut blocked = Vec::new();
        for seat in fields.items("blocked", "a list of seats, as [A1]")? {
            blocked.push(seat.text("a seat, as A1")?.to_owned());
        }
        let id = LayoutId(derived("layout", &name));
        let layout = Layout::new(id, LayoutSpec { name: name.clone(), rows, columns, blocked, sections });
        let layout = layout.map_err(|fault| item.error(fault))?;
        let defined = LayoutDefined { id, spec: layout.spec().clone() };
        if let Some(place) = self.layouts.get(&name) {
            if self.seed.catalog.layouts.contains(&defined) {
                return Ok(());
            }
            let sentence = format!("the layout {} is defined differently at {place}", quoted(&name));
            return Err(item.error(sentence));
        }
        self.layouts.insert(name, item.place());
        self.catalog().layouts.push(defined);
        Ok(())
    }

    fn stop(&mut self, item: &Cursor<'_>) -> Result<(), SeedFileError> {
        let fields = item.fields("a stop", &["key", "name"])?;
        let key = fields.required("key", "as harbour")?.name("a key, as harbour", KEY_CHARS_MAX)?;
        let name = fields.required("name", "as Harbour")?.name("a name, as Harbour", STOP_NAME_CHARS_MAX)?;
        let stop = RouteStop {
            id: StopId(derived("stop", &key)),
            external_id: Some(key.clone()),
            name,
            sequence: 0, // Its place along a route is filled in there.
        };
        match self.stops.get(&key) {
            Some((other, place)) if *other != stop => {
                Err(item.error(format!("the stop {} has another name at {place}", quoted(&key))))
            }
            Some(_) => Ok(()),
            None => {
                self.stops.insert(key, (stop, item.place()));
                Ok(())
            }
        }
    }

    fn route(&mut self, item: &Cursor<'_>) -> Result<(), SeedFileError> {
        let known =
            ["key", "name", "shortName", "stops", "price", "currency", "timezone", "layout", "departures"];
        let fields = item.fields("a route", &known)?;
        let key_at = fields.required("key", "as \"10\"")?;
        let key = key_at.name("a key, as \"10\"", KEY_CHARS_MAX)?;
        if let Some(place) = self.routes.insert(key.clone(), item.place()) {
            return Err(key_at.error(format!("the route {} stands at {place} already", quoted(&key))));
        }
        let name = fields.required("name", "as Harbour – Airport")?.name("a name", NAME_CHARS_MAX)?;
        let short_name = match fields.optional("shortName") {
            Some(at) => Some(at.name("a short name, as \"10\"", STOP_NAME_CHARS_MAX)?),
            None => None,
        };
        let stops = self.route_stops(&fields)?;
        let currency = match fields.optional("currency") {
            Some(at) => {
                let code = at.text("a currency of ISO 4217, as USD")?;
                Currency::parse(code).ok_or_else(|| {
                    at.error(format!(
                        "expected a currency of ISO 4217 in capitals, as USD, found {}",
                        quoted(code)
                    ))
                })?
            }
            None => Currency::USD,
        };
        let fare = price(&fields.required("price", "the fare, as 2.50")?, currency)?;
        let zone_at = fields.required("timezone", "of the IANA database, as America/Chicago")?;
        let zone_name = zone_at.text("a time zone of the IANA database, as America/Chicago")?;
        let zone = TimeZone::get(zone_name).map_err(|_| {
            let what = "a time zone of the IANA database, as America/Chicago";
            zone_at.error(format!("expected {what}, found {}", quoted(zone_name)))
        })?;
        let timezone = zone.iana_name().unwrap_or(zone_name).to_owned();
        let id = RouteId(derived("route", &key));
        let route = Route { id, external_id: Some(key.clone()), name, short_name, stops, fare, timezone };
        let today = timetable::today(self.now, &zone)
            .ok_or_else(|| zone_at.error("the present time is outside the calendar"))?;
        let line = Line { route: &route, key: &key, zone, today, layout: fields.optional("layout") };
        if let Some(layout) = &line.layout {
            self.layout_id(layout)?;
        }
        for entry in fields.items("departures", "a list of departures")? {
            self.departures(&entry, &line)?;
        }
        self.catalog().routes.push(route);
        Ok(())
    }

    fn route_stops(&self, fields: &Fields<'_>) -> Result<Vec<RouteStop>, SeedFileError> {
        let what = "the keys of its stops in order of travel, as [harbour, market]";
        let at = fields.required("stops", what)?;
        let items = at.items(what)?;
        if items.len() < 2 || items.len() > CALLS_MAX {
            return Err(at.error(format!("has {} stops; a route has 2 to {CALLS_MAX}", items.len())));
        }
        let mut stops: Vec<RouteStop> = Vec::with_capacity(items.len());
        for (item, sequence) in items.iter().zip(1..) {
            let key = item.text("the key of a stop")?;
            let Some((stop, _)) = self.stops.get(key) else {
                let mut keys: Vec<&str> = self.stops.keys().map(String::as_str).collect();
                keys.sort_unstable(); // Of two equally near, always the same one.
                let hint = match nearest(key, keys) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => "the stops section of these files must name it".to_owned(),
                };
                return Err(item.error(format!("there is no stop {}; {hint}", quoted(key))));
            };
            if stops.last().is_some_and(|before| before.id == stop.id) {
                return Err(item.error(format!("calls at {} twice in a row", quoted(key))));
            }
            stops.push(RouteStop { sequence, ..stop.clone() });
        }
        Ok(stops)
    }

    /// Reads one entry of a route's timetable.
    fn departures(&mut self, entry: &Cursor<'_>, line: &Line<'_>) -> Result<(), SeedFileError> {
        let known = ["at", "days", "times", "every", "minutes", "dwell", "layout", "price", "latePayment"];
        let fields = entry.fields("a departure", &known)?;
        let layout = fields.optional("layout").or_else(|| line.layout.clone());
        let Some(layout) = layout else {
            return Err(entry.error("the field layout is missing, here and at the route: as bus-40"));
        };
        let layout_id = self.layout_id(&layout)?;
        let fare = match fields.optional("price") {
            Some(at) => price(&at, line.route.fare.currency)?,
            None => line.route.fare,
        };
        let late_payment =
            fields.optional("latePayment").as_ref().map_or(Ok(LatePayment::default()), late_payment)?;
        let pattern = pattern(&fields, line.route)?;
        let journey_s = pattern.calls.last().map_or(0, |call| call.arrival_s);
        let starts = timetable::starts(entry, &fields, line.today)?;
        if self.catalog().offerings.len() + starts.len() > timetable::DEPARTURES_MAX {
            return Err(timetable::too_many(entry));
        }
        for start in starts {
            let outside = || entry.error("a departure falls outside the years 0001 to 9999");
            let departs_at = start.instant(&line.zone).ok_or_else(outside)?;
            let facts = OfferingFacts {
                arrives_at: departs_at.plus_seconds(i64::from(journey_s)),
                late_payment,
                ..offering(line, start, departs_at, pattern.id, layout_id, fare)
            };
            if !self.offerings.insert(facts.id) {
                let sentence =
                    format!("route {} has two departures at {} on {}", line.key, start.clock(), start.day);
                return Err(entry.error(sentence + ": days or times of its entries overlap"));
            }
            self.catalog().offerings.push(facts);
        }
        if self.patterns.insert(pattern.id) {
            self.catalog().patterns.push(pattern);
        }
        Ok(())
    }

    /// The id that a layout's name always has. One that these files don't define is remembered.
    fn layout_id(&mut self, at: &Cursor<'_>) -> Result<LayoutId, SeedFileError> {
        let name = at.name("a layout's name, as bus-40", STOP_NAME_CHARS_MAX)?;
        let id = LayoutId(derived("layout", &name));
        let known = |reference: &LayoutReference| reference.id == id;
        if !self.layouts.contains_key(&name) && !self.seed.referenced_layouts.iter().any(known) {
            self.seed.referenced_layouts.push(LayoutReference { id, name, place: at.place() });
        }
        Ok(id)
    }
}

pub(super) fn price(at: &Cursor<'_>, currency: Currency) -> Result<Money, SeedFileError> {
    let text = at.text("a price, as 2.50")?;
    Money::parse(text, currency).map_err(|fault| {
        let decimals = currency.decimals();
        at.error(format!(
            "the price {} {fault}; {currency} has {decimals} decimals, as in {}",
            quoted(text),
            { Money { amount_minor: 250, currency }.decimal() }
        ))
    })
}

/// What happens to money that comes when the seats are gone.
pub(super) fn late_payment(at: &Cursor<'_>) -> Result<LatePayment, SeedFileError> {
    let words = "re-reserve or refund";
    let text = at.text(words)?;
    LatePayment::parse(text).ok_or_else(|| at.error(format!("{} must be {words}", quoted(text))))
}

/// Reads `minutes` and `dwell` into the calls of a route's departures.
fn pattern(fields: &Fields<'_>, route: &Route) -> Result<Pattern, SeedFileError> {
    let at = fields.required("minutes", "from the first stop to each stop, as [0, 4, 9]")?;
    let arrivals = timetable::arrivals(&at, route.stops.len())?;
    let dwell_at = fields.optional("dwell");
    let dwell_s = dwell_at.as_ref().map_or(Ok(0), timetable::minutes)?;
    let last = arrivals.len() - 1;
    let mut calls: Vec<Call> = Vec::with_capacity(arrivals.len());
    for (index, (stop, arrival_s)) in route.stops.iter().zip(arrivals).enumerate() {
        let waits_s = if index == 0 || index == last { 0 } else { dwell_s };
        // Arrivals are checked to be at most a week, so these fit with room to spare.
        let (arrival_s, departure_s) = (arrival_s as i32, (arrival_s + waits_s) as i32);
        if let Some(dwell) = &dwell_at
            && calls.last().is_some_and(|before| before.departure_s > arrival_s)
        {
            let sentence =
                format!("is longer than the ride to {}: it would arrive before it left", stop.name);
            return Err(dwell.error(sentence));
        }
        calls.push(Call {
            stop_id: stop.id,
            external_id: stop.external_id.clone(),
            name: stop.name.clone(),
            sequence: stop.sequence,
            arrival_s,
            departure_s,
            boards: true,
            alights: true,
        });
    }
    Ok(Pattern { id: PatternId(derived("pattern", &canonical(route.id, &calls))), calls })
}

/// Writes what a pattern holds, so that equal patterns have equal ids and others have not.
fn canonical(route: RouteId, calls: &[Call]) -> String {
    let mut text = route.to_string();
    for call in calls {
        // JSON, so that no name can be written like the next field.
        let call = serde_json::to_string(call).unwrap_or_default();
        text.push('\u{1f}');
        text.push_str(&call);
    }
    text
}

fn offering(
    line: &Line<'_>,
    start: Start,
    departs_at: Timestamp,
    pattern_id: PatternId,
    layout_id: LayoutId,
    fare: Money,
) -> OfferingFacts {
    let external_id = format!("{}@{}", line.key, start.clock());
    let service_date = start.day.to_string();
    OfferingFacts {
        id: OfferingId(derived("offering", &format!("{external_id}\u{1f}{service_date}"))),
        kind: OfferingKind::Departure,
        route_id: Some(line.route.id),
        pattern_id,
        layout_id,
        external_id: Some(external_id),
        service_date,
        departs_at,
        arrives_at: departs_at,
        fare,
        status: OfferingStatus::Open,
        late_payment: LatePayment::default(),
        particulars: Particulars::default(),
    }
}
