//! A desk that answers from a made-up evening, 2026-11-20, noon, as `ticketctl … -o jsonl` would; for tests.

mod sold;

use crate::TimeStyle;
use crate::desk::{
    Answer, CommandHelp, Desk, EXIT_NOT_FOUND, EXIT_UNREACHABLE, EXIT_USAGE, Place, Refusal, Running,
};
use crate::input::{Input, Key};
use crate::state::{Effect, OVERVIEW, Spot, State, To, Told};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::cell::Cell;
use std::sync::Mutex;
use std::time::Duration;
use ticketing_core::domain::time::Timestamp;

thread_local! {
    /// What the server of the samples answered so far: more at each look.
    static ANSWERED: Cell<u64> = const { Cell::new(10_000) };
}

/// Returns noon.
pub(crate) fn noon() -> Timestamp {
    Timestamp::parse("2026-11-20T12:00:00Z").unwrap()
}

/// Returns the place that the samples are of.
pub(crate) fn place() -> Place {
    let flags = vec!["--data-dir".to_owned(), "./data".to_owned()];
    Place { name: "embedded ./data".to_owned(), flags, ..Place::default() }
}

/// Returns the state before anything is known.
pub(crate) fn state() -> State {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let mut state = State::new(place(), OVERVIEW, TimeStyle::Relative, zone, noon());
    let flags = |flags: &[&str]| flags.iter().map(|flag| (*flag).to_owned()).collect();
    let help = |words: &str, about: &str, of: &[&str]| CommandHelp {
        words: words.to_owned(),
        about: about.to_owned(),
        flags: flags(of),
    };
    state.commands = vec![
        help("saga list", "List payment sagas, newest first", &["--stuck", "--query", "--limit"]),
        help("saga show", "Show a saga with its steps", &[]),
        help("saga retry", "Ask the provider again", &["--dry-run", "--reason", "--yes"]),
        help("hold list", "List holds", &["--query", "--limit"]),
        help("hold expire", "End holds before their time", &["--dry-run", "--reason", "--yes", "--query"]),
        help("booking list", "List bookings, newest first", &["--query", "--limit", "--status"]),
        help("dlq list", "List what could not be handled", &["--query", "--limit"]),
        help("job list", "List long work", &["--query", "--limit"]),
        help("audit list", "List the changes", &["--limit"]),
        help("events tail", "List the last events of the log", &["--since", "--limit"]),
        help("seat count", "Count the seats of what is ahead", &["--kind", "--query", "--limit"]),
        help("event cancel", "Withdraw an event", &["--dry-run", "--reason", "--yes"]),
        help("event block", "Keep seats of an event back from sale", &["--dry-run", "--reason", "--yes"]),
        help("listing cancel", "Withdraw a listing", &["--dry-run", "--reason", "--yes"]),
        help("order list", "List orders of listings", &["--query", "--limit"]),
        help("venue list", "List venues by name", &["--query", "--limit"]),
        help("verify", "Check everything that must hold", &[]),
        help("restore", "Bring a backup back", &["--yes"]),
        help("tui", "This dashboard", &[]),
    ];
    state
}

/// Returns a moment so many seconds after noon, as rows have it.
fn at(seconds: i64) -> String {
    noon().plus_seconds(seconds).to_string()
}

fn id(kind: u32, n: i64) -> String {
    format!("01928a7c-{kind:04}-7000-8{n:03}-00000000{n:04}")
}

/// Does what the state asks, and what it then asks, until it asks no more.
pub(crate) fn settle(state: &mut State) -> Vec<Effect> {
    settle_with(state, answer)
}

/// Does the same, with other answers.
pub(crate) fn settle_with(
    state: &mut State,
    answer: impl Fn(&[String]) -> Result<Answer, Refusal>,
) -> Vec<Effect> {
    let mut others = Vec::new();
    for _ in 0..100 {
        let effects = state.take_effects();
        if effects.is_empty() {
            return others;
        }
        for effect in effects {
            match effect {
                Effect::Ask(ask) => {
                    let result = answer(&ask.command);
                    let took = Duration::from_millis(12);
                    state.told(Told { question: ask.question, to: ask.to, result, took }, state.now);
                }
                other => others.push(other),
            }
        }
    }
    panic!("it never stops asking");
}

