//! Listings of seed files: tickets that users sell.

use super::catalog::{Reader, price};
use super::cursor::Cursor;
use super::error::SeedFileError;
use super::halls::currency;
use crate::domain::id::{OfferingId, UserId, derived};
use crate::domain::listing;
use crate::text::quoted;

/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;
/// The longest key, and the longest id of a seller.
const KEY_CHARS_MAX: usize = 255;

impl Reader {
    pub(super) fn listing(&mut self, item: &Cursor<'_>) -> Result<(), SeedFileError> {
        let fields = item.fields("a listing", &["key", "title", "price", "currency", "seller"])?;
        let key_at = fields.required("key", "as front-row")?;
        let key = key_at.name("a key, as front-row", KEY_CHARS_MAX)?;
        let id = OfferingId(derived("listing", &key));
        if !self.offerings.insert(id) {
            return Err(key_at.error(format!("the listing {} stands in these files already", quoted(&key))));
        }
        let price_at = fields.required("price", "of the ticket, as 25.00")?;
        let price = price(&price_at, currency(&fields)?)?;
        if price.amount_minor < 1 {
            return Err(price_at.error("must be more than 0"));
        }
        let (title, seller) = ("what the ticket is for, as Two nights of jazz", "who sells it, as ada");
        let title = fields.required("title", title)?.name(title, TITLE_CHARS_MAX)?;
        let seller = UserId(fields.required("seller", seller)?.name(seller, KEY_CHARS_MAX)?);
        let pattern = listing::pattern();
        if self.patterns.insert(pattern.id) {
            self.catalog().patterns.push(pattern);
            self.catalog().layouts.push(listing::layout());
        }
        self.catalog().offerings.push(listing::facts(id, &seller, title, price));
        Ok(())
    }
}
