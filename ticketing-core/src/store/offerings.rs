//! Offerings as the engine needs them: facts, calls, seats, and who has claimed what.

use super::db::{Column, Db};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
use crate::domain::booking::state::BookingState;
use crate::domain::catalog::{
    LatePayment, Offering, OfferingFacts, OfferingKind, OfferingStatus, Particulars, Pattern,
};
use crate::domain::id::{BookingId, LayoutId, OfferingId, PatternId, RouteId, derived};
use crate::domain::layout::Layout;
use crate::domain::money::{Currency, Money};
use crate::domain::occupancy::{Held, Occupancy};
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// A row of `offerings` or `view_departures`.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct OfferingRow {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) route_id: Uuid,
    pub(crate) pattern_id: Uuid,
    pub(crate) layout_id: Uuid,
    pub(crate) external_id: Option<String>,
    pub(crate) service_date: String,
    pub(crate) departs_at: i64,
    pub(crate) arrives_at: i64,
    pub(crate) fare_minor: i64,
    pub(crate) currency: String,
    pub(crate) status: String,
    pub(crate) particulars: Option<String>,
    #[sqlx(default)]
    pub(crate) late_payment: Option<String>,
}

impl OfferingRow {
    pub(crate) fn facts(self, table: &'static str) -> Result<OfferingFacts> {
        let corrupt = |column: &'static str, reason: &str| StoreError::Corrupt {
            table,
            column,
            row: self.id.to_string(),
            reason: reason.to_owned(),
        };
        let currency =
            Currency::parse(&self.currency).ok_or_else(|| corrupt("currency", "not an ISO 4217 code"))?;
        let status = match self.status.as_str() {
            "open" => OfferingStatus::Open,
            "cancelled" => OfferingStatus::Cancelled,
            _ => return Err(corrupt("status", "neither open nor cancelled")),
        };
        let late_payment = match self.late_payment.as_deref() {
            // The read model has no such column: nobody decides there.
            None => LatePayment::default(),
            Some(word) => LatePayment::parse(word)
                .ok_or_else(|| corrupt("late_payment", "neither re-reserve nor refund"))?,
        };
        let kind = OfferingKind::parse(&self.kind).ok_or_else(|| corrupt("kind", "no kind of offering"))?;
        let particulars = match &self.particulars {
            None => Particulars::default(),
            Some(text) => {
                serde_json::from_str(text).map_err(|error| corrupt("particulars", &error.to_string()))?
            }
        };
        Ok(OfferingFacts {
            id: OfferingId(self.id),
            kind,
            route_id: route_of(self.route_id),
            pattern_id: PatternId(self.pattern_id),
            layout_id: LayoutId(self.layout_id),
            external_id: self.external_id,
            service_date: self.service_date,
            departs_at: Timestamp::from_millis(self.departs_at),
            arrives_at: Timestamp::from_millis(self.arrives_at),
            fare: Money { amount_minor: self.fare_minor, currency },
            status,
            late_payment,
            particulars,
        })
    }
}

/// What stands in the place of a route where there is none: the column has a value in every row.
pub(crate) fn route_word(route: Option<RouteId>) -> Uuid {
    route.map_or(Uuid::nil(), |route| route.0)
}

/// The route that a column names.
pub(crate) fn route_of(id: Uuid) -> Option<RouteId> {
    (!id.is_nil()).then_some(RouteId(id))
}

/// What stands in the store for what only some offerings have.
pub(crate) fn particulars_word(facts: &OfferingFacts) -> Option<String> {
    (facts.particulars != Particulars::default()).then(|| super::catalog::json(&facts.particulars))
}

/// The word of the store for a status.
pub(crate) const fn status_word(status: OfferingStatus) -> &'static str {
    match status {
        OfferingStatus::Open => "open",
        OfferingStatus::Cancelled => "cancelled",
    }
}

