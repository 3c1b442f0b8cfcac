//! What the keys do, and what becomes of what is known, step by step.

use super::change_tests::change;
use super::{Effect, Health, Layer, OVERVIEW, Spot, Stage, State, Told};
use crate::desk::{Answer, Hint, Refusal};
use crate::input::{Input, Key};
use crate::sample::{answer, at_place, changes, event, noon, press, settle, settle_with, state, unreachable};
use crate::screens::ScreenId;
use crate::state::feed::{Eta, RING_ROWS_MAX};
use serde_json::{Value, json};
use std::time::Duration;

fn spot(text: &str) -> Spot {
    Spot::parse(text).unwrap()
}

fn rows(rows: Vec<Value>) -> Answer {
    Answer { rows, ..Answer::default() }
}

/// Lets so many seconds pass, second by second, with a desk that answers so.
pub(super) fn wait(state: &mut State, seconds: i64, answer: impl Fn(&[String]) -> Result<Answer, Refusal>) {
    for _ in 0..seconds {
        state.tick(state.now.plus_seconds(1));
        settle_with(state, &answer);
    }
}

pub(super) fn said(state: &State) -> String {
    state.said().map(|said| said.text.clone()).unwrap_or_default()
}

/// Something that happens to the dashboard.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many seconds pass, and nobody answers.
    Silence(i64),
    /// A second passes, and it is answered.
    Saw,
    /// Two seconds pass, so that it is asked, and it fails.
    Failed,
    Pause,
}

#[test]
fn the_health_of_the_picture_is_told_as_it_is() {
    use Step::{Failed, Pause, Saw, Silence};
    let table: [(&[Step], Health, Option<i64>); 10] = [
        (&[], Health::Connecting, None),
        (&[Failed], Health::Lost, None),
        (&[Pause], Health::Connecting, None),
        (&[Saw], Health::Live, Some(0)),
        (&[Saw, Silence(6)], Health::Live, Some(6)),
        (&[Saw, Silence(7)], Health::Stale, Some(7)),
        (&[Saw, Failed], Health::Lost, Some(2)),
        (&[Saw, Failed, Saw, Saw, Saw], Health::Live, Some(0)),
        (&[Saw, Pause, Silence(60)], Health::Paused, Some(60)),
        (&[Saw, Pause, Silence(60), Pause, Saw], Health::Live, Some(0)),
    ];
    for (steps, health, age) in table {
        let mut state = state();
        state.trail = super::Trail::new(spot("sagas"));
        for step in steps {
            match step {
                Silence(seconds) => {
                    state.tick(state.now.plus_seconds(*seconds));
                    // What is asked now is never answered.
                    state.take_effects();
                }
                Saw => wait(&mut state, 1, answer),
                Failed => wait(&mut state, 2, |_| Err(unreachable())),
                Pause => state.input(Input::Key(Key::Char(' ')), state.now),
            }
        }
        assert_eq!((state.health(), state.age_seconds()), (health, age), "{steps:?}");
    }
}

#[test]
fn only_what_is_shown_and_the_status_are_asked_and_a_slow_desk_is_left_in_peace() {
    let mut state = state();
    let asked = |state: &mut State, took: Duration| {
        let mut commands = Vec::new();
        for effect in state.take_effects() {
            if let Effect::Ask(ask) = effect {
                commands.push(ask.command.join(" "));
                let result = answer(&ask.command);
                state.told(Told { question: ask.question, to: ask.to, result, took }, state.now);
            }
        }
        commands
    };
    state.go(spot("audit"));
    state.tick(noon());
    assert_eq!(asked(&mut state, Duration::from_secs(3)), ["status", "audit list --limit 1000"]);
    for second in 1..=8 {
        state.tick(noon().plus_seconds(second));
        assert_eq!(asked(&mut state, Duration::ZERO), [""; 0], "after {second} s");
    }
    // Three times as long as the answer took.
    state.tick(noon().plus_seconds(9));
    assert_eq!(asked(&mut state, Duration::ZERO), ["status", "audit list --limit 1000"]);
    state.tick(noon().plus_seconds(10));
    assert_eq!(asked(&mut state, Duration::ZERO), ["status"]);
    state.tick(noon().plus_seconds(11));
    assert_eq!(asked(&mut state, Duration::ZERO), ["status", "audit list --limit 1000"]);
}

