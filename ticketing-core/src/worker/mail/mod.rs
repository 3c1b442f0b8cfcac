//! Tells passengers by mail what became of their bookings: reads the log, queues what is to be told, sends what is due.
//!
//! Two loops. One reads the log past its own cursor and writes a row for each event that is mailed about, in the
//! transaction that moves the cursor; nothing else moves it, so neither a replay nor a rebuild sends a mail. The other
//! leases rows that are due and sends them. If a process dies between sending and writing that down, the lease ends and
//! the mail goes out again, with the same `Message-ID`. Both may run in any number of processes.
//!
//! No booking waits for any of it. While the mail server is away the rows wait, however long that takes.

mod breaker;
mod told;

use super::RETRY_AFTER;
use crate::adapters::mail::{Mailer, Outgoing, SendError};
use crate::app::App;
use crate::domain::id::BookingId;
use crate::domain::mail::{Mail, MailKind, MailState, mail_id};
use crate::projection::mail::letter;
use crate::store::error::{Result, StoreError};
use crate::store::mails::{self, Outcome};
use crate::traces;
use breaker::Breaker;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use told::Subject;
use tracing::Instrument as _;

/// Events of the log that are looked at at once; most are told to nobody.
const PAGE: i64 = 2_000;
/// How soon after a look the next one begins: a mail is in no hurry, and a few large pages cost less than many small.
const LINGER: Duration = Duration::from_millis(200);
/// Mails that are leased at once.
const SEND_PAGE: i64 = 16;
/// For how long they are, in seconds: longer than all of them can take.
const LEASE_SECONDS: i64 = 60;
/// The longest pause between two looks for what is due: other processes queue, too.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long it is tried to write down what was sent. After that the mails go out again.
const TELLING_MAX: Duration = Duration::from_secs(30);
/// After so many tries, about a day, an operator must look.
pub const TRIES_MAX: u32 = 30;
/// The pause after the first try; it doubles with each, up to [`BACKOFF_SECONDS_MAX`].
const BACKOFF_SECONDS: i64 = 30;
/// The longest pause between two tries.
const BACKOFF_SECONDS_MAX: i64 = 3_600;

/// What one try came to, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct MailReport {
    /// What was to be told.
    pub kind: MailKind,
    /// One of [`OUTCOMES`].
    pub outcome: &'static str,
    /// How long it took.
    pub took: Duration,
}

/// The words of the metrics for what a try came to.
pub const OUTCOMES: [&str; 5] = ["sent", "refused", "later", "away", "dropped"];

/// Told of each try, from the sender's tasks: it must not wait.
pub type MailObserver = Arc<dyn Fn(&MailReport) + Send + Sync>;

/// Who sends mails, and who is told of it.
#[derive(Clone)]
pub struct Mailing {
    /// Who sends them.
    pub mailer: Mailer,
    /// Told of each try.
    pub observer: MailObserver,
    /// Whether the mail server is left alone for a while.
    is_away: Arc<AtomicBool>,
}

impl Mailing {
    /// Sends by `mailer`, and tells `observer`.
    #[must_use]
    pub fn new(mailer: Mailer, observer: MailObserver) -> Self {
        Self { mailer, observer, is_away: Arc::default() }
    }

    /// Sends, and tells nobody.
    #[must_use]
    pub fn quietly(mailer: Mailer) -> Self {
        Self::new(mailer, Arc::new(|_| ()))
    }

    /// Whether the mail server is left alone for a while, because it can't be reached.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Mailing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailing").field("mailer", &self.mailer).finish_non_exhaustive()
    }
}

/// Queues and sends for ever; ends when the log's head has no sender any more.
pub async fn run(app: App, mailing: Mailing, head: watch::Receiver<i64>) {
    let queued = Notify::new();
    let domain = mailing.mailer.config().domain().to_owned();
    tokio::select! {
        () = collect(&app, &domain, head, &queued) => {}
        () = deliver(&app, &mailing, &queued) => {}
    }
}

/// How far the log has been read.
struct Reader {
    /// The cursor of the store, as it was last seen.
    cursor: i64,
    /// Up to here, this process has looked.
    looked: i64,
}

/// Queues what the log says, for ever; ends with the log.
async fn collect(app: &App, domain: &str, mut head: watch::Receiver<i64>, queued: &Notify) {
    let mut reader: Option<Reader> = None;
    let mut failing = false;
    loop {
        let target = *head.borrow_and_update();
        match read_to(app, domain, &mut reader, target, queued).await {
            Ok(()) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "mails can't be queued; will try again, and none is lost");
                }
                failing = true;
                reader = None;
                tokio::time::sleep(RETRY_AFTER).await;
                if head.has_changed().is_err() {
                    return;
                }
                continue;
            }
        }
        tokio::time::sleep(LINGER).await;
        if head.changed().await.is_err() {
            return;
        }
    }
}

