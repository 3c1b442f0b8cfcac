//! `ticketctl payment reconcile`.

use crate::desk::Desk;
use crate::errors::sentence;
use crate::failure::Failure;
use crate::output::terminal::Tone;
use crate::output::visible::visible;
use crate::output::{Column, Format, List, Printer, View, grouped, wrap};
use crate::progress::Progress;
use crate::session::{self, Opening, Session};
use std::io::{BufReader, Read};
use std::path::PathBuf;
use ticketing_core::adapters::payments::PROVIDERS;
use ticketing_core::adapters::statement::{Statement, StatementError};
use ticketing_core::ops::reconcile::{self, Finding, Reconciliation};

/// Compare a provider's statement with our ledger
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The statement is CSV with a head line; columns in any order, others are passed over:

  attempt_id     our id of the charge or refund, which the provider was given as its key
  payment_id     our id of the payment
  id             one of the two, or else the provider's own name
  provider_ref   the provider's own name (also: source_id, source, charge_id)
  type           charge or refund (also: payment, payment_refund); payouts and fees are passed over
  amount         a decimal (also: gross), or amount_minor, amount_cents; refunds may be below zero
  currency       ISO 4217
  status         succeeded, failed or pending [default: succeeded]
  created        RFC 3339, 2026-11-20 12:00:00 (UTC), a day, or seconds since 1970

Needed: one of the first four, type, amount and currency. Stripe's balance export has them under its \
own names (reporting_category, gross, source_id, created_utc). Without created, what the statement \
lacks can't be told.

A row that can't be understood is told by its line, and counts as a finding. Exit 0 if all agrees, 8 \
if not; nothing is changed, and each finding names the command that mends it or shows how it came.

Examples:
  ticketctl payment reconcile statement.csv
  ticketctl payment reconcile - --provider stripe -o jsonl < balance.csv")]
pub struct Args {
    /// The statement; `-` reads it from stdin
    file: PathBuf,
    /// Whose statement it is [default: the providers of the payments that it names]
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

const FINDINGS: View = View::new(
    "findings",
    &[
        Column::number("Line", "line"),
        Column::text("Finding", "kind").whole(),
        Column::text("What", "message"),
        Column::text("Mend", "mend").wide(),
        Column::text("Ours", "ours").wide(),
        Column::text("Theirs", "theirs").wide(),
        Column::id("Call", "attemptId").wide(),
        Column::id("Payment", "paymentId").wide(),
        Column::text("Reference", "providerRef").wide(),
    ],
)
.named_by(&["attemptId", "paymentId", "providerRef"]);

/// Compares the statement.
///
/// # Errors
/// A file that can't be read; unhealthy, if anything differs; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let named = args.file.display().to_string();
    let opened = desk.source(&named).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("There is no file {named}.")),
        _ => Failure::error(format!("The file {named} can't be read.")).why(format!("{error}.")),
    })?;
    let file: Box<dyn Read> = Box::new(BufReader::new(opened));
    if let Some(named) = args.provider.as_deref().filter(|named| !PROVIDERS.contains(named)) {
        let shown = ticketing_core::text::quoted(named);
        return Err(Failure::usage(format!("--provider {shown} is no provider."))
            .hint(format!("--provider {}", PROVIDERS.join(", or --provider "))));
    }
    let statement = Statement::open(file).map_err(|error| of_statement(&error))?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        compare(args, statement, session, printer).await
    })
}

fn of_statement(error: &StatementError) -> Failure {
    Failure::error(sentence(&error.to_string())).code("STATEMENT").hint("ticketctl payment reconcile --help")
}

