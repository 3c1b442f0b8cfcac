//! `POST /api/admin/commands`: runs a command of `ticketctl` where the stores are.
//!
//! No command is known here. A program is answered with the data that `-o json` prints, in the usual envelope; a
//! distant `ticketctl`, which asks for frames, with what the command says as it says it.

use crate::answer::{Answer, Json};
use crate::auth::{Caller, Role};
use crate::body::declared_len;
use crate::command::idempotency_key;
use crate::correlation::CorrelationId;
use crate::error::{ApiError, Code};
use crate::openapi::bodies::AdminCommand;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::{AdminRefusals, CommandDone};
use crate::state::ServerState;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use serde_json::value::RawValue;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use ticketing_desk::Program;
use ticketing_desk::desk::Actor;
use ticketing_desk::remote::{self, BEAT_EVERY, COMMANDS_MAX, Ended, FRAMES_TYPE, Frame, Running};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Interval, interval_at};

/// Files are sent along in the body, in base64: no larger one is read.
pub const BODY_BYTES_MAX: usize = 128 << 20;

/// How long files may be on their way: over a slow line a feed takes minutes.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// How long a command may take until its answer begins; an answer in frames begins at once.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// After so many seconds a store or broker that is away may be asked for again.
const RETRY_AFTER_SECONDS: u32 = 2;

/// A body of no more bytes brings no files.
const SMALL_BODY_BYTES: u64 = 1 << 20;

/// So many that may bring files are read at once, so that they don't use up the memory.
const LARGE_BODIES_MAX: usize = 4;
static LARGE_BODIES: Semaphore = Semaphore::const_new(LARGE_BODIES_MAX);

/// An answer that is no stream is no longer: it is kept whole until the command has ended.
const DATA_BYTES_MAX: usize = 64 << 20;

/// No more is kept of what it says beside it.
const NOTES_BYTES_MAX: usize = 1 << 20;

/// A failure has no more rows of what was printed before it, and no more notes.
const DETAILS_MAX: usize = 1_000;

/// Runs a command of `ticketctl`, which says at each command what it does: `ticketctl help`, or its README.
///
/// Only for the roles `operator` and `admin`; changes are audited under the token's `sub`. `data` is what the command
/// prints with `-o json`. A change that takes something away needs `--yes` among its `args`; `--dry-run` answers with
/// its plan. With `Accept: application/x-ndjson` the answer is a stream of frames, one a line, that also brings what
/// long commands say on their way; that is how `ticketctl --server` works.
///
/// # Errors
/// See [`AdminRefusals`].
#[utoipa::path(
    post,
    path = "/api/admin/commands",
    tag = "operators",
    params(IdempotencyHeader),
    request_body = AdminCommand,
    responses(CommandDone, AdminRefusals),
    security(("bearer" = []))
)]
pub async fn commands(
    State(state): State<ServerState>,
    caller: Caller,
    correlation: CorrelationId,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    if !caller.role.is_operator() {
        return Err(ApiError::forbidden(
            "Only operators and admins run commands. Use a token of such a role: ticketctl user token NAME --role \
             operator.",
        ));
    }
    let (parts, body) = request.into_parts();
    let key = idempotency_key(&parts.headers)?;
    let is_small = declared_len(&parts.headers).is_some_and(|len| len <= SMALL_BODY_BYTES);
    let room = match is_small {
        true => None,
        // The semaphore is never closed.
        false => LARGE_BODIES
            .try_acquire()
            .map(Some)
            .map_err(|_| ApiError::too_many_at_once("commands that bring files", LARGE_BODIES_MAX))?,
    };
    let body = crate::body::read_slowly(BODY_READ_TIMEOUT, BODY_BYTES_MAX, &parts, body).await?;
    let mut request: remote::Request = serde_json::from_slice(&body)
        .map_err(|error| ApiError::invalid_json(format!("The body is no command: {error}.")))?;
    drop((body, room));
    if let Some(key) = key.filter(|_| !wants_frames(&parts.headers)) {
        request.args = Program::with_key(request.args, key);
    }
    let Some(slot) = state.backend.slot() else {
        return Err(ApiError::too_many_at_once("commands", COMMANDS_MAX));
    };
    let wants_frames = wants_frames(&parts.headers);
    if !wants_frames {
        if ticketing_desk::failure::names_format(&request.args) {
            return Err(ApiError::invalid_field("args", "can't have -o here: the answer is JSON"));
        }
        // In front: behind a `--` it would be no flag.
        request.args.splice(0..0, ["-o".to_owned(), "json".to_owned()]);
    }
    let actor = Actor {
        name: caller.user.0,
        is_admin: caller.role == Role::Admin,
        correlation_id: Some(correlation.to_string()),
    };
    let running = remote::start(state.backend.clone(), slot, actor, request).map_err(|error| {
        tracing::error!(%error, "a command got no thread");
        ApiError::overloaded()
    })?;
    if wants_frames {
        let mut response = Response::new(Body::new(Frames {
            running,
            has_ended: false,
            beat: interval_at(Instant::now() + BEAT_EVERY, BEAT_EVERY),
        }));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FRAMES_TYPE));
        return Ok(response);
    }
    whole(running).await.map(IntoResponse::into_response)
}

