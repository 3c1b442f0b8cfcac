//! The operator's dashboard: [`run`] takes the terminal over, shows how the platform is, lets an operator mend it, and
//! gives the terminal back.
//!
//! Everything it shows or does is a `ticketctl` command, run through a [`Desk`]; it has no rule and no SQL of its own.
//! `state` is what is known and what the keys do, `screens` says as data what each screen asks and can do, `view`
//! draws, `input` reads keys, `screen` takes and returns the terminal; here they meet in one loop.

mod desk;
mod input;
mod outside;
mod parts;
mod problems;
mod rate;
mod row;
#[cfg(test)]
mod sample;
mod screen;
mod screens;
mod seating;
mod state;
mod text;
mod view;

pub use desk::{Answer, Colour, CommandHelp, Desk, Hint, Place, Refusal, Running};

use crate::desk::EXIT_UNREACHABLE;
use input::{Gate, Input};
use jiff::tz::TimeZone;
use outside::Signal;
use ratatui::layout::{Position, Rect};
use ratatui::{Terminal, backend::Backend};
use row::Tone;
use screen::{Canvas, Screen};
use state::{Ask, Effect, OVERVIEW, Spot, State, To, Told};
use std::any::Any;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;
use ticketing_core::clock::Clock;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use view::Theme;

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeStyle {
    /// `in 14m`, `3h ago`.
    #[default]
    Relative,
    /// RFC 3339, UTC.
    Utc,
    /// In this machine's zone.
    Local,
}

impl TimeStyle {
    /// Returns the style that follows when they are gone through.
    const fn next(self) -> Self {
        match self {
            Self::Relative => Self::Utc,
            Self::Utc => Self::Local,
            Self::Local => Self::Relative,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Relative => "relative",
            Self::Utc => "UTC",
            Self::Local => "local",
        }
    }
}

/// How the dashboard looks, waits, and what it may do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it opens: `saga/ID`, `sagas`; the overview without it.
    pub at: Option<String>,
    /// Whether it never changes anything, whatever its place allows.
    pub readonly: bool,
    /// How times are shown at first.
    pub time: TimeStyle,
    /// Whether there may be colour.
    pub colour: bool,
    /// So long a look may take; a change takes as long as it takes.
    pub timeout: Duration,
    /// The commands that the palette knows, and no others.
    pub commands: Vec<CommandHelp>,
}

/// Returns the commands whose lists are filtered by a query, each with the fields that the dashboard proposes for it.
#[must_use]
pub fn filters() -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    let with_query = screens::SCREENS.iter().filter(|screen| !screen.query.is_empty());
    with_query
        .map(|screen| (screen.command.to_vec(), screen.query.iter().map(|field| field.name).collect()))
        .collect()
}

/// How the dashboard ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By a key.
    Quit,
    /// By SIGINT.
    Interrupted,
    /// By SIGTERM.
    Terminated,
    /// By SIGHUP: the terminal is gone.
    HungUp,
}

/// Why the dashboard could not begin, or go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// [`Options::at`] names no place; this says which there are.
    #[error("{0}")]
    At(String),
    /// The terminal can't be drawn on or read.
    #[error("the terminal can't be used: {0}")]
    Terminal(#[from] io::Error),
}

/// Keys that wait for their turn; past it, the terminal keeps them.
const INPUTS_QUEUED_MAX: usize = 64;
/// Ending waits no longer than this for the one who reads the keys.
const KEYBOARD_WAIT: Duration = Duration::from_millis(500);
/// Answers that wait to be taken in.
const NEWS_QUEUED_MAX: usize = 16;
/// With this in the environment the dashboard panics once it has drawn: so that anybody can see that the terminal is
/// given back even then.
const PANIC_ENV: &str = "TICKETCTL_TUI_PANIC";
/// With this in the environment the dashboard ends once it has drawn, and says on stderr how long that took.
const FIRST_FRAME_ENV: &str = "TICKETCTL_TUI_FIRST_FRAME";

