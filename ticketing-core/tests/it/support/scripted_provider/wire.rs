//! Requests and answers as they go over the wire.

use super::state::State;
use super::{Fault, On};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) struct Request {
    pub(super) on: On,
    /// The intent that the path names.
    pub(super) id: String,
    pub(super) key: Option<String>,
    pub(super) form: BTreeMap<String, String>,
    pub(super) text: String,
}

/// Answers the requests of one connection, until it is closed or a fault drops it.
pub(super) async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    let mut buffer = Vec::new();
    while let Some((head, body)) = read_request(&mut socket, &mut buffer).await {
        let mut words = head.split(' ').map(str::to_owned);
        let wire = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), body.clone());
        state.lock().unwrap().wire.push(wire);
        let (status, answer) = match parse(&head, &body) {
            Err(refusal) => (refusal.0, refusal.1.to_string()),
            Ok(request) => {
                let fault = state.lock().unwrap().next_fault(request.on);
                let act = |request: &Request, fault| state.lock().unwrap().act(request, fault);
                match fault {
                    Some(Fault::LoseRequest) => return,
                    Some(Fault::LoseAnswer) => {
                        act(&request, None);
                        return;
                    }
                    Some(Fault::Status(status)) => {
                        (status, error(status, "api_error", "scripted", "Scripted.").1.to_string())
                    }
                    Some(Fault::Says(status, text)) => (status, text.to_owned()),
                    Some(Fault::Late(by)) => {
                        let (status, answer) = act(&request, None);
                        tokio::time::sleep(by).await;
                        (status, answer.to_string())
                    }
                    Some(Fault::DoneLate(by)) => {
                        // On its own, so that it is done however soon the caller hangs up.
                        let late = state.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(by).await;
                            late.lock().unwrap().act(&request, None);
                        });
                        return;
                    }
                    fault => {
                        let (status, answer) = act(&request, fault);
                        (status, answer.to_string())
                    }
                }
            }
        };
        let reply = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        if socket.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads the head of a request and its body; `None` when the connection ends.
async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).ok()?;
            let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap_or(0));
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8(buffer[end + 4..end + 4 + length].to_vec()).ok()?;
                buffer.drain(..end + 4 + length);
                return Some((head, body));
            }
        }
        if socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

pub(super) fn error(status: u16, kind: &str, code: &str, message: &str) -> (u16, Value) {
    (status, json!({"error": {"type": kind, "code": code, "message": message}}))
}

fn parse(head: &str, body: &str) -> Result<Request, (u16, Value)> {
    if header(head, "authorization").is_none_or(|it| !it.starts_with("Bearer sk_test_")) {
        return Err(error(401, "invalid_request_error", "api_key", "You did not provide an API key."));
    }
    let unknown = || error(404, "invalid_request_error", "url", "Unrecognized request URL.");
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (on, id) = match (method, parts.as_slice()) {
        ("POST", ["v1", "payment_methods"]) => (On::Method, ""),
        ("POST", ["v1", "payment_intents"]) => (On::Create, ""),
        ("GET", ["v1", "payment_intents", "search"]) => (On::Search, ""),
        ("GET", ["v1", "payment_intents", id]) => (On::Read, *id),
        ("POST", ["v1", "payment_intents", id, "confirm"]) => (On::Confirm, *id),
        ("POST", ["v1", "payment_intents", id, "cancel"]) => (On::Cancel, *id),
        ("POST", ["v1", "refunds"]) => (On::Refund, ""),
        ("GET", ["v1", "refunds"]) => (On::ListRefunds, ""),
        _ => return Err(unknown()),
    };
    let text = if method == "POST" { body } else { query };
    let form = text.split('&').filter(|pair| !pair.is_empty());
    let form =
        form.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decoded(k), decoded(v)));
    Ok(Request {
        on,
        id: id.to_owned(),
        key: header(head, "idempotency-key").map(str::to_owned),
        form: form.collect(),
        text: format!("{path}?{text}"),
    })
}

fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|two| u8::from_str_radix(two, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap()
}