/// Presses the keys of `keys`: a character each, `\n` for enter, `\u{1b}` for esc, `\t` for tab, arrows; and lets the desk answer.
pub(crate) fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let mut effects = settle(state);
    for c in keys.chars() {
        let key = match c {
            '\n' => Key::Enter,
            '\u{1b}' => Key::Esc,
            '\t' => Key::Tab,
            '←' => Key::Left,
            '→' => Key::Right,
            '↑' => Key::Up,
            '↓' => Key::Down,
            c => Key::Char(c),
        };
        state.input(Input::Key(key), state.now);
        effects.extend(settle(state));
    }
    effects
}

/// Returns the state at a place, after the desk has answered.
pub(crate) fn at_place(place: &str) -> State {
    let mut state = state();
    for seconds in [-10, -5, -3, -1] {
        state.tick(noon().plus_seconds(seconds));
        settle(&mut state);
    }
    state.tick(noon());
    settle(&mut state);
    state.go(Spot::parse(place).unwrap());
    press(&mut state, "");
    state.tick(noon());
    settle(&mut state);
    state
}

/// Returns that nobody answers.
pub(crate) fn unreachable() -> Refusal {
    Refusal {
        exit: EXIT_UNREACHABLE,
        code: "UNREACHABLE".to_owned(),
        message: "The write store is unavailable.".to_owned(),
        why: Some("Connection refused (os error 111).".to_owned()),
        hint: Some("start PostgreSQL, or look at DATABASE_URL".to_owned()),
        retryable: true,
        plan: None,
    }
}

/// Returns what `ticketctl` answers to a command.
pub(crate) fn answer(command: &[String]) -> Result<Answer, Refusal> {
    // How an answer is to be written is no matter here.
    let end = command.iter().position(|word| word == "-o" || word == "--time").unwrap_or(command.len());
    let words: Vec<&str> = command[..end].iter().map(String::as_str).collect();
    let rows = |rows: Vec<Value>| Ok(Answer { rows, ..Answer::default() });
    if let (["saga", "list", ..], true) =
        (words.as_slice(), command[end..].iter().any(|word| word == "table"))
    {
        let text = "ID             STATE     WHY\n01928a7c-0001  PARKED    a refund was refused\n".to_owned();
        return Ok(Answer {
            text: Some(text),
            notes: vec!["1 of 6 stuck sagas.".to_owned()],
            ..Answer::default()
        });
    }
    if words.contains(&"--dry-run") {
        return rows(vec![plan(&words)]);
    }
    if words.contains(&"--yes") {
        return rows(vec![json!({"id": words[2], "status": "EXPIRED", "reason": words[4]})]);
    }
    if let Some(query) = words.iter().position(|word| *word == "--query").map(|at| words[at + 1]) {
        return match query {
            "stuck=true" => rows(sagas().into_iter().filter(|row| row["stuck"] == true).collect()),
            "status=RESERVED" => rows(holds()),
            _ => Err(Refusal {
                exit: EXIT_USAGE,
                code: "QUERY".to_owned(),
                message: format!(
                    "There is no field \"foo\" (at character 1)\n  {query}\n  ^^^\nFields:\n  id     a text\n  state  \
                     AWAITING_PAYMENT, CHARGING, CONFIRMED"
                ),
                ..Refusal::default()
            }),
        };
    }
    match words.as_slice() {
        ["status"] => rows(vec![status(ANSWERED.with(|answered| answered.replace(answered.get() + 250)))]),
        ["saga", "list", ..] => rows(sagas()),
        ["saga", "show", id] => rows(vec![saga(id)]),
        ["hold", "list", ..] => rows(holds()),
        ["booking", "list", ..] => rows(bookings()),
        ["booking", "get", id] => rows(vec![booking(id)]),
        ["seat", "count", "--kind", kind, ..] => rows(sold::counted(kind)),
        ["seat", "map", _, "--sections"] => rows(sold::sections()),
        ["seat", "map", of, "--section", section] => rows(vec![sold::section(of, section)]),
        ["event", "get", of] => rows(vec![sold::event(of)]),
        ["listing", "get", of] => rows(vec![sold::listing(of)]),
        ["order", "list", ..] => rows(sold::orders()),
        ["order", "get", _] => rows(sold::orders().into_iter().take(1).collect()),
        ["venue", "list", ..] => rows(sold::venues()),
        ["schedule", "get", id] => rows(departures().into_iter().filter(|row| row["id"] == *id).collect()),
        ["seat", "map", of, ..] => rows(vec![seats(of)]),
        ["outbox", "status"] => rows(vec![json!({
            "carrier": "kafka", "position": 3_300, "head": 3_412, "lag": 112, "lagSeconds": 4, "movedAt": at(-1),
            "holder": {"host": "node-1", "pid": 4711}
        })]),
        ["group", "lag"] => rows(vec![
            json!({"group": "projector", "carrier": "kafka", "topic": "ticket-events", "partition": 0,
                   "nextOffset": 1_700, "low": 0, "high": 1_712, "lag": 12, "movedAt": at(-2)}),
            json!({"group": "payments", "carrier": "kafka", "topic": "payment-events", "partition": 3,
                   "nextOffset": 88, "low": 0, "high": 88, "lag": 0, "movedAt": at(-60)}),
        ]),
        ["projection", "list"] => rows(vec![json!({
            "name": "tickets", "position": 3_410, "lag": 2, "rows": 56_789, "parked": 1, "rebuiltAt": at(-86_400),
            "beforePosition": null
        })]),
        ["dlq", "list", ..] => rows(letters()),
        ["dlq", "show", id] => rows(vec![letter(id)]),
        ["events", "tail", ..] => rows((3_353..=3_412).map(event).collect()),
        ["events", "show", position] => rows(vec![event(position.parse().unwrap())]),
        ["job", "list", ..] => rows(jobs()),
        ["job", "get", _] => rows(jobs().into_iter().take(1).collect()),
        ["audit", "list", ..] => rows(audit()),
        ["payment", "list", ..] => rows(Vec::new()),
        ["why", id] => rows(vec![why(id)]),
        ["verify"] => Ok(Answer { text: Some("All 11 invariants hold.\n".to_owned()), ..Answer::default() }),
        _ => Err(Refusal {
            exit: EXIT_NOT_FOUND,
            code: "NOT_FOUND".to_owned(),
            message: format!("There is no {}.", words.join(" ")),
            hint: Some("ticketctl saga list".to_owned()),
            ..Refusal::default()
        }),
    }
}