/// Queues what the log says up to `target`.
async fn read_to(
    app: &App,
    domain: &str,
    reader: &mut Option<Reader>,
    target: i64,
    queued: &Notify,
) -> Result<()> {
    let db = &app.stores.write;
    loop {
        let at = match reader.take() {
            Some(at) => at,
            None => {
                let cursor = mails::cursor(db).await?;
                Reader { cursor, looked: cursor }
            }
        };
        if at.looked >= target {
            *reader = Some(at);
            return Ok(());
        }
        let to = target.min(at.looked + PAGE);
        let found = mails::events(db, at.looked, to).await?;
        let now = app.clock.now();
        let due: Vec<Mail> = found
            .iter()
            .filter_map(|entry| {
                let kind = MailKind::of(&entry.event)?;
                let id = mail_id(entry.stream_id, entry.position);
                Some(Mail {
                    id,
                    position: entry.position,
                    booking_id: BookingId(entry.stream_id),
                    kind,
                    message_id: format!("{id}@{domain}"),
                    state: MailState::Queued,
                    tries: 0,
                    next_at: Some(now),
                    last_error: None,
                    correlation_id: entry.correlation_id.clone(),
                    created_at: entry.recorded_at,
                    moved_at: now,
                    sent_at: None,
                })
            })
            .collect();
        // Moving the cursor costs a write: without a mail it moves only now and then.
        if due.is_empty() && to - at.cursor < mails::UNREAD_MAX {
            *reader = Some(Reader { looked: to, ..at });
            continue;
        }
        // Where another process has moved the cursor, it has queued these: on from where it is.
        if mails::queue(db, at.cursor, to, &due).await? {
            *reader = Some(Reader { cursor: to, looked: to });
            if !due.is_empty() {
                queued.notify_one();
            }
        }
    }
}

/// Sends what is due, for ever.
async fn deliver(app: &App, mailing: &Mailing, queued: &Notify) {
    let mut breaker = Breaker::default();
    let mut failing = false;
    loop {
        mailing.is_away.store(breaker.is_away(), Ordering::Relaxed);
        if let Some(until) = breaker.open_until() {
            tokio::time::sleep_until(until).await;
        }
        let limit = if breaker.is_away() { 1 } else { SEND_PAGE };
        let now = app.clock.now();
        match mails::claim_due(&app.stores.write, now, now.plus_seconds(LEASE_SECONDS), limit).await {
            Ok(due) if !due.is_empty() => {
                failing = false;
                let outcomes = send_all(app, mailing, due, &mut breaker).await;
                write_down(app, &outcomes).await;
            }
            Ok(_) => {
                failing = false;
                let pause = pause(app).await;
                tokio::select! {
                    () = queued.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "mails that are due can't be looked for; will try again");
                }
                failing = true;
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// How long nothing more will be due.
async fn pause(app: &App) -> Duration {
    match mails::next_due(&app.stores.write).await {
        Ok(Some(at)) => {
            let millis = at.as_millis().saturating_sub(app.clock.now().as_millis());
            // Never none: what is due may be another's just now.
            Duration::from_millis(millis.clamp(50, 60_000).unsigned_abs()).min(LOOK_EVERY)
        }
        Ok(None) | Err(_) => LOOK_EVERY,
    }
}

/// Sends these mails, a few at once, and returns what became of each.
async fn send_all(app: &App, mailing: &Mailing, due: Vec<Mail>, breaker: &mut Breaker) -> Vec<Outcome> {
    let at_once = mailing.mailer.at_once_max();
    let mut outcomes = Vec::with_capacity(due.len());
    let mut waiting: VecDeque<Mail> = due.into();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < at_once
            && let Some(mail) = waiting.pop_front()
        {
            if breaker.open_until().is_some() {
                // It was not tried: the next who asks may have it when the server may be back.
                let error = mail.last_error.clone();
                outcomes.push(later(app, &mail, mail.tries, breaker.pause_seconds(), error));
                continue;
            }
            let (app, mailing) = (app.clone(), mailing.clone());
            under_way.spawn(async move {
                let sent = send(&app, &mailing, &mail).await;
                (mail, sent)
            });
        }
        let Some(ended) = under_way.join_next().await else { return outcomes };
        let (mail, sent) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "the sending of a mail broke off; it is taken up again");
                continue;
            }
        };
        let was_away = breaker.is_away();
        match &sent {
            Tried::Sent | Tried::Later(_) => breaker.is_there(),
            Tried::Away(_) => breaker.failed(tokio::time::Instant::now()),
            Tried::Refused(_) | Tried::Dropped(_) | Tried::NotRead(_) => {}
        }
        if breaker.is_away() != was_away {
            said(mailing, &sent, breaker.is_away());
        }
        outcomes.push(outcome(app, &mail, sent, breaker));
    }
}

fn said(mailing: &Mailing, sent: &Tried, is_away: bool) {
    let server = mailing.mailer.config().place();
    match sent {
        Tried::Away(error) if is_away => {
            tracing::warn!(server, error, "mails can't be sent; they wait, and bookings go on");
        }
        Tried::Sent
        | Tried::Later(_)
        | Tried::Refused(_)
        | Tried::Away(_)
        | Tried::Dropped(_)
        | Tried::NotRead(_) => {
            tracing::info!(server, "mails are sent again");
        }
    }
}

