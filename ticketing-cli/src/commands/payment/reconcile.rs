//! `ticketctl payment reconcile`.

use crate::errors::sentence;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::{Column, List, Printer, View, grouped};
use crate::progress::Progress;
use crate::session::{self, Opening, Session};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;
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
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    let named = args.file.display().to_string();
    let file: Box<dyn Read> = if named == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let opened = File::open(&args.file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::not_found(format!("There is no file {named}.")),
            _ => Failure::error(format!("The file {named} can't be read.")).why(format!("{error}.")),
        });
        Box::new(BufReader::new(opened?))
    };
    let statement = Statement::open(file).map_err(|error| of_statement(&error))?;
    session::run(globals, printer, Opening::AsTheyAre, async |session, printer| {
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
    let mut list = printer.start_list(&FINDINGS)?;
    let mut told = Told { mends: Vec::new(), count: 0, is_human };
    let mut rows = Vec::with_capacity(reconcile::PAGE);
    loop {
        let row = statement.next_row();
        let is_end = row.is_none();
        match row {
            Some(Ok(row)) => rows.push(row),
            Some(Err(broken)) => {
                told.tell(&mut list, &[Finding::unreadable(broken.line, &broken.reason)])?;
            }
            None => {}
        }
        if rows.len() == reconcile::PAGE || is_end {
            told.tell(&mut list, &reconciliation.page(app, &rows).await?)?;
            progress.set(reconciliation.rows);
            rows.clear();
        }
        if is_end {
            break;
        }
    }
    while let Some(findings) = reconciliation.missing_there(app).await? {
        told.tell(&mut list, &findings)?;
    }
    drop(progress);
    let compared = grouped(reconciliation.rows);
    if told.count == 0 && is_human {
        drop(list);
        printer.note(&format!("{compared} rows compared: all agrees."));
    } else {
        list.finish(None)?;
    }
    told.print_mends(printer)?;
    if !has_times {
        printer.warn("The statement has no times, so what it lacks could not be told.");
    }
    if told.count == 0 {
        return Ok(());
    }
    let noun = if told.count == 1 { "finding" } else { "findings" };
    Err(Failure::unhealthy(format!("{} {noun} in {compared} rows compared.", grouped(told.count)))
        .code("NOT_RECONCILED")
        .why("The statement and our ledger differ. Nothing was changed."))
}

/// So many commands that mend are listed below a table; -o wide and the machine formats have them all.
const MENDS_MAX: usize = 50;

struct Told {
    mends: Vec<String>,
    count: u64,
    is_human: bool,
}

impl Told {
    fn tell(&mut self, list: &mut List<'_>, findings: &[Finding]) -> Result<(), Failure> {
        for finding in findings {
            self.count += 1;
            if self.is_human && self.mends.len() < MENDS_MAX && !self.mends.contains(&finding.mend) {
                self.mends.push(finding.mend.clone());
            }
            list.row(finding)?;
        }
        Ok(())
    }

    fn print_mends(&self, printer: &mut Printer) -> Result<(), Failure> {
        if !self.mends.is_empty() {
            printer.line("")?;
            printer.line("What mends it, or shows how it came:")?;
        }
        self.mends.iter().try_for_each(|mend| printer.line(&format!("  {mend}")))
    }
}
