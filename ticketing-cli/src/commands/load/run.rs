//! `ticketctl load run`.

use super::check::{self, Limits};
use super::cleanup::clean_up;
use super::client::Api;
use super::discover::{self, Departure, Wanted, seats_in_words};
use super::driver::{End, Load, drive, quoted};
use super::live::Live;
use super::profile::{HOT_DIVISOR, Mix, PickKind, Picker, Rate, Rng, percent};
use super::report::{FIELDS, Frame, ROWS, Report};
use super::sale::{self, Sale};
use super::target::{self, TargetArgs};
use reqwest::header::HeaderValue;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::clock::Clock;
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_desk::commands::change;
use ticketing_desk::confirm::{Change, Gate, Severity, gate};
use ticketing_desk::failure::Failure;
use ticketing_desk::globals::{ChangeArgs, Globals, parse_duration};
use ticketing_desk::output::{Format, Plan, Printer, grouped};
use ticketing_desk::signals::{self, Doing};
use ticketing_server::auth::{Role, mint};
use ticketing_server::secret::Secret;
use uuid::Uuid;

/// The longest load.
const DURATION_MAX: Duration = Duration::from_secs(3600);
/// How long, unless said.
const DURATION_DEFAULT: Duration = Duration::from_secs(10);
/// The longest warm-up.
const WARMUP_MAX: Duration = Duration::from_secs(600);
/// The most connections: more than the files that a process may open would allow.
const CONNECTIONS_MAX: u64 = 10_000;
/// The most buyers.
const USERS_MAX: u64 = 1_000_000;
/// The largest party, the most seats that a reservation may have.
const PARTY_MAX: u64 = 10;
/// The most departures.
const DEPARTURES_MAX: u64 = 10_000;
/// So long behind the end of the load tokens are good, for the cleanup.
const TOKEN_MARGIN: Duration = Duration::from_secs(3600);
/// A seed that is made here is a whole number to every reader of JSON.
const SEED_MASK: u64 = (1 << 53) - 1;
/// What the buyers do unless said: a sale in which many look, and seats come back.
const MIX_DEFAULT: &str = "book=30,reserve=10,confirm=10,cancel=25,tickets=10,seats=10,schedules=5";

/// Send bookings and queries to a server for a while, and report what it bore
#[derive(clap::Args, Debug)]
#[command(after_help = "\
It books seats: use a server for trying things out. Only one on this machine is loaded, unless --allow-remote is \
given. Buyers are named RUN-1, RUN-2, … (RUN is in the report); what is left of their bookings at the end is told \
with the command that cancels it, or cancelled by --cleanup. Held seats are free again when their hold ends. Confirm \
speaks as the payment service, for payments that nobody made: not for a server with a real payment provider. \
--max-affected counts departures, --reason is that of the cancellations.

With --on-sale everybody wants seats of one event at once, for parties of 1 to --party: by name as --named-seats says, \
the others the best together. It ends when not one seat is left, or with its time.

In a closed loop each connection sends the next request when it has the answer. With --rate requests are due at their \
times, and latencies count from then, so that a server that stalls can't hide it.

Refusals by the rules (409: SEAT_TAKEN, SOLD_OUT, …) are answers. Errors are all others: 429, 5xx, 4xx. Latencies are \
of all answers, and of requests that timed out (--timeout).

-o json and --report FILE give, with latencies in milliseconds: id, server, startedAt, ended (finished, soldOut, \
stopped, silent), seconds, requests = ok + refused + errors + unanswered, notSent, errorPercent, perSecond, seatsPerSecond, latencyMs {p50, p90, \
p99, p999, max, mean}, commands (the same by command; failed = errors + unanswered), statuses, refusals, errorCodes, unansweredCauses, bookings \
{made, seats, confirmed, cancelled, held, sold, doubtful}, cleanup, checks, advice, remove.

Exit: 0 all answered, 1 nothing was sent, 6 some had no answer (unless --max-errors says how many may), 7 the server \
does not answer, 8 --max-p99 or --max-errors was exceeded, 130 ctrl-c: with the report so far.

