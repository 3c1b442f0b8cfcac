//! What the dashboard knows, and how it changes. No widget, no store, no clock: the time is told to it, and what it
//! wants done is an [`Effect`] for the loop.

mod browse;
mod change;
#[cfg(test)]
mod change_tests;
mod cursor;
mod feed;
mod health;
mod line;
mod prompt;
#[cfg(test)]
mod tests;
mod trail;

pub(crate) use browse::KEYS;
pub(crate) use change::{Change, Focus, Menu, Stage};
pub(crate) use cursor::Cursor;
pub(crate) use feed::{Eta, Feed};
pub(crate) use health::Health;
pub(crate) use line::Line;
pub(crate) use prompt::{FilterPrompt, Palette, quoted};
pub(crate) use trail::Spot;
use trail::Trail;

use crate::TimeStyle;
use crate::desk::{Answer, CommandHelp, EXIT_NOT_FOUND, Place, Refusal};
use crate::input::Input;
use crate::rate::{History, Sample};
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
            filters: HashMap::new(),
            commands: Vec::new(),
            has_mouse: false,
            drawn: Drawn::default(),
            failed_looks: 0,
            legs: HashMap::new(),
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
                Some(Layer::Change(change)) => change.paste(&text),
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

    /// Takes in what came of a command; says whether that is to be seen where the person is.
    pub(crate) fn told(&mut self, told: Told, now: Timestamp) -> bool {
        self.now = now;
        let is_seen = !matches!(&told.to, To::Spot(spot) if spot != self.trail.here());
        match told.to {
            To::Spot(spot) => self.feed_told(&spot, told.question, told.result, told.took),
            To::Filter(screen, text) => self.filter_told(screen, text, told.question, told.result, told.took),
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
        }
        if let Spot::Screen(_) = spot {
            self.cursors.entry(spot.clone()).or_default().settle(screen, feed);
        }
        self.watch_target(spot);
    }

    /// Asks what is shown, and how the whole is, if it is time.
    fn ask_what_is_due(&mut self) {
        let here = self.trail.here().clone();
        for spot in [OVERVIEW, here] {
            let is_paused = self.paused_at.is_some();
            if spot.screen().get().command.is_empty() && matches!(spot, Spot::Screen(_)) && spot != OVERVIEW {
                continue;
            }
            let feed = self.feeds.entry(spot.clone()).or_default();
            // What was never seen is asked for even while the picture stands still.
            if !feed.is_due(self.now) || (is_paused && feed.at.is_some() && spot != OVERVIEW) {
                continue;
            }
            // An answer of a command that was typed does not renew itself.
            if matches!(spot, Spot::Answer(_)) && (feed.at.is_some() || feed.refusal.is_some()) {
                continue;
            }
            self.questions += 1;
            let question = self.questions;
            feed.asked(question, self.now);
            let command = self.command(&spot);
            self.effects.push(Effect::Ask(Ask { question, to: To::Spot(spot), command }));
        }
        self.forget_old_feeds();
    }

    fn forget_old_feeds(&mut self) {
        while self.feeds.len() > FEEDS_MAX {
            let here = self.trail.here();
            let oldest = self
                .feeds
                .iter()
                .filter(|(spot, feed)| *spot != here && **spot != OVERVIEW && feed.asked_at.is_none())
                .min_by_key(|(_, feed)| feed.at)
                .map(|(spot, _)| spot.clone());
            let Some(oldest) = oldest else { return };
            self.feeds.remove(&oldest);
            self.cursors.remove(&oldest);
        }
    }

    /// Returns the command whose answer a place shows.
    pub(crate) fn command(&self, spot: &Spot) -> Vec<String> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match spot {
            Spot::Screen(ScreenId(0)) => vec!["status".to_owned()],
            Spot::Screen(id) => self.list_command(*id, self.filters.get(id).map(String::as_str)),
            // Without a command for one thing, its row in the list is all there is.
            Spot::Item(id, _) if id.get().item.is_empty() => self.list_command(*id, None),
            Spot::Item(id, of) => {
                let mut words = owned(id.get().item);
                words.push(of.clone());
                if let Some((from, to)) = self.legs.get(of).and_then(|legs| self.stops_of(of, *legs)) {
                    words.extend(["--from".to_owned(), from, "--to".to_owned(), to]);
                }
                words
            }
            Spot::Answer(words) => words.clone(),
        }
    }

    /// Returns the command that lists a screen's rows, with a filter.
    fn list_command(&self, id: ScreenId, filter: Option<&str>) -> Vec<String> {
        let screen = id.get();
        let mut words: Vec<String> = screen.command.iter().map(|word| (*word).to_owned()).collect();
        if let Some(filter) = filter.filter(|_| self.takes_query(id)) {
            words.extend(["--query".to_owned(), filter.to_owned()]);
        }
        if screen.has_limit {
            words.extend(["--limit".to_owned(), self.limit(id).to_string()]);
        }
        words
    }

    /// Returns how many rows of a screen are asked for.
    pub(crate) fn limit(&self, id: ScreenId) -> usize {
        match id.get().look {
            crate::screens::Look::Ring => RING_LIMIT,
            crate::screens::Look::Table | crate::screens::Look::Overview => {
                self.limits.get(&id).copied().unwrap_or(LIMIT_DEFAULT)
            }
        }
    }

    /// Says whether a screen's command can filter.
    pub(crate) fn takes_query(&self, id: ScreenId) -> bool {
        let words = id.get().command.join(" ");
        match self.commands.iter().find(|command| command.words == words) {
            Some(command) => command.has("--query"),
            None => !id.get().query.is_empty(),
        }
    }

    /// Returns the filter of a place that is looked for in its rows, because its command can't.
    fn filter_here(&self, spot: &Spot) -> Option<String> {
        match spot {
            Spot::Screen(id) if !self.takes_query(*id) => self.filters.get(id).cloned(),
            Spot::Screen(_) | Spot::Item(..) | Spot::Answer(_) => None,
        }
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
