//! Searching what is on sale: events and listings by their words, prices, sellers, cities, times and state.
//!
//! A statement has the conditions that were asked for and no others, so that both engines can read a page along the
//! index that fits. Each shape is spelled once. Words are read along their own index if few have them; a word that many
//! have is looked up row by row instead, along the order that is asked for.

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
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Words of one search; what is beyond is not asked for.
pub const WORDS_MAX: usize = 4;
/// Comes after every word that begins like the one before it.
const AFTER_ALL: char = char::MAX;
/// From so many on, those who have a word are not gathered to be sorted.
const FEW: i64 = 1_000;

/// A part of a search that may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Seller,
    Day,
    City,
    Type,
    Currency,
    Status,
    Price,
    Free,
    Begins,
    Ends,
}

impl Part {
    const ALL: [Self; 10] = [
        Self::Seller,
        Self::Day,
        Self::City,
        Self::Type,
        Self::Currency,
        Self::Status,
        Self::Price,
        Self::Free,
        Self::Begins,
        Self::Ends,
    ];

    /// The column, and whether it is to be one value, or between two.
    const fn column(self) -> (&'static str, bool) {
        match self {
            Self::Seller => ("s.seller_id", false),
            Self::Day => ("s.local_date", false),
            Self::City => ("s.city", false),
            Self::Type => ("s.event_type", false),
            Self::Currency => ("s.currency", false),
            Self::Status => ("s.status", false),
            Self::Price => ("s.price_minor", true),
            Self::Free => ("s.free_at", true),
            Self::Begins => ("s.begins_at", true),
            Self::Ends => ("s.ends_at", true),
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

/// What a statement asks: a page in an order, or how many there are; with which parts and how many words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shape {
    page: Option<Order>,
    /// A bit for each of [`Part::ALL`].
    parts: u16,
    words: usize,
    /// Whether those who have the first word are gathered.
    gathers: bool,
}

impl Shape {
    const fn has(self, part: Part) -> bool {
        self.parts & (1 << part as u16) != 0
    }

    /// The statement; spelled when it is first asked for. There are as many as shapes, which bounds what is leaked.
    fn sql(self) -> &'static Sql {
        static SPELLED: LazyLock<Mutex<HashMap<Shape, &'static Sql>>> = LazyLock::new(Mutex::default);
        let mut spelled = SPELLED.lock().unwrap_or_else(PoisonError::into_inner);
        spelled.entry(self).or_insert_with(|| Box::leak(Box::new(self.spell())))
    }

    fn spell(self) -> Sql {
        let mut text = match self.page {
            Some(_) => format!("SELECT {COLUMNS} FROM view_sales s WHERE s.kind = $1"),
            None => "SELECT COUNT(*) AS n FROM view_sales s WHERE s.kind = $1".to_owned(),
        };
        let mut next = 2;
        for part in Part::ALL.into_iter().filter(|part| self.has(*part)) {
            let _ = match part.column() {
                (column, false) => write!(text, " AND {column} = ${next}"),
                (column, true) => write!(text, " AND {column} >= ${next} AND {column} <= ${}", next + 1),
            };
            next += if part.column().1 { 2 } else { 1 };
        }
        for word in 0..self.words {
            let (from, to) = (next, next + 1);
            let _ = if word == 0 && self.gathers {
                write!(
                    text,
                    " AND s.id IN (SELECT w.sale_id FROM view_words w WHERE w.word >= ${from} AND w.word < ${to})"
                )
            } else {
                write!(
                    text,
                    " AND EXISTS (SELECT 1 FROM view_words w WHERE w.sale_id = s.id AND w.word >= ${from} \
                     AND w.word < ${to})"
                )
            };
            next += 2;
        }
        if let Some(order) = self.page {
            let _ = write!(text, " ORDER BY {} LIMIT ${next} OFFSET ${}", order.sql(), next + 1);
        }
        Sql::common(if self.page.is_some() { "SALES" } else { "COUNT_SALES" }, &text)
    }
}

static HAVE_WORD: LazyLock<Sql> = LazyLock::new(|| {
    Sql::common(
        "HAVE_WORD",
        "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM view_words w WHERE w.word >= $1 AND w.word < $2 LIMIT $3) few",
    )
});

/// Every part alone and all together, in every order, with and without words: what the others are made of.
macro_rules! shapes {
    ($($name:ident = $page:expr, $parts:expr, $words:expr, $gathers:expr;)+) => {
        $(static $name: LazyLock<Sql> = LazyLock::new(|| {
            Shape { page: $page, parts: $parts, words: $words, gathers: $gathers }.spell()
        });)+
        /// Every kind of statement of this file.
        pub(crate) const STATEMENTS: &[&LazyLock<Sql>] = &[&HAVE_WORD, $(&$name),+];
    };
}

const EVERY: u16 = (1 << Part::ALL.len()) - 1;

shapes! {
    NEWEST = Some(Order::Newest), 0, 0, false;
    CHEAPEST = Some(Order::Cheapest), EVERY, 0, false;
    DEAREST = Some(Order::Dearest), EVERY, WORDS_MAX, true;
    SOONEST = Some(Order::Soonest), EVERY, WORDS_MAX, false;
    COUNT = None, 0, 0, false;
    COUNT_EVERY = None, EVERY, WORDS_MAX, true;
    COUNT_EACH = None, EVERY, WORDS_MAX, false;
}

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

