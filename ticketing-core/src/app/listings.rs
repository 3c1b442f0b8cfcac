//! The listings of the marketplace: put up, edited, found, shown. Each is one ticket that a user sells at a price of
//! their own; whoever buys it does so by the engine, as any seat is booked.

use super::catalogue::{self, Change};
use super::queries::totals::total;
use super::queries::{Page, wait_for};
use super::{App, AppError};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::BookingState;
use crate::domain::catalog::{OfferingFacts, OfferingKind, OfferingStatus};
use crate::domain::id::{BookingId, OfferingId, UserId};
use crate::domain::listing;
pub use crate::domain::listing::{layout, pattern};
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::engine::{Done, Meta};
use crate::projection::sales::{self, SaleRow};
use crate::projection::{bodies, market};
use crate::store::catalog::{self, Versioned};
use crate::store::views::search::{self, Order, Search};
use crate::store::{bookings, events, offerings, views};
use uuid::Uuid;

/// How often a withdrawal is tried again that met another change of the same listing.
const WITHDRAW_ROUNDS_MAX: u32 = 3;
/// What a listing is called where it is not there.
pub const NOUN: &str = "ticket";

/// Returns the facts of a listing that is put up.
///
/// # Errors
/// [`AppError::Invalid`] for a price of nothing.
pub fn facts(
    id: OfferingId,
    seller: &UserId,
    title: String,
    price: Money,
) -> Result<OfferingFacts, AppError> {
    Ok(listing::facts(id, seller, title, above_nothing(price)?))
}

fn above_nothing(price: Money) -> Result<Money, AppError> {
    match price.amount_minor {
        1.. => Ok(price),
        _ => Err(AppError::Invalid { field: "price", message: "must be more than 0".into() }),
    }
}

/// Puts a listing up. The answer is the listing.
///
/// # Errors
/// [`AppError::Invalid`] for a price of nothing; what the store says.
pub async fn create(
    app: &App,
    seller: &UserId,
    title: String,
    price: Money,
    meta: &Meta,
) -> Result<Done, AppError> {
    if let Some(first) = catalogue::replayed(app, meta).await? {
        return Ok(first);
    }
    let facts = facts(OfferingId(Uuid::now_v7()), seller, title, price)?;
    let now = app.clock.now();
    let body = market::listing(&facts, now, "open", 1);
    let change = Change {
        layouts: vec![layout()],
        patterns: vec![pattern()],
        offerings: vec![Versioned { value: facts, version: 1 }],
        noun: NOUN,
        at: Some(now),
        ..Change::default()
    };
    catalogue::store(app, meta, &change, &body).await
}

/// What a listing is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its title.
    pub title: String,
    /// Its price as a decimal, in `currency`.
    pub price: String,
    /// The currency; the one that it has if `None`.
    pub currency: Option<Currency>,
    /// The version that the seller has looked at; any if `None`.
    pub version: Option<u32>,
}