/// What a try came to.
enum Tried {
    Sent,
    Refused(String),
    Later(String),
    Away(String),
    Dropped(String),
    /// Our own store did not say what is to be told.
    NotRead(String),
}

impl Tried {
    const fn word(&self) -> &'static str {
        match self {
            Self::Sent => OUTCOMES[0],
            Self::Refused(_) => OUTCOMES[1],
            Self::Later(_) | Self::NotRead(_) => OUTCOMES[2],
            Self::Away(_) => OUTCOMES[3],
            Self::Dropped(_) => OUTCOMES[4],
        }
    }
}

/// Writes the letter as things stand, and sends it.
async fn send(app: &App, mailing: &Mailing, mail: &Mail) -> Tried {
    let began = Instant::now();
    let part = traces::mail(&mail.correlation_id, mail.kind.word(), &mail.id.to_string());
    let tried = try_once(app, mailing, mail).instrument(part.clone()).await;
    part.record("outcome", tried.word());
    let error = match &tried {
        Tried::Sent => "",
        Tried::Refused(error)
        | Tried::Later(error)
        | Tried::Away(error)
        | Tried::Dropped(error)
        | Tried::NotRead(error) => error,
    };
    tracing::info!(
        correlation_id = %mail.correlation_id,
        booking_id = %mail.booking_id,
        mail_id = %mail.id,
        kind = mail.kind.word(),
        outcome = tried.word(),
        error,
        "tried to send a mail"
    );
    (mailing.observer)(&MailReport { kind: mail.kind, outcome: tried.word(), took: began.elapsed() });
    tried
}

async fn try_once(app: &App, mailing: &Mailing, mail: &Mail) -> Tried {
    let subject = match told::subject(app, mail).await {
        Ok(subject) => subject,
        Err(error @ StoreError::Corrupt { .. }) => return Tried::Refused(error.to_string()),
        Err(error) => return Tried::NotRead(error.to_string()),
    };
    let (told, passenger) = match subject {
        Subject::Told { told, passenger } => (told, passenger),
        Subject::Forgotten => return Tried::Dropped("the passenger was forgotten".to_owned()),
        Subject::NoAddress => return Tried::Dropped("the buyer has given no e-mail address".to_owned()),
        Subject::Unknown(why) => return Tried::Refused(why),
    };
    let letter = letter(&told);
    let outgoing = Outgoing {
        message_id: mail.message_id.clone(),
        date: mail.created_at,
        to_name: passenger.name,
        to_email: passenger.email,
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
    };
    match mailing.mailer.send(outgoing).await {
        Ok(()) => Tried::Sent,
        Err(SendError::Refused(error)) => Tried::Refused(error),
        Err(SendError::Later(error)) => Tried::Later(error),
        Err(SendError::Away(error)) => Tried::Away(error),
    }
}

fn outcome(app: &App, mail: &Mail, tried: Tried, breaker: &Breaker) -> Outcome {
    let tries = mail.tries.saturating_add(1);
    let over = |state, tries, last_error| Outcome { id: mail.id, state, tries, next_at: None, last_error };
    match tried {
        Tried::Sent => over(MailState::Sent, tries, None),
        Tried::Dropped(why) => over(MailState::Dropped, mail.tries, Some(why)),
        Tried::Refused(error) => over(MailState::Failed, tries, Some(error)),
        Tried::Later(error) if tries >= TRIES_MAX => over(MailState::Failed, tries, Some(error)),
        Tried::Later(error) => {
            let doublings = (tries - 1).min(16);
            let seconds = (BACKOFF_SECONDS << doublings).min(BACKOFF_SECONDS_MAX);
            later(app, mail, tries, seconds, Some(error))
        }
        // The server's fault, or our store's, so none of the mail's tries.
        Tried::Away(error) | Tried::NotRead(error) => {
            later(app, mail, mail.tries, breaker.pause_seconds(), Some(error))
        }
    }
}

/// It is due again after `seconds`, a little sooner or later, so that not all come back at once.
fn later(app: &App, mail: &Mail, tries: u32, seconds: i64, last_error: Option<String>) -> Outcome {
    let at = app.clock.now().plus_seconds(seconds).as_millis();
    let spread = (seconds * 1_000 / 4).max(1);
    let dice = i64::from(mail.id.as_fields().0 ^ mail.tries.wrapping_mul(0x9e37_79b9)) % spread;
    let next_at = crate::domain::time::Timestamp::from_millis(at + dice);
    Outcome { id: mail.id, state: MailState::Queued, tries, next_at: Some(next_at), last_error }
}

/// Writes down what became of mails; if that can't be done for long, they go out again.
async fn write_down(app: &App, outcomes: &[Outcome]) {
    if outcomes.is_empty() {
        return;
    }
    let until = Instant::now() + TELLING_MAX;
    loop {
        match mails::finish(&app.stores.write, outcomes, app.clock.now()).await {
            Ok(()) => return,
            Err(error) if Instant::now() >= until => {
                tracing::error!(%error, "what was sent can't be written down; it goes out again, under the same ids");
                return;
            }
            Err(_) => tokio::time::sleep(RETRY_AFTER).await,
        }
    }
}
