//! What the dashboard knows, and how it changes. No widget, no store, no clock: the time is told to it.

use crate::TimeStyle;
use crate::input::Input;
use crate::picture::Picture;
use crate::rate::History;
use crate::watch::Look;
use jiff::tz::TimeZone;
use ticketing_core::domain::time::Timestamp;

/// A picture that is older than this, in seconds, is not live any more, whatever the reason.
const LIVE_SECONDS_MAX: i64 = 5;

/// What is to be done after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: what is on the screen is still so.
    Nothing,
    /// Draw what differs.
    Draw,
    /// Draw everything.
    Redraw,
    /// Leave.
    Quit,
}

/// How it stands with the stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// No answer yet.
    Connecting,
    /// The last look saw them.
    Up,
    /// The last look failed.
    Lost {
        /// Why, as a harmless line.
        why: String,
    },
}

/// How the picture on the screen is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// There is no picture yet.
    Connecting,
    /// It is how things are.
    Live,
    /// It was not renewed in time.
    Stale,
    /// The person wants it to stand still.
    Paused,
    /// The store does not answer.
    Lost,
}

/// What the dashboard knows.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Where the store is, without a password.
    pub address: String,
    /// The zone of local times.
    pub zone: TimeZone,
    /// How times are shown.
    pub time: TimeStyle,
    /// The time, as last told.
    pub now: Timestamp,
    /// How it stands with the stores, also while paused.
    pub link: Link,
    /// What is shown.
    pub picture: Option<Picture>,
    /// The looks so far.
    pub history: History,
    /// Whether the help is open.
    pub is_help_open: bool,
    paused_at: Option<Timestamp>,
    /// The newest picture that came while paused.
    missed: Option<Picture>,
}

impl State {
    /// Returns the state before anything is known.
    pub(crate) fn new(address: String, time: TimeStyle, zone: TimeZone, now: Timestamp) -> Self {
        Self {
            address,
            zone,
            time,
            now,
            link: Link::Connecting,
            picture: None,
            history: History::default(),
            is_help_open: false,
            paused_at: None,
            missed: None,
        }
    }

    /// Takes note that a second has passed: ages and seconds left are others now.
    pub(crate) const fn tick(&mut self, now: Timestamp) -> Next {
        self.now = now;
        Next::Draw
    }

    /// Takes a look at the stores into the picture, or keeps it for later while paused.
    pub(crate) fn look(&mut self, look: Look, now: Timestamp) -> Next {
        self.now = now;
        match look {
            Look::Saw(picture) => {
                self.link = Link::Up;
                self.history.add(picture.sample());
                if self.paused_at.is_some() {
                    self.missed = Some(*picture);
                } else {
                    self.picture = Some(*picture);
                }
            }
            Look::Failed { why } => self.link = Link::Lost { why },
        }
        Next::Draw
    }

    /// Does what the person wants.
    pub(crate) fn input(&mut self, input: Input, now: Timestamp) -> Next {
        self.now = now;
        match input {
            Input::Quit => return Next::Quit,
            Input::Back if !self.is_help_open => return Next::Quit,
            Input::Back => self.is_help_open = false,
            Input::Help => self.is_help_open = !self.is_help_open,
            Input::Time => self.time = self.time.next(),
            Input::Pause => return self.pause(),
            Input::Redraw => return Next::Redraw,
            Input::Resized => {}
        }
        Next::Draw
    }

    /// Nothing can be paused before there is a picture.
    fn pause(&mut self) -> Next {
        if self.paused_at.take().is_some() {
            self.picture = self.missed.take().or(self.picture.take());
            return Next::Draw;
        }
        if self.picture.is_none() {
            return Next::Nothing;
        }
        self.paused_at = Some(self.now);
        Next::Draw
    }

    /// Returns the moment that the screen shows: now; or when it was paused; or the last one that was seen of
    /// a lost store.
    pub(crate) fn shown_at(&self) -> Timestamp {
        match (self.paused_at, &self.link, &self.picture) {
            (Some(at), _, _) => at,
            (None, Link::Lost { .. }, Some(picture)) => picture.status.at,
            (None, _, _) => self.now,
        }
    }

    /// Returns how old the picture is, in seconds.
    pub(crate) fn age_seconds(&self) -> Option<i64> {
        let at = self.picture.as_ref()?.status.at;
        Some((self.now.as_millis() - at.as_millis()).max(0) / 1000)
    }

    /// Returns how the picture is to be taken. A lost store is worse news than a pause, so it is told first.
    pub(crate) fn health(&self) -> Health {
        match (&self.link, self.age_seconds()) {
            (_, None) => Health::Connecting,
            (Link::Lost { .. }, Some(_)) => Health::Lost,
            (Link::Connecting | Link::Up, Some(_)) if self.paused_at.is_some() => Health::Paused,
            (Link::Connecting | Link::Up, Some(age)) if age > LIVE_SECONDS_MAX => Health::Stale,
            (Link::Connecting | Link::Up, Some(_)) => Health::Live,
        }
    }