fn wants_frames(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with(FRAMES_TYPE))
}

/// Waits for a command's end, and answers with its data.
async fn whole(mut running: Running) -> Result<Answer, ApiError> {
    let (mut data, mut said) = (String::new(), String::new());
    while let Some(frame) = running.next().await {
        match frame {
            Frame::Out(text) if data.len() + text.len() > DATA_BYTES_MAX => {
                let most = DATA_BYTES_MAX >> 20;
                return Err(ApiError::new(
                    Code::PayloadTooLarge,
                    format!(
                        "The answer is larger than {most} MiB. Add --limit N, or ask for a stream with Accept: {FRAMES_TYPE}."
                    ),
                ));
            }
            Frame::Out(text) => data.push_str(&text),
            Frame::Err(text) if said.len() < NOTES_BYTES_MAX => said.push_str(&text),
            Frame::Err(_) | Frame::Progress(_) | Frame::Beat => {}
            Frame::Want(names) => {
                let names = names.join(", ");
                return Err(ApiError::invalid_field(
                    "inputs",
                    &format!("lacks what the command reads: {names}"),
                ));
            }
            Frame::Ask(question) => {
                return Err(ApiError::of_command(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "NOT_CONFIRMED",
                    question.declined,
                ));
            }
            Frame::End(Ended { exit: 0, is_replay, .. }) => {
                let answer = Answer::ok(json(data)?);
                return Ok(if is_replay { answer.replayed() } else { answer });
            }
            Frame::End(Ended { exit, failure, .. }) => {
                let Some(failure) = failure else { return Err(ApiError::internal()) };
                let message = match &failure.hint {
                    Some(hint) => format!("{} Try: {hint}", failure.message),
                    None => failure.message,
                };
                let status = status_of(exit, &failure.code);
                let error =
                    ApiError::of_command(status, &failure.code, message).with_details(details(&data, &said));
                return Err(match status {
                    StatusCode::SERVICE_UNAVAILABLE => error.retry_after(RETRY_AFTER_SECONDS),
                    _ => error,
                });
            }
        }
    }
    Err(ApiError::internal())
}

/// What a command that failed had printed before: its rows, and a note for each line that it said beside them.
fn details(data: &str, said: &str) -> Vec<Value> {
    // A list that broke off is left out: what can't be read is no fact.
    let printed = serde_json::Deserializer::from_str(data).into_iter::<Value>().map_while(Result::ok);
    let mut rows: Vec<Value> = printed
        .flat_map(|value| match value {
            Value::Array(rows) => rows,
            Value::Null => Vec::new(),
            one => vec![one],
        })
        .collect();
    let note = |text: &str| serde_json::json!({"field": "note", "message": text});
    let more = rows.len().saturating_sub(DETAILS_MAX);
    rows.truncate(DETAILS_MAX);
    if more > 0 {
        rows.push(note(&format!("{more} more are not shown; ask for a stream with Accept: {FRAMES_TYPE}.")));
    }
    // The failure itself is the message.
    let is_failure = |line: &&str| line.starts_with(r#"{"error":"#);
    let notes = said.lines().filter(|line| !line.trim().is_empty() && !is_failure(line));
    rows.extend(notes.take(DETAILS_MAX).map(note));
    rows
}

fn json(data: String) -> Result<Json, ApiError> {
    if data.trim().is_empty() {
        return Ok(Json::Text("null".into()));
    }
    match serde_json::from_str::<&RawValue>(&data) {
        Ok(_) => Ok(Json::Text(data)),
        // Only `--help` says something else.
        Err(_) => Json::of(&data),
    }
}

/// What a command's exit code and stable word are over HTTP: only what is a fault of the server's own is a 500.
fn status_of(exit: u8, code: &str) -> StatusCode {
    match exit {
        1 if matches!(code, "STORE_UNAVAILABLE" | "TIMEOUT") => StatusCode::SERVICE_UNAVAILABLE,
        1 if !OWN_FAULTS.contains(&code) => StatusCode::UNPROCESSABLE_ENTITY,
        2 => StatusCode::BAD_REQUEST,
        3 => StatusCode::NOT_FOUND,
        4 => StatusCode::FORBIDDEN,
        5 | 6 => StatusCode::CONFLICT,
        7 => StatusCode::SERVICE_UNAVAILABLE,
        8 | 9 => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The words of failures that are nobody's fault who asks.
const OWN_FAULTS: &[&str] = &["ERROR", "INTERNAL", "CORRUPT", "READ_ONLY", "DISK_FULL", "STORE_REFUSED"];

/// A body of frames, one a line.
struct Frames {
    running: Running,
    has_ended: bool,
    beat: Interval,
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let frame = match self.running.poll_next(context) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(frame)) => frame,
            Poll::Pending if self.beat.poll_tick(context).is_ready() => Frame::Beat,
            Poll::Pending => return Poll::Pending,
        };
        self.has_ended = matches!(frame, Frame::Ask(_) | Frame::Want(_) | Frame::End(_));
        // A frame is text and numbers: it always has a JSON form.
        let line = serde_json::to_string(&frame).unwrap_or_default() + "\n";
        Poll::Ready(Some(Ok(hyper::body::Frame::data(line.into()))))
    }
}
