//! What the dashboard knows, and how it changes. No widget, no store, no clock: the time is told to it, and what it
//! wants done is an [`Effect`] for the loop.

mod asking;
mod browse;
mod change;
#[cfg(test)]
mod change_tests;
mod cursor;
mod feed;
mod health;
mod line;
mod menu;
mod palette;
mod prompt;
mod seat;
#[cfg(test)]
mod sold_tests;
#[cfg(test)]
mod tests;
mod trail;

pub(crate) use browse::KEYS;
pub(crate) use change::{Change, Focus, Stage, Target};
pub(crate) use cursor::Cursor;
pub(crate) use feed::{Eta, Feed};
pub(crate) use health::Health;
pub(crate) use line::Line;
pub(crate) use menu::{Menu, Offer, Tried, is_safe};
pub(crate) use palette::{Palette, quoted};
pub(crate) use prompt::FilterPrompt;
pub(crate) use trail::Spot;
use trail::Trail;

use crate::TimeStyle;
use crate::desk::{Answer, CommandHelp, EXIT_NOT_FOUND, Hint, Place, Refusal};
use crate::input::Input;
use crate::rate::{History, Sample, Traffic};
use crate::row::{Tone, number};
use crate::screens::ScreenId;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::time::Duration;
use ticketing_core::domain::time::Timestamp;

/// What is said stays on the screen for so many seconds.
const SAID_SECONDS: i64 = 8;
/// So many places keep their last picture.
const FEEDS_MAX: usize = 24;
/// Rows that are asked for, until the person wants more.
pub(crate) const LIMIT_DEFAULT: usize = 1_000;
/// Nobody wants more rows than this on a screen.
pub(crate) const LIMIT_MAX: usize = 100_000;
/// Events that are asked for at once: what comes faster is counted, not read.
const RING_LIMIT: usize = 2_000;
/// The first screen, whose command is asked whatever is shown.
pub(crate) const OVERVIEW: Spot = Spot::Screen(ScreenId(0));

/// What the loop is to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Leave.
    Quit,
    /// Draw everything anew.
    Redraw,
    /// Run a command and tell what came of it.
    Ask(Ask),
    /// Put a text into the person's clipboard.
    Copy(String),
    /// Show a text in the pager.
    Page(String),
    /// Write a file of these lines, named by this word.
    Save(&'static str, Vec<String>),
    /// Stop, as ctrl-z does.
    Suspend,
    /// Take the mouse, or give it back.
    Mouse(bool),
}

/// A command to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Its number.
    pub question: u64,
    /// Who wants to know.
    pub to: To,
    /// Its words.
    pub command: Vec<String>,
}

/// Who wants to know what came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// A place.
    Spot(Spot),
    /// A filter that is being tried on a screen.
    Filter(ScreenId, String),
    /// A menu that wants to know what would be refused.
    Tried(Box<Tried>),
    /// A change that wants its plan.
    Plan,
    /// A change that is being made.
    Change,
}

/// What came of a command.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub question: u64,
    pub to: To,
    pub result: Result<Answer, Refusal>,
    pub took: Duration,
}

/// What lies over the picture.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    /// The keys, from this line on.
    Help(usize),
    /// A command is being typed.
    Palette(Palette),
    /// A filter is being typed.
    Filter(FilterPrompt),
    /// What can be done to the selected thing.
    Menu(Menu),
    /// A change, from its plan to its outcome.
    Change(Box<Change>),
}

/// What the view saw when it drew: the state needs it to move by pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// Rows or lines that fit.
    pub page: usize,
    /// The first of them.
    pub offset: usize,
    /// The last offset that makes sense.
    pub offset_max: usize,
    /// Where the first row is, from the top.
    pub top: u16,
    /// Things beside each other on a line, where there is more than one.
    pub per_line: usize,
}

/// What is said at the foot of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub text: String,
    pub tone: Tone,
    until: Timestamp,
}

