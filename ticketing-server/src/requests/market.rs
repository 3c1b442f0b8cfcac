//! What the marketplace's calls may carry.

use crate::error::ApiError;
use crate::fields::Fields;
use crate::query::{PageRequest, Parameters};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use ticketing_core::app::listings::{Edit, ListingStatus, Wanted};
use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::rules::len_max;
use ticketing_core::store::views::search::Order;

/// The longest text that is searched for, in characters.
const TEXT_LEN_MAX: usize = 200;
/// The highest version that a listing can have.
const VERSION_MAX: u32 = i32::MAX as u32;

/// The body of a new listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingFields {
    /// What it is called.
    pub title: String,
    /// Its price, more than 0.
    pub price: Money,
}

/// Reads the body of a new listing.
#[must_use]
pub fn listing(f: &mut Fields<'_>) -> ListingFields {
    let title = f.text("title", len_max::NAME);
    ListingFields { title, price: f.price("price", "currency") }
}

/// Reads the body of a listing's edit. Without a currency the price is in the one that it has.
#[must_use]
pub fn edit(f: &mut Fields<'_>) -> Edit {
    let title = f.text("title", len_max::NAME);
    let (price, currency) = f.price_text("price", "currency");
    Edit { title, price, currency, version: f.opt_int("version", 1..=VERSION_MAX) }
}

/// Returns the version that a request is about: of `If-Match`, or of its body.
///
/// # Errors
/// 422 if the header is no version, or another one than the body's.
pub fn version(headers: &HeaderMap, body: Option<u32>) -> Result<Option<u32>, ApiError> {
    let mut values = headers.get_all(IF_MATCH).iter();
    let Some(value) = values.next() else { return Ok(body) };
    let wrong = || ApiError::invalid_field("If-Match", "must be one version of the ticket, as \"3\", or *");
    if values.next().is_some() {
        return Err(wrong());
    }
    let text = value.to_str().map_err(|_| wrong())?.trim();
    if text == "*" {
        return Ok(body);
    }
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let version = text.parse::<u32>().ok().filter(|version| plain && (1..=VERSION_MAX).contains(version));
    let version = version.ok_or_else(wrong)?;
    match body {
        Some(other) if other != version => {
            Err(ApiError::invalid_field("version", "is another one than that of If-Match"))
        }
        _ => Ok(Some(version)),
    }
}

/// The query of the listings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingsQuery {
    /// What is searched for.
    pub wanted: Wanted,
    /// Which page.
    pub page: PageRequest,
    /// How far the read model must have come.
    pub min_position: Option<u64>,
}

/// Reads the query of the listings: those that anybody can order, unless asked otherwise.
#[must_use]
pub fn listings(q: &mut Parameters) -> ListingsQuery {
    let currency = q.opt_currency("currency");
    let in_currency = currency.unwrap_or(Currency::USD);
    let price_min = q.opt_money("minPrice", in_currency).map(|price| price.amount_minor);
    let price_max = q.opt_money("maxPrice", in_currency).map(|price| price.amount_minor);
    let bounded = price_min.or(price_max).is_some();
    let words = ListingStatus::ALL.map(ListingStatus::word);
    let orders = ["newest", "price", "-price"];
    let order = |word: &str| match word {
        "newest" => Some(Order::Newest),
        "price" => Some(Order::Cheapest),
        "-price" => Some(Order::Dearest),
        _ => None,
    };
    let wanted = Wanted {
        text: q.opt_text("text", TEXT_LEN_MAX),
        seller: q.opt_text("seller", len_max::ID).map(UserId),
        // Amounts of different currencies can't be compared.
        currency: currency.or_else(|| bounded.then_some(in_currency)),
        price_min,
        price_max,
        status: Some(q.opt_word("status", &words, ListingStatus::parse).unwrap_or(ListingStatus::Open)),
        order: q.opt_word("order", &orders, order).unwrap_or_default(),
    };
    ListingsQuery { wanted, page: q.page(), min_position: q.min_position() }
}

/// Reads the body of an order: the listing.
#[must_use]
pub fn order(f: &mut Fields<'_>) -> OfferingId {
    OfferingId(f.uuid("ticketId"))
}

/// The body of an order's payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentFields {
    /// The order.
    pub order_id: BookingId,
    /// What to charge, by the payment provider's token.
    pub token: String,
}

/// Reads the body of an order's payment.
#[must_use]
pub fn payment(f: &mut Fields<'_>) -> PaymentFields {
    PaymentFields { order_id: BookingId(f.uuid("orderId")), token: f.visible("token", len_max::ID) }
}

#[cfg(test)]
mod tests {
    use super::{edit, listing, listings, version};
    use crate::fields::read_object;
    use crate::query::read_query;
    use axum::http::HeaderMap;
    use serde_json::{Value, json};
    use ticketing_core::app::listings::ListingStatus;
    use ticketing_core::domain::money::Currency;

