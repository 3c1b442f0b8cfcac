//! What a seeding comes to, shown and done: the difference by kind, what is kept, what was skipped.

use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Column, Format, Node, Plan, Printer, View, grouped};
use crate::progress::Progress;
use crate::session::{self, Session};
use serde::Serialize;
use ticketing_core::adapters::gtfs::{Report, SkippedCount, SkippedRow, Summary};
use ticketing_core::domain::catalog::{CatalogSet, OfferingKind};
use ticketing_core::ops::lists;
use ticketing_core::ops::seed::{self, Kept, SeedCounts, SeedPlan};

/// So many skipped rows, and so many kept things, are told to people; programs are told of all.
const TOLD_MAX: usize = 10;

/// What of one kind is new, changed, as it was, or kept for its bookings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindCounts {
    kind: &'static str,
    new: usize,
    changed: usize,
    unchanged: usize,
    kept: usize,
}

const KINDS: View = View::new(
    "kinds",
    &[
        Column::text("Kind", "kind").whole(),
        Column::number("New", "new"),
        Column::number("Changed", "changed"),
        Column::number("Unchanged", "unchanged"),
        Column::number("Kept", "kept"),
    ],
)
.named_by(&["kind"]);

/// What was left out of a feed, and the feed in numbers.
#[derive(Clone, Debug, Default)]
pub struct Feed {
    /// The rows left out.
    pub report: Report,
    /// The feed in numbers.
    pub summary: Option<Summary>,
}

/// A seeding about to be made.
#[derive(Debug)]
pub struct Seeding {
    /// The command: `seed demo`.
    pub action: &'static str,
    /// What is to be there.
    pub set: CatalogSet,
    /// Where it comes from a feed, what was left out of that.
    pub feed: Feed,
    /// The progress so far.
    pub progress: Progress,
}

/// The answer to programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a [ticketing_core::ops::PlanChange]>,
    affected: usize,
    counts: SeedCounts,
    kinds: &'a [KindCounts],
    kept: &'a [Kept],
    skipped: &'a [SkippedRow],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skipped_by_file: &'a [SkippedCount],
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: &'a Option<Summary>,
}

/// Compares a set with the store, shows the difference, and writes it.
///
/// # Errors
/// As the gate refuses; what the stores say.
pub async fn carry_out(
    seeding: Seeding,
    args: &ChangeArgs,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let Seeding { action, set, feed, mut progress } = seeding;
    let feed = &feed;
    let actor = session::actor(desk, args)?;
    let sizes = sizes(&set);
    progress.report("comparing", 0, None);
    let planned = seed::plan(&session.app, action, set).await?;
    let kinds = kinds(&planned, sizes);
    if args.dry_run {
        drop(progress);
        tell_skipped(printer, feed);
        show(printer, &planned.plan.action, &planned, &kinds, feed, true)?;
        printer.note("Nothing was stored: this was a dry run; -o json lists every change.");
        if let Some(max) = args.max_affected.filter(|max| planned.plan.affected as u64 > *max) {
            printer.note(&format!("With --max-affected {max} this would be refused."));
        }
        return Ok(());
    }
    // The gate needs only the number: the changes may be thousands, and are shown by their kinds.
    let numbers = serde_json::json!({"action": action, "changes": [], "affected": planned.plan.affected});
    let plan = Plan::of(&numbers)?;
    let count = planned.plan.affected as u64;
    let title = format!("Seed {} {}", grouped(count), if count == 1 { "thing" } else { "things" });
    let change = Change { title, severity: Severity::Adds, plan };
    if count == 0 {
        // A run that was killed between its commit and here left the rest of the way to this one.
        let head = lists::head(&session.app).await?;
        session.reach_with(printer, &mut progress, head).await;
        drop(progress);
        tell_skipped(printer, feed);
        tell_kept(printer, &planned.kept);
        printer.note("Nothing to change.");
        return if printer.is_human() {
            Ok(())
        } else {
            show(printer, action, &planned, &kinds, feed, false)
        };
    }
    if gate(printer, &change, args)? == Gate::Stop {
        return Ok(());
    }
    session.doing.say("Nothing was stored: a seeding is all or nothing.");
    progress.report("writing", 0, Some(count));
    let shown = planned.clone();
    let done = seed::execute(&session.app, planned, &actor, &mut |done, of| {
        progress.report("writing", done, Some(of));
    })
    .await?;
    session
        .doing
        .say("It is stored; the read store is being brought up to it, and the next command goes on.");
    session.reach_with(printer, &mut progress, done.position).await;
    let (new, changed) = (grouped(shown.counts.new as u64), shown.counts.changed);
    progress.finish(printer, &format!("Seeded: {new} new, {changed} changed."));
    tell_skipped(printer, feed);
    show(printer, action, &shown, &kinds, feed, false)
}