fn plan(words: &[&str]) -> Value {
    let severe = matches!(words, ["projection", "rebuild", ..] | ["group", "seek", ..]);
    json!({
        "severe": severe,
        "action": words[..2].join(" "), "affected": 1, "digest": "d1",
        "changes": [{
            "kind": "booking", "id": words.get(2),
            "before": {"status": "RESERVED", "seatNumber": "A1", "price": 1.8, "currency": "USD", "tables": {"rows": 7}},
            "after": {"status": "EXPIRED", "seatNumber": "A1", "price": 0, "currency": "USD", "tables": {"rows": 9},
                      "reason": "ended by an operator"}
        }]
    })
}

fn status(answered: u64) -> Value {
    let latency = |up_to_ms: f64, share: u64| json!({"upToMs": up_to_ms, "count": answered * share / 100});
    json!({
        "http": {"answered": answered, "failed": answered / 200, "p50Ms": 3.0, "p99Ms": 40.0,
                 "latencies": [latency(2.5, 40), latency(5.0, 90), latency(50.0, 100)]},
        "server": {"pid": 4711, "address": "127.0.0.1:3002", "startedAt": at(-7_200)},
        "at": at(0), "writeStore": "./data/write.db", "readStore": "./data/read.db",
        "head": 3_412, "readPosition": 3_410, "lag": 2, "holdsOpen": 1_234, "nextHoldEndsAt": at(33),
        "tickets": 56_789, "departuresAhead": 21_390, "deadLetters": 3,
        "payments": {
            "notOver": [{"state": "CHARGING", "count": 4, "oldestAt": at(-300)}], "stuck": 1, "oldestAt": at(-300),
            "overdue": 0, "overdueSince": null, "warning": null
        },
        "processes": [
            {"host": "node-1", "pid": 4711, "roles": ["api", "relay"], "state": "ALIVE", "seenAt": at(-1)},
            {"host": "node-2", "pid": 12, "roles": ["saga"], "state": "LOST", "seenAt": at(-95)}
        ],
        "carriers": [{"carrier": "kafka", "position": 3_300, "lag": 112, "movedAt": at(-1)}]
    })
}

fn sagas() -> Vec<Value> {
    let states = ["CHARGING", "CONFIRMED", "PARKED", "REFUNDED", "AWAITING_PAYMENT"];
    let row = |n: i64| {
        let state = states[n as usize % 5];
        json!({
            "id": id(1, n), "bookingId": id(2, n), "state": state, "step": "charge unclear", "attempts": n % 3,
            "lastError": (n % 2 == 0).then_some("the provider answered 500"), "nextAt": (n % 5 == 0).then(|| at(20 + n)),
            "stuck": state == "PARKED", "stuckReason": (state == "PARKED").then_some("a refund was refused"),
            "safeAction": (state == "PARKED").then(|| format!("ticketctl saga retry {}", id(1, n)))
        })
    };
    (0..30).map(row).collect()
}

