//! What is wrong, worst first, as far as `ticketctl status` tells: each with the place where it can be mended.

use crate::parts::Door;
use crate::row::{Tone, moment, number, text};
use crate::state::{Health, OVERVIEW, State};
use crate::text::{duration, grouped, seconds_left};
use serde_json::Value;

/// The states in which a payment waits for the provider.
const HANGING: &[&str] = &["CHARGING", "RELEASING", "REFUNDING"];
/// A payment that waits for the provider for so many seconds hangs.
const HANGS_SECONDS: i64 = 20;
/// So many are shown.
pub(crate) const PROBLEMS_MAX: usize = 5;
/// A reader that is so many events behind is slow; ten times as many, and it stands.
const LAG_MAX: i64 = 1_000;
/// A hold that ended so many seconds ago and is still there: nobody expires holds.
const EXPIRY_LATE_SECONDS: i64 = 3;
/// A process that was not heard of for so many seconds is gone.
const SILENT_SECONDS: i64 = 30;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub tone: Tone,
    pub text: String,
    /// Where it can be looked into.
    pub door: Door,
}

/// Says since when what is shown is not how things are any more, if so.
fn old(state: &State) -> Option<String> {
    let feed = state.feed_of(&OVERVIEW);
    let at = feed.at.filter(|_| feed.refusal.is_some() || state.health_of(&OVERVIEW) == Health::Stale)?;
    let clock = crate::text::clock(at, state.time, &state.zone);
    let age = duration(-seconds_left(at, state.now));
    Some(match &feed.refusal {
        Some(refusal) if !refusal.is_unreachable() => {
            format!("Refused since {clock}, for {age}: this is how things were then")
        }
        Some(_) | None => format!("No answer since {clock}, for {age}: this is how things were then"),
    })
}

/// Returns the worst problems, worst first.
pub(crate) fn of(state: &State) -> Vec<Problem> {
    let feed = state.feed_of(&OVERVIEW);
    let Some(status) = feed.object() else { return Vec::new() };
    let at = feed.at.unwrap_or(state.now);
    let mut found = Vec::new();
    if let Some(text) = old(state) {
        found.push(Problem { tone: Tone::Bad, text, door: Door { spot: OVERVIEW, filter: None } });
    }
    let mut add = |tone, screen: &str, filter: Option<&str>, text: String| {
        found.extend(Door::to(screen, filter).map(|door| Problem { tone, text, door }));
    };
    let count = |path| number(status, path).unwrap_or(0);
    let things =
        |count: i64, one: &str| format!("{} {one}{}", grouped(count), if count == 1 { "" } else { "s" });
    if count("payments.stuck") > 0 {
        let text = format!("{} stuck: money waits for a person", things(count("payments.stuck"), "payment"));
        add(Tone::Bad, "sagas", Some("stuck=true"), text);
    }
    let list = |path| crate::row::at(status, path).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if status.get("server").is_some_and(Value::is_null) && list("processes").is_empty() {
        // At rest that is as it may be; with payments under way, somebody waits.
        let tone = if list("payments.notOver").is_empty() { Tone::Waiting } else { Tone::Bad };
        let text = "Nobody serves these stores: payments and holds stand; ticketctl up serves".to_owned();
        add(tone, "sagas", None, text);
    }
    if count("deadLetters") > 0 {
        let text = format!("{}: could not be handled", things(count("deadLetters"), "dead letter"));
        add(Tone::Bad, "letters", None, text);
    }
    if let Some(ended) = moment(status, "nextHoldEndsAt") {
        let late = -seconds_left(ended, at);
        if late >= EXPIRY_LATE_SECONDS {
            let text = format!("Nobody expires holds: one ended {} ago", duration(late));
            add(Tone::Bad, "holds", None, text);
        }
    }
    if count("payments.overdue") > 0 {
        let text =
            format!("{} overdue: the provider is not being asked", things(count("payments.overdue"), "call"));
        add(Tone::Bad, "sagas", None, text);
    }
    if count("lag") > LAG_MAX {
        let tone = if count("lag") > LAG_MAX * 10 { Tone::Bad } else { Tone::Waiting };
        add(tone, "projections", None, format!("The read model is {} behind", things(count("lag"), "event")));
    }
    for carrier in list("carriers") {
        let lag = number(carrier, "lag").unwrap_or(0);
        if lag > LAG_MAX {
            let name = crate::text::harmless(&text(carrier, "carrier"));
            let tone = if lag > LAG_MAX * 10 { Tone::Bad } else { Tone::Waiting };
            add(tone, "outbox", None, format!("{name} is {} behind", things(lag, "event")));
        }
    }
    for process in list("processes") {
        let silent = moment(process, "seenAt").map_or(0, |seen| -seconds_left(seen, at));
        if silent > SILENT_SECONDS {
            let name = crate::text::harmless(&format!("{} {}", text(process, "host"), text(process, "pid")));
            add(
                Tone::Waiting,
                "outbox",
                None,
                format!("Process {name} was last heard of {} ago", duration(silent)),
            );
        }
    }
    for part in list("services") {
        let state = text(part, "state");
        if crate::row::state_tone(&state) == Tone::Bad {
            let what =
                crate::text::harmless(&format!("{}: {state} {}", text(part, "name"), text(part, "why")));
            add(Tone::Bad, "outbox", None, what);
        }
    }
    if let Some(warning) = crate::row::at(status, "payments.warning") {
        add(Tone::Waiting, "sagas", None, crate::text::harmless_up_to(&crate::row::raw(warning), 200));
    }
    for open in list("payments.notOver") {
        // A charge that takes so long hangs, even if it does not count as stuck yet.
        let state = text(open, "state");
        let stands = moment(open, "oldestAt").map_or(0, |oldest| -seconds_left(oldest, at));
        if HANGING.contains(&state.as_str()) && stands > HANGS_SECONDS {
            let of = things(number(open, "count").unwrap_or(0), "payment");
            let text = format!("{of} {state}, the oldest for {}", duration(stands));
            add(Tone::Waiting, "sagas", Some(&format!("state={state}")), text);
        }
    }
    found.sort_by_key(|problem| problem.tone != Tone::Bad);
    found.truncate(PROBLEMS_MAX);
    found
}
