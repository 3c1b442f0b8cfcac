//! Searching what is on sale: events and listings by their words, prices, sellers, cities, times and state.
//!
//! A page is read along an index: of the words that are searched, of the seller, the day or the city that is named, or of
//! the order that is asked for. What else is asked for is looked at row by row on the way.

use super::sales::Row;
use crate::args;
use crate::domain::catalog::{OfferingKind, OfferingStatus};
use crate::domain::money::Currency;
use crate::domain::time::Timestamp;
use crate::projection::sales::SaleRow;
use crate::store::db::{Arg, Db};
use crate::store::error::Result;
use crate::store::offerings::status_word;
use crate::store::sql::Sql;
use std::sync::LazyLock;

/// Words of one search; what is beyond is not asked for.
pub const WORDS_MAX: usize = 4;
/// Comes after every word that begins like the one before it.
const AFTER_ALL: char = char::MAX;

/// What a page's rows are read along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Along {
    Order,
    Seller,
    Day,
    City,
    Words,
}

impl Along {
    const ALL: [Self; 5] = [Self::Order, Self::Seller, Self::Day, Self::City, Self::Words];

    /// The condition that the index is for.
    const fn condition(self) -> &'static str {
        match self {
            Self::Order => {
                "($2 = '' OR s.seller_id = $2) AND ($3 = '' OR s.city = $3) AND ($13 = '' OR s.local_date = $13)"
            }
            Self::Seller => "s.seller_id = $2 AND ($3 = '' OR s.city = $3) AND ($13 = '' OR s.local_date = $13)",
            Self::Day => "($2 = '' OR s.seller_id = $2) AND ($3 = '' OR s.city = $3) AND s.local_date = $13",
            Self::City => "($2 = '' OR s.seller_id = $2) AND s.city = $3 AND ($13 = '' OR s.local_date = $13)",
            Self::Words => {
                "($2 = '' OR s.seller_id = $2) AND ($3 = '' OR s.city = $3) AND ($13 = '' OR s.local_date = $13)
                AND s.id IN (SELECT w.sale_id FROM view_words w WHERE w.word >= $16 AND w.word < $17)
                AND ($18 = '' OR EXISTS (SELECT 1 FROM view_words w
                    WHERE w.sale_id = s.id AND w.word >= $18 AND w.word < $19))
                AND ($20 = '' OR EXISTS (SELECT 1 FROM view_words w
                    WHERE w.sale_id = s.id AND w.word >= $20 AND w.word < $21))
                AND ($22 = '' OR EXISTS (SELECT 1 FROM view_words w
                    WHERE w.sale_id = s.id AND w.word >= $22 AND w.word < $23))"
            }
        }
    }

    /// The first number of the page's own parameters.
    const fn page_at(self) -> usize {
        match self {
            Self::Order | Self::Seller | Self::Day | Self::City => 16,
            Self::Words => 24,
        }
    }
}

/// The order of what is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// What was put up last comes first.
    #[default]
    Newest,
    /// By currency, and the cheapest first.
    Cheapest,
    /// By currency, and the dearest first.
    Dearest,
    /// What begins first comes first.
    Soonest,
}

impl Order {
    /// All.
    pub const ALL: [Self; 4] = [Self::Newest, Self::Cheapest, Self::Dearest, Self::Soonest];

    const fn sql(self) -> &'static str {
        match self {
            Self::Newest => "s.created_at DESC, s.id DESC",
            Self::Cheapest => "s.currency, s.price_minor, s.id",
            Self::Dearest => "s.currency DESC, s.price_minor DESC, s.id DESC",
            Self::Soonest => "s.begins_at, s.id",
        }
    }
}

const COLUMNS: &str = "s.id, s.kind, s.title, s.status, s.seller_id, s.venue_id, s.city, s.event_type, s.price_minor, \
     s.currency, s.local_date, s.begins_at, s.ends_at, s.created_at, s.free_at, s.version";

fn conditions(along: Along) -> String {
    format!(
        "s.kind = $1 AND {} AND ($4 = '' OR s.event_type = $4) AND ($5 = '' OR s.currency = $5)
        AND ($6 = '' OR s.status = $6) AND s.price_minor >= $7 AND s.price_minor <= $8
        AND s.free_at >= $9 AND s.free_at <= $10 AND s.begins_at >= $11 AND s.begins_at <= $12
        AND s.ends_at >= $14 AND s.ends_at <= $15",
        along.condition()
    )
}

fn page_of(along: Along, order: Order) -> Sql {
    let at = along.page_at();
    let text = format!(
        "SELECT {COLUMNS} FROM view_sales s WHERE {} ORDER BY {} LIMIT ${at} OFFSET ${}",
        conditions(along),
        order.sql(),
        at + 1
    );
    Sql::common("SALES", &text)
}

fn count_of(along: Along) -> Sql {
    Sql::common("COUNT_SALES", &format!("SELECT COUNT(*) AS n FROM view_sales s WHERE {}", conditions(along)))
}

/// By what they are read along, and their order.
type Pages = [[LazyLock<Sql>; Order::ALL.len()]; Along::ALL.len()];

macro_rules! pages {
    ($($along:ident)+) => {
        [$([
            LazyLock::new(|| page_of(Along::$along, Order::Newest)),
            LazyLock::new(|| page_of(Along::$along, Order::Cheapest)),
            LazyLock::new(|| page_of(Along::$along, Order::Dearest)),
            LazyLock::new(|| page_of(Along::$along, Order::Soonest)),
        ]),+]
    };
}