#[derive(sqlx::FromRow)]
struct ClaimRow {
    offering_id: Uuid,
    seat_no: i32,
    leg: i32,
    booking_id: Uuid,
    state: Option<String>,
    hold_expires_at: Option<i64>,
    from_leg: Option<i32>,
    to_leg: Option<i32>,
}

statements! {
    /// Leans on the primary key.
    FACTS = "SELECT id, kind, route_id, pattern_id, layout_id, external_id, service_date, departs_at, arrives_at,
            fare_minor, currency, status, late_payment, particulars
        FROM offerings WHERE id {any uuid}";
    /// Leans on the primary key.
    KINDS = "SELECT id, kind FROM offerings WHERE id {any uuid}";
    /// Leans on the primary keys of both tables.
    CLAIMS = "SELECT c.offering_id, c.seat_no, c.leg, c.booking_id, b.state, b.hold_expires_at, b.from_leg,
            b.to_leg
        FROM claims c LEFT JOIN bookings b ON b.id = c.booking_id
        WHERE c.offering_id {any uuid}
        ORDER BY c.offering_id, c.seat_no, c.leg";
    /// Leans on the primary key.
    PATTERNS = "SELECT id, calls FROM patterns WHERE id {any uuid}";
    /// Leans on the primary key.
    LAYOUTS = "SELECT id, spec FROM layouts WHERE id {any uuid}";
}

/// Returns the facts of these offerings, those that exist.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no offering.
pub async fn facts(db: &Db, ids: &[OfferingId]) -> Result<Vec<OfferingFacts>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<OfferingRow> = db.all(&FACTS, args![ids]).await?;
    rows.into_iter().map(|row| row.facts("offerings")).collect()
}

/// Returns the kinds of these offerings, those that exist.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a word that is no kind.
pub async fn kinds(db: &Db, ids: Vec<OfferingId>) -> Result<Vec<(OfferingId, OfferingKind)>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<(Uuid, String)> = db.all(&KINDS, args![ids]).await?;
    let kind = |(id, word): (Uuid, String)| match OfferingKind::parse(&word) {
        Some(kind) => Ok((OfferingId(id), kind)),
        None => Err(StoreError::Corrupt {
            table: "offerings",
            column: "kind",
            row: id.to_string(),
            reason: "no kind of offering".to_owned(),
        }),
    };
    rows.into_iter().map(kind).collect()
}

/// Returns these patterns, those that exist.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no pattern.
pub async fn patterns(db: &Db, ids: &[PatternId]) -> Result<Vec<Pattern>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<(Uuid, String)> = db.all(&PATTERNS, args![ids]).await?;
    rows.into_iter().map(|(id, calls)| parse_pattern(id, &calls, "patterns")).collect()
}

pub(crate) fn parse_pattern(id: Uuid, calls: &str, table: &'static str) -> Result<Pattern> {
    let corrupt =
        |reason: String| StoreError::Corrupt { table, column: "calls", row: id.to_string(), reason };
    let calls: Vec<_> = serde_json::from_str(calls).map_err(|e| corrupt(e.to_string()))?;
    if calls.len() < 2 {
        return Err(corrupt("a pattern has at least two calls".into()));
    }
    Ok(Pattern { id: PatternId(id), calls })
}

/// Returns these layouts, those that exist.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no layout.
pub async fn layouts(db: &Db, ids: &[LayoutId]) -> Result<Vec<Layout>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<(Uuid, String)> = db.all(&LAYOUTS, args![ids]).await?;
    rows.into_iter().map(|(id, spec)| parse_layout(id, &spec, "layouts")).collect()
}

pub(crate) fn parse_layout(id: Uuid, spec: &str, table: &'static str) -> Result<Layout> {
    let corrupt = |reason: String| StoreError::Corrupt { table, column: "spec", row: id.to_string(), reason };
    let spec = serde_json::from_str(spec).map_err(|e| corrupt(e.to_string()))?;
    Layout::new(LayoutId(id), spec).map_err(corrupt)
}

