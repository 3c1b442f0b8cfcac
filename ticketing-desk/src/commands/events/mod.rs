//! `ticketctl events`: the log.

mod chosen;
mod publish;
mod replay;
mod republish;
mod show;
mod tail;
mod view;

use crate::commands::noun::noun;

noun! {
    /// Read the event log, and publish what others tell
    Tail(tail::Args) => tail::run,
    Replay(replay::Args) => replay::run,
    Republish(republish::Args) => republish::run,
    Show(show::Args) => show::run,
    Publish(publish::Args) => publish::run,
}