static PAGES: Pages = pages!(Order Seller Day City Words);
static COUNTS: [LazyLock<Sql>; Along::ALL.len()] = [
    LazyLock::new(|| count_of(Along::Order)),
    LazyLock::new(|| count_of(Along::Seller)),
    LazyLock::new(|| count_of(Along::Day)),
    LazyLock::new(|| count_of(Along::City)),
    LazyLock::new(|| count_of(Along::Words)),
];

/// Every statement of this file.
pub(crate) static STATEMENTS: LazyLock<Vec<&'static LazyLock<Sql>>> =
    LazyLock::new(|| PAGES.iter().flatten().chain(&COUNTS).collect());

/// What is searched for. What is `None` is not asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Search {
    /// Which kind of offering.
    pub kind: OfferingKind,
    /// Beginnings of words that all must be there, in small letters: see [`crate::projection::sales::words`].
    pub words: Vec<String>,
    /// Who sells it.
    pub seller: Option<String>,
    /// The city, in small letters.
    pub city: Option<String>,
    /// The sort of event, in small letters.
    pub event_type: Option<String>,
    /// The currency.
    pub currency: Option<Currency>,
    /// The least price, in minor units.
    pub price_min: Option<i64>,
    /// The highest price, in minor units.
    pub price_max: Option<i64>,
    /// Whether it is sold at all.
    pub status: Option<OfferingStatus>,
    /// From when on its ticket is free: no earlier.
    pub free_from: Option<Timestamp>,
    /// The same: no later.
    pub free_to: Option<Timestamp>,
    /// When it begins: no earlier.
    pub begins_from: Option<Timestamp>,
    /// The same: no later.
    pub begins_to: Option<Timestamp>,
    /// The day on which it begins, where it is held: `YYYY-MM-DD`.
    pub day: Option<String>,
    /// When it is over: no earlier.
    pub ends_from: Option<Timestamp>,
    /// The same: no later.
    pub ends_to: Option<Timestamp>,
    /// The order of what is found.
    pub order: Order,
    /// The page, from 1.
    pub page: u32,
    /// How many a page.
    pub limit: u32,
}

impl Search {
    /// Everything of a kind.
    #[must_use]
    pub const fn of(kind: OfferingKind) -> Self {
        Self {
            kind,
            words: Vec::new(),
            seller: None,
            city: None,
            event_type: None,
            currency: None,
            price_min: None,
            price_max: None,
            status: None,
            free_from: None,
            free_to: None,
            begins_from: None,
            begins_to: None,
            day: None,
            ends_from: None,
            ends_to: None,
            order: Order::Newest,
            page: 1,
            limit: 10,
        }
    }

    fn along(&self) -> Along {
        if !self.words.is_empty() {
            Along::Words
        } else if self.seller.is_some() {
            Along::Seller
        } else if self.day.is_some() {
            Along::Day
        } else if self.city.is_some() {
            Along::City
        } else {
            Along::Order
        }
    }

    /// The parameters of the conditions.
    fn values(&self) -> Vec<Arg> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let at = |at: Option<Timestamp>, or: i64| at.map_or(or, Timestamp::as_millis);
        let mut values = args![
            self.kind.word(),
            text(&self.seller),
            text(&self.city),
            text(&self.event_type),
            self.currency.map(|currency| currency.code().to_owned()).unwrap_or_default(),
            self.status.map(status_word).unwrap_or_default(),
            self.price_min.unwrap_or(i64::MIN),
            self.price_max.unwrap_or(i64::MAX),
            at(self.free_from, i64::MIN),
            at(self.free_to, i64::MAX),
            at(self.begins_from, i64::MIN),
            at(self.begins_to, i64::MAX),
            text(&self.day),
            at(self.ends_from, i64::MIN),
            at(self.ends_to, i64::MAX),
        ];
        if self.along() == Along::Words {
            // The longest is the rarest, most likely: it is what the index is asked for.
            let mut words: Vec<&String> = self.words.iter().take(WORDS_MAX).collect();
            words.sort_by_key(|word| std::cmp::Reverse(word.len()));
            for i in 0..WORDS_MAX {
                let word = words.get(i).map_or("", |word| word.as_str());
                let end = if word.is_empty() { String::new() } else { format!("{word}{AFTER_ALL}") };
                values.extend(args![word.to_owned(), end]);
            }
        }
        values
    }
}

/// Returns a page of what is found.
///
/// # Errors
/// What the store says.
pub async fn page(db: &Db, search: &Search) -> Result<Vec<SaleRow>> {
    let sql = &PAGES[search.along() as usize][search.order as usize];
    let limit = i64::from(search.limit);
    let mut values = search.values();
    values.extend(args![limit, (i64::from(search.page) - 1).saturating_mul(limit)]);
    let rows: Vec<Row> = db.all(sql, values).await?;
    rows.into_iter().map(Row::sale).collect()
}

/// Returns how many are found in all.
///
/// # Errors
/// What the store says.
pub async fn count(db: &Db, search: &Search) -> Result<u64> {
    let row: Option<(i64,)> = db.first(&COUNTS[search.along() as usize], search.values()).await?;
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}
