//! What is sold: the way from a show to a seat of its hall, what can be done there, and how seldom it is asked.

use super::{Health, OVERVIEW, Spot, State};
use crate::desk::{Answer, Hint};
use crate::input::{Input, Key};
use crate::sample::{answer, at_place, changes, noon, press, settle_with};
use serde_json::json;
use std::cell::RefCell;

const EVENT: &str = "01928a7c-0015-7000-8000-000000000000";

/// Lets so many seconds pass, in which the desk answers with the read store at a position; returns what it was asked.
fn asked(state: &mut State, seconds: i64, position: i64) -> Vec<String> {
    let asked = RefCell::new(Vec::new());
    for _ in 0..seconds {
        state.tick(state.now.plus_seconds(1));
        settle_with(state, |command| {
            asked.borrow_mut().push(command.join(" "));
            let mut answer = answer(command)?;
            if command == ["status"] {
                answer.rows[0]["readPosition"] = json!(position);
            }
            Ok(answer)
        });
    }
    asked.into_inner()
}

/// Presses the key that agrees, and returns the changes that are made then.
fn agreed(state: &mut State) -> Vec<Vec<String>> {
    state.input(Input::Key(Key::Char('y')), state.now);
    changes(&state.take_effects()).into_iter().cloned().collect()
}

fn count(asked: &[String], begin: &str) -> usize {
    asked.iter().filter(|command| command.starts_with(begin)).count()
}

#[test]
fn a_map_is_asked_again_when_the_read_store_has_moved_and_seldom_else() {
    let mut state = at_place("shows");
    press(&mut state, "\n");
    let of_hall = |asked: &[String]| count(asked, "seat map");
    assert!(of_hall(&asked(&mut state, 3, 3_411)) >= 1, "the log has moved");
    assert_eq!(of_hall(&asked(&mut state, 3, 3_411)), 0, "nothing has changed");
    // Files and streams tell of much that is nothing to a map.
    for _ in 0..3 {
        state.hint(Hint::Hearing, state.now);
        state.hint(Hint::Changed, state.now);
        assert_eq!(of_hall(&asked(&mut state, 1, 3_411)), 0, "what changed was something else");
    }
    state.hint(Hint::Changed, state.now);
    assert_eq!(of_hall(&asked(&mut state, 2, 3_412)), 1, "a seat may have been sold");
    assert_eq!(state.health(), Health::Live);
    assert_eq!(of_hall(&asked(&mut state, 25, 3_412)), 0);
    assert_eq!(state.health(), Health::Live, "it is known to be so still");
    assert!(state.age_seconds().is_some_and(|age| age <= 5), "{:?}", state.age_seconds());
    assert_eq!(of_hall(&asked(&mut state, 10, 3_412)), 1, "a hold may have ended without a word");
    state.input(Input::Key(Key::Char('r')), state.now);
    assert_eq!(of_hall(&asked(&mut state, 1, 3_412)), 1, "the person wants to know");
}

#[test]
fn a_seat_of_a_hall_is_kept_back_by_its_plan_with_a_reason() {
    let mut state = at_place("shows");
    press(&mut state, "\n\nab\tcamera\n");
    let made = agreed(&mut state);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0][..4], ["event", "block", EVENT, "101-A1"]);
    assert!(made[0].contains(&"camera".to_owned()));
}

#[test]
fn what_somebody_has_is_not_kept_back_and_a_plan_for_a_seat_that_was_sold_meanwhile_is_void() {
    let mut state = at_place("shows");
    press(&mut state, "\n\n→a");
    let said = |state: &State| state.said().map(|said| said.text.clone()).unwrap_or_default();
    press(&mut state, "b");
    assert!(said(&state).contains("somebody has it"), "{}", said(&state));

    let mut state = at_place("shows");
    press(&mut state, "\n\nab\tcamera\n");
    state.tick(noon().plus_seconds(60));
    settle_with(&mut state, |command| {
        let mut answer = answer(command)?;
        if command.contains(&"--section".to_owned()) {
            answer.rows[0]["seats"][0]["state"] = json!("sold");
        }
        Ok(answer)
    });
    assert!(agreed(&mut state).is_empty(), "the seat is not what it was");
}