/// What the dashboard knows.
#[derive(Debug)]
pub(crate) struct State {
    /// What it works on.
    pub place: Place,
    /// The zone of local times.
    pub zone: TimeZone,
    /// How times are shown.
    pub time: TimeStyle,
    /// The time, as last told.
    pub now: Timestamp,
    /// Where the person is and was.
    pub trail: Trail,
    /// What lies over the picture.
    pub layer: Option<Layer>,
    /// The looks so far.
    pub history: History,
    /// What the server answered, look by look.
    pub traffic: Traffic,
    /// The filter of each screen that has one.
    pub filters: HashMap<ScreenId, String>,
    /// The commands that the palette knows.
    pub commands: Vec<CommandHelp>,
    /// Whether the mouse is taken.
    pub has_mouse: bool,
    /// What the view saw.
    pub drawn: Drawn,
    /// Looks that were not answered, so far.
    pub failed_looks: u64,
    /// The legs of each departure whose seats are looked at, as places among its stops.
    pub legs: HashMap<String, (usize, usize)>,
    /// Whether the desk tells when something has changed.
    pub hears_changes: bool,
    /// What was typed at the palette, the latest last.
    lines: Vec<String>,
    /// Why actions of the thing at hand would be refused; nothing for those that would not.
    tried: HashMap<Tried, Option<String>>,
    limits: HashMap<ScreenId, usize>,
    feeds: HashMap<Spot, Feed>,
    cursors: HashMap<Spot, Cursor>,
    said: Option<Said>,
    paused_at: Option<Timestamp>,
    questions: u64,
    effects: Vec<Effect>,
    nothing: Feed,
}

impl State {
    /// Returns the state before anything is known.
    pub(crate) fn new(place: Place, start: Spot, time: TimeStyle, zone: TimeZone, now: Timestamp) -> Self {
        Self {
            place,
            zone,
            time,
            now,
            trail: Trail::new(start),
            layer: None,
            history: History::default(),
            traffic: Traffic::default(),
            filters: HashMap::new(),
            commands: Vec::new(),
            has_mouse: false,
            drawn: Drawn::default(),
            failed_looks: 0,
            legs: HashMap::new(),
            hears_changes: false,
            lines: Vec::new(),
            tried: HashMap::new(),
            limits: HashMap::new(),
            feeds: HashMap::new(),
            cursors: HashMap::new(),
            said: None,
            paused_at: None,
            questions: 0,
            effects: Vec::new(),
            nothing: Feed::default(),
        }
    }