/// Edits a listing of the seller's own that nobody has ordered. The answer is the listing. What was ordered before
/// keeps the price that it was ordered at.
///
/// # Errors
/// [`AppError::NotFound`] for another's; [`AppError::VersionConflict`] if it has another version than the one that
/// was looked at; [`AppError::Locked`] while an order holds it, or once it is sold; [`Rejection::OfferingCancelled`]
/// if it was withdrawn; [`AppError::Invalid`] for a price that is none; what the store says.
pub async fn edit(
    app: &App,
    id: OfferingId,
    seller: &UserId,
    edit: Edit,
    meta: &Meta,
) -> Result<Done, AppError> {
    if let Some(first) = catalogue::replayed(app, meta).await? {
        return Ok(first);
    }
    let stored = catalog::offerings(&app.stores.write, &[id]).await?.remove(&id.0);
    let own = |row: &Versioned<OfferingFacts>| {
        row.value.kind == OfferingKind::Listing && row.value.particulars.seller_id.as_ref() == Some(seller)
    };
    let Versioned { value: mut facts, version } =
        stored.filter(own).ok_or_else(|| not_found(&id.to_string()))?;
    if edit.version.is_some_and(|looked_at| i64::from(looked_at) != i64::from(version)) {
        return Err(AppError::VersionConflict { what: NOUN, current: version.unsigned_abs() });
    }
    if facts.status == OfferingStatus::Cancelled {
        return Err(Rejection::OfferingCancelled { kind: OfferingKind::Listing }.into());
    }
    let price = Money::parse(&edit.price, edit.currency.unwrap_or(facts.fare.currency))
        .map_err(|error| AppError::Invalid { field: "price", message: error.to_string() })?;
    facts.fare = above_nothing(price)?;
    facts.particulars.title = Some(edit.title);
    let now = app.clock.now();
    let history = events::raw_of_stream(&app.stores.write, id.0).await?;
    let created_at = history.first().map_or(now, |entry| entry.recorded_at);
    let version = version + 1;
    let body = market::listing(&facts, created_at, "open", version.unsigned_abs());
    let change = Change {
        offerings: vec![Versioned { value: facts, version }],
        free: Some((id, None)),
        noun: NOUN,
        at: Some(now),
        ..Change::default()
    };
    catalogue::store(app, meta, &change, &body).await
}

/// Withdraws a listing that nobody has ordered: nobody can any more. With a `seller`, another's is unknown. The answer
/// is the listing; one that is withdrawn already is answered as it is.
///
/// It is withdrawn by a new version of it, and not by an `OfferingCancelled` as departures and events are: so whoever
/// follows the topics is told as of any other edit.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::Locked`] while an order holds it, or once it is sold;
/// [`AppError::VersionConflict`] if it is changed again and again at the same time; what the store says.
pub async fn withdraw(
    app: &App,
    id: OfferingId,
    seller: Option<&UserId>,
    meta: &Meta,
) -> Result<Done, AppError> {
    for round in 1.. {
        match try_withdraw(app, id, seller, meta).await {
            // Nobody looked at a version: whatever it is by now is meant.
            Err(AppError::VersionConflict { .. }) if round < WITHDRAW_ROUNDS_MAX => {}
            outcome => return outcome,
        }
    }
    // The loop ends by returning.
    Err(not_found(&id.to_string()))
}

async fn try_withdraw(
    app: &App,
    id: OfferingId,
    seller: Option<&UserId>,
    meta: &Meta,
) -> Result<Done, AppError> {
    if let Some(first) = catalogue::replayed(app, meta).await? {
        return Ok(first);
    }
    let stored = catalog::offerings(&app.stores.write, &[id]).await?.remove(&id.0);
    let theirs = |row: &Versioned<OfferingFacts>| {
        let is_own = seller.is_none_or(|seller| row.value.particulars.seller_id.as_ref() == Some(seller));
        row.value.kind == OfferingKind::Listing && is_own
    };
    let row = stored.filter(theirs).ok_or_else(|| not_found(&id.to_string()))?;
    let now = app.clock.now();
    let history = events::raw_of_stream(&app.stores.write, id.0).await?;
    let created_at = history.first().map_or(now, |entry| entry.recorded_at);
    let body = |row: &Versioned<OfferingFacts>| {
        market::listing(&row.value, created_at, ListingStatus::Cancelled.word(), row.version.unsigned_abs())
    };
    if row.value.status == OfferingStatus::Cancelled {
        let position = history.last().map_or(0, |entry| entry.position);
        return Ok(catalogue::unchanged(meta, &body(&row), position));
    }
    let withdrawn = withdrawn(row, None);
    let body = body(&withdrawn);
    let change = Change {
        offerings: vec![withdrawn],
        free: Some((id, None)),
        noun: NOUN,
        at: Some(now),
        ..Change::default()
    };
    catalogue::store(app, meta, &change, &body).await
}