fn saga(id_: &str) -> Value {
    json!({
        "id": id_, "bookingId": id(2, 2), "state": "PARKED", "bookingStatus": "CONFIRMED", "step": "refund refused",
        "attempts": 2, "lastError": "the provider answered 500", "nextAt": null, "stuck": true,
        "stuckReason": "a refund was refused for good: a person must decide",
        "safeAction": format!("ticketctl saga retry {id_}"), "createdAt": at(-900), "movedAt": at(-300), "version": 4,
        "correlationId": "c-\u{1b}[2J17",
        "steps": steps(),
        "timers": [{"at": at(60), "what": "the provider is asked again"}],
        "providerCalls": [{
            "id": id(3, 1), "kind": "charge", "state": "succeeded", "amount": 25.00, "currency": "USD", "tries": 1,
            "nextAt": null, "providerRef": "sim_ch_1", "error": null
        }],
        "payments": [{"id": id(4, 1), "status": "SUCCESS", "amount": 25.00, "captured": 25.00, "refunded": 0.00,
                      "currency": "USD", "failure": null}],
        "drills": []
    })
}

/// A charge that was unclear forty times before it went through.
fn steps() -> Vec<Value> {
    let unclear = |no: i64| {
        json!({"no": no, "at": at(-901 + no), "what": "charge unclear", "state": "CHARGING", "actor": "system",
               "note": "the provider answered 500, and said that one should come again later"})
    };
    let mut steps = vec![
        json!({"no": 1, "at": at(-900), "what": "pay", "state": "CHARGING", "note": null, "actor": "ada"}),
    ];
    steps.extend((2..=41).map(unclear));
    for (no, what, state) in [(42, "charge succeeded", "CONFIRMED"), (43, "refund refused", "PARKED")] {
        steps.push(
            json!({"no": no, "at": at(-300), "what": what, "state": state, "note": null, "actor": "system"}),
        );
    }
    steps
}

fn holds() -> Vec<Value> {
    let row = |n: i64| {
        json!({
            "id": id(2, n), "userId": (["ada", "mallory\u{1b}[2J\u{202e}yrollam", "東京 太郎"][n as usize % 3]),
            "scheduleId": id(5, 1), "seatNumber": (["A1", "B2, B3", "12C"][n as usize % 3]), "status": "RESERVED",
            "price": 25.00, "currency": "USD", "holdExpiresAt": at(33 + 40 * n), "createdAt": at(-800 + n)
        })
    };
    (0..40).map(row).collect()
}

fn bookings() -> Vec<Value> {
    let states = ["RESERVED", "CONFIRMED", "CANCELLED", "EXPIRED", "REFUNDED"];
    let row = |n: i64| {
        json!({
            "id": id(2, n), "userId": "ada", "routeName": (["Airport Express", "The Tempest", "Jazz, front row"][n as usize % 3]),
            "kind": (["departure", "event", "listing"][n as usize % 3]),
            "departureTime": if n % 3 == 2 { Timestamp::NEVER.to_string() } else { at(3_600 * (n - 2)) }, "originStop": "Harbour", "destinationStop": "Airport",
            "seatNumber": "A1", "status": states[n as usize % 5], "price": 25.00, "currency": "USD"
        })
    };
    (0..40).map(row).collect()
}

fn booking(id_: &str) -> Value {
    json!({
        "id": id_, "userId": "ada", "routeName": "Airport Express", "departureTime": at(3_600), "seatNumber": "A1",
        "status": "RESERVED", "price": 25.00, "currency": "USD", "scheduleId": id(5, 1), "holdExpiresAt": at(600),
        "passenger": {"name": "Ada \u{202e}Lovelace", "email": "ada@example.org", "phone": null},
        "history": [{"type": "TicketReserved", "time": at(-300), "actor": "ada", "position": "3400"}]
    })
}

fn departures() -> Vec<Value> {
    let stop = |n: i64| json!({"id": id(6, n), "name": (["Harbour", "Market Square", "Airport"][n as usize]), "sequence": n + 1});
    let row = |n: i64| {
        json!({
            "id": id(5, n), "externalId": format!("10@{n}"), "routeName": "Airport Express", "serviceDate": "2026-11-20",
            "departureTime": at(600 * (n + 1)), "seatsTotal": 40, "seatsLeft": 40 - n, "price": 25.00, "currency": "USD",
            "status": if n == 3 { "CANCELLED" } else { "SCHEDULED" }, "stops": [stop(0), stop(1), stop(2)]
        })
    };
    (0..25).map(row).collect()
}