#[test]
fn a_question_is_not_asked_again_while_nobody_has_answered_it() {
    let mut state = state();
    state.go(spot("sagas"));
    for second in 0..100 {
        state.tick(noon().plus_seconds(second));
    }
    assert_eq!(state.take_effects().len(), 2);
}

#[test]
fn the_selection_stays_on_its_row_and_is_gone_with_it() {
    let list = |ids: &[&str]| {
        let row = |id: &&str| json!({"id": id, "state": "CHARGING"});
        let found = ids.iter().map(row).collect::<Vec<_>>();
        move |_: &[String]| Ok(rows(found.clone()))
    };
    let mut state = state();
    state.go(spot("sagas"));
    wait(&mut state, 1, list(&["a", "b", "c"]));
    state.input(Input::Key(Key::Down), state.now);
    let selected = |state: &State| state.selected().map(|(_, id, _)| id);
    assert_eq!(selected(&state).as_deref(), Some("b"));
    wait(&mut state, 2, list(&["x", "y", "a", "b", "c"]));
    assert_eq!((selected(&state).as_deref(), state.cursor().index), (Some("b"), 3));
    wait(&mut state, 2, list(&["x", "y", "a", "c"]));
    assert_eq!(selected(&state), None);
    state.input(Input::Key(Key::Char('a')), state.now);
    assert!(state.layer.is_none() && said(&state).contains("gone"));
    // The first step only says what is in its place; and if it comes back, so does the selection.
    wait(&mut state, 2, list(&["b", "c"]));
    assert_eq!(selected(&state).as_deref(), Some("b"));
    wait(&mut state, 2, list(&["c"]));
    state.input(Input::Key(Key::Down), state.now);
    assert_eq!(selected(&state).as_deref(), Some("c"));
}

#[test]
fn new_events_come_first_and_what_was_too_fast_to_be_read_is_counted() {
    let mut state = state();
    state.go(spot("events"));
    let tail = |range: std::ops::RangeInclusive<i64>| {
        move |_: &[String]| Ok(rows(range.clone().map(event).collect()))
    };
    let shown = |state: &State| {
        (state.feed().len(), state.feed().dropped, crate::row::text(state.feed().row(0).unwrap(), "position"))
    };
    wait(&mut state, 1, tail(1..=10));
    assert_eq!(shown(&state), (10, 0, "10".into()));
    wait(&mut state, 2, tail(5..=12));
    assert_eq!(shown(&state), (12, 0, "12".into()));
    assert_eq!(state.selected().map(|(_, id, _)| id).as_deref(), Some("12"), "the newest is followed");
    state.input(Input::Key(Key::Down), state.now);
    wait(&mut state, 2, tail(100..=110));
    assert_eq!(shown(&state), (23, 87, "110".into()));
    assert_eq!(state.selected().map(|(_, id, _)| id).as_deref(), Some("11"), "a chosen one stays");
    // A restored store begins anew.
    wait(&mut state, 2, tail(1..=3));
    assert_eq!(shown(&state).0, 3);
}

#[test]
fn the_ring_is_bounded_whatever_comes() {
    let mut state = state();
    state.go(spot("events"));
    for second in 1_i64..40 {
        let head = second * 10_000;
        wait(&mut state, 1, |_| Ok(rows((head - 1_999..=head).map(event).collect())));
    }
    assert_eq!(state.feed().len(), RING_ROWS_MAX);
    assert_eq!(state.feed().dropped, 38 * 8_000);
}

#[test]
fn a_place_that_was_left_long_ago_is_forgotten() {
    let mut state = at_place("bookings");
    for n in 0..200 {
        state.go(Spot::Item(ScreenId::named("bookings").unwrap(), n.to_string()));
        settle(&mut state);
    }
    assert!(state.feeds.len() <= super::FEEDS_MAX, "{}", state.feeds.len());
}

