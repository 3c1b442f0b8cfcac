//! A store's picture at a fixed time, 2026-11-20, noon, for tests.

use crate::TimeStyle;
use crate::picture::{EventLine, HoldLine, Picture, Tone};
use crate::state::State;
use crate::text::harmless;
use jiff::tz::TimeZone;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::status::Status;

/// Returns noon.
pub(crate) fn noon() -> Timestamp {
    Timestamp::parse("2026-11-20T12:00:00Z").unwrap()
}

/// Returns the state before anything is known.
pub(crate) fn state() -> State {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    State::new("./data/write.db".into(), TimeStyle::Relative, zone, noon())
}

/// Returns what a look saw at `at`, with the log at `head`.
pub(crate) fn picture(at: Timestamp, head: i64) -> Picture {
    let status = Status {
        at,
        write_store: "./data/write.db".into(),
        read_store: "./data/read.db".into(),
        head,
        read_position: head - 2,
        lag: 2,
        holds_open: 1_234,
        next_hold_ends_at: Some(at.plus_seconds(33)),
        tickets: 56_789,
        departures_ahead: 21_390,
    };
    let kinds = [
        ("TicketReserved", Tone::Waiting),
        ("TicketConfirmed", Tone::Good),
        ("TicketExpired", Tone::Faint),
        ("OfferingDefined", Tone::Plain),
    ];
    let actors = ["ada", "mallory\u{1b}[2J\u{202e}yrollam", "東京 太郎", "system"];
    let event = |n: i64| EventLine {
        position: head - n,
        at: at.plus_seconds(-n * n),
        kind: kinds[n as usize % 4].0,
        tone: kinds[n as usize % 4].1,
        id: format!("01928a7c-1111-7000-8{n:03}-000000000001"),
        actor: harmless(actors[n as usize % 4]),
    };
    let hold = |n: i64| HoldLine {
        ends_at: at.plus_seconds(33 + 40 * n),
        id: format!("01928a7c-2222-7000-8{n:03}-000000000001"),
        seats: ["A1", "B2, B3", "12C"][n as usize % 3].into(),
        route: ["Airport Express", "Harbour – Old Town"][n as usize % 2].into(),
        user: harmless(actors[n as usize % 3]),
    };
    Picture {
        status,
        events: Ok((0..head.min(60)).map(event).collect()),
        holds: Ok((0..30).map(hold).collect()),
        id_len: 13,
    }
}
