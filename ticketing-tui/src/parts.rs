//! What the platform is made of, line by line, as `ticketctl status` tells; and where each line of the overview leads.

use crate::problems;
use crate::row::{Kind, Tone, Watch, at, cell, number, state_tone, text};
use crate::screens::ScreenId;
use crate::state::{OVERVIEW, Spot, State};
use crate::text::grouped;
use serde_json::Value;

/// Where a line leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    pub spot: Spot,
    /// The filter that shows what the line is about.
    pub filter: Option<(ScreenId, String)>,
}

impl Door {
    /// Returns the door to a screen, by its name.
    pub(crate) fn to(screen: &str, filter: Option<&str>) -> Option<Self> {
        let id = ScreenId::named(screen)?;
        Some(Self { spot: Spot::Screen(id), filter: filter.map(|filter| (id, filter.to_owned())) })
    }
}

/// A part of the platform. Its texts may drive a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub name: String,
    pub what: String,
    pub tone: Tone,
    pub door: Option<Door>,
}

/// Returns where the lines of the overview lead, from above: the problems, then the parts that lead somewhere.
pub(crate) fn doors(state: &State) -> Vec<Door> {
    let Some(status) = state.feed_of(&OVERVIEW).object() else { return Vec::new() };
    let watch =
        Watch { now: state.now, style: state.time, zone: &state.zone, room: crate::text::Room::Short };
    let problems = problems::of(state).into_iter().map(|problem| problem.door);
    problems.chain(of(status, watch).into_iter().filter_map(|part| part.door)).collect()
}

/// Returns the parts.
pub(crate) fn of(status: &Value, watch: Watch<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |name: String, what: String, tone, door| parts.push(Part { name, what, tone, door });
    let since = |row: &Value, path: &str| cell(row, path, Kind::Time, watch).0;
    let list = |path| at(status, path).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match at(status, "server") {
        Some(server) => {
            let (address, pid) = (text(server, "address"), text(server, "pid"));
            let what = format!("{address}, process {pid}, since {}", since(server, "startedAt"));
            add("server".into(), what, Tone::Good, None);
        }
        None if list("processes").is_empty() => {
            add("server".into(), "nobody serves these stores".into(), Tone::Waiting, None);
        }
        None => {}
    }
    for open in list("payments.notOver") {
        let state = text(open, "state");
        let what = format!("{} {state}, the oldest {}", text(open, "count"), since(open, "oldestAt"));
        let door = Door::to("sagas", Some(&format!("state={state}")));
        add("payments".into(), what, state_tone(&state), door);
    }
    for process in list("processes") {
        let state = text(process, "state");
        let name = format!("{} {}", text(process, "host"), text(process, "pid"));
        let what = format!("{state}, {}, heard of {}", text(process, "roles"), since(process, "seenAt"));
        add(name, what, state_tone(&state), None);
    }
    for carrier in list("carriers") {
        let lag = number(carrier, "lag").unwrap_or(0);
        let what = format!("position {}, {} behind", text(carrier, "position"), grouped(lag));
        let tone = if lag > 0 { Tone::Waiting } else { Tone::Good };
        add(text(carrier, "carrier"), what, tone, Door::to("outbox", None));
    }
    for part in list("services") {
        let what = format!("{} {}", text(part, "state"), text(part, "why"));
        add(text(part, "name"), what, state_tone(&text(part, "state")), None);
    }
    let ahead = number(status, "departuresAhead").map_or_else(|| "-".to_owned(), grouped);
    add("departures".into(), format!("{ahead} ahead"), Tone::Plain, Door::to("seats", None));
    add("write store".into(), text(status, "writeStore"), Tone::Plain, None);
    add("read store".into(), text(status, "readStore"), Tone::Plain, None);
    parts
}