Examples:
  ticketctl load run --dry-run
  ticketctl load run --duration 30s --cleanup
  ticketctl load run --rate 500/s --duration 1m --pick hot
  ticketctl load run --mix read=100 --connections 16 -o json
  ticketctl load run --on-sale EVENT --connections 256 --warmup 0s
  ticketctl load run --max-p99 50ms --max-errors 1% --report load.json")]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// How long, up to 1h [default: 10s, or with --requests until they are sent]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Stop after N requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Send so long before anything is measured; 0s for not at all
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = warmup)]
    warmup: Duration,
    /// How many requests may be under way at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=CONNECTIONS_MAX))]
    connections: u64,
    /// Send so many, such as 500/s, whether or not answers come
    #[arg(long, value_name = "RATE", value_parser = Rate::parse)]
    rate: Option<Rate>,
    /// Proportions of reserve, book, confirm, cancel, tickets, seats, schedules and read (the last three)
    ///
    /// [default: a bit of each; with --on-sale reserve alone]
    #[arg(long, value_name = "MIX", value_parser = Mix::parse)]
    mix: Option<Mix>,
    /// Which departures: uniform (all alike) or hot (most requests to few)
    #[arg(long, value_enum, value_name = "HOW", default_value = "uniform", hide_possible_values = true)]
    pick: PickKind,
    /// With --pick hot: the share of the requests that the first tenth of the departures gets
    #[arg(long, value_name = "PERCENT", default_value = "80%", value_parser = percent)]
    hot_share: f64,
    /// The share of the bookings that name a seat; for the others the server picks one
    #[arg(long, value_name = "PERCENT", default_value = "50%", value_parser = percent)]
    named_seats: f64,
    /// Everybody at once on this event, by id: see below
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["schedule", "departures", "pick", "hot_share"])]
    on_sale: Option<String>,
    /// With --on-sale: the most seats that one buyer wants
    #[arg(long, value_name = "N", default_value_t = 4, requires = "on_sale", value_parser = clap::value_parser!(u64).range(1..=PARTY_MAX))]
    party: u64,
    /// Only these departures, by id, with commas between several
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    schedule: Vec<String>,
    /// At most so many departures, the same number from each route
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=DEPARTURES_MAX))]
    departures: u64,
    /// How many buyers there are
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=USERS_MAX))]
    users: u64,
    /// Choose as the run with this seed did [default: another each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Cancel at the end what was booked
    #[arg(long)]
    cleanup: bool,
    /// Exit 8 if the 99th percentile is longer, such as 50ms
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    max_p99: Option<Duration>,
    /// Exit 8 if more than this share was answered by an error, or not at all
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    max_errors: Option<f64>,
    /// Write the report to this file too, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).and_then(|time| up_to(time, DURATION_MAX, "1h"))
}

fn warmup(text: &str) -> Result<Duration, String> {
    if matches!(text, "0" | "0s" | "0ms") {
        return Ok(Duration::ZERO);
    }
    parse_duration(text).and_then(|time| up_to(time, WARMUP_MAX, "10m"))
}

fn up_to(time: Duration, max: Duration, shown: &str) -> Result<Duration, String> {
    if time <= max { Ok(time) } else { Err(format!("must be at most {shown}")) }
}

impl Args {
    /// How long it takes at most, without the warm-up.
    fn longest(&self) -> Duration {
        self.duration.unwrap_or(if self.requests.is_some() { DURATION_MAX } else { DURATION_DEFAULT })
    }

    fn length_in_words(&self) -> String {
        let time = (self.warmup + self.longest()).as_secs_f64();
        match (self.requests, self.duration) {
            (Some(count), None) => format!("{} requests", grouped(count)),
            (Some(count), Some(_)) => format!("{time} s or {} requests", grouped(count)),
            (None, _) => format!("{time} s"),
        }
    }

    /// The mix that was asked for, or the one that goes with what is booked.
    fn mix(&self) -> Result<Mix, Failure> {
        let usual = if self.on_sale.is_some() { sale::MIX_DEFAULT } else { MIX_DEFAULT };
        let mix = match &self.mix {
            Some(mix) => mix.clone(),
            None => Mix::parse(usual).map_err(|why| Failure::defect(&why, None))?,
        };
        if self.on_sale.is_some() {
            sale::check(&mix)?;
        }
        Ok(mix)
    }

    fn pick_in_words(&self, departures: usize) -> String {
        if let Some(event) = &self.on_sale {
            return format!("all on event {event}, parties of 1 to {}", self.party);
        }
        match self.pick {
            PickKind::Uniform => "all alike".into(),
            PickKind::Hot => {
                let hot = departures.div_ceil(HOT_DIVISOR);
                format!("{} % of the requests to {}", self.hot_share, grouped(hot as u64))
            }
        }
    }
}