/// Returns a listing as it is once it is withdrawn.
#[must_use]
pub fn withdrawn(row: Versioned<OfferingFacts>, reason: Option<String>) -> Versioned<OfferingFacts> {
    let Versioned { value: mut facts, version } = row;
    facts.status = OfferingStatus::Cancelled;
    facts.particulars.reason = reason;
    Versioned { value: facts, version: version + 1 }
}

pub(super) fn not_found(id: &str) -> AppError {
    AppError::NotFound { what: NOUN, id: id.to_owned() }
}

/// What a listing is, as people search for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListingStatus {
    /// Anybody can order it.
    Open,
    /// An order holds it.
    Reserved,
    /// It is somebody's.
    Sold,
    /// It was withdrawn.
    Cancelled,
}

impl ListingStatus {
    /// All.
    pub const ALL: [Self; 4] = [Self::Open, Self::Reserved, Self::Sold, Self::Cancelled];

    /// Their words, in the same order.
    pub const WORDS: [&str; 4] =
        [Self::Open.word(), Self::Reserved.word(), Self::Sold.word(), Self::Cancelled.word()];

    /// The word that answers have.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reserved => "reserved",
            Self::Sold => "sold",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the status with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// What listings are searched for. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Beginnings of words of the title, whatever their case.
    pub text: Option<String>,
    /// Who sells it.
    pub seller: Option<UserId>,
    /// The currency.
    pub currency: Option<Currency>,
    /// The least price, in minor units.
    pub price_min: Option<i64>,
    /// The highest price, in minor units.
    pub price_max: Option<i64>,
    /// What it is now.
    pub status: Option<ListingStatus>,
    /// The order of what is found.
    pub order: Order,
}

impl Wanted {
    /// The search for a page of them at `now`; `None` if a text is asked for that has no word.
    fn search(&self, page: u32, limit: u32, now: Timestamp) -> Option<Search> {
        let words: Vec<String> = match &self.text {
            Some(text) => sales::words([text.as_str()]).into_iter().collect(),
            None => Vec::new(),
        };
        if self.text.is_some() && words.is_empty() {
            return None;
        }
        let mut search = Search {
            words,
            seller: self.seller.as_ref().map(|seller| seller.0.clone()),
            currency: self.currency,
            price_min: self.price_min,
            price_max: self.price_max,
            order: self.order,
            page,
            limit,
            ..Search::of(OfferingKind::Listing)
        };
        match self.status {
            None => {}
            Some(ListingStatus::Cancelled) => search.status = Some(OfferingStatus::Cancelled),
            Some(sold @ (ListingStatus::Open | ListingStatus::Reserved | ListingStatus::Sold)) => {
                search.status = Some(OfferingStatus::Open);
                let just = |at: Timestamp, millis: i64| Timestamp::from_millis(at.as_millis() + millis);
                (search.free_from, search.free_to) = match sold {
                    ListingStatus::Open => (None, Some(now)),
                    ListingStatus::Reserved => (Some(just(now, 1)), Some(just(Timestamp::NEVER, -1))),
                    ListingStatus::Sold | ListingStatus::Cancelled => (Some(Timestamp::NEVER), None),
                };
            }
        }
        Some(search)
    }
}

/// Returns a page of the listings that are wanted.
///
/// # Errors
/// [`AppError::ReadModelBehind`]; what the store says.
pub async fn search(
    app: &App,
    wanted: &Wanted,
    page: u32,
    limit: u32,
    min_position: Option<i64>,
) -> Result<Page, AppError> {
    wait_for(app, min_position).await?;
    let now = app.clock.now();
    let Some(search) = wanted.search(page, limit, now) else {
        return Ok(Page { data: "[]".into(), total: 0 });
    };
    let rows = search::page(&app.stores.read, &search).await?;
    let total = total(app, &app.listing_totals, wanted.clone(), &search, rows.len(), min_position).await?;
    let lines: Vec<String> = rows.iter().map(|row| market::listing_of(row, now)).collect();
    Ok(Page { data: bodies::array(&lines).into(), total })
}