#[test]
fn a_lag_that_shrinks_has_an_end_and_one_that_grows_has_none() {
    let mut state = state();
    state.go(spot("outbox"));
    let lag = |lag: i64| move |_: &[String]| Ok(rows(vec![json!({"carrier": "kafka", "lag": lag})]));
    wait(&mut state, 1, lag(1_000));
    assert_eq!(state.feed().eta("kafka"), Eta::Unknown);
    wait(&mut state, 1, lag(900));
    assert_eq!(state.feed().eta("kafka"), Eta::In(9));
    wait(&mut state, 1, lag(2_000));
    assert_eq!(state.feed().eta("kafka"), Eta::Growing);
    wait(&mut state, 1, lag(0));
    assert_eq!(state.feed().eta("kafka"), Eta::Gone);
}

#[test]
fn each_key_leads_where_it_says() {
    let table = [
        ("overview", "2", "sagas"),
        ("overview", "=", "audit"),
        ("overview", "\t", "sagas"),
        ("audit", "\t", "overview"),
        ("sagas", "3[", "sagas"),
        ("sagas", "3[]", "holds"),
        ("sagas", "3\u{1b}", "overview"),
        ("holds", ":dlq\u{1b}", "holds"),
        ("holds", ":letters\n", "letters"),
        ("holds", ":saga/7\n", "saga/7"),
        ("sagas", "\n", "saga/01928a7c-0001-7000-8000-000000000000"),
        ("sagas", "\n\u{1b}", "sagas"),
        ("sagas", "w", "story/01928a7c-0001-7000-8000-000000000000"),
        ("sagas", "w\u{1b}", "sagas"),
        ("sagas", "\nw\u{1b}", "saga/01928a7c-0001-7000-8000-000000000000"),
        ("sagas", "\nw\u{1b}\u{1b}", "sagas"),
        ("holds", ":saga show x\n\u{1b}", "holds"),
        ("holds", ":saga/7\n\u{1b}", "holds"),
        ("seats", "\n→\n", "story/01928a7c-0005-7000-8000-000000000000/B1"),
        ("seats", "\n→↓\n", "seat/01928a7c-0005-7000-8000-000000000000"),
        ("seats", "\n↓→\nw", "story/01928a7c-0005-7000-8000-000000000000/B2"),
        ("seats", "\n→\n\u{1b}\u{1b}", "seats"),
        ("shows", "\n", "hall/01928a7c-0015-7000-8000-000000000000"),
        ("shows", "\nj\n", "section/01928a7c-0015-7000-8000-000000000000/102"),
        ("shows", "\nj\n\u{1b}", "hall/01928a7c-0015-7000-8000-000000000000"),
        ("shows", "\nj\n\u{1b}\u{1b}", "shows"),
        ("shows", "\n\n→↓w", "story/01928a7c-0015-7000-8000-000000000000/101-B2"),
        ("shows", "\n\n→\n", "story/01928a7c-0015-7000-8000-000000000000/101-A2"),
        ("shows", "\n\n\n", "section/01928a7c-0015-7000-8000-000000000000/101"),
        ("hall/x/2026-12-01", "\n", "section/x/2026-12-01/101"),
        ("listings", "\n", "listing/01928a7c-0015-7000-8000-000000000000"),
        ("overview", "vl", "listings"),
        ("overview", ":orders\n", "orders"),
        ("overview", "\n", "sagas"),
        ("overview", "j\n", "letters"),
        // Below the problems, the parts that lead somewhere.
        ("overview", "jjjj\n", "sagas"),
        ("overview", "jjjjj\n", "outbox"),
        ("overview", "jjjjjjjjjj\n", "seats"),
    ];
    for (from, keys, to) in table {
        let mut state = at_place(from);
        press(&mut state, keys);
        assert_eq!(*state.trail.here(), spot(to), "{from} {keys:?}: {}", said(&state));
    }
}

#[test]
fn a_problem_is_opened_with_the_filter_that_shows_it() {
    let mut state = at_place("overview");
    press(&mut state, "\n");
    assert_eq!(state.feed().len(), 6);
    assert_eq!(
        state.command(state.trail.here()),
        ["saga", "list", "--query", "stuck=true", "--limit", "1000"]
    );
    press(&mut state, "\u{1b}");
    assert_eq!(state.feed().len(), 30);
}

