//! What is booked, by whom, and what comes of each payment: the same at every run, on every carrier. Pure.

use serde_json::Value;
use std::collections::BTreeMap;

/// What becomes of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Paid,
    /// The same message comes twice.
    PaidTwice,
    /// A second payment comes, and goes back.
    PaidBySecond,
    /// Its hold had ended when the payment came.
    PaidLate,
    PaymentFailed,
    /// Nobody pays, and the hold goes on.
    Unpaid,
    /// Nobody pays, and the hold ends.
    Expires,
    /// The buyer gives it back before paying, and another takes the very seat.
    CancelledAndTakenAgain,
    /// The buyer gives it back, and then the money comes.
    CancelledThenPaid,
    /// The buyer gives it back after it was confirmed.
    PaidThenCancelled,
    WrongAmount,
    /// The right amount comes behind a wrong one.
    WrongAmountThenPaid,
}

/// What each forty bookings become.
const FATES: [(Fate, usize); 12] = [
    (Fate::Paid, 20),
    (Fate::PaidTwice, 2),
    (Fate::PaidBySecond, 2),
    (Fate::PaidLate, 1),
    (Fate::PaymentFailed, 4),
    (Fate::Unpaid, 2),
    (Fate::Expires, 2),
    (Fate::CancelledAndTakenAgain, 2),
    (Fate::CancelledThenPaid, 1),
    (Fate::PaidThenCancelled, 2),
    (Fate::WrongAmount, 1),
    (Fate::WrongAmountThenPaid, 1),
];
const FATES_SUM: usize = 40;
/// Coprime to the sum, so that neighbours have other fates.
const STEP: usize = 17;
/// Every so many bookings, a message comes for a booking that there is not.
const UNKNOWN_EVERY: usize = 50;
/// Every so many bookings, a message comes that is no JSON.
const NO_JSON_EVERY: usize = 100;
/// Every so many paid bookings, another buyer tries the same seat.
const RIVAL_EVERY: usize = 5;
/// Every so many bookings, the buyer looks at all tickets that are his.
const LOOKS_EVERY: usize = 3;
const BUYERS: usize = 250;
const ROWS: usize = 10;
const COLUMNS: [char; 4] = ['A', 'B', 'C', 'D'];
/// Every so many departures, the engine picks the seats.
const UNNAMED_EVERY: usize = 5;

/// A booking to be.
#[derive(Clone, Debug)]
pub struct Item {
    pub n: usize,
    pub fate: Fate,
    pub user: String,
    pub schedule: Value,
    /// None if the engine picks.
    pub seat: Option<String>,
    pub from_stop: Option<&'static str>,
    pub to_stop: Option<&'static str>,
    /// Its buyer looks at all tickets that are his.
    pub looks: bool,
    /// Another buyer tries the same seat when it is taken.
    pub has_rival: bool,
    pub unknown_booking: bool,
    pub no_json: bool,
}

/// A row of the read model: user, route, departure, from, to, seat (`*` where the engine picked it), status, price,
/// currency.
pub type Row = Vec<String>;

/// What all bookings come to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    pub captured: i64,
    pub refunded: i64,
    pub confirmed: i64,
    pub going_back: i64,
}

/// All bookings to be, on departures that are on sale.
pub fn items(count: usize, schedules: &[Value]) -> Vec<Item> {
    let mut fates: Vec<Fate> = FATES.iter().flat_map(|&(fate, times)| vec![fate; times]).collect();
    assert_eq!(fates.len(), FATES_SUM);
    fates = (0..FATES_SUM).map(|n| fates[n * STEP % FATES_SUM]).collect();
    let per_departure = count.div_ceil(schedules.len());
    let mut paid = 0;
    (0..count)
        .map(|n| {
            let (departure, place) = (n % schedules.len(), n / schedules.len());
            let schedule = &schedules[departure];
            let stops: Vec<&str> = schedule["stops"]
                .as_array()
                .unwrap()
                .iter()
                .map(|stop| stop["externalId"].as_str().unwrap())
                .collect();
            let is_named = departure % UNNAMED_EVERY != 0;
            // Two buyers on one seat, one after the other along the way.
            let is_split = is_named && stops == ["HAR", "MKT", "UNI", "CAS"];
            let seat_no = if is_split { place / 2 } else { place };
            let (from_stop, to_stop) = match (is_split, place % 2) {
                (false, _) => (None, None),
                (true, 0) => (Some("HAR"), Some("MKT")),
                (true, _) => (Some("MKT"), Some("CAS")),
            };
            let fate = fates[(n + n / FATES_SUM) % FATES_SUM];
            paid += usize::from(fate == Fate::Paid);
            let label = format!("{}{}", COLUMNS[seat_no % COLUMNS.len()], seat_no / COLUMNS.len() + 1);
            assert!(per_departure <= ROWS * COLUMNS.len(), "too few departures");
            Item {
                n,
                fate,
                user: format!("buyer-{}", n % BUYERS),
                schedule: schedule.clone(),
                seat: is_named.then_some(label),
                from_stop,
                to_stop,
                looks: n % LOOKS_EVERY == 0,
                has_rival: is_named && fate == Fate::Paid && paid % RIVAL_EVERY == 0,
                unknown_booking: n % UNKNOWN_EVERY == UNKNOWN_EVERY - 1,
                no_json: n % NO_JSON_EVERY == NO_JSON_EVERY / 2,
            }
        })
        .collect()
}

