//! What there is to book: departures on sale, found out by the API itself, with their fares and free seats.

use super::client::Api;
use super::profile::Rng;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::time::Duration;
use ticketing_core::domain::time::Timestamp;
use ticketing_desk::failure::{Exit, Failure};
use ticketing_desk::output::grouped;
use uuid::Uuid;

/// So many rows a page are asked for, the most that the API gives.
pub const PAGE_ROWS: usize = 100;
/// So many pages of routes are looked at.
const ROUTE_PAGES_MAX: u64 = 20;
/// So long behind the end of the load a departure must still be on sale.
const MARGIN: Duration = Duration::from_secs(60);

/// A departure that can be booked.
#[derive(Clone, Debug)]
pub struct Departure {
    /// Its id.
    pub id: Uuid,
    /// How many seats are free on every leg before the load.
    pub seats_left: u64,
    /// The labels of its seats that were free, for requests that name one.
    pub seats: Vec<String>,
    /// The body of a booking up to its last field, without the closing brace.
    pub body: String,
    /// The address of its seat map.
    pub seats_url: Url,
    /// The address of its route's departures.
    pub schedules_url: Url,
}

/// A page of things.
#[derive(Deserialize)]
pub struct Page<T> {
    /// The things.
    pub data: Vec<T>,
    /// Which page of how many.
    pub pagination: Pagination,
}

/// How many pages there are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// All of them.
    pub total_pages: u64,
}

/// An answer with one thing in it.
#[derive(Deserialize)]
pub struct One<T> {
    /// The thing.
    pub data: T,
}

#[derive(Deserialize)]
struct Route {
    id: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schedule {
    id: Uuid,
    route_id: Uuid,
    departure_time: String,
    /// As it was written: money is no float.
    price: Box<RawValue>,
    currency: String,
    seats_left: u64,
    status: String,
}

#[derive(Deserialize)]
struct SeatMap {
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seat {
    seat_number: String,
    state: String,
}

/// Which departures to look for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// These, by id; none: any on sale.
    pub ids: &'a [String],
    /// At most so many.
    pub count_max: usize,
    /// Until when they must be on sale.
    pub until: Timestamp,
    /// Whether the labels of their seats are needed.
    pub with_seats: bool,
}

/// Finds the departures, in an order that the seed decides.
///
/// # Errors
/// No answer; nothing on sale; a departure named that is not there or not on sale.
pub async fn departures(
    api: &Api,
    token: &HeaderValue,
    wanted: Wanted<'_>,
    rng: &mut Rng,
) -> Result<Vec<Departure>, Failure> {
    let schedules = if wanted.ids.is_empty() {
        on_sale(api, token, wanted).await?
    } else {
        named(api, token, wanted).await?
    };
    let mut departures = Vec::with_capacity(schedules.len());
    for schedule in &schedules {
        departures.push(departure(api, token, schedule, wanted.with_seats).await?);
    }
    rng.shuffle(&mut departures);
    Ok(departures)
}

impl Schedule {
    fn is_on_sale(&self, until: Timestamp) -> bool {
        let margin = i64::try_from(MARGIN.as_secs()).unwrap_or(i64::MAX);
        self.status == "SCHEDULED"
            && Timestamp::parse(&self.departure_time).is_some_and(|at| at > until.plus_seconds(margin))
    }
}

async fn named(api: &Api, token: &HeaderValue, wanted: Wanted<'_>) -> Result<Vec<Schedule>, Failure> {
    let mut found: Vec<Schedule> = Vec::new();
    for id in wanted.ids {
        if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@:".contains(&b)) || id.is_empty() {
            return Err(Failure::usage(format!("--schedule \"{id}\" is no id."))
                .hint("ticketctl schedule list -o name shows them"));
        }
        let asked = api.ask::<One<Schedule>>(&format!("/api/schedules/{id}"), token).await;
        let One { data } = asked.map_err(|failure| match failure.exit {
            Exit::NotFound => Failure::not_found(format!("{} has no departure {id}.", api.base()))
                .code(failure.code)
                .hint("ticketctl schedule list -o name shows them"),
            _ => failure,
        })?;
        if !data.is_on_sale(wanted.until) {
            let (status, at) = (&data.status, &data.departure_time);
            return Err(Failure::conflict(format!("The departure {id} is not on sale until the load ends."))
                .code("NOT_ON_SALE")
                .why(format!("It is {status} and leaves at {at}."))
                .hint("ticketctl schedule list shows what is"));
        }
        if found.iter().all(|other| other.id != data.id) {
            found.push(data);
        }
    }
    Ok(found)
}