fn show(
    printer: &mut Printer,
    action: &str,
    planned: &SeedPlan,
    kinds: &[KindCounts],
    feed: &Feed,
    with_changes: bool,
) -> Result<(), Failure> {
    match printer.format() {
        Format::Table | Format::Wide => {
            tell_kept(printer, &planned.kept);
            printer.list(&KINDS, kinds, None)
        }
        Format::Csv | Format::Name if with_changes => printer.plan(&Plan::of(&planned.plan)?),
        Format::Csv | Format::Name => printer.list(&KINDS, kinds, None),
        Format::Json | Format::Jsonl | Format::Yaml => {
            let outcome = Outcome {
                action,
                changes: with_changes.then_some(planned.plan.changes.as_slice()),
                affected: planned.plan.affected,
                counts: planned.counts,
                kinds,
                kept: &planned.kept,
                skipped: &feed.report.rows,
                skipped_by_file: &feed.report.files,
                summary: &feed.summary,
            };
            let node = Node::of(&outcome)
                .map_err(|error| Failure::defect(&format!("an answer is no JSON: {error}"), None))?;
            printer.object(&node, &[])
        }
    }
}

fn tell_kept(printer: &mut Printer, kept: &[Kept]) {
    if kept.is_empty() {
        return;
    }
    printer.warn(&format!("{} have bookings and stay as they are:", grouped(kept.len() as u64)));
    for thing in kept.iter().take(TOLD_MAX) {
        printer.note(&format!("  {} {} ({})", thing.kind, thing.name, thing.id));
    }
    tell_more(printer, kept.len() as u64);
}

fn tell_skipped(printer: &mut Printer, feed: &Feed) {
    let total = feed.report.total();
    if total == 0 {
        return;
    }
    let rows = if total == 1 { "row was" } else { "rows were" };
    printer.warn(&format!("{} {rows} skipped:", grouped(total)));
    for row in feed.report.rows.iter().take(TOLD_MAX) {
        printer.note(&format!("  {} line {}: {}", row.file, row.line, row.reason));
    }
    tell_more(printer, total);
}

fn tell_more(printer: &mut Printer, total: u64) {
    let more = total.saturating_sub(TOLD_MAX as u64);
    if more > 0 {
        printer.note(&format!("  … and {} more, which -o json lists.", grouped(more)));
    }
}

/// How many of each kind a set holds; kinds that only some sets have are left out where there are none.
fn sizes(set: &CatalogSet) -> Vec<(&'static str, usize)> {
    let of = |kind: OfferingKind| set.offerings.iter().filter(|offering| offering.kind == kind).count();
    let (venues, events) = (set.venues.len(), of(OfferingKind::Event));
    let always = [
        ("layout", set.layouts.len()),
        ("route", set.routes.len()),
        ("pattern", set.patterns.len()),
        ("schedule", of(OfferingKind::Departure)),
    ];
    let sometimes = [("venue", venues), ("event", events), ("listing", of(OfferingKind::Listing))]
        .into_iter()
        .filter(|(_, size)| *size > 0);
    always.into_iter().chain(sometimes).collect()
}

fn kinds(planned: &SeedPlan, sizes: Vec<(&'static str, usize)>) -> Vec<KindCounts> {
    let of = |(kind, size): (&'static str, usize)| {
        let changes = planned.plan.changes.iter().filter(|change| change.kind == kind);
        let (new, changed) = changes.fold((0, 0), |(new, changed), change| match change.before {
            None => (new + 1, changed),
            Some(_) => (new, changed + 1),
        });
        let kept = planned.kept.iter().filter(|thing| thing.kind == kind).count();
        KindCounts { kind, new, changed, unchanged: size.saturating_sub(new + changed + kept), kept }
    };
    sizes.into_iter().map(of).collect()
}
