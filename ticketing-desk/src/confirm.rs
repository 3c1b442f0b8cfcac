//! The gate that every change passes: a dry run ends here, too much is refused, and who takes something
//! away has said so.
//!
//! Nothing is changed here. What the gate lets through is the plan that was shown.

use crate::errors::WORLD_MOVED;
use crate::failure::Failure;
use crate::globals::{ChangeArgs, Guard};
use crate::output::{Plan, Printer, Question, grouped};
use crate::prompt::{Answer, ask, is_yes};
use crate::typed::Typed;

/// What a change does to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It only adds: create, reserve, confirm, seed.
    Adds,
    /// It takes something away or can't be undone: cancel, expire, refund.
    TakesAway,
    /// It takes away on a large scale: restore, rebuild, seek.
    Severe,
}

/// A change about to be made.
#[derive(Clone, Debug)]
pub struct Change {
    /// What it does, as an order without a full stop: "Cancel 3 bookings".
    pub title: String,
    /// How careful to be.
    pub severity: Severity,
    /// What exactly it would do.
    pub plan: Plan,
}

impl Change {
    /// The title inside a sentence: "cancel 3 bookings".
    fn what(&self) -> String {
        let mut chars = self.title.chars();
        chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
    }
}

/// What the gate decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Make the change.
    Execute,
    /// There is nothing left to do: a dry run was printed, or the plan is empty.
    Stop,
}

/// No prompt shows more lines of a plan than this; `--dry-run` shows them all.
const PROMPT_LINES_MAX: usize = 20;

/// Decides whether a change goes ahead, asking where somebody is there to be asked.
///
/// A dry run prints its plan here. An empty plan says "Nothing to change.", and to programs prints itself.
///
/// # Errors
/// Refuses (exit 9) what exceeds `--max-affected`, what was answered with no, and what would have needed an
/// answer but can't ask; ctrl-c at the question is exit 130.
pub fn gate(printer: &mut Printer, change: &Change, args: &ChangeArgs) -> Result<Gate, Failure> {
    let command = Typed::of(printer.invocation());
    gate_with(printer, change, args, &command, ask)
}

fn gate_with(
    printer: &mut Printer,
    change: &Change,
    args: &ChangeArgs,
    command: &Typed,
    ask: impl FnOnce(&mut Printer, &str) -> Answer,
) -> Result<Gate, Failure> {
    let affected = change.plan.affected();
    if change.severity == Severity::Severe {
        printer.tell_severe();
    }
    // A remote yes comes with the plan's digest: whoever gave it has read this.
    if args.expect.is_none() {
        printer.tell_context();
    }
    if args.dry_run {
        printer.plan(&change.plan)?;
        if let Some(max) = args.max_affected.filter(|max| affected > *max) {
            printer.note(&format!("With --max-affected {max} this would be refused."));
        }
        return Ok(Gate::Stop);
    }
    if affected == 0 {
        if !printer.is_human() {
            printer.plan(&change.plan)?;
        }
        printer.note("Nothing to change.");
        return Ok(Gate::Stop);
    }
    if let Some(max) = args.max_affected.filter(|max| affected > *max) {
        return Err(Failure::refused(format!(
            "Refused to {}: it would affect {}, more than {max}.",
            change.what(),
            grouped(affected)
        ))
        .code("TOO_MANY_AFFECTED")
        .why("--max-affected limits it. Nothing was done.")
        .hint(command.with("--dry-run")));
    }
    check_guard(printer.guard(), change, args, command)?;
    if let Some(expected) = args.expect.as_ref().filter(|expected| **expected != change.plan.digest()) {
        printer.note("The plan is now:");
        printer.plan(&change.plan)?;
        return Err(Failure::conflict(format!(
            "The plan to {} has changed since it was agreed to.",
            change.what()
        ))
        .code(WORLD_MOVED)
        .why(format!("It is not the one with the digest {expected} any more. Nothing was done."))
        .hint("look at the plan as it is now, and agree to that"));
    }
    if change.severity == Severity::Adds || args.yes {
        return Ok(Gate::Execute);
    }
    if !printer.can_ask() {
        return Err(Failure::refused(format!("Nobody confirmed to {}.", change.what()))
            .code("NOT_CONFIRMED")
            .why("It takes something away, and nobody can be asked here. Nothing was done.")
            .hint(command.with("--yes")));
    }
    let lines = change.plan.lines(false);
    for line in lines.iter().take(PROMPT_LINES_MAX) {
        printer.ask(&format!("{line}\n"));
    }
    if lines.len() > PROMPT_LINES_MAX {
        let more = lines.len() - PROMPT_LINES_MAX;
        printer.ask(&format!("… and {more} lines more, which --dry-run shows.\n"));
    }
    let question = format!("{}? [y/N] ", change.title);
    let declined = format!("Did not {}: the answer was no.", change.what());
    let plan = change.plan.digest();
    if printer.ask_remote(Question { text: question.clone(), plan, declined: declined.clone() }) {
        return Err(Failure::refused("The question is put to whoever sent the command.").code(ASKED));
    }
    match ask(printer, &question) {
        Answer::Line(line) if is_yes(&line) => Ok(Gate::Execute),
        Answer::Line(_) => Err(said_no(declined)),
        Answer::Stopped(failure) => Err(failure.why("Nothing was done.")),
    }
}