/// Returns a page of the listings that are wanted, as rows.
///
/// # Errors
/// What the store says.
pub async fn rows(app: &App, wanted: &Wanted, page: u32, limit: u32) -> Result<Vec<SaleRow>, AppError> {
    match wanted.search(page, limit, app.clock.now()) {
        Some(search) => Ok(search::page(&app.stores.read, &search).await?),
        None => Ok(Vec::new()),
    }
}

/// Returns one listing, whatever its status.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::ReadModelBehind`]; what the store says.
pub async fn get(app: &App, id: &str, min_position: Option<i64>) -> Result<String, AppError> {
    wait_for(app, min_position).await?;
    let Ok(uuid) = Uuid::parse_str(id) else { return Err(not_found(id)) };
    let found = views::sales::by_id(&app.stores.read, &[OfferingId(uuid)]).await?;
    let sale = found.into_iter().find(|sale| sale.kind == OfferingKind::Listing);
    Ok(market::listing_of(&sale.ok_or_else(|| not_found(id))?, app.clock.now()))
}

/// Returns one listing, from the write store.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn stored(app: &App, id: OfferingId) -> Result<String, AppError> {
    let db = &app.stores.write;
    let found = catalog::offerings(db, &[id]).await?.remove(&id.0);
    let listing = found.filter(|row| row.value.kind == OfferingKind::Listing);
    let Versioned { value: facts, version } = listing.ok_or_else(|| not_found(&id.to_string()))?;
    let now = app.clock.now();
    let holders: Vec<BookingId> =
        offerings::claims(db, &[id]).await?.remove(&id).unwrap_or_default().into_keys().collect();
    let holders = bookings::load(db, &holders).await?;
    let free_at = holders.iter().map(|booking| match booking.state {
        BookingState::Confirmed => Timestamp::NEVER,
        BookingState::Pending | BookingState::Reserved => booking.hold_expires_at,
        BookingState::Cancelled | BookingState::Expired | BookingState::Refunded => now,
    });
    let status = market::listing_status(facts.status, free_at.max().unwrap_or(now), now);
    let history = events::raw_of_stream(db, id.0).await?;
    let created_at = history.first().map_or(now, |entry| entry.recorded_at);
    Ok(market::listing(&facts, created_at, status, version.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::{ListingStatus, Wanted};
    use crate::domain::time::Timestamp;

    #[test]
    fn each_status_is_its_own_part_of_all_listings() {
        let now = Timestamp::from_millis(1_000);
        let free = |at: Timestamp| {
            let is = |status| {
                let wanted = Wanted { status: Some(status), ..Wanted::default() };
                let search = wanted.search(1, 10, now).unwrap();
                search.free_from.is_none_or(|from| from <= at) && search.free_to.is_none_or(|to| at <= to)
            };
            let open = [ListingStatus::Open, ListingStatus::Reserved, ListingStatus::Sold];
            open.into_iter().filter(|status| is(*status)).collect::<Vec<_>>()
        };
        let rows = [
            (0, ListingStatus::Open),
            (1_000, ListingStatus::Open),
            (1_001, ListingStatus::Reserved),
            (Timestamp::NEVER.as_millis() - 1, ListingStatus::Reserved),
            (Timestamp::NEVER.as_millis(), ListingStatus::Sold),
        ];
        for (at, status) in rows {
            assert_eq!(free(Timestamp::from_millis(at)), [status], "{at}");
        }
        for status in ListingStatus::ALL {
            assert_eq!(ListingStatus::parse(status.word()), Some(status));
        }
    }

    #[test]
    fn a_text_without_a_word_finds_nothing() {
        let wanted = Wanted { text: Some(" -!".into()), ..Wanted::default() };
        assert_eq!(wanted.search(1, 10, Timestamp::from_millis(0)), None);
    }
}