/// Shows the dashboard until a key or a signal ends it. The terminal is given back on every way out.
///
/// SIGINT, SIGTERM and SIGHUP are listened to from the first call on, for as long as the process lives. It must run on
/// a multi-threaded runtime. A change that is under way when it ends is not waited for.
///
/// # Errors
/// [`TuiError::At`] for a place that is none; [`TuiError::Terminal`] for what the terminal says. A desk that does not
/// answer, or stops answering, is shown as such and asked again.
pub async fn run(desk: Arc<dyn Desk>, options: Options) -> Result<Ended, TuiError> {
    let begun = Instant::now();
    let start = options.at.as_deref().map(Spot::parse).transpose().map_err(TuiError::At)?;
    let signals = outside::signals()?;
    let mut screen = Screen::take()?;
    let clock = Clock::system();
    let mut place = desk.place();
    place.readonly |= options.readonly;
    let mut state =
        State::new(place, start.unwrap_or(OVERVIEW), options.time, TimeZone::system(), clock.now());
    state.commands = options.commands;
    let theme = Theme { has_colour: options.colour };

    let gate = Arc::new(Gate::default());
    let (inputs_in, inputs) = mpsc::channel(INPUTS_QUEUED_MAX);
    let ears = Arc::clone(&gate);
    let keyboard = std::thread::spawn(move || input::read(&inputs_in, &ears));
    let (news_in, news) = mpsc::channel(NEWS_QUEUED_MAX);
    let hints = desk.hints();
    let sources = Sources { inputs, news, hints, signals, clock };
    let hands = Hands { desk, news: news_in, patience: options.timeout, gate };
    let stopped = attend(&mut screen, state, theme, sources, &hands).await;
    screen.give_back();
    // Until it ends it would take keys from whoever comes next.
    hands.gate.open();
    input::nudge();
    // Of a terminal that is gone it never ends: then it ends with the process.
    let _ = timeout(KEYBOARD_WAIT, tokio::task::spawn_blocking(move || keyboard.join())).await;
    match stopped? {
        Stopped::By(ended) => Ok(ended),
        Stopped::Drawn(at) => {
            let millis = at.duration_since(begun).as_secs_f64() * 1_000.0;
            writeln!(io::stderr(), "The first frame was drawn after {millis:.1} ms.")?;
            Ok(Ended::Quit)
        }
        Stopped::Keyboard(error) => Err(error.into()),
        Stopped::Crash(crash) => std::panic::resume_unwind(crash),
    }
}

/// Where things come from that change the picture.
struct Sources {
    inputs: mpsc::Receiver<io::Result<Input>>,
    news: mpsc::Receiver<News>,
    hints: Option<mpsc::Receiver<Hint>>,
    signals: mpsc::Receiver<Signal>,
    clock: Clock,
}

/// What the loop works with.
struct Hands {
    desk: Arc<dyn Desk>,
    news: mpsc::Sender<News>,
    patience: Duration,
    gate: Arc<Gate>,
}

/// What came of a command that was run.
enum News {
    Told(Told),
    Crash(Box<dyn Any + Send>),
}

/// Why the loop ended.
enum Stopped {
    By(Ended),
    /// Only the first frame was wanted; it was drawn then.
    Drawn(Instant),
    /// No key can be read any more.
    Keyboard(io::Error),
    /// A command panicked.
    Crash(Box<dyn Any + Send>),
}

/// Draws the first frame before anything is asked, then on each change and once a second.
async fn attend<C: Canvas>(
    canvas: &mut C,
    mut state: State,
    theme: Theme,
    mut sources: Sources,
    hands: &Hands,
) -> io::Result<Stopped> {
    const SECOND: Duration = Duration::from_secs(1);
    let mut second = interval_at(Instant::now() + SECOND, SECOND);
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    draw(canvas.terminal(), &mut state, theme)?;
    let is_set = |name| std::env::var_os(name).is_some_and(|value| value == "1");
    if is_set(FIRST_FRAME_ENV) {
        return Ok(Stopped::Drawn(Instant::now()));
    }
    if is_set(PANIC_ENV) {
        std::panic::panic_any(format!("{PANIC_ENV} is set"));
    }
    state.tick(sources.clock.now());
    let mut is_seen = false;
    loop {
        for effect in state.take_effects() {
            is_seen |= !matches!(effect, Effect::Ask(_));
            if let Some(stopped) = act(effect, canvas, &mut state, &mut sources, hands).await? {
                return Ok(stopped);
            }
        }
        if is_seen {
            draw(canvas.terminal(), &mut state, theme)?;
        }
        is_seen = true;
        tokio::select! {
            biased;
            signal = sources.signals.recv() => match signal {
                Some(Signal::End(ended)) => return Ok(Stopped::By(ended)),
                Some(Signal::Continued) => {
                    canvas.retake()?;
                    blank(canvas.terminal())?;
                }
                None => return Ok(Stopped::By(Ended::Terminated)),
            },
            _ = second.tick() => state.tick(sources.clock.now()),
            input = sources.inputs.recv() => {
                let mut next = input;
                loop {
                    match next {
                        Some(Ok(input)) => state.input(input, sources.clock.now()),
                        Some(Err(error)) => return Ok(Stopped::Keyboard(error)),
                        None => return Ok(Stopped::Keyboard(io::ErrorKind::UnexpectedEof.into())),
                    }
                    // What is typed faster than it can be drawn is drawn once.
                    next = match sources.inputs.try_recv() {
                        Ok(input) => Some(input),
                        Err(_) => break,
                    };
                }
            }
            hint = next_hint(&mut sources.hints) => is_seen = state.hint(hint, sources.clock.now()),
            news = sources.news.recv() => match news {
                Some(News::Told(told)) => is_seen = state.told(told, sources.clock.now()),
                Some(News::Crash(crash)) => return Ok(Stopped::Crash(crash)),
                // The loop itself holds the other end.
                None => return Ok(Stopped::By(Ended::Terminated)),
            },
        }
    }
}

/// Waits for what the desk tells unasked: for ever, where it tells nothing.
async fn next_hint(hints: &mut Option<mpsc::Receiver<Hint>>) -> Hint {
    let Some(from) = hints else { return std::future::pending().await };
    match from.recv().await {
        Some(hint) => hint,
        // Whoever listened for it has ended: from now on one has to look.
        None => {
            *hints = None;
            Hint::Deaf
        }
    }
}