/// Sends the load and prints the report.
///
/// # Errors
/// No target or none allowed; nothing to book; as the checks say; ctrl-c.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "Each load is a new one.")?;
    if let Some(reason) = &args.change.reason {
        check_text(reason, len_max::REASON)
            .map_err(|why| Failure::usage(format!("--reason {why}.")).hint("--reason TEXT"))?;
    }
    let target = target::find(&args.target, globals)?;
    let mix = args.mix()?;
    let api = Api::new(target.url, usize_of(args.connections), globals.timeout)?;
    let doing = Doing::default();
    signals::run(&doing, async {
        let load = Arc::new(prepare(args, mix, api, &target.secret).await?);
        if !may_begin(args, &load, printer)? {
            return Ok(());
        }
        let file = args.report.as_deref().map(open).transpose()?;
        let outcome = carry_out(args, &load, &doing, printer).await?;
        finish(outcome, file, &load, printer)
    })
}

/// Asks the server what there is, and makes the buyers.
async fn prepare(args: &Args, mix: Mix, api: Api, secret: &Secret) -> Result<Load, Failure> {
    let id = Uuid::new_v4();
    let seed = args.seed.unwrap_or_else(|| id.as_u64_pair().0 & SEED_MASK);
    let run = format!("load-{}", &id.simple().to_string()[..8]);
    let time = args.warmup + args.longest();
    let token = |subject: &str, role| token(secret, subject, role, time + TOKEN_MARGIN);
    let users = (1..=args.users).map(|number| token(&format!("{run}-{number}"), Role::User));
    let users: Vec<HeaderValue> = users.collect::<Result<_, _>>()?;
    let service = token(&format!("{run}-payments"), Role::Service)?;
    let first = users.first().unwrap_or(&service);
    // Whether the tokens are good is seen before anything is booked.
    let _: serde_json::Value = api.ask("/api/tickets/queries/my-tickets?limit=1", first).await?;
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let wanted = Wanted {
        ids: &args.schedule,
        count_max: usize_of(args.departures),
        until: Clock::system().now().plus_seconds(seconds),
        with_seats: mix.writes() && args.named_seats > 0.0,
    };
    let departures = match &args.on_sale {
        Some(event) => vec![sale::event(&api, first, event).await?],
        None => discover::departures(&api, first, wanted, &mut Rng::new(seed, u64::MAX)).await?,
    };
    let picker = match args.pick {
        PickKind::Uniform => Picker::uniform(departures.len()),
        PickKind::Hot => Picker::hot(departures.len(), args.hot_share),
    };
    Ok(Load {
        api,
        run,
        departures,
        picker,
        mix,
        named_seats: args.named_seats,
        sale: args.on_sale.is_some().then(|| Sale::new(args.party)),
        users,
        service,
        reason: quoted(args.change.reason.as_deref().unwrap_or("load test")),
        connections: usize_of(args.connections),
        rate: args.rate,
        warmup: args.warmup,
        duration: args.longest(),
        requests_max: args.requests,
        seed,
    })
}

