//! A change, key by key: what it wants before it is made, and what it is made to.

use super::tests::{said, wait};
use super::{Effect, Focus, Layer, Offer, Stage, State, To, Told};
use crate::desk::Refusal;
use crate::input::{Input, Key};
use crate::sample::{answer, at_place, changes, press, settle, settle_with, unreachable};
use serde_json::json;
use std::time::Duration;

pub(super) fn change(state: &State) -> &super::Change {
    match &state.layer {
        Some(Layer::Change(change)) => change,
        other => panic!("no change: {other:?}"),
    }
}

#[test]
fn a_change_wants_a_plan_a_reason_and_a_key_that_opens_nothing() {
    let mut state = at_place("holds");
    press(&mut state, "ax");
    assert_eq!((change(&state).stage.clone(), change(&state).focus), (Stage::Plan, Focus::Cancel));
    // The keys that opened it, again, make nothing; nor does the one that agrees, before it is its turn.
    for keys in ["x", "a", "y", "xxyy"] {
        let mut state = at_place("holds");
        let effects = press(&mut state, &format!("ax{keys}"));
        assert!(changes(&effects).is_empty() && change(&state).stage == Stage::Plan, "{keys}");
    }
    let mut twice = at_place("holds");
    press(&mut twice, "a\n\n");
    assert!(twice.layer.is_none(), "Cancel has the focus");
    press(&mut state, "\t\ty");
    assert_eq!(change(&state).focus, Focus::Reason, "a reason is missing");
    press(&mut state, "why not\n");
    state.input(Input::Key(Key::Char('y')), state.now);
    let made = state.take_effects();
    let made = changes(&made);
    assert_eq!(made.len(), 1);
    assert_eq!(
        made[0][2..],
        ["01928a7c-0002-7000-8000-000000000000", "--reason", "why not", "--yes", "--expect", "d1"]
    );
    // While it is being made, the key makes nothing more.
    state.input(Input::Key(Key::Char('y')), state.now);
    assert!(changes(&state.take_effects()).is_empty());
}

#[test]
fn what_the_gate_calls_severe_wants_a_name_and_nothing_else_does() {
    for (place, keys, is_protected, name) in [
        ("projections", "ar", false, Some("tickets")),
        ("projections", "ar", true, Some("prod")),
        ("letters", "ax", false, None),
        ("bookings", "ac", true, None),
    ] {
        let mut state = at_place(place);
        state.place.protected = is_protected;
        state.place.context = is_protected.then(|| "prod".to_owned());
        press(&mut state, &format!("{keys}obsolete\n"));
        if let Some(name) = name {
            press(&mut state, "wrong\ny");
            assert_eq!(change(&state).focus, Focus::Name, "{place} {is_protected}");
            for _ in 0.."wrong".len() {
                state.input(Input::Key(Key::Backspace), state.now);
            }
            press(&mut state, &format!("{name}\n"));
        }
        state.input(Input::Key(Key::Char('y')), state.now);
        let effects = state.take_effects();
        let made = changes(&effects);
        let at = made[0].iter().position(|word| word == "--confirm");
        let confirm = at.map(|at| made[0][at + 1].as_str());
        assert_eq!(confirm, name.filter(|_| is_protected), "{place} {is_protected}");
    }
}

#[test]
fn a_reason_that_is_typed_or_pasted_at_once_is_never_lost() {
    // Before the plan has come.
    let mut state = at_place("holds");
    for c in "axbecause ".chars() {
        state.input(Input::Key(Key::Char(c)), state.now);
    }
    state.input(Input::Paste("of\nrain".into()), state.now);
    assert_eq!(change(&state).stage, Stage::Planning);
    settle(&mut state);
    assert_eq!((change(&state).stage.clone(), change(&state).focus), (Stage::Plan, Focus::Reason));
    assert_eq!(change(&state).reason.text(), "because of rain");
    // After it has.
    let mut state = at_place("holds");
    press(&mut state, "axyes, r and Y are letters");
    state.input(Input::Paste("!".into()), state.now);
    assert_eq!(change(&state).reason.text(), "yes, r and Y are letters!");
    // Where no text goes, that is said.
    press(&mut state, "\n");
    assert_eq!(change(&state).focus, Focus::Go);
    state.input(Input::Paste("more".into()), state.now);
    assert!(said(&state).contains("Nothing was pasted"), "{}", said(&state));
    assert_eq!(change(&state).reason.text(), "yes, r and Y are letters!");
}

#[test]
fn what_would_be_refused_is_off_with_the_reason_and_what_is_safe_is_chosen_first() {
    let refused = |command: &[String]| match command.iter().any(|word| word == "abandon") {
        true => Err(Refusal {
            exit: 5,
            message: "A saga that is PARKED can't be abandoned.".into(),
            ..Refusal::default()
        }),
        false => answer(command),
    };
    let mut state = at_place("sagas");
    press(&mut state, "jj");
    state.input(Input::Key(Key::Char('a')), state.now);
    settle_with(&mut state, refused);
    let Some(Layer::Menu(menu)) = &state.layer else { panic!("no menu") };
    let offers: Vec<Offer> =
        menu.target.screen.get().actions.iter().map(|it| state.offer(it, &menu.target, &menu.row)).collect();
    let off = Offer::Off("A saga that is PARKED can't be abandoned".into());
    assert_eq!((offers, menu.index), (vec![Offer::Open, Offer::Open, off], 0));
    state.input(Input::Key(Key::Char('x')), state.now);
    assert!(said(&state).contains("can't be abandoned") && matches!(state.layer, Some(Layer::Menu(_))));
}

