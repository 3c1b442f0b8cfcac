//! Venues and events of seed files: halls with their sections, and what is on in them on which days.

use super::catalog::{Reader, late_payment, price};
use super::cursor::{Cursor, Fields};
use super::error::SeedFileError;
use super::timetable;
use crate::domain::catalog::{LatePayment, Venue};
use crate::domain::event::LayoutDefined;
use crate::domain::id::{LayoutId, VenueId, derived};
use crate::domain::layout::{Layout, LayoutSpec, ROWS_MAX, SEATS_MAX, SECTION_NAME_CHARS_MAX, SectionSpec};
use crate::domain::money::Currency;
use crate::domain::occasion::{self, DESCRIPTION_CHARS_MAX, NewEvent, TYPE_CHARS_MAX};
use crate::text::{nearest, quoted};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The longest name of a venue, its city or its address, and the longest title, in characters.
const NAME_CHARS_MAX: usize = 200;
/// The longest key of a venue or event: an event's external id adds `@HH:MM`, and has at most 255.
const KEY_CHARS_MAX: usize = 249;

/// A venue that was read, with its hall.
#[derive(Clone)]
pub(super) struct Place {
    venue: Venue,
    layout: Layout,
    zone: TimeZone,
}

/// Reads the sections of a hall, the best first.
pub(super) fn sections(items: &[Cursor<'_>]) -> Result<Vec<SectionSpec>, SeedFileError> {
    let mut sections = Vec::with_capacity(items.len());
    for item in items {
        let fields = item.fields("a section", &["name", "rows", "seats", "category"])?;
        let what = "a name of letters and digits, as STALLS";
        let rows = fields.optional("rows").map_or(Ok(0), |rows| rows.whole(1, ROWS_MAX))?;
        let seats_max = u32::try_from(SEATS_MAX).unwrap_or(u32::MAX);
        let category = match fields.optional("category") {
            Some(at) => Some(at.name("a category, as GOLD", SECTION_NAME_CHARS_MAX)?),
            None => None,
        };
        sections.push(SectionSpec {
            name: fields.required("name", what)?.name(what, SECTION_NAME_CHARS_MAX)?,
            rows,
            seats: fields.required("seats", "the seats of a row, as 20")?.whole(1, seats_max)?,
            category,
        });
    }
    Ok(sections)
}

impl Reader {
    pub(super) fn venue(&mut self, item: &Cursor<'_>) -> Result<(), SeedFileError> {
        let known = ["key", "name", "city", "address", "timezone", "layout", "sections"];
        let fields = item.fields("a venue", &known)?;
        let key_at = fields.required("key", "as opera")?;
        let key = key_at.name("a key, as opera", KEY_CHARS_MAX)?;
        if self.places.contains_key(&key) {
            return Err(key_at.error(format!("the venue {} stands in these files already", quoted(&key))));
        }
        let text = |name: &str, what: &str| fields.required(name, what)?.name(what, NAME_CHARS_MAX);
        let zone_at = fields.required("timezone", "of the IANA database, as America/Chicago")?;
        let zone_name = zone_at.text("a time zone of the IANA database, as America/Chicago")?;
        let zone = TimeZone::get(zone_name).map_err(|_| {
            let what = "a time zone of the IANA database, as America/Chicago";
            zone_at.error(format!("expected {what}, found {}", quoted(zone_name)))
        })?;
        let id = VenueId::of_external(&key);
        let layout = match (fields.optional("layout"), fields.optional("sections")) {
            (Some(at), None) => self.hall(&at)?,
            (None, Some(at)) => {
                let name = format!("hall-{id}");
                let sections = sections(&at.items("a list of sections")?)?;
                let spec = LayoutSpec { name: name.clone(), sections, ..LayoutSpec::default() };
                let layout = Layout::new(LayoutId(derived("layout", &name)), spec);
                let layout = layout.map_err(|fault| at.error(fault))?;
                let defined = LayoutDefined { id: layout.id(), spec: layout.spec().clone() };
                self.catalog().layouts.push(defined);
                layout
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(item.error("needs its seats: either layout, a name, or its own sections"));
            }
        };
        let address = match fields.optional("address") {
            Some(at) => Some(at.name("an address", NAME_CHARS_MAX)?),
            None => None,
        };
        let venue = Venue {
            id,
            external_id: Some(key.clone()),
            name: text("name", "a name, as Opera House")?,
            city: text("city", "a city, as Riverton")?,
            address,
            layout_id: layout.id(),
            timezone: zone.iana_name().unwrap_or(zone_name).to_owned(),
            closed: None,
        };
        self.catalog().venues.push(venue.clone());
        self.places.insert(key, Place { venue, layout, zone });
        Ok(())
    }

    /// The hall with this name, which these files must define: prices are checked against its categories.
    fn hall(&self, at: &Cursor<'_>) -> Result<Layout, SeedFileError> {
        let name = at.name("a layout's name, as arena", 64)?;
        let defined = self.seed.catalog.layouts.iter().find(|layout| layout.spec.name == name);
        let sentence =
            || at.error(format!("the layouts section of these files must define {}", quoted(&name)));
        let defined = defined.ok_or_else(sentence)?;
        Layout::new(defined.id, defined.spec.clone()).map_err(|fault| at.error(fault))
    }

    pub(super) fn event(&mut self, item: &Cursor<'_>) -> Result<(), SeedFileError> {
        let known = [
            "key",
            "venue",
            "title",
            "type",
            "description",
            "price",
            "currency",
            "prices",
            "minutes",
            "latePayment",
            "at",
            "days",
            "times",
            "every",
        ];
        let fields = item.fields("an event", &known)?;
        let key = fields.required("key", "as tosca")?.name("a key, as tosca", KEY_CHARS_MAX)?;
        let place = self.place(&fields)?;
        let currency = currency(&fields)?;
        let mut prices = BTreeMap::new();
        for entry in fields.items("prices", "a list of prices, as [{category: GOLD, price: 50}]")? {
            let fields = entry.fields("a price", &["category", "price"])?;
            let at = fields.required("category", "as GOLD")?;
            let category = at.name("a category, as GOLD", SECTION_NAME_CHARS_MAX)?;
            let price = price(&fields.required("price", "of a seat, as 50.00")?, currency)?;
            if prices.insert(category.clone(), price.amount_minor).is_some() {
                return Err(at.error(format!("the category {} is priced twice", quoted(&category))));
            }
        }
        let optional = |name: &str, what: &str, chars_max: usize| match fields.optional(name) {
            Some(at) => at.name(what, chars_max).map(Some),
            None => Ok(None),
        };
        let what = "a title, as Tosca";
        let new = NewEvent {
            external_id: None,
            title: fields.required("title", what)?.name(what, NAME_CHARS_MAX)?,
            event_type: optional("type", "a sort of event, as opera", TYPE_CHARS_MAX)?,
            description: optional("description", "a description", DESCRIPTION_CHARS_MAX)?,
            begins_at: self.now,
            ends_at: self.now,
            price: price(&fields.required("price", "of a seat, as 20.00")?, currency)?,
            prices,
            late_payment: fields
                .optional("latePayment")
                .as_ref()
                .map_or(Ok(LatePayment::default()), late_payment)?,
        };
        let minutes_at = fields.required("minutes", "how long it lasts, as 150")?;
        let length_s = i64::from(timetable::minutes(&minutes_at)?);
        let today = timetable::today(self.now, &place.zone)
            .ok_or_else(|| item.error("the present time is outside the calendar"))?;
        let starts = timetable::starts(item, &fields, today)?;
        if self.catalog().offerings.len() + starts.len() > timetable::DEPARTURES_MAX {
            return Err(timetable::too_many(item));
        }
        for start in starts {
            let outside = || item.error("it falls outside the years 0001 to 9999");
            let begins_at = start.instant(&place.zone).ok_or_else(outside)?;
            let event = NewEvent {
                external_id: Some(format!("{key}@{}", start.clock())),
                begins_at,
                ends_at: begins_at.plus_seconds(length_s),
                ..new.clone()
            };
            // It has an external id: nothing is fresh.
            let announced = occasion::announce(&place.venue, &place.layout, event, Uuid::nil());
            let (pattern, facts) = announced.map_err(|(field, fault)| match field {
                "priceCategories" => item.error(format!("prices: {fault}")),
                "endTime" => minutes_at.error("must be more than 0, and at most a month"),
                _ => item.error(fault),
            })?;
            if !self.offerings.insert(facts.id) {
                let sentence = format!("{key} is on twice at {} on {}", start.clock(), start.day);
                return Err(item.error(sentence + ": days or times of its entries overlap"));
            }
            self.catalog().offerings.push(facts);
            if self.patterns.insert(pattern.id) {
                self.catalog().patterns.push(pattern);
            }
        }
        Ok(())
    }

    fn place(&self, fields: &Fields<'_>) -> Result<Place, SeedFileError> {
        let at = fields.required("venue", "the key of a venue, as opera")?;
        let key = at.text("the key of a venue, as opera")?;
        self.places.get(key).cloned().ok_or_else(|| {
            let mut keys: Vec<&str> = self.places.keys().map(String::as_str).collect();
            keys.sort_unstable(); // Of two equally near, always the same one.
            let hint = match nearest(key, keys) {
                Some(meant) => format!("did you mean {meant}?"),
                None => "the venues section of these files must name it".to_owned(),
            };
            at.error(format!("there is no venue {}; {hint}", quoted(key)))
        })
    }
}

pub(super) fn currency(fields: &Fields<'_>) -> Result<Currency, SeedFileError> {
    let Some(at) = fields.optional("currency") else { return Ok(Currency::USD) };
    let code = at.text("a currency of ISO 4217, as USD")?;
    Currency::parse(code).ok_or_else(|| {
        let what = "a currency of ISO 4217 in capitals, as USD";
        at.error(format!("expected {what}, found {}", quoted(code)))
    })
}