#[test]
fn a_filter_is_tried_before_it_is_taken_and_a_mistake_leaves_the_old_one() {
    let mut state = at_place("sagas");
    press(&mut state, "/stuck=true\n");
    assert_eq!((state.feed().len(), state.layer.is_none()), (6, true));
    press(&mut state, "/x\n");
    let Some(Layer::Filter(prompt)) = &state.layer else { panic!("the line is gone") };
    assert!(prompt.error.as_ref().is_some_and(|error| error.contains("\n  ^^^")), "{prompt:?}");
    assert_eq!(state.feed().len(), 6);
    press(&mut state, "\u{1b}");
    assert_eq!(state.filters.values().collect::<Vec<_>>(), ["stuck=true"]);
}

#[test]
fn where_the_command_can_not_filter_the_rows_are_looked_through() {
    let mut state = at_place("audit");
    press(&mut state, "/8002-\n");
    assert_eq!((state.feed().len(), state.feed().all()), (1, 5));
    wait(&mut state, 3, answer);
    assert_eq!(state.feed().len(), 1, "also of the next answer");
    press(&mut state, "/\u{1b}\u{1b}");
    assert_eq!(state.feed().len(), 5);
}

#[test]
fn pasted_text_is_never_keys() {
    let mut state = at_place("holds");
    state.input(Input::Paste("axq\n".into()), state.now);
    assert!(state.layer.is_none() && !settle(&mut state).contains(&Effect::Quit));
    press(&mut state, ":");
    state.input(Input::Paste("hold expire x --yes\n".into()), state.now);
    let Some(Layer::Palette(palette)) = &state.layer else { panic!("it was run") };
    assert_eq!(palette.line.text(), "hold expire x --yes");
}

#[test]
fn the_palette_runs_looks_makes_changes_by_their_plan_and_refuses_what_never_ends() {
    let table: [(&str, &str); 6] = [
        ("restore x", "has no plan"),
        ("tui", "goes on until it is stopped"),
        ("saga list --watch", "leave it out"),
        ("hold expire -", "stdin"),
        ("nothing here", "There is no command"),
        ("saga list 'x", "not closed"),
    ];
    for (typed, why) in table {
        let mut state = at_place("overview");
        press(&mut state, &format!(":{typed}\n"));
        let Some(Layer::Palette(palette)) = &state.layer else { panic!("{typed} was run") };
        assert!(
            palette.error.as_ref().is_some_and(|error| error.contains(why)),
            "{typed}: {:?}",
            palette.error
        );
    }
    let mut state = at_place("overview");
    press(&mut state, ":ticketctl verify\n");
    assert_eq!(*state.trail.here(), Spot::Answer(vec!["verify".into()]));
    assert_eq!(state.feed().text.as_deref(), Some("All 11 invariants hold.\n"));
    let effects = press(&mut state, ":hold expire x --reason 'asked for' --yes\n");
    assert!(changes(&effects).is_empty());
    assert_eq!(
        (change(&state).stage.clone(), change(&state).reason.text()),
        (Stage::Plan, "asked for".into())
    );
}

#[test]
fn the_palette_completes_screens_commands_and_flags() {
    let state = at_place("overview");
    let table = [
        ("sag", vec!["sagas", "saga list", "saga show", "saga retry"]),
        ("retr", vec!["saga retry"]),
        ("saga list --s", vec!["saga list --stuck"]),
        ("saga list --", vec!["saga list --stuck", "saga list --query", "saga list --limit"]),
        ("saga list ", vec![]),
        ("nosuch/", vec![]),
        ("zzz", vec![]),
    ];
    for (typed, expected) in table {
        let found: Vec<String> = state.proposals(typed).into_iter().map(|it| it.words).collect();
        assert_eq!(found, expected, "{typed}");
    }
}

fn palette_line(state: &State) -> String {
    match &state.layer {
        Some(Layer::Palette(palette)) => palette.line.text(),
        other => panic!("no palette: {other:?}"),
    }
}

#[test]
fn the_palette_completes_as_far_as_all_agree_and_then_goes_through_them() {
    let mut state = at_place("overview");
    press(&mut state, ":sag");
    for expected in ["saga", "sagas", "saga list", "saga show", "saga retry", "sagas"] {
        press(&mut state, "\t");
        assert_eq!(palette_line(&state), expected);
    }
    // What is typed then goes on from there; what is the only one is followed by a blank.
    let mut state = at_place("overview");
    press(&mut state, ":saga r\t");
    assert_eq!(palette_line(&state), "saga retry ");
    // Its ids are asked for, though nobody was on that screen.
    press(&mut state, "01928a7c-0001-7000-8002\t");
    assert_eq!(palette_line(&state), "saga retry 01928a7c-0001-7000-8002-000000000002 ");
    let mut state = at_place("sagas");
    press(&mut state, "jj:saga retry \t\t");
    assert_eq!(
        palette_line(&state),
        "saga retry 01928a7c-0001-7000-8002-000000000002",
        "the selected one is first"
    );
}

