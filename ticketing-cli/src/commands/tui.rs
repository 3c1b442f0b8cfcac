//! `ticketctl tui`: the dashboard, at a terminal.

use std::io::{self, IsTerminal as _};
use ticketing_core::clock::Clock;
use ticketing_desk::Desk;
use ticketing_desk::failure::Failure;
use ticketing_desk::globals::TimeStyle;
use ticketing_desk::output::Printer;
use ticketing_desk::session;
use ticketing_tui::{Ended, Options, TuiError};

/// Watch the platform live: the log, the holds, the rate, the latest events
#[derive(clap::Args, Debug)]
#[command(
    after_help = "It reads the stores once a second and changes nothing. Keys: q quits, space pauses, t shows times\n\
                        otherwise, ? shows all keys.\n\n\
                        Examples:\n  ticketctl tui\n  ticketctl tui --data-dir /var/lib/ticketing --time local"
)]
pub struct Args {
    /// Never change anything; this version only reads anyway
    #[arg(long)]
    #[allow(dead_code, reason = "accepted for scripts that must never change anything; nothing here does")]
    readonly: bool,
}

/// Shows the dashboard until a key or a signal ends it.
///
/// # Errors
/// A usage error where there is no terminal; that there is no store; the signal that ended it.
pub fn run(_args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    if !printer.can_redraw() || !io::stdin().is_terminal() {
        return Err(Failure::usage("The dashboard needs a terminal.")
            .code("NO_TERMINAL")
            .why("It draws on the whole screen and reads keys, so it takes no -o and no pipe.")
            .hint("ticketctl status --watch, or ticketctl status -o json for programs"));
    }
    let (_, stores) = session::configured(desk)?;
    let options = Options {
        time: match desk.globals.time {
            None | Some(TimeStyle::Relative) => ticketing_tui::TimeStyle::Relative,
            Some(TimeStyle::Iso) => ticketing_tui::TimeStyle::Utc,
            Some(TimeStyle::Local) => ticketing_tui::TimeStyle::Local,
        },
        colour: printer.colour_out(),
        timeout: desk.globals.timeout,
    };
    let cannot = |error: io::Error| Failure::error("The dashboard could not start.").why(format!("{error}."));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    // The dashboard heeds the signals itself: the terminal must be given back first.
    let ended = runtime.block_on(ticketing_tui::run(stores.clone(), Clock::system(), options));
    runtime.shutdown_background();
    match ended {
        Ok(Ended::Quit) => Ok(()),
        Ok(Ended::Interrupted) => Err(Failure::interrupted("Interrupted.")),
        Ok(Ended::Terminated) => Err(Failure::terminated("Terminated.")),
        Ok(Ended::HungUp) => Err(Failure::terminated("The terminal was closed.")),
        Err(TuiError::Store(error)) => Err(session::placed(Failure::from(&error), &stores)),
        Err(TuiError::Terminal(error)) => Err(Failure::error("The terminal can't be used.")
            .why(format!("{error}."))
            .hint("ticketctl status --watch needs less of a terminal; ticketctl status needs none")),
    }
}
