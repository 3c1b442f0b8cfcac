//! What people search: events and listings, each with what they search it by.

use crate::domain::booking::event::BookingEvent;
use crate::domain::catalog::{OfferingFacts, OfferingKind, OfferingStatus};
use crate::domain::id::OfferingId;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The most words of one thing that are searched.
const WORDS_MAX: usize = 64;
/// The longest word that is searched, in characters; of a longer one, its beginning.
const WORD_CHARS_MAX: usize = 32;

/// A row of what is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleRow {
    /// The offering.
    pub id: OfferingId,
    /// Its kind.
    pub kind: OfferingKind,
    /// What it is called.
    pub title: String,
    /// Whether it is sold at all.
    pub status: OfferingStatus,
    /// Who sells it; empty where the house does.
    pub seller_id: String,
    /// Where it is held.
    pub venue_id: Option<Uuid>,
    /// In which city, in small letters; empty where it has none.
    pub city: String,
    /// What sort of event; empty where it is none.
    pub event_type: String,
    /// The lowest price of a seat.
    pub price: Money,
    /// The day on which it begins, where it is held: `YYYY-MM-DD`.
    pub local_date: String,
    /// When it begins.
    pub begins_at: Timestamp,
    /// When it is over.
    pub ends_at: Timestamp,
    /// When it was put up first.
    pub created_at: Timestamp,
    /// From when on a listing's one ticket is free; [`Timestamp::NEVER`] once it is sold.
    pub free_at: Timestamp,
    /// The version of the offering that it shows.
    pub version: u32,
}

/// Returns the row of an offering that people search, `None` for one that they find by its route. `at` is when it was
/// put up, or changed.
#[must_use]
pub fn sale(facts: &OfferingFacts, version: u32, at: Timestamp) -> Option<SaleRow> {
    // Departures are found by route and day.
    if facts.route_id.is_some() {
        return None;
    }
    let particulars = &facts.particulars;
    let lowest = particulars.prices.values().copied().min().unwrap_or(facts.fare.amount_minor);
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
    Some(SaleRow {
        id: facts.id,
        kind: facts.kind,
        title: particulars.title.clone().unwrap_or_default(),
        status: facts.status,
        seller_id: particulars.seller_id.as_ref().map(|seller| seller.0.clone()).unwrap_or_default(),
        venue_id: particulars.venue_id.map(|venue| venue.0),
        city: text(&particulars.city),
        event_type: text(&particulars.event_type),
        price: Money { amount_minor: lowest, currency: facts.fare.currency },
        local_date: facts.service_date.clone(),
        begins_at: facts.departs_at,
        ends_at: facts.arrives_at,
        created_at: at,
        free_at: Timestamp::from_millis(0),
        version,
    })
}

/// Returns from when on the ticket of a booking is free after one more of its events; `None` where that stays.
#[must_use]
pub fn free_at(event: &BookingEvent) -> Option<Timestamp> {
    match event {
        BookingEvent::TicketBooked(e) | BookingEvent::TicketReserved(e) => Some(e.hold_expires_at),
        BookingEvent::TicketConfirmed(_) => Some(Timestamp::NEVER),
        BookingEvent::TicketCancelled(_) | BookingEvent::TicketExpired(_) => Some(Timestamp::from_millis(0)),
        // It was cancelled before.
        BookingEvent::RefundRequested(_) | BookingEvent::TicketRefunded(_) => None,
    }
}

/// The words of a text, in small letters, each once: what a search compares.
#[must_use]
pub fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for text in texts {
        let text = text.to_lowercase();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            if words.len() == WORDS_MAX {
                return words;
            }
            words.insert(word.chars().take(WORD_CHARS_MAX).collect());
        }
    }
    words
}

/// The words by which an offering is found.
#[must_use]
pub fn words_of(facts: &OfferingFacts) -> BTreeSet<String> {
    let particulars = &facts.particulars;
    let texts = [&particulars.title, &particulars.city, &particulars.event_type, &particulars.description];
    words(texts.into_iter().flatten().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_text_is_searched_by_its_words_whatever_their_case() {
        let found: Vec<String> = words(["The Who — LIVE", "who? ÉTÉ-2026"]).into_iter().collect();
        assert_eq!(found, ["2026", "live", "the", "who", "été"]);
        assert_eq!(words([&*"x".repeat(100)]).first().map(String::len), Some(32));
        assert!(words(["", " .,- "]).is_empty());
    }
}