/// The same number from each route, the latest ones: they are on sale the longest.
async fn on_sale(api: &Api, token: &HeaderValue, wanted: Wanted<'_>) -> Result<Vec<Schedule>, Failure> {
    let mut by_route: Vec<Vec<Schedule>> = Vec::new();
    for page in 1..=ROUTE_PAGES_MAX {
        let routes: Page<Route> =
            api.ask(&format!("/api/routes?limit={PAGE_ROWS}&page={page}"), token).await?;
        for route in &routes.data {
            let mut found: Vec<Schedule> = latest(api, token, route.id).await?;
            found.retain(|schedule| schedule.is_on_sale(wanted.until) && schedule.seats_left > 0);
            by_route.push(found);
        }
        let enough = by_route.iter().filter(|found| !found.is_empty()).count() >= wanted.count_max;
        if enough || page >= routes.pagination.total_pages {
            break;
        }
    }
    let found = in_turns(by_route, wanted.count_max);
    if found.is_empty() {
        return Err(Failure::not_found(format!("{} has no departure with a free seat.", api.base()))
            .code("NOTHING_ON_SALE")
            .why("A load needs departures that are on sale until it ends.")
            .hint("ticketctl seed demo brings some; ticketctl schedule list shows what there is"));
    }
    Ok(found)
}

/// A route's last two pages of departures.
async fn latest<T: DeserializeOwned>(api: &Api, token: &HeaderValue, route: Uuid) -> Result<Vec<T>, Failure> {
    let path = |page: u64| format!("/api/routes/{route}/schedules?limit={PAGE_ROWS}&page={page}");
    let Page { mut data, pagination } = api.ask::<Page<T>>(&path(1), token).await?;
    let last = pagination.total_pages;
    if last > 1 {
        if last > 2 {
            data = api.ask::<Page<T>>(&path(last - 1), token).await?.data;
        }
        data.extend(api.ask::<Page<T>>(&path(last), token).await?.data);
    }
    data.reverse();
    Ok(data)
}

/// Takes one of each list in turns, up to a count.
fn in_turns<T>(lists: Vec<Vec<T>>, count_max: usize) -> Vec<T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut taken = Vec::new();
    while taken.len() < count_max {
        let before = taken.len();
        for list in &mut lists {
            taken.extend(list.next());
        }
        if taken.len() == before {
            break;
        }
    }
    taken.truncate(count_max);
    taken
}

async fn departure(
    api: &Api,
    token: &HeaderValue,
    schedule: &Schedule,
    with_seats: bool,
) -> Result<Departure, Failure> {
    let seats_path = format!("/api/schedules/{}/seats", schedule.id);
    let mut seats = Vec::new();
    if with_seats {
        let One { data } = api.ask::<One<SeatMap>>(&seats_path, token).await?;
        seats =
            data.seats.into_iter().filter(|seat| seat.state == "free").map(|seat| seat.seat_number).collect();
    }
    Ok(Departure {
        id: schedule.id,
        seats_left: schedule.seats_left,
        seats,
        body: body(schedule),
        seats_url: api.url(&seats_path),
        schedules_url: api.url(&format!("/api/routes/{}/schedules", schedule.route_id)),
    })
}

/// A booking's body but for its end. The address is one that no mail can ever reach (RFC 2606).
fn body(schedule: &Schedule) -> String {
    format!(
        r#"{{"routeId":"{}","scheduleId":"{}","price":{},"currency":"{}","passengerName":"Load Test","passengerEmail":"load@example.invalid""#,
        schedule.route_id,
        schedule.id,
        schedule.price.get(),
        schedule.currency.replace(['"', '\\'], ""),
    )
}

/// Says how many seats are free on them all, in words: `40 free seats on 2 departures`.
pub fn seats_in_words(departures: &[Departure], noun: &str) -> String {
    let seats = departures.iter().map(|departure| departure.seats_left).sum();
    let plural = if departures.len() == 1 { "" } else { "s" };
    format!("{} free seats on {} {noun}{plural}", grouped(seats), grouped(departures.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::{Schedule, body, in_turns};
    use ticketing_core::domain::time::Timestamp;

    fn schedule(departure_time: &str, status: &str) -> Schedule {
        let text = format!(
            r#"{{"id":"19131978-0ef4-5aa9-a427-060288f1cea6","routeId":"d9c04a79-7fb1-5c52-98c8-c079f644ec54",
                "departureTime":"{departure_time}","price":25.10,"currency":"USD","seatsLeft":3,"status":"{status}"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_fare_is_sent_back_digit_by_digit() {
        let body = body(&schedule("2026-11-21T10:00:00.000Z", "SCHEDULED"));
        assert!(body.contains(r#""price":25.10,"currency":"USD""#), "{body}");
        serde_json::from_str::<serde_json::Value>(&(body + "}")).unwrap();
    }

    #[test]
    fn only_what_is_on_sale_until_behind_the_end_is_taken() {
        let until = Timestamp::parse("2026-11-21T09:00:00Z").unwrap();
        assert!(schedule("2026-11-21T09:01:01.000Z", "SCHEDULED").is_on_sale(until));
        assert!(!schedule("2026-11-21T09:01:00.000Z", "SCHEDULED").is_on_sale(until));
        assert!(!schedule("2026-11-21T10:00:00.000Z", "CANCELLED").is_on_sale(until));
        assert!(!schedule("soon", "SCHEDULED").is_on_sale(until));
    }

    #[test]
    fn departures_are_taken_from_the_routes_in_turns() {
        let lists = vec![vec![1, 2, 3], vec![], vec![10], vec![20, 21]];
        assert_eq!(in_turns(lists.clone(), 5), [1, 10, 20, 2, 21]);
        assert_eq!(in_turns(lists, 100), [1, 10, 20, 2, 21, 3]);
    }
}