/// Does what the state wants done; says if that ends the loop.
async fn act<C: Canvas>(
    effect: Effect,
    canvas: &mut C,
    state: &mut State,
    sources: &mut Sources,
    hands: &Hands,
) -> io::Result<Option<Stopped>> {
    match effect {
        Effect::Quit => return Ok(Some(Stopped::By(Ended::Quit))),
        Effect::Redraw => blank(canvas.terminal())?,
        Effect::Ask(ask) => {
            let (desk, news, patience) = (Arc::clone(&hands.desk), hands.news.clone(), hands.patience);
            tokio::spawn(async move {
                let answered = answer(desk, ask, patience).await;
                // If nobody listens any more, the dashboard has ended.
                let _ = news.send(answered).await;
            });
        }
        Effect::Copy(text) => canvas.copy(&text)?,
        Effect::Mouse(is_taken) => canvas.mouse(is_taken)?,
        Effect::Save(name, lines) => match outside::save(name, &lines, sources.clock.now()) {
            Ok(path) => {
                let said = match lines.len() {
                    1 => format!("1 row was written to {path}"),
                    count => format!("{} rows were written to {path}", text::grouped(count as u64)),
                };
                state.say(Tone::Good, said);
            }
            Err(why) => state.say(Tone::Bad, format!("The rows could not be written: {why}")),
        },
        Effect::Page(text) => {
            hands.gate.shut();
            canvas.leave();
            let paged = page(text, &mut sources.signals).await;
            if let Ok(Some(ended)) = paged {
                return Ok(Some(Stopped::By(ended)));
            }
            canvas.retake()?;
            blank(canvas.terminal())?;
            hands.gate.open();
            if let Err(why) = paged {
                state.say(
                    Tone::Bad,
                    format!("The pager could not be run: {why}. Set PAGER to one that there is."),
                );
            }
            state.tick(sources.clock.now());
        }
        Effect::Suspend => {
            hands.gate.shut();
            canvas.leave();
            let stopped = outside::stop();
            canvas.retake()?;
            blank(canvas.terminal())?;
            hands.gate.open();
            if let Err(why) = stopped {
                state.say(Tone::Bad, format!("It could not be stopped: {why}"));
            }
            state.tick(sources.clock.now());
        }
    }
    Ok(None)
}

/// Waits for the pager. Ctrl-c is the pager's own; the other signals end the dashboard, too.
async fn page(text: String, signals: &mut mpsc::Receiver<Signal>) -> io::Result<Option<Ended>> {
    let mut paging = tokio::task::spawn_blocking(move || outside::page(&text));
    loop {
        tokio::select! {
            done = &mut paging => return done.unwrap_or_else(|crash| Err(io::Error::other(crash))).map(|()| None),
            signal = signals.recv() => match signal {
                Some(Signal::End(Ended::Interrupted) | Signal::Continued) => {}
                Some(Signal::End(ended)) => return Ok(Some(ended)),
                None => return Ok(Some(Ended::Terminated)),
            },
        }
    }
}

/// Runs a command. A look that takes too long is given up; a change never is.
async fn answer(desk: Arc<dyn Desk>, ask: Ask, patience: Duration) -> News {
    let begun = Instant::now();
    let Ask { question, to, command } = ask;
    let is_change = to == To::Change;
    let mut work = tokio::spawn(async move { desk.run(command).await });
    let ended = if is_change { Ok((&mut work).await) } else { timeout(patience, &mut work).await };
    let result = match ended {
        Ok(Ok(result)) => result,
        Ok(Err(crash)) => {
            return News::Crash(if crash.is_panic() {
                crash.into_panic()
            } else {
                Box::new("a command was lost")
            });
        }
        Err(_) => {
            work.abort();
            Err(Refusal {
                exit: EXIT_UNREACHABLE,
                code: "TIMEOUT".to_owned(),
                message: format!("There was no answer within {} s.", patience.as_secs_f32()),
                retryable: true,
                ..Refusal::default()
            })
        }
    };
    News::Told(Told { question, to, result, took: begun.elapsed() })
}

fn draw<B: Backend>(terminal: &mut Terminal<B>, state: &mut State, theme: Theme) -> io::Result<()> {
    let mut drawn = state::Drawn::default();
    terminal.draw(|frame| drawn = view::draw(frame, state, theme)).map(|_| ()).map_err(io_error)?;
    state.drawn = drawn;
    Ok(())
}

/// Clears the screen, so that everything is drawn. `Terminal::clear` would ask the terminal where its cursor
/// is, and the keyboard's thread would take the answer.
fn blank<B: Backend>(terminal: &mut Terminal<B>) -> io::Result<()> {
    let size = terminal.size().map_err(io_error)?;
    terminal.resize(Rect::from((Position::ORIGIN, size))).map_err(io_error)
}

fn io_error(error: impl std::error::Error) -> io::Error {
    io::Error::other(error.to_string())
}

#[cfg(test)]
mod tests;
