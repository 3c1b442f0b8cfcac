//! What is drawn anew each second, at a terminal, until ctrl-c.

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use std::time::Duration;

/// The flag of what can be watched.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct Watch {
    /// Show it again each second, until ctrl-c
    #[arg(long)]
    pub watch: bool,
}

/// How often `--watch` looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Takes the cursor home and clears the screen, for what is drawn anew.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

impl Watch {
    /// Opens the stores and shows what is asked for, once or each second. What is shown goes over what was shown
    /// before in one piece: it does not flicker while the stores are asked.
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
                .why("It draws the screen anew each second.")
                .hint("leave out --watch, or run it by watch(1)"));
        }
        session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
            loop {
                if self.watch {
                    session.doing.goes_on();
                    printer.pending(CLEAR)?;
                }
                show(session, printer).await?;
                if !self.watch {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        })
    }
}