#[test]
fn a_target_that_changes_under_its_plan_wants_a_new_plan() {
    let mut state = at_place("sagas");
    press(&mut state, "ar");
    assert_eq!(change(&state).stage, Stage::Plan);
    let moved = |command: &[String]| {
        let mut answer = answer(command)?;
        if command.starts_with(&["saga".to_owned(), "list".to_owned()]) {
            answer.rows[0]["state"] = json!("RELEASING");
            // Rows that come and go are no change of this one.
            answer.rows.insert(0, json!({"id": "new", "state": "CHARGING"}));
        }
        Ok(answer)
    };
    wait(&mut state, 2, answer);
    assert!(!change(&state).has_moved);
    wait(&mut state, 2, moved);
    assert!(change(&state).has_moved);
    for key in "\t\t".chars().map(|_| Key::Tab).chain([Key::Char('y')]) {
        state.input(Input::Key(key), state.now);
    }
    assert!(changes(&state.take_effects()).is_empty(), "it is not made");
    state.input(Input::Key(Key::Char('r')), state.now);
    settle_with(&mut state, moved);
    assert!(!change(&state).has_moved && change(&state).stage == Stage::Plan);
    assert_eq!(
        change(&state).command[2],
        "01928a7c-0001-7000-8000-000000000000",
        "it is still the same target"
    );
}

#[test]
fn a_plan_that_the_world_has_overtaken_is_shown_anew_with_the_reason_kept() {
    let mut state = at_place("holds");
    press(&mut state, "ax\twhy not\n");
    state.input(Input::Key(Key::Char('y')), state.now);
    settle_with(&mut state, |command| match command.iter().any(|word| word == "--yes") {
        true => Err(Refusal {
            exit: 5,
            code: "WORLD_MOVED".into(),
            message: "The world moved.".into(),
            plan: Some(Box::new(
                json!({"action": "hold expire", "affected": 2, "digest": "d2", "changes": []}),
            )),
            ..Refusal::default()
        }),
        false => answer(command),
    });
    assert_eq!((change(&state).affected(), change(&state).focus), (2, Focus::Cancel));
    assert_eq!(change(&state).reason.text(), "why not");
    press(&mut state, "\t\t");
    state.input(Input::Key(Key::Char('y')), state.now);
    let effects = state.take_effects();
    assert_eq!(changes(&effects)[0].last().unwrap(), "d2");
}

#[test]
fn what_comes_of_a_change_that_was_left_alone_is_told() {
    let mut state = at_place("holds");
    press(&mut state, "ax\twhy not\n");
    state.input(Input::Key(Key::Char('y')), state.now);
    let effects = state.take_effects();
    state.input(Input::Key(Key::Esc), state.now);
    assert!(state.layer.is_none());
    for effect in effects {
        let Effect::Ask(ask) = effect else { continue };
        let result = match ask.to {
            To::Change => Err(unreachable()),
            _ => answer(&ask.command),
        };
        state.told(Told { question: ask.question, to: ask.to, result, took: Duration::ZERO }, state.now);
    }
    assert_eq!(said(&state), "Not done: The write store is unavailable.");
}

#[test]
fn a_late_plan_of_a_change_that_was_cancelled_opens_nothing() {
    let mut state = at_place("holds");
    for key in [Key::Char('a'), Key::Char('x')] {
        state.input(Input::Key(key), state.now);
    }
    state.input(Input::Key(Key::Esc), state.now);
    settle(&mut state);
    assert!(state.layer.is_none());
}

#[test]
fn nothing_is_changed_where_that_is_not_allowed_and_it_says_why() {
    let mut readonly = at_place("holds");
    readonly.place.readonly = true;
    press(&mut readonly, "ax");
    assert!(matches!(readonly.layer, Some(Layer::Menu(_))) && said(&readonly).contains("read-only"));
    press(&mut readonly, "\u{1b}:hold expire x\n");
    let Some(Layer::Palette(palette)) = &readonly.layer else { panic!("it was run") };
    assert!(palette.error.as_ref().is_some_and(|error| error.contains("read-only")));

    let mut over = at_place("sagas");
    press(&mut over, "jar");
    assert!(said(&over).contains("confirmed"), "{}", said(&over));

    let mut lost = at_place("holds");
    wait(&mut lost, 3, |_| Err(unreachable()));
    lost.input(Input::Key(Key::Char('a')), lost.now);
    lost.input(Input::Key(Key::Char('x')), lost.now);
    assert!(said(&lost).contains("nothing answers"), "{}", said(&lost));
}
