//! The seats of a hall as a drawing: first its sections, a line each with a bar of what is free; then, of one section,
//! every seat by a letter, row by row.

use super::drawing::{Paint, STATES, count, legend, sign, state};
use crate::output::grouped;
use crate::output::terminal::Tone;
use ticketing_core::app::queries::network::SeatMap;
use ticketing_core::domain::catalog::OfferingStatus;
use ticketing_core::domain::layout::Section;
use ticketing_core::domain::occupancy::SeatState;
use ticketing_core::domain::seating::SeatNo;

/// How wide a section's bar is.
const BAR: usize = 20;
/// How wide names of sections and categories are shown, at most.
const NAME: usize = 12;
/// Seats that are drawn of an area without numbers, on one line.
const ROW_MAX: usize = 50;

/// Returns the sections with how many of their seats are in each state. `begins` is when it begins.
#[must_use]
pub fn overview(map: &SeatMap, begins: &str, paint: Paint<'_>) -> String {
    let mut out = head(map, begins, paint);
    out.push('\n');
    out.push_str(&format!(
        "{:<NAME$} {:<NAME$} {:>7} {:>7} {:>7} {:>7}\n",
        "SECTION", "CATEGORY", "FREE", "HELD", "SOLD", "BLOCKED"
    ));
    for section in map.offering.layout.sections() {
        let states = of(map, section);
        let [free, held, sold, blocked] = STATES.map(|state| grouped(count(states, state)));
        let category = section.category.as_deref().unwrap_or_default();
        out.push_str(&format!(
            "{:<NAME$} {:<NAME$} {free:>7} {held:>7} {sold:>7} {blocked:>7}  {}\n",
            cut(&section.name),
            cut(category),
            bar(states, paint)
        ));
    }
    out.push('\n');
    out.push_str(&legend(map, paint));
    out.push_str("--section NAME draws the seats of one.\n");
    out
}

/// Returns the seats of one section, row by row, within `width` columns: a wider row goes on on the next line.
#[must_use]
pub fn section(map: &SeatMap, section: &Section, begins: &str, width: usize, paint: Paint<'_>) -> String {
    let mut out = head(map, begins, paint);
    let category = section.category.as_deref().map(|category| format!("  {category}")).unwrap_or_default();
    out.push_str(&format!("{}{}\n\n", paint(Tone::Strong, &section.name), paint(Tone::Faint, &category)));
    let layout = &map.offering.layout;
    let seats: Vec<SeatNo> = section.seats().map(SeatNo).collect();
    let row_len = if section.is_general { ROW_MAX } else { section.width() as usize };
    let margin = 8;
    let fitting = (width.saturating_sub(margin) / 2).max(1);
    for row in seats.chunks(row_len.max(1)) {
        for (part, piece) in row.chunks(fitting).enumerate() {
            // A row is named by its first seat: 101-A1, FLOOR-51.
            let label = piece.first().map(|seat| layout.label(*seat)).unwrap_or_default();
            let name = label.rsplit('-').next().unwrap_or_default().to_owned();
            let shown = if part == 0 { name } else { format!("+{name}") };
            let letters: Vec<String> = piece
                .iter()
                .map(|seat| {
                    let (letter, tone) = sign(state(map, *seat));
                    paint(tone, letter)
                })
                .collect();
            out.push_str(&format!("{shown:<6}  {}\n", letters.join(" ")));
        }
    }
    out.push('\n');
    let states = of(map, section);
    let part = |state: SeatState| {
        let (letter, tone) = sign(state);
        format!("{} {} {}", paint(tone, letter), state.word(), grouped(count(states, state)))
    };
    out.push_str(&(STATES.map(part).join("   ") + "\n"));
    out
}

fn head(map: &SeatMap, begins: &str, paint: Paint<'_>) -> String {
    let title = map.offering.facts.particulars.title.as_deref().unwrap_or_default();
    let withdrawn = match map.offering.facts.status {
        OfferingStatus::Open => String::new(),
        OfferingStatus::Cancelled => format!("  {}", paint(Tone::Bad, "CANCELLED")),
    };
    format!("{}  {}{withdrawn}\n", paint(Tone::Strong, title), paint(Tone::Faint, begins))
}

fn of<'a>(map: &'a SeatMap, section: &Section) -> &'a [SeatState] {
    let seats = section.seats();
    map.states.get(seats.start as usize..seats.end as usize).unwrap_or_default()
}

