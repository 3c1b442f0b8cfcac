//! The dashboard on stores of this process: those that are named, opened when they are first asked for and anew after
//! they were lost; those that a server in this process lends; or those of a demonstration.

use super::demo::Demo;
use super::{Gathered, place_of, refusal, request};
use std::path::Path;
use ticketing_core::app::StoreConfig;
use ticketing_core::store::db::Address;
use ticketing_desk::afar;
use ticketing_desk::desk::Actor;
use ticketing_desk::session::{self, Opened};
use ticketing_desk::{Desk, Failure};
use ticketing_tui::{Answer, Refusal, Running};
use tokio::sync::Mutex;

/// Whose stores the commands run on.
pub struct Here {
    desk: Desk,
    source: Source,
}

/// Where the stores come from.
enum Source {
    /// They are named, and opened here.
    Named(Box<Named>),
    /// A server in this process has them open.
    Lent(Box<afar::Lender>),
    /// They are made up.
    Demo(Box<Demo>),
}

/// Stores, while they are open.
struct Named {
    stores: StoreConfig,
    opened: Mutex<Option<(Files, Opened)>>,
}

impl Here {
    /// Looks where the stores are; opens nothing.
    ///
    /// # Errors
    /// A flag or setting that can't be used.
    pub fn new(desk: &Desk) -> Result<Self, Failure> {
        let (_, stores) = session::configured(desk)?;
        let named = Named { stores, opened: Mutex::default() };
        Ok(Self { desk: desk.again(), source: Source::Named(Box::new(named)) })
    }

    /// Works on what a server in this process has open.
    pub fn lent(desk: &Desk, lender: afar::Lender) -> Self {
        Self { desk: desk.again(), source: Source::Lent(Box::new(lender)) }
    }

    /// Works on a demonstration, which begins with the first command.
    pub fn demo(desk: &Desk) -> Self {
        Self { desk: desk.again(), source: Source::Demo(Box::default()) }
    }

    /// Closes what was opened here.
    pub async fn close(&self) {
        match &self.source {
            Source::Named(named) => {
                if let Some((_, opened)) = named.opened.lock().await.take() {
                    opened.close().await;
                }
            }
            Source::Lent(_) => {}
            Source::Demo(demo) => demo.close().await,
        }
    }

    async fn lender(&self) -> Result<afar::Lender, Failure> {
        match &self.source {
            Source::Named(named) => named.lender(&self.desk).await,
            Source::Lent(lender) => Ok((**lender).clone()),
            Source::Demo(demo) => demo.lender().await,
        }
    }

    async fn answer(&self, command: Vec<String>) -> Result<Answer, Refusal> {
        let lender = self.lender().await.map_err(|failure| refusal(&failure))?;
        let request = request(&command, &self.desk.globals);
        let too_many = || {
            refusal(&Failure::unreachable("Too many commands are under way.").hint("try again in a moment"))
        };
        let slot = lender.slot().ok_or_else(too_many)?;
        let actor = Actor { name: self.desk.actor(), is_admin: true, correlation_id: None };
        let mut running = afar::start(lender, slot, actor, request)
            .map_err(|error| refusal(&Failure::error(format!("The command can't be run: {error}."))))?;
        let mut gathered = Gathered::default();
        while let Some(frame) = running.next().await {
            if let Some(answer) = gathered.take(frame, &command) {
                let is_lost = |refusal: &Refusal| refusal.exit == ticketing_desk::Exit::Unreachable as u8;
                if let (Source::Named(named), true) = (&self.source, answer.as_ref().is_err_and(is_lost)) {
                    named.lost().await;
                }
                return answer;
            }
        }
        Err(refusal(&Failure::defect("a command ended without a word", None)))
    }
}

impl Named {
    /// Returns what the commands run on, opened if it is not.
    async fn lender(&self, desk: &Desk) -> Result<afar::Lender, Failure> {
        let mut opened = self.opened.lock().await;
        let files = Files::of(&self.stores);
        if let Some((were, old)) = opened.take() {
            if were == files {
                let lender = old.lender.clone();
                *opened = Some((were, old));
                return Ok(lender);
            }
            // What was removed or replaced can still be read by whoever has it open, and would look alive for ever.
            tokio::spawn(old.close());
        }
        let new = Opened::open(desk).await?;
        let lender = new.lender.clone();
        *opened = Some((Files::of(&self.stores), new));
        Ok(lender)
    }

    /// Forgets what is open: after an outage each connection that was open would fail once more.
    async fn lost(&self) {
        drop(self.opened.lock().await.take());
    }
}

impl ticketing_tui::Desk for Here {
    fn run(&self, command: Vec<String>) -> Running<'_> {
        Box::pin(self.answer(command))
    }

    fn place(&self) -> ticketing_tui::Place {
        let stores = match &self.source {
            Source::Named(named) => &named.stores,
            Source::Lent(lender) => &lender.stores,
            Source::Demo(_) => return place_of(&self.desk.globals, "demo: made-up data".into()),
        };
        let name = match stores.is_embedded() {
            true => format!("embedded {}", stores.data_dir.display()),
            false => stores.write_address().redacted(),
        };
        place_of(&self.desk.globals, name)
    }
}

/// Which files the embedded stores are.
#[derive(Debug, PartialEq, Eq)]
struct Files([Option<FileId>; 2]);

type FileId = (u64, u64);

impl Files {
    fn of(stores: &StoreConfig) -> Self {
        Self([stores.write_address(), stores.read_address()].map(|address| match address {
            Address::File(path) => file_id(&path),
            Address::Url(_) => None,
        }))
    }
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere an open file can't be removed.
#[cfg(not(unix))]
fn file_id(_path: &Path) -> Option<FileId> {
    None
}
