//! A sale's first minute: everybody at once on one event, for parties of a few seats each, until it is sold out.
//!
//! Some name their seats, neighbours that were free before; the others ask for the best together. When not even one
//! seat is left, the load is over.

use super::client::Api;
use super::discover::{Departure, One, PAGE_ROWS, Page};
use super::profile::{Kind, Mix, Rng};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use ticketing_core::ops::lookup::PREFIX_MIN;
use ticketing_desk::failure::{Exit, Failure};
use uuid::Uuid;

/// So many pages of events are looked through for one whose id begins as was said.
const PAGES_MAX: u64 = 100;

/// What buyers do where nothing is said: all of them want seats.
pub const MIX_DEFAULT: &str = "reserve=1";

/// How buyers go for the seats of one event.
#[derive(Debug)]
pub struct Sale {
    /// The most seats of a party.
    pub party_max: u64,
    sold_out: AtomicBool,
}

#[derive(Deserialize)]
struct Event {
    id: Uuid,
    status: String,
}

#[derive(Deserialize)]
struct Availability {
    free: u64,
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seat {
    seat_id: String,
    state: String,
}

impl Sale {
    /// Nothing is sold yet.
    pub const fn new(party_max: u64) -> Self {
        Self { party_max, sold_out: AtomicBool::new(false) }
    }

    /// How many seats the next party wants.
    pub const fn party(&self, rng: &mut Rng) -> u64 {
        1 + rng.below(self.party_max)
    }

    /// The end of a request's body: so many of the event's seats by name, or the best together.
    pub fn seats(&self, event: &Departure, party: u64, by_name: bool, rng: &mut Rng) -> String {
        let size = usize::try_from(party).unwrap_or(1);
        if !by_name || event.seats.len() < size {
            return format!(",\"quantity\":{party},\"together\":true}}");
        }
        let first = rng.index(event.seats.len() - size + 1);
        let mut text = ",\"seatIds\":[".to_owned();
        for (n, seat) in event.seats[first..first + size].iter().enumerate() {
            // A hall's labels are letters, digits and dashes.
            let _ = write!(text, "{}\"{seat}\"", if n > 0 { "," } else { "" });
        }
        text.push_str("]}");
        text
    }

    /// A request for `party` seats was refused with this code.
    pub fn refused(&self, party: u64, code: Option<&str>) {
        if party == 1 && code == Some("SOLD_OUT") {
            self.sold_out.store(true, Ordering::Relaxed);
        }
    }