    fn faults(body: &Value, is_edit: bool) -> Vec<String> {
        let text = body.to_string();
        let error = match is_edit {
            true => read_object(text.as_bytes(), edit).map(drop),
            false => read_object(text.as_bytes(), listing).map(drop),
        };
        let details = error.err().map(|e| e.details().to_vec()).unwrap_or_default();
        details.iter().map(|d| d["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_price_is_a_text_or_a_number_above_nothing_with_the_decimals_of_its_currency() {
        let rows: [(Value, &[&str]); 12] = [
            (json!({"title": "t", "price": "25.00"}), &[]),
            (json!({"title": "t", "price": 25.5}), &[]),
            (json!({"title": "t", "price": "2.500", "currency": "KWD"}), &[]),
            (json!({"title": "t", "price": "0.00"}), &["price"]),
            (json!({"title": "t", "price": 0}), &["price"]),
            (json!({"title": "t", "price": "-1"}), &["price"]),
            (json!({"title": "t", "price": "1e99"}), &["price"]),
            (json!({"title": "t", "price": "2.5", "currency": "JPY"}), &["price"]),
            (json!({"title": "t", "price": "ten"}), &["price"]),
            (json!({"title": " ", "price": null, "currency": "XX"}), &["title", "currency", "price"]),
            (json!({"price": "1", "colour": "red"}), &["title", "colour"]),
            (json!({"title": "x".repeat(201), "price": "1"}), &["title"]),
        ];
        for (body, fields) in rows {
            assert_eq!(faults(&body, false), fields, "{body}");
            assert_eq!(faults(&body, true), fields, "{body}");
        }
        assert_eq!(faults(&json!({"title": "t", "price": "1", "version": 0}), true), ["version"]);
        assert_eq!(faults(&json!({"title": "t", "price": "1", "version": 1}), false), ["version"]);
    }

    #[test]
    fn an_edit_without_a_currency_leaves_its_decimals_to_the_listing() {
        let body = json!({"title": "t", "price": "2.505"}).to_string();
        let read = read_object(body.as_bytes(), edit).unwrap();
        assert_eq!((read.price.as_str(), read.currency), ("2.505", None));
        let body = json!({"title": "t", "price": "2.505", "currency": "USD"}).to_string();
        assert!(read_object(body.as_bytes(), edit).is_err());
    }

    #[test]
    fn a_version_comes_in_a_header_or_in_the_body() {
        type Row<'a> = (&'a [&'a str], Option<u32>, Result<Option<u32>, &'a str>);
        let rows: &[Row<'_>] = &[
            (&[], None, Ok(None)),
            (&[], Some(3), Ok(Some(3))),
            (&["\"3\""], None, Ok(Some(3))),
            (&["3"], Some(3), Ok(Some(3))),
            (&["*"], Some(2), Ok(Some(2))),
            (&["\"3\""], Some(2), Err("version")),
            (&["W/\"3\""], None, Err("If-Match")),
            (&["x"], None, Err("If-Match")),
            (&[""], None, Err("If-Match")),
            (&["+3"], None, Err("If-Match")),
            (&["1", "2"], None, Err("If-Match")),
        ];
        for (values, body, expected) in rows {
            let mut headers = HeaderMap::new();
            for value in *values {
                headers.append("if-match", value.parse().unwrap());
            }
            let found = version(&headers, *body);
            let found = found.map_err(|e| e.details()[0]["field"].as_str().unwrap().to_owned());
            assert_eq!(found, expected.map_err(str::to_owned), "{values:?} {body:?}");
        }
    }

    #[test]
    fn a_search_is_of_what_is_open_and_its_prices_are_of_one_currency() {
        let read = |query: &str| read_query(&format!("/x?{query}").parse().unwrap(), listings);
        let plain = read("").unwrap().wanted;
        assert_eq!((plain.status, plain.currency), (Some(ListingStatus::Open), None));
        let cheap = read("minPrice=10&maxPrice=20.50").unwrap().wanted;
        assert_eq!((cheap.price_min, cheap.price_max), (Some(1_000), Some(2_050)));
        assert_eq!(cheap.currency, Some(Currency::USD));
        let yen = read("maxPrice=2000&currency=JPY&status=sold&order=-price&text=Jazz&seller=ada").unwrap();
        assert_eq!((yen.wanted.price_max, yen.wanted.status), (Some(2_000), Some(ListingStatus::Sold)));
        for (query, field) in [
            ("minPrice=x", "minPrice"),
            ("minPrice=-1", "minPrice"),
            ("maxPrice=1.5&currency=JPY", "maxPrice"),
            ("currency=USDT", "currency"),
            ("status=OPEN", "status"),
            ("order=cheap", "order"),
            ("q=x", "q"),
        ] {
            assert_eq!(read(query).unwrap_err().details()[0]["field"], field, "{query}");
        }
    }
}