fn seats(of: &str) -> Value {
    let states = ["free", "held", "sold", "sold", "blocked", "free", "free"];
    let seat = |n: usize| {
        let label = format!("{}{}", ["A", "B", "C", "D"][n % 4], n / 4 + 1);
        json!({"seatNumber": label, "state": states[n % 7]})
    };
    json!({"scheduleId": of, "fromStop": "Harbour", "toStop": "Airport", "seats": (0..40).map(seat).collect::<Vec<_>>()})
}

fn letters() -> Vec<Value> {
    let row = |n: i64| {
        json!({
            "id": id(7, n), "state": (["dead", "waiting", "discarded"][n as usize % 3]), "source": "payment-events",
            "type": "PaymentSucceeded", "code": "UNKNOWN_BOOKING", "stream": id(2, n), "tries": n, "at": at(-60 * n),
            "reason": "there is no such booking"
        })
    };
    (0..3).map(row).collect()
}

fn letter(id_: &str) -> Value {
    json!({
        "id": id_, "state": "dead", "code": "UNKNOWN_BOOKING", "reason": "there is no such booking",
        "source": "payment-events", "partition": 3, "offset": 88, "type": "PaymentSucceeded", "tries": 1, "at": at(-60),
        "waiting": 0, "safeAction": format!("ticketctl dlq redrive {id_}"),
        "headers": [{"name": "ce_type", "value": "PaymentSucceeded"}],
        "body": "{\"bookingId\":\"\u{1b}[31mx\"}", "data": {"bookingId": "x", "amount": 25.00}
    })
}

/// Returns the event of a position.
pub(crate) fn event(position: i64) -> Value {
    let kinds = ["TicketReserved", "TicketConfirmed", "TicketExpired", "OfferingDefined"];
    json!({
        "position": position.to_string(), "streamId": id(2, position % 1_000), "streamVersion": 1,
        "type": kinds[position as usize % 4], "time": at(position - 3_412), "actor": "ada", "correlationId": "c-1",
        "causationId": "c-1", "data": {"seats": [{"label": "A1", "no": 0}]}
    })
}

fn jobs() -> Vec<Value> {
    vec![
        json!({"id": id(8, 1), "kind": "dlq.redrive", "state": "running", "done": 1_200, "total": 5_000,
               "movedAt": at(-1), "actor": "root", "reason": "they exist now", "outcome": null, "error": null}),
        json!({"id": id(8, 2), "kind": "projection.rebuild", "state": "failed", "done": 10, "total": 5_000,
               "movedAt": at(-600), "actor": "root", "reason": null, "outcome": null, "error": "the store was lost"}),
    ]
}

fn audit() -> Vec<Value> {
    let row = |n: i64| {
        json!({
            "id": id(9, n), "at": at(-60 * n), "actor": "root", "action": "hold expire", "target": id(2, n),
            "reason": "the customer asked", "result": "done", "plan": plan(&["hold", "expire", "x"])
        })
    };
    (0..5).map(row).collect()
}

fn why(of: &str) -> Value {
    json!({
        "subject": "booking", "id": of, "summary": format!("Booking {of} is RESERVED: seat A1 is held for ada."),
        "story": [
            {"at": at(-300), "kind": "command", "what": "ada asks to reserve", "actor": "ada"},
            {"at": at(-300), "kind": "event", "actor": "ada", "position": "3400",
             "what": "TicketReserved: seat A1 held for ada until 2026-11-20T12:10:00.000Z, at 25.00 USD, for all legs"}
        ],
        "next": [{"at": at(600), "what": "the hold ends, and its seats are free for others"}]
    })
}

/// A desk that answers from the samples, and remembers what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// The commands so far.
    pub asked: Mutex<Vec<Vec<String>>>,
    /// Whether it never answers.
    pub is_dumb: bool,
}

impl Desk for Recorded {
    fn run(&self, command: Vec<String>) -> Running<'_> {
        self.asked.lock().unwrap().push(command.clone());
        Box::pin(async move {
            if self.is_dumb {
                std::future::pending::<()>().await;
            }
            answer(&command)
        })
    }

    fn place(&self) -> Place {
        place()
    }
}

/// Returns the commands among effects that make a change.
pub(crate) fn changes(effects: &[Effect]) -> Vec<&Vec<String>> {
    let of = |effect: &'_ Effect| matches!(effect, Effect::Ask(ask) if ask.to == To::Change);
    effects
        .iter()
        .filter(|effect| of(effect))
        .filter_map(|effect| if let Effect::Ask(ask) = effect { Some(&ask.command) } else { None })
        .collect()
}
