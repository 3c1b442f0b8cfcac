//! The story for people: a line of time, place and actor for each thing that happened, and the words beside it, wrapped
//! to the terminal.

use crate::output::terminal::Tone;
use crate::output::visible::visible;
use crate::output::{Format, Printer, wrap};
use ticketing_core::ops::why::{Entry, Story};

/// Words are never squeezed into less.
const WORDS_WIDTH_MIN: usize = 24;

/// Returns the story, `width` characters wide.
pub fn draw(story: &Story, width: usize, printer: &Printer) -> String {
    let mut out = String::new();
    for line in wrap(&visible(&story.summary), width) {
        out.push_str(&line);
        out.push('\n');
    }
    let has_actors = printer.format() == Format::Wide;
    let row = |entry: &Entry| {
        let position = entry.position.as_ref().filter(|_| entry.kind == "event");
        let place = position.map_or_else(|| entry.kind.to_owned(), |position| format!("#{position}"));
        // Where there is little room, the words alone say who.
        let actor = if has_actors { visible(&entry.actor).into_owned() } else { String::new() };
        [printer.time(entry.at), place, actor, visible(&entry.what).into_owned()]
    };
    let mut rows: Vec<[String; 4]> = Vec::new();
    // A provider that is asked forty times in vain is one line of the story, and its end another.
    for same in story.story.chunk_by(says_the_same) {
        rows.extend(same.first().map(row));
        if let [_, .., last] = same {
            let again = format!("… ×{} in all, the last then", same.len());
            rows.push([printer.time(last.at), String::new(), String::new(), again]);
        }
    }
    if !rows.is_empty() {
        out.push('\n');
    }
    table(&mut out, &rows, width, printer);
    if !story.next.is_empty() {
        out.push_str(&format!("\n{}\n", printer.paint(Tone::Strong, "What happens next")));
        let rows: Vec<[String; 4]> = story
            .next
            .iter()
            .map(|timer| {
                let at = timer.at.map_or_else(|| "-".to_owned(), |at| printer.time(at));
                [at, String::new(), String::new(), visible(&timer.what).into_owned()]
            })
            .collect();
        table(&mut out, &rows, width, printer);
    }
    if let Some(reason) = &story.stuck_reason {
        out.push_str(&format!("\n{}\n", printer.paint(Tone::Bad, "Stuck")));
        for line in wrap(&visible(reason), width) {
            out.push_str(&format!("{line}\n"));
        }
    }
    if let Some(action) = &story.safe_action {
        out.push_str(&format!("The one safe action: {}\n", visible(&printer.commands(action))));
    }
    out
}

/// Whether two things that follow each other differ in nothing but their time.
fn says_the_same(one: &Entry, other: &Entry) -> bool {
    one.kind == "step" && (one.kind, &one.what, &one.actor) == (other.kind, &other.what, &other.actor)
}

/// Rows whose last cell is wrapped beside the others.
fn table(out: &mut String, rows: &[[String; 4]], width: usize, printer: &Printer) {
    let widest = |index: usize| rows.iter().map(|row| row[index].chars().count()).max().unwrap_or(0);
    let widths = [widest(0), widest(1), widest(2)];
    let before: usize = widths.iter().filter(|width| **width > 0).map(|width| width + 2).sum();
    for [at, place, actor, what] in rows {
        let mut lead = String::new();
        for (text, width) in [at, place, actor].into_iter().zip(widths) {
            if width > 0 {
                lead.push_str(&format!("{text:width$}  "));
            }
        }
        let room = width.saturating_sub(before).max(WORDS_WIDTH_MIN);
        let mut lines = wrap(what, room).into_iter();
        let first = lines.next().unwrap_or_default();
        out.push_str(&format!("{}{first}\n", printer.paint(Tone::Faint, &lead)));
        for line in lines {
            out.push_str(&format!("{}{line}\n", " ".repeat(before)));
        }
    }
}