/// A bar of as many signs as the states have parts of the whole.
fn bar(states: &[SeatState], paint: Paint<'_>) -> String {
    let mut out = String::new();
    let (mut seen, mut drawn) = (0_usize, 0_usize);
    // What is gone stands first.
    for state in [SeatState::Sold, SeatState::Held, SeatState::Blocked, SeatState::Free] {
        seen += count(states, state) as usize;
        let end = (seen * BAR).div_ceil(states.len().max(1)).min(BAR);
        let (letter, tone) = sign(state);
        if end > drawn {
            out.push_str(&paint(tone, &letter.repeat(end - drawn)));
            drawn = end;
        }
    }
    out
}

fn cut(text: &str) -> String {
    match text.chars().count() > NAME {
        true => text.chars().take(NAME - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{overview, section};
    use std::sync::Arc;
    use ticketing_core::app::queries::network::SeatMap;
    use ticketing_core::domain::catalog::{LatePayment, Offering, Venue};
    use ticketing_core::domain::id::{LayoutId, VenueId};
    use ticketing_core::domain::layout::{Layout, LayoutSpec, SectionSpec};
    use ticketing_core::domain::money::{Currency, Money};
    use ticketing_core::domain::occasion::{NewEvent, announce};
    use ticketing_core::domain::occupancy::SeatState;
    use ticketing_core::domain::seating::LegRange;
    use ticketing_core::domain::time::Timestamp;
    use uuid::Uuid;

    fn map(sections: &[(&str, u32, u32)]) -> SeatMap {
        let id = LayoutId(Uuid::nil());
        let section = |(name, rows, seats): &(&str, u32, u32)| SectionSpec {
            name: (*name).into(),
            rows: *rows,
            seats: *seats,
            category: None,
        };
        let sections = sections.iter().map(section).collect();
        let spec = LayoutSpec { name: "hall".into(), sections, ..LayoutSpec::default() };
        let layout = Layout::new(id, spec).unwrap();
        let venue = Venue {
            id: VenueId(Uuid::nil()),
            external_id: None,
            name: "Hall".into(),
            city: "Riverton".into(),
            address: None,
            layout_id: id,
            timezone: "UTC".into(),
            closed: None,
        };
        let begins_at = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let event = NewEvent {
            external_id: None,
            title: "Tosca".into(),
            event_type: None,
            description: None,
            begins_at,
            ends_at: begins_at.plus_seconds(60),
            price: Money { amount_minor: 100, currency: Currency::USD },
            prices: std::collections::BTreeMap::new(),
            late_payment: LatePayment::default(),
        };
        let (pattern, facts) = announce(&venue, &layout, event, Uuid::nil()).unwrap();
        let mut states = vec![SeatState::Free; layout.seat_count() as usize];
        states[0] = SeatState::Sold;
        states[1] = SeatState::Held;
        *states.last_mut().unwrap() = SeatState::Blocked;
        let offering = Offering::new(facts, Arc::new(pattern), Arc::new(layout));
        SeatMap { offering, legs: LegRange::new(0, 1).unwrap(), states }
    }

    #[test]
    fn a_hall_is_shown_by_its_sections_and_a_section_by_its_seats() {
        let map = map(&[("A", 2, 5), ("FLOOR", 0, 20)]);
        let plain = |_, text: &str| text.to_owned();
        let text = overview(&map, "in 3h", &plain);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0], "Tosca  in 3h");
        assert!(rows[3].ends_with("      8       1       1       0  SShh................"), "{text}");
        assert!(rows[4].ends_with("     19       0       0       1  x..................."), "{text}");
        let one = &map.offering.layout.sections()[0];
        let text = section(&map, one, "in 3h", 80, &plain);
        assert!(text.contains("\nA1      S h . . .\nB1      . . . . .\n"), "{text}");
        assert!(text.ends_with("\n. free 8   h held 1   S sold 1   x blocked 0\n"), "{text}");
    }

    #[test]
    fn twenty_thousand_seats_fit_eighty_columns() {
        let names: Vec<String> = (1..=100).map(|n| format!("{n}")).collect();
        let sections: Vec<(&str, u32, u32)> = names.iter().map(|name| (name.as_str(), 10, 20)).collect();
        let map = map(&sections);
        let plain = |_, text: &str| text.to_owned();
        let text = overview(&map, "in 3h", &plain);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.lines().count(), 106);
        let text = section(&map, &map.offering.layout.sections()[0], "in 3h", 30, &plain);
        assert!(text.lines().skip(3).take(20).all(|line| line.chars().count() <= 30), "{text}");
        assert!(text.contains("\n+A12"), "{text}");
    }
}