    fn asks(&self, part: Part) -> bool {
        match part {
            Part::Seller => self.seller.is_some(),
            Part::Day => self.day.is_some(),
            Part::City => self.city.is_some(),
            Part::Type => self.event_type.is_some(),
            Part::Currency => self.currency.is_some(),
            Part::Status => self.status.is_some(),
            Part::Price => self.price_min.is_some() || self.price_max.is_some(),
            Part::Free => self.free_from.is_some() || self.free_to.is_some(),
            Part::Begins => self.begins_from.is_some() || self.begins_to.is_some(),
            Part::Ends => self.ends_from.is_some() || self.ends_to.is_some(),
        }
    }

    fn parts(&self) -> u16 {
        let asked = Part::ALL.into_iter().filter(|part| self.asks(*part));
        asked.fold(0, |bits, part| bits | 1 << part as u16)
    }

    /// The parameters of the conditions, with words in the order in which they are given.
    fn values(&self, words: &[(String, String)]) -> Vec<Arg> {
        let text = |text: &Option<String>| args![text.clone().unwrap_or_default()];
        let between =
            |from: Option<i64>, to: Option<i64>| args![from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX)];
        let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
        let mut values = args![self.kind.word()];
        for part in Part::ALL.into_iter().filter(|part| self.asks(*part)) {
            values.extend(match part {
                Part::Seller => text(&self.seller),
                Part::Day => text(&self.day),
                Part::City => text(&self.city),
                Part::Type => text(&self.event_type),
                Part::Currency => args![self.currency.map(|c| c.code().to_owned()).unwrap_or_default()],
                Part::Status => args![self.status.map(status_word).unwrap_or_default()],
                Part::Price => between(self.price_min, self.price_max),
                Part::Free => between(millis(self.free_from), millis(self.free_to)),
                Part::Begins => between(millis(self.begins_from), millis(self.begins_to)),
                Part::Ends => between(millis(self.ends_from), millis(self.ends_to)),
            });
        }
        for (from, to) in words {
            values.extend(args![from.clone(), to.clone()]);
        }
        values
    }

    /// The words as ranges, the one that the fewest have first, and whether those are few.
    async fn ranges(&self, db: &Db) -> Result<(Vec<(String, String)>, bool)> {
        let mut ranges = Vec::with_capacity(self.words.len().min(WORDS_MAX));
        for word in self.words.iter().take(WORDS_MAX) {
            let range = (word.clone(), format!("{word}{AFTER_ALL}"));
            let values = args![range.0.clone(), range.1.clone(), FEW];
            let found: Option<(i64,)> = db.first(&HAVE_WORD, values).await?;
            ranges.push((found.map_or(0, |(n,)| n), range));
        }
        ranges.sort();
        let few = ranges.first().is_some_and(|(n, _)| *n < FEW);
        Ok((ranges.into_iter().map(|(_, range)| range).collect(), few))
    }
}

/// Returns a page of what is found.
///
/// # Errors
/// What the store says.
pub async fn page(db: &Db, search: &Search) -> Result<Vec<SaleRow>> {
    let (words, gathers) = search.ranges(db).await?;
    let shape = Shape { page: Some(search.order), parts: search.parts(), words: words.len(), gathers };
    let limit = i64::from(search.limit);
    let mut values = search.values(&words);
    values.extend(args![limit, (i64::from(search.page) - 1).saturating_mul(limit)]);
    let rows: Vec<Row> = db.all(shape.sql(), values).await?;
    rows.into_iter().map(Row::sale).collect()
}

/// Returns how many are found in all. This looks at each of them: see `app::queries::totals`, which remembers.
///
/// # Errors
/// What the store says.
pub async fn count(db: &Db, search: &Search) -> Result<u64> {
    let (words, _) = search.ranges(db).await?;
    let gathers = !words.is_empty();
    let shape = Shape { page: None, parts: search.parts(), words: words.len(), gathers };
    let row: Option<(i64,)> = db.first(shape.sql(), search.values(&words)).await?;
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}
