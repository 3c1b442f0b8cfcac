//! The rows of what people search: events and listings, and the words that they are found by.

use super::Target;
use crate::args;
use crate::domain::catalog::{OfferingKind, OfferingStatus, Venue};
use crate::domain::id::OfferingId;
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::projection::sales::SaleRow;
use crate::store::db::{Column, Db, Tx};
use crate::store::error::{Result, StoreError};
use crate::store::offerings::status_word;
use crate::store::sql::statements;
use std::collections::BTreeSet;
use uuid::Uuid;

statements! {
    PUT = "INSERT INTO view_sales (id, kind, title, status, seller_id, venue_id, city, event_type, price_minor,
            currency, local_date, begins_at, ends_at, created_at, version)
        SELECT id, kind, title, status, seller_id, venue_id, city, event_type, price_minor, currency, local_date,
            begins_at, ends_at, created_at, version
        FROM {rows id uuid, kind text, title text, status text, seller_id text, venue_id uuid, city text,
            event_type text, price_minor big, currency text, local_date text, begins_at big, ends_at big,
            created_at big, version int} WHERE true
        ON CONFLICT (id) DO UPDATE SET title = excluded.title, status = excluded.status,
            seller_id = excluded.seller_id, venue_id = excluded.venue_id, city = excluded.city,
            event_type = excluded.event_type, price_minor = excluded.price_minor, currency = excluded.currency,
            local_date = excluded.local_date, begins_at = excluded.begins_at, ends_at = excluded.ends_at,
            version = excluded.version
        WHERE view_sales.version < excluded.version";
    CANCEL = "UPDATE view_sales SET status = 'cancelled', version = v.version FROM {rows id uuid, version int}
        WHERE view_sales.id = v.id AND view_sales.version < v.version";
    /// Leans on `view_words_sale`.
    FORGET_WORDS = "DELETE FROM view_words WHERE sale_id {any uuid}";
    PUT_WORDS = "INSERT INTO view_words (word, sale_id) SELECT word, sale_id FROM {rows sale_id uuid, word text}
        WHERE true ON CONFLICT (word, sale_id) DO NOTHING";
    TAKE = "UPDATE view_sales SET free_at = v.free_at, taken_at = v.position
        FROM {rows id uuid, position big, free_at big}
        WHERE view_sales.id = v.id AND view_sales.taken_at < v.position";
    /// Leans on the primary key.
    BY_ID = "SELECT s.id, s.kind, s.title, s.status, s.seller_id, s.venue_id, s.city, s.event_type, s.price_minor,
            s.currency, s.local_date, s.begins_at, s.ends_at, s.created_at, s.free_at, s.version
        FROM view_sales s WHERE s.id {any uuid}";
}

/// A row, as it is read.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: Uuid,
    kind: String,
    title: String,
    status: String,
    seller_id: String,
    venue_id: Option<Uuid>,
    city: String,
    event_type: String,
    price_minor: i64,
    currency: String,
    local_date: String,
    begins_at: i64,
    ends_at: i64,
    created_at: i64,
    free_at: i64,
    version: i32,
}

impl Row {
    pub(super) fn sale(self) -> Result<SaleRow> {
        let corrupt = |column: &'static str, reason: &str| StoreError::Corrupt {
            table: "view_sales",
            column,
            row: self.id.to_string(),
            reason: reason.to_owned(),
        };
        Ok(SaleRow {
            kind: OfferingKind::parse(&self.kind).ok_or_else(|| corrupt("kind", "no kind of offering"))?,
            status: match self.status.as_str() {
                "open" => OfferingStatus::Open,
                "cancelled" => OfferingStatus::Cancelled,
                _ => return Err(corrupt("status", "neither open nor cancelled")),
            },
            price: Money {
                amount_minor: self.price_minor,
                currency: Currency::parse(&self.currency)
                    .ok_or_else(|| corrupt("currency", "not an ISO 4217 code"))?,
            },
            version: u32::try_from(self.version).map_err(|_| corrupt("version", "negative"))?,
            id: OfferingId(self.id),
            title: self.title,
            seller_id: self.seller_id,
            venue_id: self.venue_id.filter(|id| !id.is_nil()),
            city: self.city,
            event_type: self.event_type,
            local_date: self.local_date,
            begins_at: Timestamp::from_millis(self.begins_at),
            ends_at: Timestamp::from_millis(self.ends_at),
            created_at: Timestamp::from_millis(self.created_at),
            free_at: Timestamp::from_millis(self.free_at),
        })
    }
}

