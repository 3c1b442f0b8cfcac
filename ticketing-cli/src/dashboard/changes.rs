//! Whether something has changed, for a dashboard that would else look all the time.
//!
//! A server tells by its stream of events; of embedded stores the files do, whoever writes them. What it was that changed
//! is nobody's concern here: the dashboard looks by itself.

use crate::remote::Server;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode};
use std::time::Duration;
use ticketing_core::app::StoreConfig;
use ticketing_desk::looks::Looks;
use ticketing_tui::Hint;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{sleep, timeout};

/// Where a server tells of every event.
const STREAM: &str = "/api/admin/stream";
/// A stream says every 15 s that it is alive; one that is silent for longer than this is not.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// Between two tries to hear a server's stream.
const RETRY_EVERY: Duration = Duration::from_secs(5);
/// A server that has no such stream, or not for this token, is asked again after this.
const REFUSED_RETRY_EVERY: Duration = Duration::from_secs(300);
/// Between two looks at files.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What waits to be heard: another change while one waits says nothing new.
const WAITING_MAX: usize = 1;

/// Tells of changes on a server for as long as somebody listens. Must be called inside a runtime.
pub fn of_server(client: Client, server: Server, patience: Duration) -> Receiver<Hint> {
    let (hints, heard) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        while !hints.is_closed() {
            let pause = match listen(&client, &server, patience, &hints).await {
                Heard::Nothing => RETRY_EVERY,
                Heard::No => REFUSED_RETRY_EVERY,
                Heard::Something => {
                    if hints.send(Hint::Deaf).await.is_err() {
                        return;
                    }
                    RETRY_EVERY
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = hints.closed() => return,
            }
        }
    });
    heard
}

/// What came of listening.
enum Heard {
    /// The server does not answer.
    Nothing,
    /// It refuses.
    No,
    /// It told for a while.
    Something,
}

async fn listen(client: &Client, server: &Server, patience: Duration, hints: &Sender<Hint>) -> Heard {
    let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {}", server.token.expose())) else {
        return Heard::No;
    };
    bearer.set_sensitive(true);
    let asking = client.get(format!("{}{STREAM}", server.url));
    let asking = asking.header(AUTHORIZATION, bearer).header(ACCEPT, "text/event-stream").send();
    let mut response = match timeout(patience, asking).await {
        Ok(Ok(response)) if response.status() == StatusCode::OK => response,
        Ok(Ok(response)) if response.status().is_server_error() => return Heard::Nothing,
        Ok(Ok(_)) => return Heard::No,
        Ok(Err(_)) | Err(_) => return Heard::Nothing,
    };
    if hints.send(Hint::Hearing).await.is_err() {
        return Heard::Something;
    }
    let mut last = [0; BREAK.len()];
    let mut is_event = true;
    loop {
        let chunk = tokio::select! {
            chunk = timeout(SILENCE_MAX, response.chunk()) => chunk,
            () = hints.closed() => return Heard::Something,
        };
        let Ok(Ok(Some(chunk))) = chunk else { return Heard::Something };
        if has_event(&chunk, &mut last, &mut is_event)
            && matches!(hints.try_send(Hint::Changed), Err(TrySendError::Closed(_)))
        {
            return Heard::Something;
        }
    }
}

/// What stands between two messages.
const BREAK: &[u8; 2] = b"\n\n";

/// Says whether an event of the log ends in a piece of a stream: a message without a type of its own. `last` are the
/// bytes before it, `is_event` whether the message at hand is one so far.
fn has_event(chunk: &[u8], last: &mut [u8; 2], is_event: &mut bool) -> bool {
    let mut found = false;
    for (index, byte) in chunk.iter().enumerate() {
        *last = [last[1], *byte];
        if last == BREAK {
            found |= *is_event;
            *is_event = true;
        } else if last[1] == b'e' && chunk[index..].starts_with(b"event:") {
            // `open`, `beat` and `end`; events of the log have no type.
            *is_event = false;
        }
    }
    found
}

/// Tells of changes of embedded stores for as long as somebody listens, `None` of others. Must be called inside a
/// runtime.
pub fn of_files(stores: &StoreConfig) -> Option<Receiver<Hint>> {
    let mut looks = Looks::of(stores)?;
    let (hints, heard) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        if hints.send(Hint::Hearing).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = hints.closed() => return,
            }
            if looks.have_changed() {
                // If one waits already, nothing is lost.
                let _ = hints.try_send(Hint::Changed);
            }
        }
    });
    Some(heard)
}

#[cfg(test)]
mod tests {
    use super::has_event;

    #[test]
    fn an_event_of_the_log_is_told_from_the_streams_own_messages_however_they_are_cut() {
        let open = "retry: 2000\nid: 7\nevent: open\ndata: {}\n\n";
        let beat = "id: 7\nevent: beat\ndata: {}\n\n";
        let event = "id: 8\ndata: {\"type\":\"TicketReserved\"}\n\n";
        for (text, expected) in [
            (open.to_owned(), 0),
            (format!("{open}{beat}{beat}"), 0),
            (format!("{open}{event}"), 1),
            (format!("{event}{beat}{event}"), 2),
        ] {
            let (mut last, mut is_event) = ([0; 2], true);
            // Whole messages come in whole pieces; where they are cut, at the end of a line.
            let found = text
                .split_inclusive('\n')
                .filter(|line| has_event(line.as_bytes(), &mut last, &mut is_event));
            assert_eq!(found.count(), expected, "{text}");
            let (mut last, mut is_event) = ([0; 2], true);
            assert_eq!(has_event(text.as_bytes(), &mut last, &mut is_event), expected > 0, "{text}");
        }
    }
}