    /// Returns what the loop is to do, once.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Takes note that time has passed: ages are others now, and something may be due.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.now = now;
        if self.said.as_ref().is_some_and(|said| said.until <= now) {
            self.said = None;
        }
        self.ask_what_is_due();
    }

    /// Does what the person wants.
    pub(crate) fn input(&mut self, input: Input, now: Timestamp) {
        self.now = now;
        match input {
            Input::Key(crate::input::Key::Ctrl('c')) => self.effects.push(Effect::Quit),
            Input::Key(crate::input::Key::Ctrl('z')) => self.effects.push(Effect::Suspend),
            Input::Key(crate::input::Key::Ctrl('l')) => self.effects.push(Effect::Redraw),
            Input::Key(key) => {
                self.said = None;
                match self.layer.take() {
                    None => self.browse(key),
                    Some(layer) => self.layer_key(layer, key),
                }
            }
            Input::Paste(text) => match &mut self.layer {
                Some(Layer::Palette(palette)) => palette.paste(&text),
                Some(Layer::Filter(prompt)) => prompt.line.paste(&text),
                Some(Layer::Change(change)) => {
                    if !change.paste(&text) {
                        self.say(Tone::Plain, "Nothing was pasted: tab leads to a line that takes text.");
                    }
                }
                Some(Layer::Help(_) | Layer::Menu(_)) | None => {
                    self.say(
                        Tone::Plain,
                        "Pasted text is no key: open the palette with : or the filter with / first.",
                    );
                }
            },
            Input::Wheel(lines) => self.scroll(i64::from(lines)),
            Input::Click { y, .. } => self.click(y),
            Input::Resized => {}
        }
        self.ask_what_is_due();
    }

    fn layer_key(&mut self, layer: Layer, key: crate::input::Key) {
        match layer {
            Layer::Help(line) => self.help_key(line, key),
            Layer::Palette(palette) => self.palette_key(palette, key),
            Layer::Filter(prompt) => self.filter_key(prompt, key),
            Layer::Menu(menu) => self.menu_key(menu, key),
            Layer::Change(change) => self.change_key(change, key),
        }
    }

    /// Takes in what the desk tells unasked; says whether that is to be seen.
    pub(crate) fn hint(&mut self, hint: Hint, now: Timestamp) -> bool {
        self.now = now;
        match hint {
            Hint::Hearing => self.hears_changes = true,
            Hint::Deaf => self.hears_changes = false,
            Hint::Changed => {}
        }
        // What happened while nobody listened is not known, either.
        for feed in self.feeds.values_mut() {
            feed.changed();
        }
        self.ask_what_is_due();
        hint != Hint::Changed
    }

    /// Takes in what came of a command; says whether that is to be seen where the person is.
    pub(crate) fn told(&mut self, told: Told, now: Timestamp) -> bool {
        self.now = now;
        let is_seen = !matches!(&told.to, To::Spot(spot) if spot != self.trail.here());
        match told.to {
            To::Spot(spot) => self.feed_told(&spot, told.question, told.result, told.took),
            To::Filter(screen, text) => self.filter_told(screen, text, told.question, told.result, told.took),
            To::Tried(tried) => self.tried_told(*tried, told.result),
            To::Plan => self.plan_told(told.question, told.result),
            To::Change => self.change_told(told.question, told.result),
        }
        self.ask_what_is_due();
        is_seen
    }

    fn feed_told(&mut self, spot: &Spot, question: u64, mut result: Result<Answer, Refusal>, took: Duration) {
        let screen = spot.screen().get();
        let query_here = self.filter_here(spot);
        let Some(feed) = self.feeds.get_mut(spot).filter(|feed| feed.question == question) else { return };
        let gone = result.as_mut().ok().and_then(|answer| only_its_row(spot, answer));
        match gone.map_or(result, Err) {
            Ok(answer) => feed.answered(screen, answer, took, self.now),
            Err(refusal) => {
                self.failed_looks += 1;
                return feed.refused(refusal, self.now);
            }
        }
        feed.look_for(query_here.as_deref());
        if *spot == OVERVIEW
            && let Some(status) = feed.object()
        {
            let figure = |path| number(status, path);
            if let (Some(head), Some(bookings)) = (figure("head"), figure("tickets")) {
                self.history.add(Sample { at: self.now, head, bookings: bookings.unsigned_abs() });
            }
            self.traffic.add(self.now, crate::rate::requests_of(status));
        }
        if spot.is_table() {
            self.cursors.entry(spot.clone()).or_default().settle(screen, feed);
        }
        self.watch_target(spot);
    }

    /// Returns what is known of where the person is.
    pub(crate) fn feed(&self) -> &Feed {
        self.feed_of(self.trail.here())
    }

    /// Returns what is known of a place.
    pub(crate) fn feed_of(&self, spot: &Spot) -> &Feed {
        self.feeds.get(spot).unwrap_or(&self.nothing)
    }

    /// Returns the selection where the person is.
    pub(crate) fn cursor(&self) -> Cursor {
        self.cursors.get(self.trail.here()).cloned().unwrap_or_default()
    }

    /// Returns what is said at the foot of the screen.
    pub(crate) const fn said(&self) -> Option<&Said> {
        self.said.as_ref()
    }

    /// Says something at the foot of the screen.
    pub(crate) fn say(&mut self, tone: Tone, text: impl Into<String>) {
        let until = self.now.plus_seconds(SAID_SECONDS);
        self.said = Some(Said { text: text.into(), tone, until });
    }

    /// Puts a text into the person's clipboard, and says so.
    pub(super) fn copy(&mut self, text: String) {
        let shown = crate::text::harmless_up_to(&text, 300);
        let apart = if self.place.is_apart { " No shell reaches what it is about." } else { "" };
        self.say(Tone::Plain, format!("Copied, if the terminal lets programs copy: {shown}{apart}"));
        self.effects.push(Effect::Copy(text));
    }

    /// Returns a command as it is typed in a shell.
    pub(crate) fn shell_line(&self, command: &[String]) -> String {
        let words = self.place.flags.iter().chain(command).map(|word| quoted(word));
        std::iter::once("ticketctl".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// Leaves of a list the row that a place is of, if its list is all that can be asked; says if it is not there.
fn only_its_row(spot: &Spot, answer: &mut Answer) -> Option<Refusal> {
    let Spot::Item(screen, id) = spot else { return None };
    let screen = screen.get();
    if !screen.item.is_empty() {
        return None;
    }
    answer.rows.retain(|row| screen.id_of(row) == *id);
    answer.rows.is_empty().then(|| Refusal {
        exit: EXIT_NOT_FOUND,
        code: "NOT_FOUND".to_owned(),
        message: format!("There is no {} {} among the latest.", screen.noun, crate::text::harmless(id)),
        hint: Some(format!("ticketctl {}", screen.command.join(" "))),
        ..Refusal::default()
    })
}