fn token(secret: &Secret, subject: &str, role: Role, ttl: Duration) -> Result<HeaderValue, Failure> {
    let cannot = |error: String| Failure::error(format!("The buyers' tokens can't be made: {error}."));
    let token = mint(secret, subject, role, ttl).map_err(|error| cannot(error.to_string()))?;
    let mut value =
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| cannot(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Shows what the load may change. One that only reads changes nothing, and needs no leave.
fn may_begin(args: &Args, load: &Load, printer: &mut Printer) -> Result<bool, Failure> {
    if !load.mix.writes() && !args.change.dry_run {
        return Ok(true);
    }
    let plan = Plan::of(&plan(load))?;
    let title = format!("Put {} under load", load.api.base());
    let shown = Change { title, severity: Severity::Adds, plan };
    let goes_on = gate(printer, &shown, &args.change)? == Gate::Execute;
    if args.change.dry_run {
        printer.note(&format!(
            "The load would run against {} for {}, with {} connections: {}.",
            load.api.base(),
            args.length_in_words(),
            grouped(load.connections as u64),
            load.mix
        ));
        if load.mix.writes() {
            printer.note(&format!(
                "It would book on the {}, and at worst take all of them{}.",
                seats_in_words(&load.departures, load.noun()),
                if load.mix.confirms() {
                    "; some would be confirmed, and stay sold until cancelled"
                } else {
                    ""
                }
            ));
        }
    }
    Ok(goes_on)
}

/// What would change: at worst, every free seat of every departure is taken.
fn plan(load: &Load) -> serde_json::Value {
    let kind = if load.sale.is_some() { "event" } else { "schedule" };
    let taken = |departure: &Departure| {
        json!({
            "kind": kind, "id": departure.id,
            "before": { "seatsLeft": departure.seats_left }, "after": { "seatsLeft": 0 },
        })
    };
    let changes: Vec<_> = match load.mix.writes() {
        true => load.departures.iter().map(taken).collect(),
        false => Vec::new(),
    };
    json!({
        "action": "load run", "affected": changes.len(), "changes": changes, "server": load.api.base(),
        "mix": load.mix.to_string(), "connections": load.connections, "secondsMax": load.duration.as_secs_f64(),
        "warmupSeconds": load.warmup.as_secs_f64(), "requestsMax": load.requests_max,
        "ratePerSecond": load.rate.map(|rate| rate.per_second), "users": load.users.len(),
    })
}

/// What came of it, and how it ended.
struct Outcome {
    report: Report,
    end: End,
}

async fn carry_out(
    args: &Args,
    load: &Arc<Load>,
    doing: &Doing,
    printer: &mut Printer,
) -> Result<Outcome, Failure> {
    let started_at = Clock::system().now();
    let stop = doing.stops_gently();
    doing.say(format!(
        "What it has booked is left: ticketctl booking list --query 'user~\"{}-\"' shows it.",
        load.run
    ));
    printer.note(&format!(
        "{} puts {} under load for {}: {}.",
        load.run,
        load.api.base(),
        args.length_in_words(),
        seats_in_words(&load.departures, load.noun())
    ));
    let mut live = Live::start(printer.progress_style(), args.length_in_words());
    let (busy, began) = (cpu_time(), Instant::now());
    let mut ended = drive(load, &mut live, stop).await?;
    let cpu_percent = busy.zip(cpu_time()).map(|(before, after)| {
        let share = (after.saturating_sub(before)).as_secs_f64() / began.elapsed().as_secs_f64();
        (share * 100.0).round()
    });
    let mut cleanup = None;
    if args.cleanup {
        live.say("cancelling what was booked");
        cleanup = Some(clean_up(load, &mut ended.bookings).await);
    }
    drop(live);
    let limits = Limits { p99_max: args.max_p99, errors_max: args.max_errors };
    let pick = args.pick_in_words(load.departures.len());
    let frame = Frame { started_at, pick, limits, cleanup, cpu_percent };
    let report = Report::new(load, &ended, frame);
    doing.say(match &report.remove {
        Some(_) => "The report is of what was sent until then; bookings are left.",
        None => "The report is of what was sent until then; no booking is left.",
    });
    Ok(Outcome { report, end: ended.end })
}

/// Prints the report, writes it, and says how the command ends.
fn finish(
    outcome: Outcome,
    file: Option<ReportFile>,
    load: &Load,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let Outcome { mut report, end } = outcome;
    report.remove = report.remove.map(|command| printer.commands(&command));
    match printer.format() {
        Format::Table | Format::Wide => printer.object(&report.for_people(), FIELDS)?,
        Format::Csv => printer.list(&ROWS, report.rows(), None)?,
        Format::Json | Format::Jsonl | Format::Yaml | Format::Name => printer.object(&report, FIELDS)?,
    }
    if let Some(file) = file {
        file.write(&report)?;
    }
    for advice in &report.advice {
        printer.warn(advice);
    }
    if let Some(command) = &report.remove {
        printer.note(&format!("To cancel what is left, on the server's stores:\n  {command}"));
    }
    check::verdict(&report, end, load.api.base())
}

/// The file that the report goes to, opened before the load, so that it is not run in vain.
struct ReportFile {
    file: File,
    path: PathBuf,
}

fn open(path: &Path) -> Result<ReportFile, Failure> {
    // What was there stays until there is a report.
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(|error| unwritable(path, &error))?;
    Ok(ReportFile { file, path: path.to_owned() })
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::error(format!("The report can't be written to {}.", path.display()))
        .why(format!("{error}."))
        .hint("name a file that this user may write by --report FILE")
}

impl ReportFile {
    fn write(mut self, report: &Report) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(report)
            .map_err(|error| Failure::defect(&format!("a report is no JSON: {error}"), None))?;
        // A pipe or a device has no length.
        let is_plain = self.file.metadata().is_ok_and(|data| data.is_file());
        let emptied = if is_plain { self.file.set_len(0) } else { Ok(()) };
        emptied
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|error| unwritable(&self.path, &error))
    }
}

/// How long this process has kept cores busy; none where the system does not say.
fn cpu_time() -> Option<Duration> {
    /// The unit of `/proc/self/stat`, the same on every Linux (`USER_HZ`).
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in parentheses, may have blanks; the times are the 14th and 15th field.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

fn usize_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
