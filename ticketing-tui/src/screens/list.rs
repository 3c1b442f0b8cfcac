//! The screens, in the order of their tabs.

use super::bookings::{BOOKINGS, HOLDS, PAYMENTS, SAGA_ACTIONS, SAGAS};
use super::fields::{AUDIT_FIELDS, PROJECTION_FIELDS};
use super::sold::{HALLS, LISTINGS, ORDERS, SEATS, SECTIONS, SHOWS, VENUES};
use super::work::{JOBS, LETTERS};
use super::{Action, Column, ItemLook, Look, SAME, Screen, Section};
use crate::row::{Kind, text};
use serde_json::Value;

/// Every screen; the first is the one that the dashboard opens with.
pub(crate) static SCREENS: [Screen; 22] = [
    Screen {
        name: "overview",
        title: "Overview",
        noun: "status",
        key: Some('1'),
        look: Look::Overview,
        ..NONE
    },
    SAGAS,
    HOLDS,
    BOOKINGS,
    SEATS,
    SHOWS,
    LISTINGS,
    Screen {
        name: "outbox",
        title: "Outbox",
        noun: "carrier",
        key: Some('6'),
        command: &["outbox", "status"],
        has_limit: false,
        id: &["carrier"],
        version: &["position"],
        columns: &[
            Column::new("Carrier", "carrier", Kind::Text, (10, 16), 0),
            Column::new("Lag", "lag", Kind::Number, (6, 12), 0),
            Column::new("Gone in", "lag", Kind::Eta, (8, 8), 1),
            Column::new("Late by", "lagSeconds", Kind::Seconds, (8, 10), 2),
            Column::new("Position", "position", Kind::Number, (9, 13), 3),
            Column::new("Head", "head", Kind::Number, (9, 13), 4),
            Column::new("Moved", "movedAt", Kind::Time, (0, 0), 5),
            Column::new("Host", "holder.host", Kind::Text, (8, 24), 6),
            Column::new("Process", "holder.pid", Kind::Text, (7, 10), 7),
        ],
        empty: "Nothing is published anywhere.",
        ..NONE
    },
    Screen {
        name: "groups",
        title: "Groups",
        noun: "group",
        key: Some('7'),
        command: &["group", "lag"],
        has_limit: false,
        id: &["group", "topic", "partition"],
        version: &["nextOffset"],
        columns: &[
            Column::new("Group", "group", Kind::Text, (9, 20), 0),
            Column::new("Topic", "topic", Kind::Text, (10, 28), 1),
            Column::new("Part", "partition", Kind::Number, (4, 6), 1),
            Column::new("Lag", "lag", Kind::Number, (6, 12), 0),
            Column::new("Gone in", "lag", Kind::Eta, (8, 8), 2),
            Column::new("Next", "nextOffset", Kind::Number, (8, 13), 4),
            Column::new("End", "high", Kind::Number, (8, 13), 5),
            Column::new("Moved", "movedAt", Kind::Time, (0, 0), 3),
            Column::new("Carrier", "carrier", Kind::Text, (8, 10), 6),
        ],
        empty: "No group reads anything.",
        actions: &[Action {
            key: 's',
            title: "Move the group's place in this partition",
            retitled: SAME,
            command: &["group", "seek", "{group}", "--topic", "{topic}", "--partition", "{partition}"],
            wants: Some(("Where to (earliest, latest, an offset, or a time as -1h)", "--to")),
            is_tried: false,
            off: |row| {
                (text(row, "carrier") == "embedded").then_some("there is no broker: the log itself is read")
            },
        }],
        ..NONE
    },
    Screen {
        name: "projections",
        title: "Projections",
        noun: "projection",
        key: Some('8'),
        command: &["projection", "list"],
        query: PROJECTION_FIELDS,
        has_limit: false,
        id: &["name"],
        version: &["rebuiltAt", "beforePosition"],
        columns: &[
            Column::new("Name", "name", Kind::Text, (10, 24), 0),
            Column::new("Lag", "lag", Kind::Number, (6, 12), 0),
            Column::new("Gone in", "lag", Kind::Eta, (8, 8), 1),
            Column::new("Parked", "parked", Kind::Alarm, (8, 10), 1),
            Column::new("Position", "position", Kind::Number, (9, 13), 2),
            Column::new("Rows", "rows", Kind::Number, (8, 13), 3),
            Column::new("Rebuilt", "rebuiltAt", Kind::Time, (0, 0), 4),
            Column::new("Before at", "beforePosition", Kind::Number, (9, 13), 5),
        ],
        empty: "There is no projection.",
        actions: &[
            Action {
                key: 'r',
                title: "Rebuild it beside the old tables, then swap",
                retitled: SAME,
                command: &["projection", "rebuild", "{}"],
                wants: None,
                is_tried: false,
                off: never,
            },
            Action {
                key: 'b',
                title: "Go back to the tables of before the rebuild",
                retitled: SAME,
                command: &["projection", "revert", "{}"],
                wants: None,
                is_tried: false,
                off: |row| text(row, "beforePosition").is_empty().then_some("no tables of before are kept"),
            },
        ],
        ..NONE
    },
    LETTERS,
    Screen {
        name: "events",
        title: "Events",
        noun: "event",
        key: Some('0'),
        look: Look::Ring,
        command: &["events", "tail"],
        id: &["position"],
        version: &["position"],
        columns: &[
            Column::new("Position", "position", Kind::Number, (9, 13), 0),
            Column::new("Type", "type", Kind::Text, (17, 24), 0),
            Column::new("Time", "time", Kind::Time, (0, 0), 1),
            Column::new("Stream", "streamId", ID, ID_WIDTH, 2),
            Column::new("Actor", "actor", Kind::Text, (8, 20), 3),
            Column::new("Version", "streamVersion", Kind::Number, (7, 7), 4),
            Column::new("Correlation", "correlationId", ID, ID_WIDTH, 5),
        ],
        empty: "The log is empty.",
        item: &["events", "show"],
        first: &[
            ("Position", "position", Kind::Number),
            ("Type", "type", Kind::Text),
            ("Time", "time", Kind::Time),
            ("Stream", "streamId", Kind::Id),
            ("Version", "streamVersion", Kind::Number),
            ("Actor", "actor", Kind::Text),
            ("Correlation", "correlationId", Kind::Id),
            ("Cause", "causationId", Kind::Id),
        ],
        ..NONE
    },
    JOBS,
    Screen {
        name: "audit",
        title: "Audit",
        noun: "entry",
        key: Some('='),
        command: &["audit", "list"],
        query: AUDIT_FIELDS,
        id: &["id"],
        version: &["result"],
        columns: &[
            Column::new("At", "at", Kind::Time, (0, 0), 0),
            Column::new("Actor", "actor", Kind::Text, (8, 20), 1),
            Column::new("Action", "action", Kind::Text, (16, 24), 0),
            Column::new("Target", "target", Kind::Text, (13, 44), 2),
            Column::new("Result", "result", Kind::Text, (8, 24), 3),
            Column::new("Reason", "reason", Kind::Text, (12, 60), 4),
            Column::new("Id", "id", ID, ID_WIDTH, 5),
        ],
        empty: "Nobody has changed anything.",
        first: &[
            ("At", "at", Kind::Time),
            ("Actor", "actor", Kind::Text),
            ("Action", "action", Kind::Text),
            ("Target", "target", Kind::Text),
            ("Reason", "reason", Kind::Text),
            ("Result", "result", Kind::Text),
            ("Id", "id", Kind::Id),
        ],
        every_seconds: 2,
        ..NONE
    },
    PAYMENTS,
    ORDERS,
    VENUES,
    HALLS,
    SECTIONS,
    Screen {
        name: "why",
        title: "Why",
        noun: "story",
        item: &["why"],
        id: &["id"],
        version: &["summary"],
        hides: |row, path| path == "leftOut" && crate::row::number(row, path) == Some(0),
        first: &[
            ("Of", "subject", Kind::Text),
            ("Id", "id", Kind::Id),
            ("So", "summary", Kind::Text),
            ("Why stuck", "stuckReason", Kind::Text),
            ("Safe action", "safeAction", Kind::Text),
        ],
        actions: SAGA_ACTIONS,
        sections: &[
            Section {
                title: "What happened",
                path: "story",
                folds: true,
                columns: &[
                    Column::new("At", "at", Kind::Time, (0, 0), 0),
                    Column::new("Kind", "kind", Kind::Text, (8, 10), 2),
                    Column::new("What", "what", Kind::Text, (20, 100), 1),
                    Column::new("Position", "position", Kind::Number, (8, 12), 4),
                    Column::new("Actor", "actor", Kind::Text, (8, 16), 3),
                ],
            },
            Section { title: "What happens next", path: "next", folds: false, columns: TIMERS },
        ],
        ..NONE
    },
    Screen {
        name: "departures",
        title: "Departures",
        noun: "departure",
        item: &["schedule", "get"],
        id: &["id"],
        first: &[
            ("Id", "id", Kind::Id),
            ("Route", "routeName", Kind::Text),
            ("Departs", "departureTime", Kind::Time),
            ("Arrives", "arrivalTime", Kind::Time),
            ("Status", "status", Kind::State),
            ("Price", "price", Kind::Money),
        ],
        every_seconds: 30,
        ..NONE
    },
    Screen { name: "answer", title: "Answer", noun: "command", item: &["{}"], ..NONE },
];

pub(super) const ID: Kind = Kind::Id;
pub(super) const ID_WIDTH: (u16, u16) = (13, 36);

/// A screen of nothing, for what a screen leaves out.
pub(super) const NONE: Screen = Screen {
    name: "",
    title: "",
    noun: "",
    key: None,
    look: Look::Table,
    command: &[],
    has_limit: true,
    query: &[],
    id: &[],
    version: &[],
    columns: &[],
    empty: "There is nothing.",
    item: &[],
    item_look: ItemLook::Fields,
    opens: "",
    card: "",
    is_of_log: false,
    first: &[],
    hides: |_, _| false,
    sections: &[],
    actions: &[],
    every_seconds: 1,
};

const fn never(_: &Value) -> Option<&'static str> {
    None
}

pub(super) const TIMERS: &[Column] =
    &[Column::new("At", "at", Kind::Time, (0, 0), 0), Column::new("What", "what", Kind::Text, (20, 100), 1)];