    /// Says whether the picture stands still because somebody wants it to.
    pub(crate) const fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Health, Next, State};
    use crate::TimeStyle;
    use crate::input::Input;
    use crate::sample::{self, picture};
    use crate::watch::Look;
    use ticketing_core::domain::time::Timestamp;

    /// What happens to the dashboard in a test.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        /// So many seconds pass.
        Wait(i64),
        /// A look sees this head.
        Saw(i64),
        Failed,
        Key(Input),
    }

    fn after(steps: &[Step]) -> (State, Next) {
        let mut state = sample::state();
        let mut next = Next::Nothing;
        for step in steps {
            let now = state.now;
            next = match *step {
                Step::Wait(seconds) => state.tick(now.plus_seconds(seconds)),
                Step::Saw(head) => state.look(Look::Saw(Box::new(picture(now, head))), now),
                Step::Failed => state.look(Look::Failed { why: "gone".into() }, now),
                Step::Key(input) => state.input(input, now),
            };
        }
        (state, next)
    }

    /// What happens, and what is then told: the health, the head that is shown, its age.
    type Row<'a> = (&'a [Step], Health, Option<i64>, Option<i64>);

    #[test]
    fn the_health_of_the_picture_is_told_as_it_is() {
        use Input::Pause;
        use Step::{Failed, Key, Saw, Wait};
        let rows: [Row<'_>; 14] = [
            (&[], Health::Connecting, None, None),
            (&[Failed], Health::Connecting, None, None),
            (&[Key(Pause)], Health::Connecting, None, None),
            (&[Saw(7)], Health::Live, Some(7), Some(0)),
            (&[Saw(7), Wait(5)], Health::Live, Some(7), Some(5)),
            (&[Saw(7), Wait(6)], Health::Stale, Some(7), Some(6)),
            (&[Saw(7), Wait(6), Saw(8)], Health::Live, Some(8), Some(0)),
            (&[Saw(7), Wait(1), Failed], Health::Lost, Some(7), Some(1)),
            (&[Saw(7), Failed, Wait(60), Saw(9)], Health::Live, Some(9), Some(0)),
            (&[Saw(7), Key(Pause), Wait(1), Saw(8)], Health::Paused, Some(7), Some(1)),
            (&[Saw(7), Key(Pause), Wait(1), Saw(8), Key(Pause)], Health::Live, Some(8), Some(0)),
            (&[Saw(7), Key(Pause), Wait(1), Key(Pause)], Health::Live, Some(7), Some(1)),
            (&[Saw(7), Key(Pause), Wait(1), Failed], Health::Lost, Some(7), Some(1)),
            // A clock that was set back makes nothing older than new.
            (&[Saw(7), Wait(-90)], Health::Live, Some(7), Some(0)),
        ];
        for (steps, health, head, age) in rows {
            let (state, _) = after(steps);
            let shown = state.picture.as_ref().map(|picture| picture.status.head);
            assert_eq!((state.health(), shown, state.age_seconds()), (health, head, age), "{steps:?}");
        }
    }

    #[test]
    fn a_pause_and_a_lost_store_stop_the_shown_time_and_not_the_clock() {
        let (state, _) = after(&[Step::Saw(7), Step::Key(Input::Pause), Step::Wait(9)]);
        assert_eq!(state.now.as_millis() - state.shown_at().as_millis(), 9_000);
        assert!(state.is_paused());
        let (state, _) =
            after(&[Step::Saw(7), Step::Key(Input::Pause), Step::Wait(9), Step::Key(Input::Pause)]);
        assert_eq!(state.now, state.shown_at());
        let (state, _) = after(&[Step::Saw(7), Step::Wait(2), Step::Failed, Step::Wait(9)]);
        assert_eq!(state.now.as_millis() - state.shown_at().as_millis(), 11_000);
    }

    #[test]
    fn each_input_says_what_is_to_be_done() {
        use Input::{Back, Help, Pause, Quit, Redraw, Resized, Time};
        let rows: [(&[Input], Next); 10] = [
            (&[Quit], Next::Quit),
            (&[Help, Quit], Next::Quit),
            (&[Back], Next::Quit),
            (&[Help], Next::Draw),
            (&[Help, Back], Next::Draw),
            (&[Help, Back, Back], Next::Quit),
            (&[Pause], Next::Nothing),
            (&[Time], Next::Draw),
            (&[Redraw], Next::Redraw),
            (&[Resized], Next::Draw),
        ];
        for (inputs, expected) in rows {
            let steps: Vec<Step> = inputs.iter().map(|input| Step::Key(*input)).collect();
            assert_eq!(after(&steps).1, expected, "{inputs:?}");
        }
    }

    #[test]
    fn the_styles_of_time_go_round() {
        let mut style = TimeStyle::Relative;
        for expected in [TimeStyle::Utc, TimeStyle::Local, TimeStyle::Relative] {
            style = style.next();
            assert_eq!(style, expected);
        }
    }

    #[test]
    fn rates_go_on_behind_a_pause() {
        let steps =
            [Step::Saw(10), Step::Key(Input::Pause), Step::Wait(1), Step::Saw(14), Step::Key(Input::Pause)];
        let (state, _) = after(&steps);
        let rates = state.history.rates(state.now, 10).unwrap();
        assert_eq!(rates.events, 4.0);
        assert_eq!(state.history.rates(Timestamp::default(), 10), None);
    }
}