impl Item {
    /// The fare as it is written, such as `2.8`.
    pub fn price(&self) -> String {
        self.schedule["price"].to_string()
    }

    /// The fare in minor units.
    pub fn price_minor(&self) -> i64 {
        minor(&self.schedule["price"])
    }

    pub fn currency(&self) -> &str {
        self.schedule["currency"].as_str().unwrap()
    }

    /// Who takes the seat that this one's buyer gave back, or tries to.
    pub fn rival(&self) -> String {
        format!("rival-{}", self.n % BUYERS)
    }

    /// A wrong amount: what came instead of the fare, in minor units.
    pub const fn wrong_minor(&self) -> i64 {
        7
    }

    /// The status that its booking ends in.
    pub const fn status(&self) -> &'static str {
        match self.fate {
            Fate::Paid | Fate::PaidTwice | Fate::PaidBySecond | Fate::PaidLate => "CONFIRMED",
            Fate::PaymentFailed | Fate::CancelledAndTakenAgain | Fate::CancelledThenPaid => "CANCELLED",
            Fate::Unpaid | Fate::WrongAmount | Fate::WrongAmountThenPaid => "PENDING",
            Fate::Expires => "EXPIRED",
            Fate::PaidThenCancelled => "REFUNDED",
        }
    }

    /// The rows of the read model that come of it.
    pub fn rows(&self) -> Vec<Row> {
        let row = |user: &str, status: &str| {
            let stops = self.schedule["stops"].as_array().unwrap();
            let name = |id: Option<&str>, end: &str| match id {
                None => self.schedule[end].as_str().unwrap().to_owned(),
                Some(id) => {
                    let stop = stops.iter().find(|stop| stop["externalId"] == id).unwrap();
                    stop["name"].as_str().unwrap().to_owned()
                }
            };
            vec![
                user.to_owned(),
                self.schedule["routeName"].as_str().unwrap().to_owned(),
                self.departure(),
                name(self.from_stop, "originStop"),
                name(self.to_stop, "destinationStop"),
                self.seat.clone().unwrap_or_else(|| "*".into()),
                status.to_owned(),
                self.price_minor().to_string(),
                self.currency().to_owned(),
            ]
        };
        let mut rows = vec![row(&self.user, self.status())];
        if self.fate == Fate::CancelledAndTakenAgain {
            rows.push(row(&self.rival(), "CONFIRMED"));
        }
        rows
    }

    /// When the passenger leaves.
    fn departure(&self) -> String {
        let stops = self.schedule["stops"].as_array().unwrap();
        let at = self.from_stop.map(|id| stops.iter().find(|stop| stop["externalId"] == id).unwrap());
        let at = at.map_or(&self.schedule["departureTime"], |stop| &stop["departureTime"]);
        at.as_str().unwrap().to_owned()
    }
}

/// A price in minor units of a currency with two decimals.
pub fn minor(price: &Value) -> i64 {
    let text = price.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{part:0<2}").parse().unwrap_or_else(|_| panic!("{text} is no price"))
}

/// What all that is paid comes to.
pub fn money(items: &[Item]) -> Money {
    let mut money = Money::default();
    for item in items {
        let price = item.price_minor();
        let (captured, refunded, confirmed, going_back) = match item.fate {
            Fate::Paid | Fate::PaidTwice | Fate::PaidLate | Fate::CancelledAndTakenAgain => (1, 0, 1, 0),
            Fate::PaidBySecond => (2, 1, 1, 0),
            Fate::PaymentFailed | Fate::Unpaid | Fate::Expires => (0, 0, 0, 0),
            Fate::CancelledThenPaid | Fate::PaidThenCancelled => (1, 1, 0, 0),
            Fate::WrongAmount | Fate::WrongAmountThenPaid => {
                money.captured += item.wrong_minor();
                (0, 0, 0, item.wrong_minor())
            }
        };
        money.captured += captured * price;
        money.refunded += refunded * price;
        money.confirmed += confirmed * price;
        money.going_back += going_back;
    }
    money
}

/// How many letters of each kind there are: state and code.
pub fn letters(items: &[Item]) -> BTreeMap<(String, String), usize> {
    let mut letters = BTreeMap::new();
    let mut add =
        |state: &str, code: &str| *letters.entry((state.to_owned(), code.to_owned())).or_default() += 1;
    for item in items {
        if matches!(item.fate, Fate::WrongAmount | Fate::WrongAmountThenPaid) {
            add("dead", "WRONG_AMOUNT");
        }
        if item.fate == Fate::WrongAmountThenPaid {
            add("waiting", "WAITING");
        }
        if item.unknown_booking {
            add("dead", "UNKNOWN_BOOKING");
        }
        if item.no_json {
            add("dead", "BAD_JSON");
        }
    }
    letters
}
