//! The screens of work that waits for a hand, or goes on by itself: dead letters, jobs.

use super::list::{ID, ID_WIDTH, NONE};
use super::{Action, Column, SAME, Screen, Section};
use crate::row::{Kind, text};
use serde_json::Value;
use ticketing_core::ops::dlq::DLQ_FIELDS;
use ticketing_core::ops::jobs::JOB_FIELDS;

pub(super) const LETTERS: Screen = Screen {
    name: "letters",
    title: "Dead letters",
    noun: "letter",
    key: Some('9'),
    command: &["dlq", "list"],
    query: DLQ_FIELDS,
    id: &["id"],
    version: &["state", "tries"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 1),
        Column::new("State", "state", Kind::State, (9, 10), 0),
        Column::new("Code", "code", Kind::Text, (14, 24), 0),
        Column::new("Source", "source", Kind::Text, (13, 20), 2),
        Column::new("Type", "type", Kind::Text, (12, 24), 4),
        Column::new("Kept", "at", Kind::Time, (0, 0), 3),
        Column::new("Tries", "tries", Kind::Number, (5, 5), 5),
        Column::new("Stream", "stream", ID, ID_WIDTH, 6),
        Column::new("Reason", "reason", Kind::Text, (16, 80), 7),
    ],
    empty: "No message is waiting for a hand.",
    item: &["dlq", "show"],
    first: &[
        ("Id", "id", Kind::Id),
        ("State", "state", Kind::State),
        ("Code", "code", Kind::Text),
        ("Reason", "reason", Kind::Text),
        ("Source", "source", Kind::Text),
        ("Partition", "partition", Kind::Number),
        ("Offset", "offset", Kind::Number),
        ("Position", "position", Kind::Number),
        ("Type", "type", Kind::Text),
        ("Stream", "stream", Kind::Id),
        ("Tries", "tries", Kind::Number),
        ("Kept", "at", Kind::Time),
        ("Wait behind it", "waiting", Kind::Number),
        ("Safe action", "safeAction", Kind::Text),
    ],
    sections: &[Section {
        title: "Headers",
        path: "headers",
        folds: false,
        columns: &[
            Column::new("Header", "name", Kind::Text, (16, 32), 0),
            Column::new("Value", "value", Kind::Text, (20, 200), 0),
        ],
    }],
    actions: &[
        Action {
            key: 'r',
            title: "Redrive: hand it over again",
            retitled: SAME,
            command: &["dlq", "redrive", "{}"],
            wants: None,
            is_tried: true,
            off: closed,
        },
        Action {
            key: 'x',
            title: "Discard it and let what waits behind it go on",
            retitled: SAME,
            command: &["dlq", "discard", "{}"],
            wants: None,
            is_tried: true,
            off: closed,
        },
    ],
    every_seconds: 2,
    ..NONE
};

fn closed(row: &Value) -> Option<&'static str> {
    match text(row, "state").to_ascii_lowercase().as_str() {
        "redriven" => Some("it was redriven"),
        "discarded" => Some("it was discarded"),
        _ => None,
    }
}

pub(super) const JOBS: Screen = Screen {
    name: "jobs",
    title: "Jobs",
    noun: "job",
    key: Some('-'),
    command: &["job", "list"],
    query: JOB_FIELDS,
    id: &["id"],
    version: &["state"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 1),
        Column::new("Kind", "kind", Kind::Text, (12, 20), 0),
        Column::new("State", "state", Kind::State, (9, 10), 0),
        Column::new("Done", "done", Kind::Number, (7, 12), 2),
        Column::new("Of", "total", Kind::Number, (7, 12), 2),
        Column::new("Moved", "movedAt", Kind::Time, (0, 0), 3),
        Column::new("Actor", "actor", Kind::Text, (8, 16), 4),
        Column::new("Outcome", "outcome", Kind::Text, (12, 40), 5),
        Column::new("Error", "error", Kind::Text, (12, 40), 6),
    ],
    empty: "There was never any long work.",
    item: &["job", "get"],
    first: &[
        ("Id", "id", Kind::Id),
        ("Kind", "kind", Kind::Text),
        ("State", "state", Kind::State),
        ("Done", "done", Kind::Number),
        ("Of", "total", Kind::Number),
        ("Outcome", "outcome", Kind::Text),
        ("Error", "error", Kind::Text),
        ("Stops soon", "cancelWanted", Kind::Flag),
        ("Actor", "actor", Kind::Text),
        ("Reason", "reason", Kind::Text),
        ("Moved", "movedAt", Kind::Time),
    ],
    actions: &[
        Action {
            key: 'c',
            title: "Cancel it after the batch at hand",
            retitled: SAME,
            command: &["job", "cancel", "{}"],
            wants: None,
            is_tried: true,
            off: |row| {
                let is_on = matches!(
                    text(row, "state").to_ascii_lowercase().as_str(),
                    "running" | "queued" | "asked" | "waiting"
                );
                (!is_on).then_some("it has ended")
            },
        },
        Action {
            key: 'r',
            title: "Resume it from where it stopped",
            retitled: SAME,
            command: &["job", "resume", "{}", "--detach"],
            wants: None,
            is_tried: true,
            off: |row| {
                let is_over = text(row, "state").eq_ignore_ascii_case("done");
                is_over.then_some("it is done")
            },
        },
    ],
    ..NONE
};
