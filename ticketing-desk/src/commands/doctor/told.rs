//! Checks, told: a line each, and below those that are not well what mends them.

use super::{Checked, State};
use crate::failure::Failure;
use crate::output::terminal::{Tone, paint};
use crate::output::visible::visible;
use crate::output::{Column, Format, Printer, View, wrap};

const CHECKS: View = View::new(
    "checks",
    &[
        Column::state("State", "state"),
        Column::text("Check", "name").whole(),
        Column::text("Finding", "finding"),
        Column::text("Fix", "fix"),
    ],
)
.named_by(&["name"]);

/// How wide the words before a finding are.
const STATE_WIDTH: usize = 6;
const NAME_WIDTH: usize = 18;

/// Tells what came of the checks.
///
/// # Errors
/// Unhealthy, if any failed.
pub fn tell(printer: &mut Printer, all: &[Checked]) -> Result<(), Failure> {
    match printer.format() {
        Format::Table => draw(printer, all)?,
        Format::Wide | Format::Json | Format::Jsonl | Format::Yaml | Format::Csv | Format::Name => {
            printer.list(&CHECKS, all, Some(all.len() as u64))?;
        }
    }
    let names = |state| {
        let names = all.iter().filter(|check| check.state == state).map(|check| check.name.as_str());
        names.collect::<Vec<_>>()
    };
    let (failed, warned) = (names(State::Fail), names(State::Warn));
    if failed.is_empty() {
        if printer.is_human() {
            match warned.len() {
                0 => printer.note("All is well."),
                1 => printer.note("Nothing fails; 1 check warns."),
                n => printer.note(&format!("Nothing fails; {n} checks warn.")),
            }
        }
        return Ok(());
    }
    let noun = if failed.len() == 1 { "check fails" } else { "checks fail" };
    Err(Failure::unhealthy(format!("{} {noun}: {}.", failed.len(), failed.join(", "))).code("NOT_HEALTHY"))
}

fn draw(printer: &mut Printer, all: &[Checked]) -> Result<(), Failure> {
    let indent = STATE_WIDTH + NAME_WIDTH;
    let colour = printer.colour_out();
    for check in all {
        let tone = match check.state {
            State::Ok => Tone::Good,
            State::Warn => Tone::Waiting,
            State::Fail => Tone::Bad,
        };
        let state = paint(tone, &format!("{:STATE_WIDTH$}", check.state.word()), colour);
        let name = visible(&check.name).into_owned();
        let mut text = format!("{state}{name:NAME_WIDTH$}");
        let room = printer.width().saturating_sub(indent);
        for (index, words) in wrap(&visible(&check.finding), room).into_iter().enumerate() {
            let lead = if index == 0 { 0 } else { indent };
            text.push_str(&format!("{:lead$}{words}\n", ""));
        }
        if let (State::Warn | State::Fail, Some(fix)) = (check.state, &check.fix) {
            let fix = printer.paint(Tone::Faint, &printer.commands(fix));
            text.push_str(&format!("{:STATE_WIDTH$}fix: {fix}\n", ""));
        }
        printer.drawing(&text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::tell;
    use crate::commands::doctor::Checked;
    use crate::failure::Exit;
    use crate::output::testing::screen;

    #[test]
    fn each_check_is_a_line_and_what_is_not_well_has_its_fix_below() {
        let all = [
            Checked::ok("clock", "It agrees with the log."),
            Checked::warn("dead letters", "3 messages wait for an operator.", "ticketctl dlq list"),
            Checked::fail("write store", "It is \u{1b}[2Jno database.", "ticketctl migrate up"),
        ];
        let mut human = screen(&["--data-dir", "d"], false);
        let failure = tell(&mut human.printer, &all).unwrap_err();
        assert_eq!(
            (failure.exit, failure.message.as_str()),
            (Exit::Unhealthy, "1 check fails: write store.")
        );
        let expected = "\
ok    clock             It agrees with the log.
warn  dead letters      3 messages wait for an operator.
      fix: ticketctl --data-dir d dlq list
fail  write store       It is \\u{1b}[2Jno database.
      fix: ticketctl --data-dir d migrate up
";
        assert_eq!(human.out(), expected);
        let mut well = screen(&[], false);
        tell(&mut well.printer, &all[..2]).unwrap();
        assert_eq!(well.err(), "Nothing fails; 1 check warns.\n");
        let mut json = screen(&["-ojson"], false);
        tell(&mut json.printer, &all).unwrap_err();
        let rows: Vec<Checked> = serde_json::from_str(&json.out()).unwrap();
        assert_eq!(rows, all);
    }
}