    /// Whether not even one seat was left, a moment ago.
    pub fn is_sold_out(&self) -> bool {
        self.sold_out.load(Ordering::Relaxed)
    }
}

/// Finds the event, with the seats that are free.
///
/// # Errors
/// No answer; no such event; one that is not on sale, or has no free seat.
pub async fn event(api: &Api, token: &HeaderValue, id: &str) -> Result<Departure, Failure> {
    let encoded: String = id.bytes().map(escaped).collect();
    let event = match api.ask::<One<Event>>(&format!("/v1/events/{encoded}"), token).await {
        Ok(One { data }) => data,
        // The server takes whole ids; lists show people their beginnings.
        Err(failure) if failure.exit == Exit::NotFound => {
            let begun = if may_begin(id) { beginning(api, token, id).await? } else { Vec::new() };
            only(begun, id, api.base(), failure.code)?
        }
        Err(failure) => return Err(failure),
    };
    if event.status != "ON_SALE" {
        return Err(not_on_sale(id, &format!("It is {}.", event.status)));
    }
    let path = format!("/v1/seats/availability?eventId={}", event.id);
    let One { data: seats } = api.ask::<One<Availability>>(&path, token).await?;
    if seats.free == 0 {
        return Err(not_on_sale(id, "None of its seats is free."));
    }
    let labels = seats.seats.into_iter().filter(|seat| seat.state == "free").map(|seat| seat.seat_id);
    Ok(Departure {
        id: event.id,
        seats_left: seats.free,
        seats: labels.collect(),
        body: format!(r#"{{"eventId":"{}""#, event.id),
        seats_url: api.url(&path),
        schedules_url: api.url(&format!("/v1/events/{}", event.id)),
    })
}

/// Says whether it may be the beginning of an id.
fn may_begin(id: &str) -> bool {
    id.len() >= PREFIX_MIN && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The events whose ids begin so, among the first pages of those that the server lists.
async fn beginning(api: &Api, token: &HeaderValue, id: &str) -> Result<Vec<Event>, Failure> {
    let id = id.to_ascii_lowercase();
    let mut found = Vec::new();
    for page in 1..=PAGES_MAX {
        let path = format!("/v1/events/search?limit={PAGE_ROWS}&page={page}");
        let Page { data, pagination } = api.ask::<Page<Event>>(&path, token).await?;
        found.extend(data.into_iter().filter(|event| event.id.to_string().starts_with(&id)));
        if page >= pagination.total_pages {
            break;
        }
    }
    Ok(found)
}

/// The one event that was found.
fn only(mut found: Vec<Event>, id: &str, base: &str, code: String) -> Result<Event, Failure> {
    match (found.pop(), found.is_empty()) {
        (Some(event), true) => Ok(event),
        (Some(_), false) => Err(Failure::usage(format!("Several events begin with {id}."))
            .code("AMBIGUOUS_ID")
            .hint("write more of it; ticketctl event list -o name shows the ids")),
        (None, _) => Err(Failure::not_found(format!("{base} has no event {id}."))
            .code(code)
            .hint("ticketctl event list -o name shows them")),
    }
}

fn escaped(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

fn not_on_sale(id: &str, why: &str) -> Failure {
    Failure::new(Exit::Conflict, "NOT_ON_SALE", format!("The event {id} can't be put on sale."))
        .why(why.to_owned())
        .hint("ticketctl event list --query 'status=ON_SALE'")
}

/// Refuses what can't be done with an event's seats.
///
/// # Errors
/// Names the commands that can.
pub fn check(mix: &Mix) -> Result<(), Failure> {
    match [Kind::Book, Kind::Schedules].into_iter().find(|kind| mix.has(*kind)) {
        None => Ok(()),
        Some(kind) => Err(Failure::usage(format!("--on-sale knows no `{}`.", kind.word()))
            .why("An event's seats are reserved; there is no other departure to look for.")
            .hint("--mix of reserve, confirm, cancel, tickets and seats")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Sale, check, may_begin, only};
    use crate::commands::load::client::Api;
    use crate::commands::load::discover::Departure;
    use crate::commands::load::profile::{Mix, Rng};
    use serde_json::Value;
    use std::time::Duration;
    use uuid::Uuid;

    fn event(labels: &[&str]) -> Departure {
        let api = Api::new("http://127.0.0.1:1".parse().unwrap(), 1, Duration::from_secs(1)).unwrap();
        Departure {
            id: Uuid::nil(),
            seats_left: labels.len() as u64,
            seats: labels.iter().map(|label| (*label).to_owned()).collect(),
            body: "{\"eventId\":\"e\"".into(),
            seats_url: api.url("/"),
            schedules_url: api.url("/"),
        }
    }

    #[test]
    fn a_party_names_neighbours_or_asks_for_the_best_together() {
        let (sale, mut rng) = (Sale::new(4), Rng::new(1, 1));
        let hall = event(&["101-1-1", "101-1-2", "101-1-3", "101-1-4", "101-1-5"]);
        for party in 1..=4 {
            let ask = |by_name, rng: &mut Rng| -> Value {
                let text = format!("{}{}", hall.body, sale.seats(&hall, party, by_name, rng));
                serde_json::from_str(&text).unwrap()
            };
            let named = ask(true, &mut rng);
            let labels: Vec<_> = named["seatIds"].as_array().unwrap().iter().map(Value::to_string).collect();
            assert_eq!(labels.len() as u64, party);
            assert!(labels.windows(2).all(|pair| pair[0] < pair[1]), "{labels:?}");
            let best = ask(false, &mut rng);
            assert_eq!((best["quantity"].as_u64(), best["together"].as_bool()), (Some(party), Some(true)));
        }
        let small = event(&["101-1-1"]);
        assert!(sale.seats(&small, 3, true, &mut rng).contains("quantity"), "there are not as many to name");
    }

    #[test]
    fn an_event_is_found_by_a_beginning_that_fits_one_alone() {
        let event = |last| Event { id: Uuid::from_u128(last), status: "ON_SALE".into() };
        let chosen = |found| only(found, "0000", "http://x", "EVENT_NOT_FOUND".into());
        assert_eq!(chosen(vec![event(1)]).map(|event| event.id).ok(), Some(Uuid::from_u128(1)));
        let several = chosen(vec![event(1), event(2)]).err().unwrap();
        assert_eq!(several.code, "AMBIGUOUS_ID");
        let none = chosen(Vec::new()).err().unwrap();
        assert_eq!(none.hint.as_deref(), Some("ticketctl event list -o name shows them"));
        assert!(may_begin("0192a8c4-00") && !may_begin("019") && !may_begin("gala@21:00"));
    }

    #[test]
    fn it_is_sold_out_when_not_even_one_seat_is_left() {
        let sale = Sale::new(4);
        sale.refused(4, Some("SOLD_OUT"));
        sale.refused(1, Some("SEAT_TAKEN"));
        sale.refused(1, None);
        assert!(!sale.is_sold_out());
        sale.refused(1, Some("SOLD_OUT"));
        assert!(sale.is_sold_out());
    }

    #[test]
    fn parties_are_of_one_to_the_most_that_was_said() {
        let (sale, mut rng) = (Sale::new(4), Rng::new(5, 0));
        let mut seen = [0_u32; 5];
        (0..4_000).for_each(|_| seen[usize::try_from(sale.party(&mut rng)).unwrap()] += 1);
        assert!(seen[0] == 0 && seen[1..].iter().all(|n| (850..1_150).contains(n)), "{seen:?}");
    }

    #[test]
    fn what_an_event_has_not_is_refused() {
        assert!(check(&Mix::parse("reserve=3,seats=1,cancel=1").unwrap()).is_ok());
        for mix in ["book=1", "reserve=1,read=1"] {
            assert!(check(&Mix::parse(mix).unwrap()).is_err(), "{mix}");
        }
    }
}
