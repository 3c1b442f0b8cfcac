//! One list, from its flags to its last line: what is the same for every noun.

use super::asked::{Asked, Flags, Of, run};
use super::rows::{Rows, Shown};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Printer, View};
use crate::session::Session;
use ticketing_core::app::App;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::OpsError;
use ticketing_core::ops::filter::Filter;

/// What rows are read from, and what is asked of them.
#[derive(Debug)]
pub struct Listing<'a> {
    /// Where the rows are.
    pub app: &'a App,
    /// When the list began; every row is seen as of then.
    pub now: Timestamp,
    asked: &'a Asked,
}

impl Listing<'_> {
    /// Whether a row passes the query over the fields that the command knows; without one, everything does.
    pub fn passes(&self, matches: impl FnOnce(&Filter) -> bool) -> bool {
        self.asked.filter.as_ref().is_none_or(matches)
    }
}

/// Opens the stores and lists, once or each second. `walk` takes the rows in, `prefix` says to how many characters the ids
/// of a short table can be cut.
///
/// # Errors
/// As the flags can't be used; as the list fails; ctrl-c.
pub fn list(
    flags: &Flags,
    of: Of,
    desk: &Desk,
    printer: &mut Printer,
    walk: impl AsyncFn(&Listing<'_>, &mut Rows<'_, '_>) -> Result<(), Failure>,
    prefix: impl AsyncFn(&App, &Shown) -> Result<usize, OpsError>,
) -> Result<(), Failure> {
    run(flags, of, desk, printer, async |session, printer, asked| {
        on(session, printer, asked, of.view, &walk, &prefix).await.map(drop)
    })
}

/// Does the same once, on stores that are open; returns what people were shown.
///
/// # Errors
/// As the list fails.
pub async fn on(
    session: &Session,
    printer: &mut Printer,
    asked: &Asked,
    view: View,
    walk: impl AsyncFn(&Listing<'_>, &mut Rows<'_, '_>) -> Result<(), Failure>,
    prefix: impl AsyncFn(&App, &Shown) -> Result<usize, OpsError>,
) -> Result<Shown, Failure> {
    let of = Listing { app: &session.app, now: session.app.clock.now(), asked };
    let mut rows = Rows::begin(asked, view, of.now, printer)?;
    walk(&of, &mut rows).await?;
    rows.finish(async |shown: &Shown| prefix(of.app, shown).await).await
}