/// Returns these, those that exist.
///
/// # Errors
/// What the store says.
pub async fn by_id(db: &Db, ids: &[OfferingId]) -> Result<Vec<SaleRow>> {
    by_id_in(db, Target::Live, ids).await
}

pub(crate) async fn by_id_in(db: &Db, target: Target, ids: &[OfferingId]) -> Result<Vec<SaleRow>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<Row> = db.all(target.of(&BY_ID), args![ids]).await?;
    rows.into_iter().map(Row::sale).collect()
}

/// What of a page of the log changes what is searched.
#[derive(Debug, Default)]
pub struct Changes {
    /// Venues with their versions.
    pub venues: Vec<(Venue, i32)>,
    /// Events and listings, with their words.
    pub sales: Vec<(SaleRow, BTreeSet<String>)>,
    /// Listings whose ticket was taken or given back: by which event, and from when on it is free.
    pub taken: Vec<(OfferingId, i64, Timestamp)>,
}

/// Writes them; `cancelled` are the offerings that were withdrawn, of all kinds.
pub(super) async fn put(
    tx: &mut Tx,
    target: Target,
    changes: &Changes,
    cancelled: &[(Uuid, i32)],
) -> Result<()> {
    let Changes { venues, sales, taken } = changes;
    if !venues.is_empty() {
        super::venues::put(tx, target, venues).await?;
    }
    if !sales.is_empty() {
        put_sales(tx, target, sales).await?;
    }
    if !cancelled.is_empty() {
        let columns = vec![
            Column::Uuid(cancelled.iter().map(|(id, _)| *id).collect()),
            Column::Int(cancelled.iter().map(|(_, version)| *version).collect()),
        ];
        tx.run(target.of(&CANCEL), args![columns]).await?;
    }
    if !taken.is_empty() {
        let columns = vec![
            Column::Uuid(taken.iter().map(|(id, ..)| id.0).collect()),
            Column::Big(taken.iter().map(|(_, position, _)| *position).collect()),
            Column::Big(taken.iter().map(|(.., at)| at.as_millis()).collect()),
        ];
        tx.run(target.of(&TAKE), args![columns]).await?;
    }
    Ok(())
}

async fn put_sales(tx: &mut Tx, target: Target, sales: &[(SaleRow, BTreeSet<String>)]) -> Result<()> {
    let columns = vec![
        Column::Uuid(sales.iter().map(|(s, _)| s.id.0).collect()),
        Column::Text(sales.iter().map(|(s, _)| s.kind.word().to_owned()).collect()),
        Column::Text(sales.iter().map(|(s, _)| s.title.clone()).collect()),
        Column::Text(sales.iter().map(|(s, _)| status_word(s.status).to_owned()).collect()),
        Column::Text(sales.iter().map(|(s, _)| s.seller_id.clone()).collect()),
        Column::Uuid(sales.iter().map(|(s, _)| s.venue_id.unwrap_or_default()).collect()),
        Column::Text(sales.iter().map(|(s, _)| s.city.clone()).collect()),
        Column::Text(sales.iter().map(|(s, _)| s.event_type.clone()).collect()),
        Column::Big(sales.iter().map(|(s, _)| s.price.amount_minor).collect()),
        Column::Text(sales.iter().map(|(s, _)| s.price.currency.code().to_owned()).collect()),
        Column::Text(sales.iter().map(|(s, _)| s.local_date.clone()).collect()),
        Column::Big(sales.iter().map(|(s, _)| s.begins_at.as_millis()).collect()),
        Column::Big(sales.iter().map(|(s, _)| s.ends_at.as_millis()).collect()),
        Column::Big(sales.iter().map(|(s, _)| s.created_at.as_millis()).collect()),
        Column::Int(sales.iter().map(|(s, _)| s.version as i32).collect()),
    ];
    tx.run(target.of(&PUT), args![columns]).await?;
    let ids = Column::Uuid(sales.iter().map(|(s, _)| s.id.0).collect());
    tx.run(target.of(&FORGET_WORDS), args![ids]).await?;
    let words = || sales.iter().flat_map(|(sale, words)| words.iter().map(move |word| (sale.id.0, word)));
    let columns = vec![
        Column::Uuid(words().map(|(id, _)| id).collect()),
        Column::Text(words().map(|(_, word)| word.clone()).collect()),
    ];
    if words().next().is_some() {
        tx.run(target.of(&PUT_WORDS), args![columns]).await?;
    }
    Ok(())
}
