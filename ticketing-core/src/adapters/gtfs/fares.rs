//! What a route costs: `fare_attributes.txt` and `fare_rules.txt`, else the operator's own `--fare`.
//!
//! A rule that names a route gives its fare to that route; one that names none (by zone), and a fare
//! without rules, to every route of its agency. Of several fares the highest counts, so that no zone is
//! sold too cheaply. Fares version 2 (`fare_products.txt`) tells the currency only: its prices depend on
//! areas, times and rider categories that one price of a seat can't hold.

use super::GtfsError;
use super::network::{Agencies, Known, Lookup, Route};
use super::rows::{Feed, RowError, optional, required, shown};
use crate::domain::money::{Currency, Money};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many routes an error names.
const NAMED_MAX: usize = 5;

struct Fare {
    price: Money,
    agency_id: String,
    has_rules: bool,
    everywhere: bool,
}

/// The fares of a feed.
pub(super) struct Fares {
    /// The fares that name a route, by its index.
    of_route: HashMap<u32, Highest>,
    /// The fares that name none, by the agency they are of; empty for those of all agencies.
    everywhere: HashMap<String, Highest>,
    currencies: BTreeSet<String>,
}

/// The highest fare in each currency, in minor units.
type Highest = BTreeMap<String, i64>;

fn raise(highest: &mut Highest, code: &str, amount_minor: i64) {
    let amount = highest.entry(code.to_owned()).or_insert(amount_minor);
    *amount = amount_minor.max(*amount);
}

impl Fares {
    /// Reads the fare files, if the feed has them.
    pub(super) fn read(
        feed: &mut Feed<'_>,
        agencies: &Agencies,
        routes: &Known<Route>,
    ) -> Result<Self, GtfsError> {
        let mut known: HashMap<String, Fare> = HashMap::new();
        let columns =
            [required("fare_id"), required("price"), optional("currency_type"), optional("agency_id")];
        feed.each_row("fare_attributes.txt", columns, |row| {
            let id = row.id(0, "fare_id")?;
            if known.contains_key(&*id) {
                return Err(format!("fare_id {} is there already", shown(&id)).into());
            }
            let currency = currency(&row.text(2))?;
            let price = Money::parse(&decimal(&row.text(1)), currency)
                .map_err(|why| format!("price {} {why} ({currency})", shown(&row.text(1))))?;
            let agency_id = row.text(3).into_owned();
            known.insert(id.into(), Fare { price, agency_id, has_rules: false, everywhere: false });
            Ok(())
        })?;
        let mut of_route: HashMap<u32, Highest> = HashMap::new();
        feed.each_row("fare_rules.txt", [required("fare_id"), optional("route_id")], |row| {
            let (fare_id, route_id) = (row.text(0), row.text(1));
            let fare = known
                .get_mut(&*fare_id)
                .ok_or_else(|| format!("fare_id {} is not in fare_attributes.txt", shown(&fare_id)))?;
            fare.has_rules = true;
            if route_id.is_empty() {
                fare.everywhere = true;
                return Ok(());
            }
            match routes.find(&route_id) {
                Lookup::Found(route) => {
                    let highest = of_route.entry(route).or_default();
                    raise(highest, fare.price.currency.code(), fare.price.amount_minor);
                    Ok(())
                }
                Lookup::Skipped => Ok(()),
                Lookup::Unknown => {
                    Err(RowError::Skip(format!("route_id {} is not in routes.txt", shown(&route_id))))
                }
            }
        })?;
        let mut currencies: BTreeSet<String> =
            known.values().map(|f| f.price.currency.code().to_owned()).collect();
        if currencies.is_empty() {
            currencies = product_currencies(feed)?;
        }
        let mut everywhere: HashMap<String, Highest> = HashMap::new();
        for fare in known.into_values().filter(|f| f.everywhere || !f.has_rules) {
            let agency_id = if agencies.len() > 1 { fare.agency_id } else { String::new() };
            let highest = everywhere.entry(agency_id).or_default();
            raise(highest, fare.price.currency.code(), fare.price.amount_minor);
        }
        Ok(Self { of_route, everywhere, currencies })
    }

    /// Returns the highest fare of a route; `None` if the feed has none for it.
    pub(super) fn of(&self, index: u32, route: &Route) -> Result<Option<Money>, GtfsError> {
        let own_agency = Some(&route.agency_id).filter(|id| !id.is_empty());
        let sources = [
            self.of_route.get(&index),
            self.everywhere.get(""),
            own_agency.and_then(|id| self.everywhere.get(id)),
        ];
        let mut highest = Highest::new();
        for (code, amount_minor) in sources.into_iter().flatten().flatten() {
            raise(&mut highest, code, *amount_minor);
        }
        if highest.len() > 1 {
            let currencies = highest.into_keys().collect::<Vec<_>>().join(" and ");
            return Err(GtfsError::RouteCurrencies { route: route.id.to_string(), currencies });
        }
        Ok(highest
            .pop_first()
            .and_then(|(code, amount_minor)| Some(Money { amount_minor, currency: Currency::parse(&code)? })))
    }

    /// Reads the operator's fare, in the feed's currency, else USD; `None` if the feed's isn't clear.
    pub(super) fn fallback(&self, fare: &str) -> Result<Option<Money>, GtfsError> {
        let currency = match self.currencies.first() {
            Some(code) => Currency::parse(code).unwrap_or(Currency::USD),
            None => Currency::USD,
        };
        let money = Money::parse(fare.trim(), currency).map_err(|why| GtfsError::Fare {
            fare: shown(fare),
            why,
            currency: currency.to_string(),
        })?;
        Ok((self.currencies.len() <= 1).then_some(money))
    }

    /// Says that these routes have no fare, and what to do.
    pub(super) fn missing(&self, routes: &[&str], fare_given: bool) -> GtfsError {
        let named: Vec<&str> = routes.iter().copied().take(NAMED_MAX).collect();
        let more = routes.len().saturating_sub(NAMED_MAX);
        let routes = match more {
            0 => named.join(", "),
            _ => format!("{} and {more} more", named.join(", ")),
        };
        if fare_given {
            let currencies = self.currencies.iter().cloned().collect::<Vec<_>>().join(" and ");
            GtfsError::AmbiguousCurrency { currencies, routes }
        } else {
            GtfsError::NoFare { routes }
        }
    }
}

fn product_currencies(feed: &mut Feed<'_>) -> Result<BTreeSet<String>, GtfsError> {
    let mut currencies = BTreeSet::new();
    feed.each_row("fare_products.txt", [optional("currency")], |row| {
        if let Ok(currency) = currency(&row.text(0)) {
            currencies.insert(currency.code().to_owned());
        }
        Ok(())
    })?;
    Ok(currencies)
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(&text.to_ascii_uppercase())
        .ok_or_else(|| format!("currency_type {} is no ISO 4217 currency", shown(text)))
}

/// Writes `.5` and `5.` as JSON would.
fn decimal(text: &str) -> String {
    let whole = text.strip_suffix('.').unwrap_or(text);
    if whole.starts_with('.') { format!("0{whole}") } else { whole.to_owned() }
}
