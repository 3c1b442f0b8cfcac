//! What one command has to work with while the stores are open: it changes them, and brings the read store to where the
//! change is. How they come to be open is beside it.

mod opening;

pub use opening::{Opened, Opening, configured, no_scratch, placed, run, within};

use crate::desk::Desk;
use crate::errors;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Printer, grouped};
use crate::progress::Progress;
use crate::signals::Doing;
use std::time::Duration;
use ticketing_core::app::config::Settings;
use ticketing_core::app::{App, StoreConfig, listings};
use ticketing_core::domain::catalog::{OfferingFacts, OfferingKind};
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::{lists, lookup, near};
use ticketing_core::worker::projector::Projector;

/// How long ids that are near to one that is not there are looked for.
const NEAR_TIMEOUT: Duration = Duration::from_secs(1);

/// What is found among all that is sold; each noun finds its own kind alone.
const OF_OFFERINGS: &[&str] = &[
    OfferingKind::Departure.noun(),
    OfferingKind::Event.noun(),
    OfferingKind::Listing.noun(),
    listings::NOUN,
];

/// Says that what was named is there, and is something else.
fn another_kind(failure: Failure, facts: &OfferingFacts) -> Failure {
    let (what, noun) = match facts.kind {
        OfferingKind::Departure => ("a departure", "schedule"),
        OfferingKind::Event => ("an event", "event"),
        OfferingKind::Listing => ("a listing", "listing"),
    };
    failure.why(format!("It is {what}.")).hint(format!("ticketctl {noun} get {}", facts.id))
}

/// The opened stores, and who works on them.
#[derive(Debug)]
pub struct Session {
    /// Everything that a use case needs.
    pub app: App,
    /// What is set by the environment and the file.
    pub settings: Settings,
    /// Where the stores are.
    pub stores: StoreConfig,
    /// What is said if a signal stops the command.
    pub doing: Doing,
    timeout: Duration,
}

impl Session {
    /// Names what was probably meant, where something was named that is not there.
    async fn with_near_ids(&self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let Err(failure) = outcome else { return Ok(()) };
        let Some(unknown) = failure.unknown.clone().filter(|_| failure.why.is_none()) else {
            return Err(failure);
        };
        let wait = NEAR_TIMEOUT.min(self.timeout);
        if OF_OFFERINGS.contains(&unknown.what)
            && let Ok(Ok(found)) = tokio::time::timeout(wait, lookup::offering(&self.app, &unknown.id)).await
        {
            return Err(another_kind(failure, &found.facts));
        }
        let looking = near::ids(&self.app, unknown.what, &unknown.id);
        // The failure is told, whatever becomes of this.
        let near = match tokio::time::timeout(wait, looking).await {
            Ok(Ok(near)) => near.iter().map(ToString::to_string).collect::<Vec<_>>(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        match near.as_slice() {
            [] => Err(failure),
            near => Err(failure.why(format!("Did you mean {}?", near.join(", or ")))),
        }
    }

    /// Waits for a change of one thing, but not for ever.
    ///
    /// # Errors
    /// As the change fails; where its answer did not come, that it may have happened.
    pub async fn changed<T, E>(
        &self,
        key: Option<&str>,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        let Ok(outcome) = tokio::time::timeout(self.timeout, change).await else {
            let seconds = self.timeout.as_secs_f32();
            return Err(errors::answer_lost(&format!("No answer came within {seconds} s."), key));
        };
        outcome.map_err(|error| {
            let failure = Failure::from(error);
            if failure.exit == crate::failure::Exit::Unreachable && !self.stores.is_embedded() {
                let lost = errors::answer_lost(&failure.message, key);
                return match failure.why {
                    Some(why) => lost.why(format!("{why} The change may have happened.")),
                    None => lost,
                };
            }
            failure
        })
    }

    /// Brings the read store to where the log is now.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        let head = lists::head(&self.app).await?;
        Ok(Projector::default().reach(&self.app, head).await?)
    }

    /// Brings the read store to a position, so that whoever looks next finds the change.
    ///
    /// The change is made, whatever becomes of this: a failure is a warning.
    pub async fn reach(&self, printer: &mut Printer, position: i64) {
        if let Err(error) = Projector::default().reach(&self.app, position).await {
            printer.warn(&format!(
                "The change is made, but the read store has not got it yet: {error}. It will be folded by the \
                 next change, or when a server runs."
            ));
        }
    }

    /// Does the same for a long way, and shows how far it has come.
    pub async fn reach_with(&self, printer: &mut Printer, progress: &mut Progress, position: i64) {
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        let folding = self.reach(printer, position);
        tokio::pin!(folding);
        let begin = self.app.read.known();
        loop {
            tokio::select! {
                () = &mut folding => return,
                () = tokio::time::sleep(LOOK_EVERY) => {
                    let total = u64::try_from(position - begin).unwrap_or(0);
                    let done = u64::try_from(self.app.read.known() - begin).unwrap_or(0);
                    progress.report("projecting", done.min(total), Some(total));
                }
            }
        }
    }

    /// Names the read store's lag, where it is behind.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn warn_of_lag(&self, printer: &mut Printer) -> Result<(), Failure> {
        let lag = lists::lag(&self.app).await?;
        if lag > 0 {
            let count = grouped(lag.unsigned_abs());
            let noun = if lag == 1 { "event" } else { "events" };
            printer.warn(&format!("The read store is {count} {noun} behind; the list is as of then."));
        }
        Ok(())
    }
}