/// The stable word of a command that waits for an answer from elsewhere.
pub const ASKED: &str = "ASKED";

/// Returns what a no comes to.
#[must_use]
pub fn said_no(declined: String) -> Failure {
    Failure::refused(declined).code("NOT_CONFIRMED").why("Nothing was done.")
}

fn check_guard(
    guard: Option<&Guard>,
    change: &Change,
    args: &ChangeArgs,
    command: &Typed,
) -> Result<(), Failure> {
    let Some(Guard { context, protected, readonly, .. }) = guard else { return Ok(()) };
    if *readonly {
        return Err(Failure::refused(format!("Refused to {}.", change.what()))
            .code("READ_ONLY_CONTEXT")
            .why(format!("The context {context} is read-only. Nothing was done."))
            .hint(command.with("--dry-run")));
    }
    if !protected {
        return Ok(());
    }
    if args.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Failure::refused(format!("A reason is needed to {}.", change.what()))
            .code("REASON_REQUIRED")
            .why(format!("The context {context} is protected. Nothing was done."))
            .hint(command.with("--reason TEXT")));
    }
    if change.severity == Severity::Severe && args.confirm.as_ref() != Some(context) {
        return Err(Failure::refused(format!("The context's name is needed to {}.", change.what()))
            .code("NOT_CONFIRMED")
            .why(format!("The context {context} is protected. Nothing was done."))
            .hint(match &args.confirm {
                None => command.with(&format!("--confirm {context}")),
                Some(other) => command.with_another("--confirm", other, context),
            }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Change, Gate, Severity, gate_with};
    use crate::failure::{Exit, Failure};
    use crate::globals::ChangeArgs;
    use crate::globals::Guard;
    use crate::output::testing::{Screen, guarded_screen, screen};
    use crate::output::{Node, Plan, Printer};
    use crate::prompt::Answer;
    use crate::typed::Typed;

    fn change(severity: Severity, affected: u64) -> Change {
        let one =
            r#"{"kind":"booking","id":"b-1","before":{"status":"PENDING"},"after":{"status":"CANCELLED"}}"#;
        let changes = vec![one; usize::try_from(affected).unwrap()].join(",");
        let plan = format!(r#"{{"action":"booking.cancel","changes":[{changes}],"affected":{affected}}}"#);
        let plan = Plan::of(&Node::parse(&plan).unwrap()).unwrap();
        Change { title: "Cancel 1 booking".into(), severity, plan }
    }

    /// Runs the gate; the question, if it comes, is answered with `answer`.
    fn run(
        screen: &mut Screen,
        change: &Change,
        args: &ChangeArgs,
        answer: Option<&str>,
    ) -> Result<Gate, Failure> {
        let reply = |printer: &mut Printer, question: &str| {
            printer.ask(question);
            match answer {
                Some("^C") => Answer::Stopped(Failure::interrupted("Interrupted.")),
                Some(line) => Answer::Line(line.to_owned()),
                None => panic!("nobody may be asked here"),
            }
        };
        let command = Typed::of(&["booking", "cancel", "b-1"].map(str::to_owned));
        gate_with(&mut screen.printer, change, args, &command, reply)
    }

    /// What is tried, the flags ("pipe" is no flag), how severe, the arguments, what is answered, what comes of it.
    type Row<'a> =
        (&'a str, &'a [&'a str], Severity, &'a ChangeArgs, Option<&'a str>, Result<Gate, (Exit, String)>);

    #[test]
    fn what_takes_away_is_asked_at_a_terminal_and_needs_yes_elsewhere() {
        use Severity::{Adds, TakesAway};
        let refused = |code: &str| Err((Exit::Refused, code.to_owned()));
        let yes = ChangeArgs { yes: true, ..ChangeArgs::default() };
        let none = ChangeArgs::default();
        let at_most_0 = ChangeArgs { max_affected: Some(0), yes: true, ..ChangeArgs::default() };
        let rows: &[Row<'_>] = &[
            ("adds, in a pipe", &["pipe"], Adds, &none, None, Ok(Gate::Execute)),
            ("adds, at a terminal", &[], Adds, &none, None, Ok(Gate::Execute)),
            ("takes, in a pipe", &["pipe"], TakesAway, &none, None, refused("NOT_CONFIRMED")),
            ("takes, in a pipe, with yes", &["pipe"], TakesAway, &yes, None, Ok(Gate::Execute)),
            ("takes, no input", &["--no-input"], TakesAway, &none, None, refused("NOT_CONFIRMED")),
            ("takes, json", &["-ojson"], TakesAway, &none, None, refused("NOT_CONFIRMED")),
            ("takes, asked, y", &[], TakesAway, &none, Some("y\n"), Ok(Gate::Execute)),
            ("takes, asked, YES", &[], TakesAway, &none, Some(" YES \n"), Ok(Gate::Execute)),
            ("takes, asked, no", &[], TakesAway, &none, Some("n\n"), refused("NOT_CONFIRMED")),
            ("takes, asked, nothing", &[], TakesAway, &none, Some(""), refused("NOT_CONFIRMED")),
            ("takes, asked, yellow", &[], TakesAway, &none, Some("yellow\n"), refused("NOT_CONFIRMED")),
            ("ctrl-c", &[], TakesAway, &none, Some("^C"), Err((Exit::Interrupted, "INTERRUPTED".into()))),
            ("too many", &[], TakesAway, &at_most_0, None, refused("TOO_MANY_AFFECTED")),
            ("too many that add", &[], Adds, &at_most_0, None, refused("TOO_MANY_AFFECTED")),
        ];
        for (name, flags, severity, args, answer, expected) in rows {
            let is_terminal = !flags.contains(&"pipe");
            let flags: Vec<&str> = flags.iter().copied().filter(|flag| *flag != "pipe").collect();
            let got = run(&mut screen(&flags, is_terminal), &change(*severity, 1), args, *answer);
            assert_eq!(got.map_err(|failure| (failure.exit, failure.code)), *expected, "{name}");
        }
    }

    #[test]
    fn the_question_shows_the_plan_on_stderr() {
        let mut screen = screen(&[], true);
        run(&mut screen, &change(Severity::TakesAway, 1), &ChangeArgs::default(), Some("y")).unwrap();
        assert_eq!(screen.out(), "");
        assert_eq!(
            screen.err(),
            "~ booking b-1\n    status: PENDING → CANCELLED\nbooking.cancel: 1 affected\nCancel 1 booking? [y/N] "
        );
    }

    #[test]
    fn a_long_plan_is_cut_in_the_question() {
        let mut screen = screen(&[], true);
        run(&mut screen, &change(Severity::TakesAway, 30), &ChangeArgs::default(), Some("y")).unwrap();
        assert!(screen.err().contains("… and 41 lines more, which --dry-run shows.\n"), "{}", screen.err());
    }

    #[test]
    fn a_refusal_names_the_command_to_try() {
        let failure =
            run(&mut screen(&[], false), &change(Severity::TakesAway, 1), &ChangeArgs::default(), None)
                .unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("ticketctl booking cancel b-1 --yes"));
    }

    #[test]
    fn a_dry_run_prints_the_plan_and_stops() {
        let dry = ChangeArgs { dry_run: true, ..ChangeArgs::default() };
        let mut json = screen(&["-ojson"], false);
        assert_eq!(run(&mut json, &change(Severity::Severe, 1), &dry, None), Ok(Gate::Stop));
        let plan: serde_json::Value = serde_json::from_str(&json.out()).unwrap();
        assert_eq!(plan["changes"][0]["after"]["status"], "CANCELLED");
        let mut table = screen(&[], false);
        assert_eq!(run(&mut table, &change(Severity::Adds, 1), &dry, None), Ok(Gate::Stop));
        assert!(table.out().ends_with("booking.cancel: 1 affected\n"));
    }

    #[test]
    fn an_empty_plan_changes_nothing_and_is_no_error() {
        let mut screen = screen(&[], false);
        assert_eq!(
            run(&mut screen, &change(Severity::Severe, 0), &ChangeArgs::default(), None),
            Ok(Gate::Stop)
        );
        assert_eq!((screen.out(), screen.err()), (String::new(), "Nothing to change.\n".to_owned()));
    }

    #[test]
    fn a_protected_context_wants_a_reason_and_for_severe_changes_its_name() {
        let args = |reason: Option<&str>, confirm: Option<&str>| ChangeArgs {
            reason: reason.map(str::to_owned),
            confirm: confirm.map(str::to_owned),
            yes: true,
            ..ChangeArgs::default()
        };
        let rows = [
            (Severity::Adds, None, None, Err("REASON_REQUIRED")),
            (Severity::Adds, Some("  "), None, Err("REASON_REQUIRED")),
            (Severity::TakesAway, Some("r"), None, Ok(Gate::Execute)),
            (Severity::Severe, Some("r"), None, Err("NOT_CONFIRMED")),
            (Severity::Severe, Some("r"), Some("test"), Err("NOT_CONFIRMED")),
            (Severity::Severe, Some("r"), Some("prod"), Ok(Gate::Execute)),
        ];
        for (severity, reason, confirm, expected) in rows {
            let mut screen =
                guarded_screen(Guard { context: "prod".into(), protected: true, ..Guard::default() });
            let got = run(&mut screen, &change(severity, 1), &args(reason, confirm), None);
            assert_eq!(
                got.map_err(|f| f.code),
                expected.map_err(str::to_owned),
                "{severity:?} {reason:?} {confirm:?}"
            );
        }
    }

    #[test]
    fn a_read_only_context_lets_nothing_through_but_dry_runs() {
        let guard = || Guard { context: "prod".into(), readonly: true, ..Guard::default() };
        for args in [
            ChangeArgs { yes: true, reason: Some("r".into()), ..ChangeArgs::default() },
            ChangeArgs::default(),
        ] {
            for severity in [Severity::Adds, Severity::TakesAway, Severity::Severe] {
                let got = run(&mut guarded_screen(guard()), &change(severity, 1), &args, None);
                assert_eq!(got.map_err(|f| f.code), Err("READ_ONLY_CONTEXT".to_owned()), "{severity:?}");
            }
        }
        let dry = ChangeArgs { dry_run: true, ..ChangeArgs::default() };
        let got = run(&mut guarded_screen(guard()), &change(Severity::Severe, 1), &dry, None);
        assert_eq!(got, Ok(Gate::Stop));
    }

    #[test]
    fn what_was_agreed_to_is_done_only_while_it_is_the_plan() {
        let change = change(Severity::TakesAway, 1);
        let args = |expect: String| ChangeArgs { yes: true, expect: Some(expect), ..ChangeArgs::default() };
        let agreed = run(&mut screen(&[], false), &change, &args(change.plan.digest()), None);
        assert_eq!(agreed, Ok(Gate::Execute));
        let mut moved = screen(&[], false);
        let failure = run(&mut moved, &change, &args("0000".into()), None).unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Conflict, "WORLD_MOVED"));
        assert!(moved.out().contains("status: PENDING → CANCELLED"), "{}", moved.out());
    }
}