async fn compare(
    args: &Args,
    mut statement: Statement<Box<dyn Read>>,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let is_human = printer.is_human();
    let has_times = statement.has_times();
    let mut progress = Progress::start(printer.progress_style(), "comparing", None);
    let mut reconciliation = Reconciliation::new(args.provider.as_deref());
    let mut told = Told::start(printer)?;
    let mut rows = Vec::with_capacity(reconcile::PAGE);
    loop {
        let row = statement.next_row();
        let is_end = row.is_none();
        match row {
            Some(Ok(row)) => rows.push(row),
            Some(Err(broken)) => {
                told.tell(&[Finding::unreadable(broken.line, &broken.reason)])?;
            }
            None => {}
        }
        if rows.len() == reconcile::PAGE || is_end {
            told.tell(&reconciliation.page(app, &rows).await?)?;
            progress.set(reconciliation.rows);
            rows.clear();
        }
        if is_end {
            break;
        }
    }
    while let Some(findings) = reconciliation.missing_there(app).await? {
        told.tell(&findings)?;
    }
    drop(progress);
    let compared = grouped(reconciliation.rows);
    let count = told.finish()?;
    if count == 0 && is_human {
        printer.note(&format!("{compared} rows compared: all agrees."));
    }
    if !has_times {
        printer.warn("The statement has no times, so what it lacks could not be told.");
    }
    if count == 0 {
        return Ok(());
    }
    let noun = if count == 1 { "finding" } else { "findings" };
    Err(Failure::unhealthy(format!("{} {noun} in {compared} rows compared.", grouped(count)))
        .code("NOT_RECONCILED")
        .why("The statement and our ledger differ. Nothing was changed."))
}

/// How wide a line's number and the longest kind of a finding are.
const LINE_WIDTH: usize = 6;
const KIND_WIDTH: usize = 15;
/// The mends stand below what they mend, as far in as leaves room for a whole command.
const MEND_INDENT: usize = 8;
/// Words are never squeezed into less.
const WORDS_WIDTH_MIN: usize = 24;

/// The findings, told as they come.
enum Told<'p> {
    /// As a list, in the other formats.
    Listed { list: List<'p>, count: u64 },
    /// For people: each with its mend below.
    Drawn { printer: &'p mut Printer, count: u64 },
}

impl<'p> Told<'p> {
    fn start(printer: &'p mut Printer) -> Result<Self, Failure> {
        Ok(match printer.format() {
            Format::Table => Self::Drawn { printer, count: 0 },
            Format::Wide | Format::Json | Format::Jsonl | Format::Yaml | Format::Csv | Format::Name => {
                Self::Listed { list: printer.start_list(&FINDINGS)?, count: 0 }
            }
        })
    }

    fn tell(&mut self, findings: &[Finding]) -> Result<(), Failure> {
        for finding in findings {
            match self {
                Self::Listed { list, count } => {
                    *count += 1;
                    list.row(finding)?;
                }
                Self::Drawn { printer, count } => {
                    if *count == 0 {
                        let head = format!(
                            "{:>LINE_WIDTH$}  {:KIND_WIDTH$}  WHAT, AND WHAT MENDS IT",
                            "LINE", "FINDING"
                        );
                        let head = printer.paint(Tone::Strong, &head);
                        printer.drawing(&format!("{head}\n"))?;
                    }
                    *count += 1;
                    let text = drawn(finding, printer);
                    printer.drawing(&text)?;
                }
            }
        }
        Ok(())
    }

    /// Ends it; returns how many there were.
    fn finish(self) -> Result<u64, Failure> {
        match self {
            Self::Listed { count: 0, list } if list.is_for_people() => Ok(0),
            Self::Listed { list, count } => list.finish(None).map(|()| count),
            Self::Drawn { count, .. } => Ok(count),
        }
    }
}

/// A finding as people read it: its words wrapped, its mend whole.
fn drawn(finding: &Finding, printer: &Printer) -> String {
    let line = finding.line.map_or_else(|| "-".to_owned(), |line| line.to_string());
    let kind = serde_json::to_value(finding.kind).unwrap_or_default();
    let lead = format!("{line:>LINE_WIDTH$}  {:KIND_WIDTH$}  ", kind.as_str().unwrap_or_default());
    let indent = lead.chars().count();
    let room = printer.width().saturating_sub(indent).max(WORDS_WIDTH_MIN);
    let mut out = lead;
    for (index, words) in wrap(&visible(&finding.message), room).iter().enumerate() {
        if index > 0 {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(words);
        out.push('\n');
    }
    let mend = printer.paint(Tone::Faint, &printer.commands(&finding.mend));
    out.push_str(&format!("{}{mend}\n", " ".repeat(MEND_INDENT)));
    out
}