/// Returns who makes the change, and why.
///
/// # Errors
/// A usage error for a name or reason that can't be kept.
pub fn actor(desk: &Desk, change: &ChangeArgs) -> Result<Actor, Failure> {
    let name = desk.actor();
    check_text(&name, len_max::ID).map_err(|why| Failure::usage(format!("--as {why}.")).hint("--as NAME"))?;
    if let Some(reason) = &change.reason {
        check_text(reason, len_max::REASON)
            .map_err(|why| Failure::usage(format!("--reason {why}.")).hint("--reason TEXT"))?;
    }
    Ok(Actor { name, reason: change.reason.clone(), correlation_id: desk.correlation_id() })
}

/// A session on the demo city in a folder of its own, at a fixed time: 2026-11-20, noon.
#[cfg(test)]
pub mod testing {
    use super::Session;
    use crate::signals::Doing;
    use std::time::Duration;
    use ticketing_core::adapters::seed_file::demo_city;
    use ticketing_core::app::config::Settings;
    use ticketing_core::app::{App, StoreConfig, Stores};
    use ticketing_core::clock::Clock;
    use ticketing_core::domain::time::Timestamp;
    use ticketing_core::engine::EngineConfig;
    use ticketing_core::ops::{audit::Actor, seed};

    /// Returns who works in the tests.
    pub fn tester() -> Actor {
        Actor { name: "tester".into(), reason: None, correlation_id: None }
    }

    /// Opens the stores in `folder`, with Riverton in them.
    pub async fn riverton(folder: &tempfile::TempDir) -> Session {
        let data_dir = folder.path().to_path_buf();
        let stores = StoreConfig { data_dir, database_url: None, read_database_url: None };
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let opened = Stores::open_and_migrate(&stores, now).await.unwrap();
        let (app, _) = App::start(opened, Clock::manual(now), EngineConfig::default(), |_| ());
        let planned = seed::plan(&app, "seed demo", demo_city(now)).await.unwrap();
        seed::execute(&app, planned, &tester(), &mut |_, _| ()).await.unwrap();
        let (settings, doing) = (Settings::default(), Doing::default());
        let session = Session { app, settings, stores, doing, timeout: Duration::from_secs(30) };
        session.catch_up().await.unwrap();
        session
    }
}

#[cfg(test)]
mod tests {
    use super::testing::riverton;
    use ticketing_core::domain::time::Timestamp;
    use ticketing_core::ops::{details, lists, lookup, seats};

    #[tokio::test]
    async fn who_asks_for_an_event_as_a_schedule_is_told_what_it_is_and_how_to_look_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let session = riverton(&folder).await;
        let app = &session.app;
        let event = seats::events(app, Timestamp::from_millis(0), 1).await.unwrap()[0].id;
        let failed = session.with_near_ids(details::schedule(app, event).await.map(drop).map_err(Into::into));
        let told = failed.await.unwrap_err();
        assert_eq!(told.why.as_deref(), Some("It is an event."));
        assert_eq!(told.hint, Some(format!("ticketctl event get {event}")));
        let departure = lists::departures(app, app.clock.now(), None).await.unwrap()[0].id.to_string();
        let failed = lookup::event(app, &departure).await.map(drop).map_err(Into::into);
        let told = session.with_near_ids(failed).await.unwrap_err();
        assert_eq!(told.why.as_deref(), Some("It is a departure."));
        assert_eq!(told.hint, Some(format!("ticketctl schedule get {departure}")));
    }
}
