//! What came of a load, as it is printed, written to a file, and judged. The fields and their units are stable.

use super::check::{Check, Limits};
use super::cleanup::Cleanup;
use super::client::RATE_LIMIT_HINT;
use super::driver::{End, Ended, Load};
use super::live::ms;
use super::profile::Kind;
use super::record::{REFUSED, Record, Tally};
use serde::Serialize;
use serde_json::{Value, json};
use ticketing_core::domain::time::Timestamp;
use ticketing_desk::output::{Column, View, grouped};

/// From this share of 429 on, in percent, the report says what to do about it.
const RATE_LIMITED_PERCENT: u64 = 1;
/// From this share of bookings refused for want of seats on, too.
const FULL_PERCENT: u64 = 50;

/// Latencies in milliseconds, to three significant digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    /// 99.9 %.
    p999: f64,
    max: f64,
    mean: f64,
}

impl Latency {
    /// None where nothing was measured.
    fn of(tally: &Tally) -> Option<Self> {
        let part = |part| tally.quantile(part).map(ms);
        Some(Self {
            p50: part(0.5)?,
            p90: part(0.9)?,
            p99: part(0.99)?,
            p999: part(0.999)?,
            max: ms(tally.max()?),
            mean: ms(tally.mean()?),
        })
    }
}

/// What came of one kind of request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    command: &'static str,
    requests: u64,
    ok: u64,
    refused: u64,
    errors: u64,
    unanswered: u64,
    /// The sum of the two.
    failed: u64,
    per_second: f64,
    latency_ms: Option<Latency>,
}

/// How often a status came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    status: u16,
    count: u64,
}

/// How often an error code came; an empty one stands for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    status: u16,
    code: String,
    count: u64,
}

/// How often no answer came, by its cause: `connect`, `timeout` or `broken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    cause: &'static str,
    count: u64,
}

/// A command's part of the mix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    command: &'static str,
    percent: f64,
}

/// What became of the bookings, those of the warm-up too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BookingCounts {
    /// Made.
    made: u64,
    /// Seats that they were for.
    seats: u64,
    /// Confirmed.
    confirmed: u64,
    /// Cancelled again, by the load or by its cleanup.
    cancelled: u64,
    /// Held at the end, unless their time has ended.
    held: u64,
    /// Sold at the end.
    sold: u64,
    /// Commands without an answer, which may have been done.
    doubtful: u64,
}

/// What came of a load.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    id: String,
    server: String,
    started_at: Timestamp,
    /// `finished`, `soldOut`, `stopped` by a signal, or `silent`: the server answered nothing any more.
    ended: &'static str,
    /// From the first measured request to the last answer.
    seconds: f64,
    warmup_seconds: f64,
    warmup_requests: u64,
    /// `closed` or `open`.
    #[serde(rename = "loop")]
    kind: &'static str,
    /// The rate asked for, of an open loop.
    rate_per_second: Option<f64>,
    connections: usize,
    users: usize,
    departures: usize,
    #[serde(skip)]
    is_sale: bool,
    /// Free on every leg before the load.
    seats_free: u64,
    pick: String,
    mix: Vec<Share>,
    seed: u64,
    /// Measured requests: the sum of the four below it.
    pub requests: u64,
    ok: u64,
    /// 409: the rules forbade it.
    refused: u64,
    /// Any other refusal.
    errors: u64,
    /// No answer.
    pub unanswered: u64,
    /// Due in an open loop and not sent.
    not_sent: u64,
    /// `errors`, `unanswered` and `notSent` of `requests` and `notSent`.
    error_percent: Option<f64>,
    per_second: f64,
    /// Seats that were booked a second, those of the warm-up left out with its requests; `None` with a warm-up.
    seats_per_second: Option<f64>,
    latency_ms: Option<Latency>,
    commands: Vec<Row>,
    statuses: Vec<Status>,
    refusals: Vec<Counted>,
    error_codes: Vec<Counted>,
    unanswered_causes: Vec<Cause>,
    bookings: BookingCounts,
    cleanup: Option<Cleanup>,
    /// How busy this program was, in percent of one core.
    generator_cpu_percent: Option<f64>,
    pub checks: Vec<Check>,
    /// What to do about what spoils the measurement.
    pub advice: Vec<String>,
    /// The command that cancels what is left; none where nothing is.
    pub remove: Option<String>,
}

/// What the report says beside what was measured.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When it began.
    pub started_at: Timestamp,
    /// How departures were picked, in words.
    pub pick: String,
    /// What it must keep to.
    pub limits: Limits,
    /// What came of the cleanup.
    pub cleanup: Option<Cleanup>,
    /// How busy this program was, in percent of one core.
    pub cpu_percent: Option<f64>,
}

