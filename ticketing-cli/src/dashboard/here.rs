//! The dashboard on stores of this process: those that are named, opened when they are first asked for and anew after
//! they were lost; those that a server in this process lends; or those of a demonstration.

use super::demo::Demo;
use super::near::Near;
use super::{Gathered, changes, place_of, refusal, request};
use std::path::Path;
use ticketing_core::app::StoreConfig;
use ticketing_core::store::db::Address;
use ticketing_desk::desk::Actor;
use ticketing_desk::remote;
use ticketing_desk::session::{self, Opened};
use ticketing_desk::{Desk, Failure, Globals};
use ticketing_tui::{Answer, Desk as _, Hint, Refusal, Running};
use tokio::sync::{Mutex, mpsc};

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
    Backend(Box<remote::Backend>),
    /// They are made up.
    Demo(Box<Demo>),
}

/// Stores, while they are open.
struct Named {
    stores: StoreConfig,
    opened: Mutex<Option<(Files, Opened)>>,
    near: Near,
}

impl Here {
    /// Looks where the stores are; opens nothing.
    ///
    /// # Errors
    /// A flag or setting that can't be used.
    pub fn new(desk: &Desk) -> Result<Self, Failure> {
        let (_, stores) = session::configured(desk)?;
        let named = Named { stores, opened: Mutex::default(), near: Near::new(desk.globals.timeout) };
        Ok(Self { desk: desk.again(), source: Source::Named(Box::new(named)) })
    }

    /// Works on what a server in this process has open.
    pub fn on_backend(desk: &Desk, backend: remote::Backend) -> Self {
        Self { desk: desk.again(), source: Source::Backend(Box::new(backend)) }
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
            Source::Backend(_) => {}
            Source::Demo(demo) => demo.close().await,
        }
    }

    /// Where the stores are, unless they are made up.
    fn stores(&self) -> Option<&StoreConfig> {
        match &self.source {
            Source::Named(named) => Some(&named.stores),
            Source::Backend(backend) => Some(&backend.stores),
            Source::Demo(_) => None,
        }
    }

    async fn backend(&self) -> Result<remote::Backend, Failure> {
        match &self.source {
            Source::Named(named) => named.backend(&self.desk).await,
            Source::Backend(backend) => Ok((**backend).clone()),
            Source::Demo(demo) => demo.backend().await,
        }
    }

    async fn answer(&self, command: Vec<String>) -> Result<Answer, Refusal> {
        let backend = self.backend().await.map_err(|failure| refusal(&failure))?;
        let request = request(&command, &self.desk.globals, &self.place());
        let too_many = || {
            refusal(&Failure::unreachable("Too many commands are under way.").hint("try again in a moment"))
        };
        let slot = backend.slot().ok_or_else(too_many)?;
        let actor = Actor { name: self.desk.actor(), is_admin: true, correlation_id: None };
        let mut running = remote::start(backend, slot, actor, request)
            .map_err(|error| refusal(&Failure::error(format!("The command can't be run: {error}."))))?;
        let mut gathered = Gathered::default();
        while let Some(frame) = running.next().await {
            if let Some(answer) = gathered.take(frame, &command) {
                let is_lost = |refusal: &Refusal| refusal.exit == ticketing_desk::Exit::Unreachable as u8;
                if let (Source::Named(named), true) = (&self.source, answer.as_ref().is_err_and(is_lost)) {
                    named.lost().await;
                }
                return match (&self.source, answer) {
                    (Source::Named(named), Ok(mut answer)) if command == ["status"] => {
                        named.near.tell(&mut answer).await;
                        Ok(answer)
                    }
                    (_, answer) => answer,
                };
            }
        }
        Err(refusal(&Failure::defect("a command ended without a word", None)))
    }
}

impl Named {
    /// Returns what the commands run on, opened if it is not.
    async fn backend(&self, desk: &Desk) -> Result<remote::Backend, Failure> {
        let mut opened = self.opened.lock().await;
        let files = Files::of(&self.stores);
        if let Some((were, old)) = opened.take() {
            if were == files {
                let backend = old.backend.clone();
                *opened = Some((were, old));
                return Ok(backend);
            }
            // What was removed or replaced can still be read by whoever has it open, and would look alive for ever.
            tokio::spawn(old.close());
        }
        let new = Opened::open(desk).await?;
        let backend = new.backend.clone();
        *opened = Some((Files::of(&self.stores), new));
        Ok(backend)
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
        let globals = &self.desk.globals;
        let Some(stores) = self.stores() else {
            let place = place_of(globals, "demo: made-up data".into(), Vec::new());
            return ticketing_tui::Place { is_apart: true, ..place };
        };
        let name = match stores.is_embedded() {
            true => format!("embedded {}", stores.data_dir.display()),
            false => stores.write_address().redacted(),
        };
        place_of(globals, name, flags_of(stores, globals))
    }

    fn hints(&self) -> Option<mpsc::Receiver<Hint>> {
        match &self.source {
            Source::Named(named) => changes::of_files(&named.stores),
            Source::Backend(backend) => changes::of_files(&backend.stores),
            // There it never stops.
            Source::Demo(_) => None,
        }
    }
}

/// Returns the flags that name stores. An address with a password in it is not shown: if the environment names it, the
/// next command finds it there, too.
fn flags_of(stores: &StoreConfig, globals: &Globals) -> Vec<String> {
    if stores.is_embedded() {
        // Whole: the next shell may stand in another folder.
        let folder = std::path::absolute(&stores.data_dir).unwrap_or_else(|_| stores.data_dir.clone());
        return vec!["--data-dir".to_owned(), folder.display().to_string()];
    }
    let address = stores.write_address();
    let shown = address.redacted();
    let is_whole = matches!(&address, Address::Url(url) if *url == shown);
    match (is_whole, globals.database_url.is_some()) {
        (true, _) => vec!["--database-url".to_owned(), shown],
        (false, true) => vec!["--database-url".to_owned(), "…".to_owned()],
        (false, false) => Vec::new(),
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
