//! Events at venues, as whoever announces them describes them: what makes one a good offering of its hall.
//!
//! Pure: nothing is looked up and nothing stored. An event is an offering like any other from here on.

use super::catalog::{
    Call, LatePayment, OfferingFacts, OfferingKind, OfferingStatus, Particulars, Pattern, Venue,
};
use super::id::{OfferingId, PatternId, StopId, derived};
use super::layout::Layout;
use super::money::Money;
use super::time::Timestamp;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The longest event, in seconds: a month.
pub const LENGTH_SECONDS_MAX: i64 = 31 * 86_400;
/// The longest word for a sort of event, in characters.
pub const TYPE_CHARS_MAX: usize = 64;
/// The longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// The most categories that have a price of their own.
pub const PRICES_MAX: usize = 1_000;

/// An event that is to be announced. Its texts are checked for their length and for control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The id it came with. At most 255 characters.
    pub external_id: Option<String>,
    /// What it is called. At most 200 characters.
    pub title: String,
    /// What sort of event it is. At most [`TYPE_CHARS_MAX`] characters.
    pub event_type: Option<String>,
    /// What it is about. At most [`DESCRIPTION_CHARS_MAX`] characters.
    pub description: Option<String>,
    /// When it begins.
    pub begins_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// The price of a seat whose category has none of its own.
    pub price: Money,
    /// The price of a seat by its category, in minor units of the currency of `price`.
    pub prices: BTreeMap<String, i64>,
    /// What happens to money that comes after a hold has ended.
    pub late_payment: LatePayment,
}