impl Report {
    /// Puts it together.
    pub fn new(load: &Load, ended: &Ended, frame: Frame) -> Self {
        let total = ended.record.total();
        let seconds = ended.elapsed.as_secs_f64();
        let wanted = total.requests() + ended.not_sent;
        let failed = total.failed() + ended.not_sent;
        let error_percent = (wanted > 0).then(|| rounded(failed as f64 * 100.0 / wanted as f64, 3));
        let bookings = &ended.bookings;
        let left = bookings.held.len() + bookings.sold.len() + bookings.doubtful.len();
        Self {
            id: load.run.clone(),
            server: load.api.base().to_owned(),
            started_at: frame.started_at,
            ended: match ended.end {
                End::Finished => "finished",
                End::SoldOut => "soldOut",
                End::Stopped => "stopped",
                End::Silent => "silent",
            },
            seconds: rounded(seconds, 3),
            warmup_seconds: load.warmup.as_secs_f64(),
            warmup_requests: ended.warmup_requests,
            kind: if load.rate.is_some() { "open" } else { "closed" },
            rate_per_second: load.rate.map(|rate| rounded(rate.per_second, 3)),
            connections: load.connections,
            users: load.users.len(),
            departures: load.departures.len(),
            is_sale: load.sale.is_some(),
            seats_free: load.departures.iter().map(|departure| departure.seats_left).sum(),
            pick: frame.pick,
            mix: load.mix.shares().into_iter().map(|(command, percent)| Share { command, percent }).collect(),
            seed: load.seed,
            requests: total.requests(),
            ok: total.ok,
            refused: total.refused,
            errors: total.errors,
            unanswered: total.unanswered,
            not_sent: ended.not_sent,
            error_percent,
            per_second: per_second(total.requests(), seconds),
            seats_per_second: (ended.warmup_requests == 0).then(|| per_second(bookings.seats, seconds)),
            latency_ms: Latency::of(&total),
            commands: Kind::ALL
                .into_iter()
                .map(|kind| row(kind.word(), ended.record.of(kind), seconds))
                .filter(|row| row.requests > 0)
                .collect(),
            statuses: ended
                .record
                .statuses
                .iter()
                .map(|(status, count)| Status { status: *status, count: *count })
                .collect(),
            refusals: counted(&ended.record, |status| status == REFUSED),
            error_codes: counted(&ended.record, |status| status != REFUSED),
            unanswered_causes: ended
                .record
                .lost
                .iter()
                .map(|(lost, count)| Cause { cause: lost.word(), count: *count })
                .collect(),
            bookings: BookingCounts {
                made: bookings.made,
                seats: bookings.seats,
                confirmed: bookings.confirmed,
                cancelled: bookings.cancelled,
                held: bookings.held.len() as u64,
                sold: bookings.sold.len() as u64,
                doubtful: bookings.doubtful.len() as u64,
            },
            cleanup: frame.cleanup,
            generator_cpu_percent: frame.cpu_percent,
            checks: frame.limits.checks(total.quantile(0.99), error_percent),
            advice: advice(ended),
            remove: (left > 0).then(|| removal(&load.run)),
        }
    }

    /// Returns what came of each command, and of all.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.commands.clone();
        rows.push(Row {
            command: "all",
            requests: self.requests,
            ok: self.ok,
            refused: self.refused,
            errors: self.errors,
            unanswered: self.unanswered,
            failed: self.errors + self.unanswered,
            per_second: self.per_second,
            latency_ms: self.latency_ms,
        });
        rows
    }

    /// Returns the report as people read it: all commands and their sum in one table, all answers in another.
    pub fn for_people(&self) -> Value {
        let done = self
            .statuses
            .iter()
            .filter(|row| row.status < 300)
            .map(|row| (row.status.to_string(), row.count));
        let others = self.refusals.iter().chain(&self.error_codes);
        let others = others.map(|row| (format!("{} {}", row.status, row.code), row.count));
        let lost = self.unanswered_causes.iter().map(|row| (format!("none ({})", row.cause), row.count));
        let answers = done.chain(others).chain(lost).map(|(answer, count)| {
            let percent = rounded(count as f64 * 100.0 / self.requests.max(1) as f64, 1);
            json!({ "answer": answer, "count": count, "percent": percent })
        });
        let mut value = json!(self);
        value["answers"] = answers.collect();
        value["rows"] = json!(self.rows());
        value["load"] = self.in_words().into();
        value["warmup"] = self.warmup_in_words().into();
        value["booked"] = self.bookings_in_words().into();
        value["end"] = (self.ended == "soldOut").then_some("sold out: not one seat was left").into();
        value["late"] = (self.not_sent > 0).then_some(self.not_sent).into();
        value
    }

    fn warmup_in_words(&self) -> Option<String> {
        let count = grouped(self.warmup_requests);
        (self.warmup_requests > 0).then(|| format!("{count} requests, which only the bookings count"))
    }

    fn in_words(&self) -> String {
        let pace = match self.rate_per_second {
            Some(rate) => format!("{rate}/s over {} connections", self.connections),
            None => format!("{} connections, each as fast as it is answered", self.connections),
        };
        match self.is_sale {
            true => format!("{pace}; {}", self.pick),
            false => format!("{pace}; {} departures, {}", grouped(self.departures as u64), self.pick),
        }
    }

    fn bookings_in_words(&self) -> Option<String> {
        let counts = &self.bookings;
        (counts.made + counts.doubtful > 0).then(|| {
            let doubtful = match counts.doubtful {
                0 => String::new(),
                count => format!(", {} without an answer", grouped(count)),
            };
            format!(
                "{} made for {} seats, {} confirmed, {} cancelled; left: {} held, {} sold{doubtful}",
                grouped(counts.made),
                grouped(counts.seats),
                grouped(counts.confirmed),
                grouped(counts.cancelled),
                grouped(counts.held),
                grouped(counts.sold),
            )
        })
    }
}

