//! The dashboard on the stores themselves: opened when they are first asked for, and anew after they were lost.

use super::{Gathered, place_of, refusal, request};
use std::path::Path;
use ticketing_core::app::StoreConfig;
use ticketing_core::store::db::Address;
use ticketing_desk::afar;
use ticketing_desk::session::{self, Opened};
use ticketing_desk::{Desk, Failure};
use ticketing_tui::{Answer, Refusal, Running};
use tokio::sync::Mutex;

/// The stores, while they are open.
pub struct Here {
    desk: Desk,
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
        Ok(Self { desk: desk.again(), stores, opened: Mutex::default() })
    }

    /// Closes the stores.
    pub async fn close(&self) {
        if let Some((_, opened)) = self.opened.lock().await.take() {
            opened.close().await;
        }
    }

    /// Returns what the commands run on, opened if it is not.
    async fn lender(&self) -> Result<afar::Lender, Failure> {
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
        let new = Opened::open(&self.desk).await?;
        let lender = new.lender.clone();
        *opened = Some((Files::of(&self.stores), new));
        Ok(lender)
    }

    async fn answer(&self, command: Vec<String>) -> Result<Answer, Refusal> {
        let lender = self.lender().await.map_err(|failure| refusal(&failure))?;
        let request = request(&command, &self.desk.globals);
        let mut running = afar::start(lender, self.desk.actor(), request)
            .map_err(|error| refusal(&Failure::error(format!("The command can't be run: {error}."))))?;
        let mut gathered = Gathered::default();
        while let Some(frame) = running.next().await {
            if let Some(answer) = gathered.take(frame, &command) {
                if answer
                    .as_ref()
                    .is_err_and(|refusal| refusal.exit == ticketing_desk::Exit::Unreachable as u8)
                {
                    // After an outage each connection that was open would fail once more.
                    drop(self.opened.lock().await.take());
                }
                return answer;
            }
        }
        Err(refusal(&Failure::defect("a command ended without a word", None)))
    }
}

impl ticketing_tui::Desk for Here {
    fn run(&self, command: Vec<String>) -> Running<'_> {
        Box::pin(self.answer(command))
    }

    fn place(&self) -> ticketing_tui::Place {
        let name = match self.stores.is_embedded() {
            true => format!("embedded {}", self.stores.data_dir.display()),
            false => self.stores.write_address().redacted(),
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
