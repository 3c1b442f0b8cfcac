//! What is drawn anew when something has changed, at a terminal, until ctrl-c.
//!
//! A look costs the stores as much as the command itself, so it is taken when there is something new to see: of
//! embedded stores the files tell, of others the log's head and how far the read store has followed it. Without a sign
//! one looks after a while all the same: times pass, and not everything is in the log.

use crate::desk::Desk;
use crate::failure::Failure;
use crate::looks::Looks;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use std::time::Duration;
use ticketing_core::ops::lists;
use tokio::time::{Instant, sleep};

/// The flag of what can be watched.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct Watch {
    /// Show it again when something has changed, until ctrl-c
    #[arg(long)]
    pub watch: bool,
}

/// Between two looks for a sign that something has changed.
const SIGN_EVERY: Duration = Duration::from_millis(300);
/// Nothing is drawn sooner than this after the last time, however much changes.
const REST: Duration = Duration::from_millis(500);
/// Without a sign it is drawn anew after this, where everything that changes leaves one.
const QUIET: Duration = Duration::from_secs(5);
/// The same, where only the log does: jobs and dead letters move beside it.
const QUIET_OF_LOG: Duration = Duration::from_secs(2);

/// Takes the cursor home and clears the screen, for what is drawn anew.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

impl Watch {
    /// Opens the stores and shows what is asked for, once, or again when something has changed. What is shown goes over
    /// what was shown before in one piece: it does not flicker while the stores are asked.
    ///
    /// # Errors
    /// A usage error where nobody watches; as it can't be shown; ctrl-c.
    pub fn run(
        self,
        desk: &Desk,
        printer: &mut Printer,
        show: impl AsyncFn(&Session, &mut Printer) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.watch && !printer.can_redraw() {
            return Err(Failure::usage("--watch needs a terminal.")
                .why("It draws the screen anew when something has changed.")
                .hint("leave out --watch, or run it by watch(1)"));
        }
        session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
            if !self.watch {
                return show(session, printer).await;
            }
            let mut signs = Signs::of(session);
            loop {
                session.doing.goes_on();
                printer.pending(CLEAR)?;
                show(session, printer).await?;
                signs.next(session).await;
            }
        })
    }
}

/// What tells that there may be something new to see.
enum Signs {
    Files(Looks),
    /// The head of the log and the read store's lag, as they were last.
    Log(Option<(i64, i64)>),
}

impl Signs {
    fn of(session: &Session) -> Self {
        Looks::of(&session.stores).map_or(Self::Log(None), Self::Files)
    }

    /// Waits until it is worth to look.
    async fn next(&mut self, session: &Session) {
        sleep(REST).await;
        let quiet = match self {
            Self::Files(_) => QUIET,
            Self::Log(_) => QUIET_OF_LOG,
        };
        let latest = Instant::now() + quiet.saturating_sub(REST);
        while !self.is_there(session).await && Instant::now() < latest {
            sleep(SIGN_EVERY).await;
        }
    }

    async fn is_there(&mut self, session: &Session) -> bool {
        match self {
            Self::Files(looks) => looks.have_changed(),
            Self::Log(known) => {
                // Of stores that do not answer the next look tells.
                let app = &session.app;
                let now = async { Some((lists::head(app).await.ok()?, lists::lag(app).await.ok()?)) };
                let before = std::mem::replace(known, now.await);
                before.is_some() && before != *known
            }
        }
    }
}