/// What came of each command.
pub const ROWS: View = View::new("commands", COMMANDS).named_by(&["command"]);

const COMMANDS: &[Column] = &[
    Column::text("Command", "command").whole(),
    Column::number("Requests", "requests"),
    Column::number("Refused", "refused"),
    Column::number("Failed", "failed"),
    Column::number("p50", "latencyMs.p50"),
    Column::number("p90", "latencyMs.p90"),
    Column::number("p99", "latencyMs.p99"),
    Column::number("p99.9", "latencyMs.p999"),
    Column::number("Max", "latencyMs.max"),
    Column::number("Mean", "latencyMs.mean").wide(),
    Column::number("Per second", "perSecond").wide(),
    Column::number("Errors", "errors").wide(),
    Column::number("Unanswered", "unanswered").wide(),
];

/// What people see of a report.
pub const FIELDS: &[Column] = &[
    Column::text("Server", "server"),
    Column::id("Run", "id"),
    Column::text("Load", "load"),
    Column::text("Warm-up", "warmup"),
    Column::text("End", "end"),
    Column::number("Seconds", "seconds"),
    Column::number("Requests", "requests"),
    Column::number("Per second", "perSecond"),
    Column::number("Seats per second", "seatsPerSecond"),
    Column::number("Failed in %", "errorPercent"),
    Column::number("Not sent", "late"),
    Column::text("Bookings", "booked"),
    Column::number("Generator in % of a core", "generatorCpuPercent").wide(),
    Column::number("Seed", "seed").wide(),
    Column::rows("Latency in ms", "rows", COMMANDS),
    Column::rows(
        "Answers",
        "answers",
        &[
            Column::text("Answer", "answer").whole(),
            Column::number("Count", "count"),
            Column::number("%", "percent"),
        ],
    ),
    Column::rows(
        "Checks",
        "checks",
        &[
            Column::text("Check", "check").whole(),
            Column::number("Limit", "limit"),
            Column::number("Actual", "actual"),
            Column::text("Passed", "passed").whole(),
        ],
    ),
];

fn row(command: &'static str, tally: &Tally, seconds: f64) -> Row {
    Row {
        command,
        requests: tally.requests(),
        ok: tally.ok,
        refused: tally.refused,
        errors: tally.errors,
        unanswered: tally.unanswered,
        failed: tally.failed(),
        per_second: per_second(tally.requests(), seconds),
        latency_ms: Latency::of(tally),
    }
}

fn counted(record: &Record, is_wanted: impl Fn(u16) -> bool) -> Vec<Counted> {
    let mut counted = Vec::new();
    for (&status, codes) in record.codes.iter().filter(|(status, _)| is_wanted(**status)) {
        for (code, &count) in codes {
            counted.push(Counted { status, code: code.to_string(), count });
        }
    }
    counted
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rounded(count as f64 / seconds, 1) } else { 0.0 }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}

/// The command that cancels what a run has left. Holds that end meanwhile make it refuse: then it is typed again.
fn removal(run: &str) -> String {
    format!(
        "ticketctl booking list --query 'user~\"{run}-\" and (status=PENDING or status=RESERVED or status=CONFIRMED)' \
         -o name | ticketctl booking cancel - --yes --reason 'load test'"
    )
}

fn advice(ended: &Ended) -> Vec<String> {
    let record = &ended.record;
    let total = record.total().requests();
    let limited = record.statuses.get(&429).copied().unwrap_or(0);
    let mut advice = Vec::new();
    if limited * 100 > total * RATE_LIMITED_PERCENT {
        advice.push(format!(
            "{} of {} requests were answered 429: the server's RATE_LIMIT is what was measured. To measure the \
             server, {RATE_LIMIT_HINT}.",
            grouped(limited),
            grouped(total)
        ));
    }
    let made = record.of(Kind::Book).requests() + record.of(Kind::Reserve).requests();
    let full = record.refused_by("SOLD_OUT") + record.refused_by("SEAT_TAKEN");
    // A hall that is sold out has done what it was asked to.
    if ended.end != End::SoldOut && full * 100 > made * FULL_PERCENT {
        advice.push(format!(
            "{} of {} bookings found no seat: refusals are cheaper than bookings. For more bookings give more \
             departures (--departures) or more cancellations (--mix).",
            grouped(full),
            grouped(made)
        ));
    }
    if ended.not_sent > 0 {
        advice.push(format!(
            "{} requests were due and not sent, because every connection waited for an answer: the server did not \
             bear this rate over so many connections.",
            grouped(ended.not_sent)
        ));
    }
    advice
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