/// Returns what is claimed of these offerings, by offering and booking.
///
/// A claim whose booking is missing, or has other legs, still takes its seat: the key would refuse another.
///
/// # Errors
/// What the store says.
pub async fn claims(db: &Db, ids: &[OfferingId]) -> Result<HashMap<OfferingId, HashMap<BookingId, Held>>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<ClaimRow> = db.all(&CLAIMS, args![ids]).await?;
    let mut found: HashMap<OfferingId, HashMap<BookingId, Held>> = HashMap::new();
    for row in rows {
        let (Ok(seat), Ok(leg)) = (u32::try_from(row.seat_no), u16::try_from(row.leg)) else { continue };
        let seat = SeatNo(seat);
        let Some(own) = LegRange::new(leg, leg.saturating_add(1)) else { continue };
        let stored = |n: Option<i32>| n.and_then(|n| u16::try_from(n).ok());
        let legs =
            stored(row.from_leg).zip(stored(row.to_leg)).and_then(|(from, to)| LegRange::new(from, to));
        // A claim that is none of its booking's takes its own seat and leg, under a name of its own.
        let of_booking = legs.filter(|legs| legs.contains(own));
        let booking = match of_booking {
            Some(_) => row.booking_id,
            None => derived("stray claim", &format!("{}/{}/{leg}", row.offering_id, seat.0)),
        };
        let is_hold = row.state.as_deref().and_then(BookingState::parse).is_some_and(BookingState::is_hold);
        let hold_expires_at =
            row.hold_expires_at.filter(|_| is_hold && of_booking.is_some()).map(Timestamp::from_millis);
        let held =
            found.entry(OfferingId(row.offering_id)).or_default().entry(BookingId(booking)).or_insert_with(
                || Held { seats: Vec::with_capacity(1), legs: of_booking.unwrap_or(own), hold_expires_at },
            );
        if held.seats.last() != Some(&seat) {
            held.seats.push(seat);
        }
    }
    Ok(found)
}

/// Returns what is for sale of an offering, with what is claimed of it. A claim that does not fit its
/// offering is left out and logged: the key would still refuse its seat.
#[must_use]
pub fn occupancy(offering: &Offering, claims: HashMap<BookingId, Held>) -> Occupancy {
    let id = offering.facts.id;
    let mut occupancy = Occupancy::empty(offering.for_sale(), offering.pattern.leg_count());
    for (booking, held) in claims {
        let fits = held.legs.to() <= offering.pattern.leg_count();
        if fits && held.seats.iter().all(|seat| occupancy.is_free(*seat, held.legs)) {
            occupancy.claim(booking, held);
        } else {
            tracing::error!(offering = %id, %booking, "a claim does not fit its offering");
        }
    }
    occupancy
}

/// Returns these offerings whole, each with who has which seat; those that exist.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that can't be read.
pub async fn with_seats(db: &Db, ids: &[OfferingId]) -> Result<Vec<(Offering, Occupancy)>> {
    let facts = facts(db, ids).await?;
    let pattern_ids: Vec<PatternId> = facts.iter().map(|f| f.pattern_id).collect();
    let layout_ids: Vec<LayoutId> = facts.iter().map(|f| f.layout_id).collect();
    let patterns: HashMap<_, _> =
        patterns(db, &pattern_ids).await?.into_iter().map(|p| (p.id, Arc::new(p))).collect();
    let layouts: HashMap<_, _> =
        layouts(db, &layout_ids).await?.into_iter().map(|l| (l.id(), Arc::new(l))).collect();
    let mut claims = claims(db, ids).await?;
    let whole = |facts: OfferingFacts| {
        let pattern = Arc::clone(patterns.get(&facts.pattern_id)?);
        let layout = Arc::clone(layouts.get(&facts.layout_id)?);
        let claims = claims.remove(&facts.id).unwrap_or_default();
        let offering = Offering::new(facts, pattern, layout);
        let occupancy = occupancy(&offering, claims);
        Some((offering, occupancy))
    };
    Ok(facts.into_iter().filter_map(whole).collect())
}