/// What is wrong with an event: the field, and a sentence.
pub type Fault = (&'static str, String);

/// Returns the offering that an event is, and its pattern. One that came with an id has the id that this and its day
/// always have; `fresh` is any other's.
///
/// # Errors
/// The field at fault, with a sentence.
pub fn announce(
    venue: &Venue,
    layout: &Layout,
    event: NewEvent,
    fresh: Uuid,
) -> Result<(Pattern, OfferingFacts), Fault> {
    let length_s = (event.ends_at.as_millis() - event.begins_at.as_millis()) / 1_000;
    if !(1..=LENGTH_SECONDS_MAX).contains(&length_s) {
        let days = LENGTH_SECONDS_MAX / 86_400;
        return Err(("endTime", format!("must be after startTime, by {days} days at most")));
    }
    let service_date = day_of(event.begins_at, &venue.timezone)
        .ok_or_else(|| ("startTime", "is outside the calendar".to_owned()))?;
    let prices = prices(layout, event.prices)?;
    let id = match &event.external_id {
        Some(external) => derived("offering", &format!("{external}\u{1f}{service_date}")),
        None => fresh,
    };
    // At most a month.
    let pattern = pattern(venue, length_s as i32);
    let facts = OfferingFacts {
        id: OfferingId(id),
        kind: OfferingKind::Event,
        route_id: None,
        pattern_id: pattern.id,
        layout_id: venue.layout_id,
        external_id: event.external_id,
        service_date,
        departs_at: event.begins_at,
        arrives_at: event.ends_at,
        fare: event.price,
        status: OfferingStatus::Open,
        late_payment: event.late_payment,
        particulars: Particulars {
            title: Some(event.title),
            venue_id: Some(venue.id),
            city: Some(venue.city.clone()),
            event_type: event.event_type.map(|sort| sort.to_lowercase()),
            description: event.description,
            seller_id: None,
            prices,
            blocked: Vec::new(),
            reason: None,
        },
    };
    Ok((pattern, facts))
}

/// Returns the calendar day of an instant in a time zone, `None` for a zone that is unknown.
#[must_use]
pub fn day_of(at: Timestamp, timezone: &str) -> Option<String> {
    let zone = jiff::tz::TimeZone::get(timezone).ok()?;
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(zone.to_datetime(at).date().to_string())
}

/// Returns a time zone as the IANA database writes it, `None` if it has none of that name.
#[must_use]
pub fn timezone(name: &str) -> Option<String> {
    let zone = jiff::tz::TimeZone::get(name).ok()?;
    Some(zone.iana_name().unwrap_or(name).to_owned())
}

/// The begin and the end of every event of a venue that is as long: one leg.
fn pattern(venue: &Venue, length_s: i32) -> Pattern {
    let call = |sequence: u32, at_s: i32| Call {
        stop_id: StopId(venue.id.0),
        external_id: None,
        name: venue.name.clone(),
        sequence,
        arrival_s: at_s,
        departure_s: at_s,
        boards: true,
        alights: true,
    };
    let calls = vec![call(1, 0), call(2, length_s)];
    // JSON, so that no name can be written like the next field.
    let content = serde_json::to_string(&calls).unwrap_or_default();
    Pattern { id: PatternId(derived("pattern", &format!("{}\u{1f}{content}", venue.id))), calls }
}

/// The prices, by the categories as the hall writes them.
fn prices(layout: &Layout, prices: BTreeMap<String, i64>) -> Result<BTreeMap<String, i64>, Fault> {
    const FIELD: &str = "priceCategories";
    let mut known: Vec<&str> = Vec::new();
    for category in layout.sections().iter().filter_map(|section| section.category.as_deref()) {
        if !known.contains(&category) {
            known.push(category);
        }
    }
    let mut named = BTreeMap::new();
    for (wanted, price) in prices {
        let Some(category) = known.iter().find(|category| category.eq_ignore_ascii_case(&wanted)) else {
            let sentence = format!("there is no category {wanted} in this hall; it has {}", known.join(", "));
            return Err((FIELD, sentence));
        };
        if named.insert((*category).to_owned(), price).is_some() {
            return Err((FIELD, format!("the category {category} is priced twice")));
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::{NewEvent, announce};
    use crate::domain::catalog::{LatePayment, Venue};
    use crate::domain::id::{LayoutId, VenueId};
    use crate::domain::layout::{Layout, LayoutSpec, SectionSpec};
    use crate::domain::money::{Currency, Money};
    use crate::domain::time::Timestamp;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn hall() -> (Venue, Layout) {
        let id = LayoutId(Uuid::from_u128(1));
        let section = |name: &str| SectionSpec { name: name.into(), rows: 2, seats: 3, category: None };
        let spec = LayoutSpec {
            name: "hall".into(),
            sections: vec![section("STALLS"), section("GALLERY")],
            ..LayoutSpec::default()
        };
        let venue = Venue {
            id: VenueId(Uuid::from_u128(2)),
            external_id: None,
            name: "Opera".into(),
            city: "Riverton".into(),
            address: None,
            layout_id: id,
            timezone: "America/Chicago".into(),
            closed: None,
        };
        (venue, Layout::new(id, spec).unwrap())
    }

    fn event(change: impl FnOnce(&mut NewEvent)) -> NewEvent {
        let mut event = NewEvent {
            external_id: None,
            title: "Tosca".into(),
            event_type: Some("Opera".into()),
            description: None,
            begins_at: Timestamp::parse("2026-12-01T01:00:00Z").unwrap(),
            ends_at: Timestamp::parse("2026-12-01T04:00:00Z").unwrap(),
            price: Money { amount_minor: 2_500, currency: Currency::USD },
            prices: BTreeMap::new(),
            late_payment: LatePayment::default(),
        };
        change(&mut event);
        event
    }

    #[test]
    fn an_event_has_the_day_of_its_venue_and_the_categories_of_its_hall() {
        let (venue, layout) = hall();
        let priced = event(|e| e.prices = BTreeMap::from([("stalls".into(), 5_000)]));
        let (pattern, facts) = announce(&venue, &layout, priced, Uuid::from_u128(9)).unwrap();
        assert_eq!((facts.service_date.as_str(), pattern.leg_count()), ("2026-11-30", 1));
        assert_eq!(facts.particulars.prices, BTreeMap::from([("STALLS".into(), 5_000)]));
        assert_eq!(facts.particulars.event_type.as_deref(), Some("opera"));
        let other = announce(&venue, &layout, event(|_| ()), Uuid::from_u128(8)).unwrap();
        assert_eq!((other.0.id, other.1.id.0), (pattern.id, Uuid::from_u128(8)), "as long, the same pattern");
        let named = |fresh: u128| {
            let named = event(|e| e.external_id = Some("tosca".into()));
            announce(&venue, &layout, named, Uuid::from_u128(fresh)).unwrap().1.id
        };
        assert_eq!(named(1), named(2), "what came with an id is found by it");
    }

    #[test]
    fn what_can_not_be_right_is_named_by_its_field() {
        let (venue, layout) = hall();
        let fault =
            |change: fn(&mut NewEvent)| announce(&venue, &layout, event(change), Uuid::nil()).unwrap_err().0;
        assert_eq!(fault(|e| e.ends_at = e.begins_at), "endTime");
        assert_eq!(fault(|e| e.ends_at = e.begins_at.plus_seconds(32 * 86_400)), "endTime");
        assert_eq!(fault(|e| e.prices = BTreeMap::from([("BOX".into(), 1)])), "priceCategories");
        let twice =
            |e: &mut NewEvent| e.prices = BTreeMap::from([("stalls".into(), 1), ("STALLS".into(), 2)]);
        assert_eq!(fault(twice), "priceCategories");
    }
}