#[test]
fn the_palette_brings_back_what_was_typed_before() {
    let mut state = at_place("overview");
    press(&mut state, ":verify\n:saga list --stuck\n:saga list --stuck\n:dr");
    for (key, expected) in [
        ("↑", "saga list --stuck"),
        ("↑", "verify"),
        ("↑", "verify"),
        ("↓", "saga list --stuck"),
        ("↓", "dr"),
        ("↓", "dr"),
    ] {
        press(&mut state, key);
        assert_eq!(palette_line(&state), expected);
    }
}

#[test]
fn where_changes_are_told_of_one_looks_after_a_change_and_seldom_without() {
    let mut state = at_place("holds");
    let told = |state: &mut State, hint: Hint| {
        let before = state.questions;
        state.hint(hint, state.now);
        settle(state);
        state.questions - before
    };
    let pass = |state: &mut State, seconds: i64| {
        let before = state.questions;
        wait(state, seconds, answer);
        state.questions - before
    };
    assert_eq!(pass(&mut state, 10), 20, "each second the status and the list");
    told(&mut state, Hint::Hearing);
    pass(&mut state, 1);
    assert_eq!(pass(&mut state, 10), 4, "without a change, every five seconds");
    assert_eq!(state.health(), Health::Live);
    pass(&mut state, 2);
    assert_eq!(told(&mut state, Hint::Changed), 2, "a change is looked at at once");
    // As often as it comes, there is a second between two looks.
    for _ in 0..50 {
        assert_eq!(told(&mut state, Hint::Changed), 0);
    }
    assert_eq!(pass(&mut state, 1), 2);
    told(&mut state, Hint::Deaf);
    assert_eq!(pass(&mut state, 10), 20);
}

#[test]
fn what_is_taken_along_is_what_is_selected() {
    let id = "01928a7c-0001-7000-8001-000000000001";
    let mut state = at_place("sagas");
    let effects = press(&mut state, "jy");
    assert_eq!(effects, [Effect::Copy(id.into())]);
    let effects = press(&mut state, "/stuck=true\nY");
    assert_eq!(
        effects,
        [Effect::Copy("ticketctl --data-dir ./data saga list --query stuck=true --limit 1000".into())]
    );
    let effects = press(&mut state, "e");
    assert!(matches!(&effects[..], [Effect::Page(text)] if text.contains("\"state\": \"PARKED\"")));
    let effects = press(&mut state, "x");
    assert!(
        matches!(&effects[..], [Effect::Save("sagas", rows)] if rows.len() == 6 && rows[0].starts_with('{'))
    );
}

#[test]
fn other_legs_of_a_departure_are_other_seats() {
    let mut state = at_place("seats");
    press(&mut state, "\n");
    let of = "01928a7c-0005-7000-8000-000000000000";
    let table = [("F", "#1", "#2"), ("F", "#1", "#3"), ("f", "#2", "#3"), ("f", "#1", "#3")];
    for (key, from, to) in table {
        press(&mut state, key);
        assert_eq!(
            state.command(state.trail.here()),
            ["seat", "map", of, "--from", from, "--to", to],
            "{key}"
        );
    }
}

#[test]
fn more_rows_are_asked_for_only_when_they_are_wanted() {
    let mut state = at_place("bookings");
    for limit in ["10000", "100000", "100000"] {
        press(&mut state, "+");
        assert_eq!(state.command(state.trail.here()).last().map(String::as_str), Some(limit));
    }
}

#[test]
fn the_status_is_asked_wherever_one_is() {
    let mut state = at_place("holds");
    let before = state.feed_of(&OVERVIEW).at;
    wait(&mut state, 3, answer);
    assert!(state.feed_of(&OVERVIEW).at > before);
    assert!(state.history.rates(state.now, 10).is_some());
}
