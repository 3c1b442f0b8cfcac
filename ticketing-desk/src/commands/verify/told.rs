//! Checks under way, told: their progress, what each looked at, and what they found.
//!
//! Programs get the findings as they are made, all of them. People get the checks first, and then the first findings,
//! each with its command below.

use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::terminal::Tone;
use crate::output::visible::visible;
use crate::output::{Column, Format, Printer, View, grouped, wrap};
use crate::progress::Progress;
use crate::session::Session;
use ticketing_core::ops::verify::{self, Check, Checked, Finding, Told};

const CHECKS: View = View::new(
    "checks",
    &[
        Column::text("Check", "check").whole(),
        Column::number("Looked at", "lookedAt"),
        Column::number("Findings", "findings"),
    ],
);

const FINDINGS: View = View::new(
    "findings",
    &[
        Column::text("Check", "check").whole(),
        Column::text("Kind", "kind").whole(),
        Column::text("Id", "id").whole(),
        Column::text("Finding", "finding"),
        Column::text("Command", "command"),
    ],
);

/// The commands stand below what they mend, as far in as leaves room for a whole one.
const INDENT: usize = 4;

/// Makes these checks and tells of them.
///
/// # Errors
/// Unhealthy, if anything was found; what the stores say.
pub async fn verify(
    session: &Session,
    printer: &mut Printer,
    checks: &[Check],
    list: &ListArgs,
) -> Result<(), Failure> {
    let style = printer.progress_style();
    let mut progress = Progress::start(style, "verifying", None);
    session.doing.say("Nothing is changed by looking.");
    let limit = list.limit_for(printer.format()).unwrap_or(u64::MAX);
    let done = match printer.format() {
        Format::Table => {
            let mut found: Vec<Finding> = Vec::new();
            let mut tell = |told| match told {
                Told::Progress { check, done, total } => progress.report(check.word(), done, total),
                Told::Found(finding) if (found.len() as u64) < limit => found.push(finding),
                Told::Found(_) => {}
            };
            let done = verify::verify(&session.app, checks, &mut tell).await?;
            drop(progress);
            printer.list(&CHECKS, &done, None)?;
            draw(printer, &found)?;
            let total = count(&done);
            if total > found.len() as u64 {
                let shown = grouped(found.len() as u64);
                printer
                    .note(&format!("{shown} of {} findings; --limit N or --all lists more.", grouped(total)));
            }
            done
        }
        Format::Wide | Format::Json | Format::Jsonl | Format::Yaml | Format::Csv | Format::Name => {
            let mut rows = printer.start_list(&FINDINGS)?;
            let mut shown = 0;
            let mut written = Ok(());
            let mut tell = |told| match told {
                Told::Progress { check, done, total } => progress.report(check.word(), done, total),
                Told::Found(finding) if shown < limit && written.is_ok() => {
                    shown += 1;
                    written = rows.row(&finding);
                }
                Told::Found(_) => {}
            };
            let done = verify::verify(&session.app, checks, &mut tell).await?;
            drop(progress);
            written?;
            rows.finish(Some(count(&done)))?;
            done
        }
    };
    outcome(printer, &done)
}

fn count(done: &[Checked]) -> u64 {
    done.iter().map(|check| check.findings).sum()
}

fn outcome(printer: &mut Printer, done: &[Checked]) -> Result<(), Failure> {
    let failed: Vec<&Checked> = done.iter().filter(|check| check.findings > 0).collect();
    if failed.is_empty() {
        if printer.is_human() {
            printer.note("Everything holds.");
        }
        return Ok(());
    }
    let findings = count(done);
    let noun = if findings == 1 { "finding" } else { "findings" };
    let names: Vec<&str> = failed.iter().map(|check| check.check).collect();
    Err(Failure::unhealthy(format!("{} {noun}: {}.", grouped(findings), names.join(", ")))
        .code("NOT_VERIFIED")
        .why("Something that must hold does not. Nothing was changed.")
        .hint(format!("ticketctl verify --check {} -o jsonl", names.join(","))))
}

/// Draws findings as people read them: the words wrapped, the command whole.
fn draw(printer: &mut Printer, findings: &[Finding]) -> Result<(), Failure> {
    for finding in findings {
        let head = visible(&format!("{}: {} {}", finding.check, finding.kind, finding.id)).into_owned();
        let mut text = format!("\n{}\n", printer.paint(Tone::Strong, &head));
        let room = printer.width().saturating_sub(INDENT);
        for words in wrap(&visible(&finding.finding), room) {
            text.push_str(&format!("{:INDENT$}{words}\n", ""));
        }
        let command = printer.paint(Tone::Faint, &printer.commands(&finding.command));
        text.push_str(&format!("{:INDENT$}{command}\n", ""));
        printer.drawing(&text)?;
    }
    Ok(())
}
