//! The dashboard on a server elsewhere.

use super::{Gathered, changes, name_of, place_of, refusal, request};
use crate::remote::{Conversation, Server};
use crate::trust::client;
use reqwest::Client;
use ticketing_desk::{Failure, Globals};
use ticketing_tui::{Answer, Desk as _, Hint, Refusal, Running};
use tokio::sync::mpsc;

/// A server, and the connections to it.
pub struct There {
    client: Client,
    server: Server,
    globals: Globals,
}

impl There {
    /// Makes ready; asks nothing yet.
    ///
    /// # Errors
    /// What stands in TLS's way.
    pub fn new(server: Server, globals: &Globals) -> Result<Self, Failure> {
        let client = client(globals.timeout, &server.url, server.ca_file.as_deref())?;
        Ok(Self { client, server, globals: globals.clone() })
    }

    async fn answer(&self, command: Vec<String>) -> Result<Answer, Refusal> {
        let request = request(&with_requests(&command), &self.globals, &self.place());
        let failed = |failure: Failure| refusal(&failure);
        let begun = Conversation::begin(&self.client, &self.server, self.globals.timeout, &request).await;
        let mut conversation = begun.map_err(failed)?;
        let mut gathered = Gathered::default();
        loop {
            let frame = conversation.next().await.map_err(failed)?;
            if let Some(answer) = gathered.take(frame, &command) {
                return answer;
            }
        }
    }
}

impl ticketing_tui::Desk for There {
    fn run(&self, command: Vec<String>) -> Running<'_> {
        Box::pin(self.answer(command))
    }

    fn place(&self) -> ticketing_tui::Place {
        let mut flags = vec!["--server".to_owned(), self.server.url.clone()];
        if let Some(file) = &self.server.ca_file {
            flags.extend(["--ca-file".to_owned(), file.display().to_string()]);
        }
        place_of(&self.globals, name_of(&self.server), flags)
    }

    fn hints(&self) -> Option<mpsc::Receiver<Hint>> {
        Some(changes::of_server(self.client.clone(), self.server.clone(), self.globals.timeout))
    }
}

/// What is sent for a command of the dashboard: a server is asked, too, what it has answered to buyers.
fn with_requests(command: &[String]) -> Vec<String> {
    let mut sent = command.to_vec();
    if sent == ["status"] {
        sent.push("--requests".to_owned());
    }
    sent
}
