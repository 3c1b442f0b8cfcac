//! The live dashboard: [`run`] takes the terminal over, shows how the platform is, and gives it back.
//!
//! `watch` looks at the stores through `ticketing_core::ops`, `state` is what is known, `view` draws it,
//! `input` reads keys, `screen` takes and returns the terminal; here they meet in one loop. There is no SQL and
//! no rule in it, and it changes nothing.

mod input;
mod picture;
mod rate;
#[cfg(test)]
mod sample;
mod screen;
mod state;
mod text;
mod view;
mod watch;

use input::Input;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::layout::{Position, Rect};
use screen::Screen;
use state::{Next, State};
use std::future::Future;
use std::io;
use std::time::Duration;
use ticketing_core::app::StoreConfig;
use ticketing_core::clock::Clock;
use ticketing_core::store::error::StoreError;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use view::Theme;
use watch::{Look, Watch};

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

/// How the dashboard looks and waits.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How times are shown at first.
    pub time: TimeStyle,
    /// Whether there may be colour.
    pub colour: bool,
    /// So long the store may take to answer.
    pub timeout: Duration,
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

/// Why the dashboard could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// There is nothing to look at, and waiting will not bring it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The terminal can't be drawn on or read.
    #[error("the terminal can't be used: {0}")]
    Terminal(#[from] io::Error),
}

/// Looks that wait to be shown; past it, the stores are not looked at.
const LOOKS_QUEUED_MAX: usize = 1;
/// Keys that wait for their turn; past it, the terminal keeps them.
const INPUTS_QUEUED_MAX: usize = 64;
/// Ending waits no longer than this for the stores to be closed.
const END_WAIT: Duration = Duration::from_secs(3);

/// Shows the dashboard until a key or a signal ends it. The terminal is given back on every way out.
///
/// SIGINT, SIGTERM and SIGHUP are listened to from the first call on, for as long as the process lives.
///
/// # Errors
/// [`TuiError::Store`] if there are no stores of this program's schema; [`TuiError::Terminal`] for what the
/// terminal says. Stores that do not answer, or stop answering, are shown as such and tried again.
pub async fn run(stores: StoreConfig, clock: Clock, options: Options) -> Result<Ended, TuiError> {
    let stop = signals()?;
    let mut screen = Screen::take()?;
    let address = stores.write_address().redacted();
    let state = State::new(address, options.time, TimeZone::system(), clock.now());
    let theme = Theme { has_colour: options.colour };

    let (inputs_in, inputs) = mpsc::channel(INPUTS_QUEUED_MAX);
    let keyboard = std::thread::spawn(move || input::read(&inputs_in));
    let (looks_in, looks) = mpsc::channel(LOOKS_QUEUED_MAX);
    let watch = tokio::spawn(Watch { stores, clock: clock.clone(), patience: options.timeout }.run(looks_in));

    let sources = Sources { inputs, looks, clock };
    let stopped = attend(&mut screen.terminal, state, theme, sources, stop).await;
    screen.give_back();
    // It ends within a tenth of a second; until then it would take keys from whoever comes next.
    let _ = tokio::task::spawn_blocking(move || keyboard.join()).await;
    let watched = timeout(END_WAIT, watch).await;
    match stopped? {
        Stopped::By(ended) => Ok(ended),
        Stopped::Keyboard(error) => Err(error.into()),
        Stopped::Watch => match watched {
            Ok(Ok(Err(error))) => Err(error.into()),
            Ok(Err(crash)) if crash.is_panic() => std::panic::resume_unwind(crash.into_panic()),
            // The one who looks ends by itself only with an error.
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => Ok(Ended::Terminated),
        },
    }
}

/// Where things come from that change the picture.
struct Sources {
    inputs: mpsc::Receiver<io::Result<Input>>,
    looks: mpsc::Receiver<Look>,
    clock: Clock,
}

/// Why the loop ended.
#[derive(Debug)]
enum Stopped {
    By(Ended),
    /// No key can be read any more.
    Keyboard(io::Error),
    /// Nobody looks at the stores any more.
    Watch,
}

/// Draws the first frame before anything is known, then on each change and once a second.
async fn attend<B: Backend>(
    terminal: &mut Terminal<B>,
    mut state: State,
    theme: Theme,
    mut sources: Sources,
    stop: impl Future<Output = Ended>,
) -> Result<Stopped, io::Error> {
    const SECOND: Duration = Duration::from_secs(1);
    let mut second = interval_at(Instant::now() + SECOND, SECOND);
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tokio::pin!(stop);
    let mut next = Next::Draw;
    loop {
        match next {
            Next::Quit => return Ok(Stopped::By(Ended::Quit)),
            Next::Nothing => {}
            Next::Draw => draw(terminal, &state, theme)?,
            Next::Redraw => {
                blank(terminal)?;
                draw(terminal, &state, theme)?;
            }
        }
        next = tokio::select! {
            biased;
            ended = &mut stop => return Ok(Stopped::By(ended)),
            _ = second.tick() => state.tick(sources.clock.now()),
            input = sources.inputs.recv() => match input {
                Some(Ok(input)) => state.input(input, sources.clock.now()),
                Some(Err(error)) => return Ok(Stopped::Keyboard(error)),
                None => return Ok(Stopped::Keyboard(io::ErrorKind::UnexpectedEof.into())),
            },
            look = sources.looks.recv() => match look {
                Some(look) => state.look(look, sources.clock.now()),
                None => return Ok(Stopped::Watch),
            },
        };
    }
}

fn draw<B: Backend>(terminal: &mut Terminal<B>, state: &State, theme: Theme) -> io::Result<()> {
    terminal.draw(|frame| view::draw(frame, state, theme)).map(|_| ()).map_err(io_error)
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

/// Begins to listen to the signals that end the program, and returns what waits for the first of them.
#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = Ended>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Ended::Interrupted,
            _ = terminate.recv() => Ended::Terminated,
            _ = hang_up.recv() => Ended::HungUp,
        }
    })
}

/// Begins to listen to ctrl-c from outside, and returns what waits for it.
#[cfg(not(unix))]
fn signals() -> io::Result<impl Future<Output = Ended>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Ended::Interrupted
    })
}

#[cfg(test)]
mod tests;