#[test]
fn what_is_sold_is_cancelled_by_the_command_of_its_kind() {
    for (place, expected) in [
        ("seats", ["schedule", "cancel", "01928a7c-0005-7000-8000-000000000000"]),
        ("shows", ["event", "cancel", EVENT]),
        ("listings", ["listing", "cancel", EVENT]),
    ] {
        let mut state = at_place(place);
        press(&mut state, "ac\tflood\n");
        assert_eq!(agreed(&mut state)[0][..3], expected, "{place}");
    }
}

#[test]
fn what_is_cancelled_can_be_finished_while_bookings_of_it_are_left() {
    let cancel = |place: &str| {
        let screen = crate::screens::ScreenId::named(place).unwrap().get();
        screen.actions.iter().find(|action| action.key == 'c').unwrap()
    };
    for place in ["seats", "shows"] {
        let action = cancel(place);
        let left = json!({"status": "CANCELLED", "held": 1, "sold": 1_200});
        assert_eq!((action.off)(&left), None, "{place}");
        assert_eq!(action.title_for(&left), "Finish the cancellation: bookings of 1,201 seats are left");
        let done = json!({"status": "CANCELLED", "held": 0, "sold": 0});
        assert_eq!((action.off)(&done), Some("it is cancelled already"), "{place}");
        assert_eq!(action.title_for(&done), action.title);
    }
    let listing = json!({"status": "cancelled", "held": 1, "sold": 0});
    assert!((cancel("listings").off)(&listing).is_some());
}

#[test]
fn what_is_sold_has_a_story() {
    for place in ["seats", "shows", "listings", "orders"] {
        let mut state = at_place(place);
        let (_, id, _) = state.selected().unwrap();
        press(&mut state, "w");
        let why = crate::screens::ScreenId::named("why").unwrap();
        assert_eq!(*state.trail.here(), Spot::Item(why, id), "{place}");
    }
}

#[test]
fn ids_of_what_a_command_is_about_are_proposed() {
    let mut state = at_place("overview");
    for (typed, screen) in
        [("event cancel ", "shows"), ("listing cancel ", "listings"), ("order cancel ", "orders")]
    {
        state
            .commands
            .push(crate::desk::CommandHelp { words: typed.trim().to_owned(), ..Default::default() });
        press(&mut state, &format!(":{typed}"));
        let row = state.feed_of(&Spot::parse(screen).unwrap()).row(0).cloned().unwrap();
        let found = state.proposals(typed);
        assert!(
            found.iter().any(|it| it.words == format!("{typed}{}", row["id"].as_str().unwrap())),
            "{found:?}"
        );
        press(&mut state, "\u{1b}");
    }
    assert!(state.feed_of(&OVERVIEW).at.is_some());
}

#[test]
fn a_frame_of_twenty_thousand_seats_looks_at_those_that_are_seen() {
    let mut state = at_place("shows");
    press(&mut state, "\n\n");
    let seats: Vec<_> =
        (1..=20_000).map(|n| json!({"seatNumber": format!("FLOOR-{n}"), "state": "free"})).collect();
    state.tick(state.now.plus_seconds(60));
    settle_with(&mut state, |command| match command.contains(&"--section".to_owned()) {
        true => Ok(Answer { rows: vec![json!({"seats": seats})], ..Answer::default() }),
        false => answer(command),
    });
    assert_eq!(state.feed().seating.len(), 20_000);
    let begun = std::time::Instant::now();
    for _ in 0..100 {
        press(&mut state, "↓→");
    }
    // Without optimisation, on a busy machine; over all seats it would take seconds.
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    assert_eq!(
        state.seat_of().unwrap().0,
        format!("{EVENT}/FLOOR-101"),
        "one line, as nothing was drawn yet"
    );
}
