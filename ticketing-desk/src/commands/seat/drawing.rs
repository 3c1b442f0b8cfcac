//! The seats of a departure as a drawing: a row a line, the aisle where it is, a letter for each state, so
//! that it reads without colour too. Long vehicles stand in several panels side by side; halls too large to
//! draw are counted row by row.

use crate::output::grouped;
use crate::output::terminal::Tone;
use ticketing_core::app::queries::network::SeatMap;
use ticketing_core::domain::catalog::{OfferingKind, OfferingStatus};
use ticketing_core::domain::occupancy::SeatState;
use ticketing_core::domain::seating::SeatNo;

/// Up to so many rows stand in one panel.
const PANEL_ROWS: u32 = 20;
/// Up to so many lines a drawing is high; past it rows are counted, in bands.
const LINES_MAX: u32 = 60;
/// Blanks between two panels.
const GAP: usize = 4;

/// How text is coloured.
pub type Paint<'a> = &'a dyn Fn(Tone, &str) -> String;

/// Returns the drawing: a head line with when it `leaves`, the seats, a legend with counts. `width` is how wide it may be; `None`
/// draws every seat, however large.
#[must_use]
pub fn draw(map: &SeatMap, leaves: &str, width: Option<usize>, paint: Paint<'_>) -> String {
    let mut out = head(map, leaves, paint);
    out.push('\n');
    let spec = map.offering.layout.spec();
    let digits = spec.rows.to_string().len();
    let panel_width = digits + 2 + spec.columns.chars().count() * 2;
    let fitting = match width {
        None => Some(1),
        Some(width) if panel_width > width => None,
        Some(width) => u32::try_from((width + GAP) / (panel_width + GAP)).ok(),
    };
    let panels = fitting.map(|fitting| spec.rows.div_ceil(PANEL_ROWS).clamp(1, fitting.max(1)));
    match panels {
        Some(panels) if width.is_none() || spec.rows.div_ceil(panels) <= LINES_MAX => {
            out.push_str(&rows(map, panels, digits, paint));
        }
        _ => out.push_str(&bands(map)),
    }
    out.push('\n');
    out.push_str(&legend(map, paint));
    out
}

pub(super) const STATES: [SeatState; 4] =
    [SeatState::Free, SeatState::Held, SeatState::Sold, SeatState::Blocked];

/// The letter of a state, and its colour.
pub(super) const fn sign(state: SeatState) -> (&'static str, Tone) {
    match state {
        SeatState::Free => (".", Tone::Good),
        SeatState::Held => ("h", Tone::Waiting),
        SeatState::Sold => ("S", Tone::Bad),
        SeatState::Blocked => ("x", Tone::Faint),
    }
}

fn head(map: &SeatMap, leaves: &str, paint: Paint<'_>) -> String {
    let calls = &map.offering.pattern.calls;
    let name = |stop: u16| calls.get(usize::from(stop)).map_or("", |call| &call.name);
    let title = map.offering.facts.particulars.title.as_deref().unwrap_or_default();
    let (journey, leaves) = match map.offering.facts.kind {
        OfferingKind::Departure => (
            format!("{} → {}", name(map.legs.from()), name(map.legs.to())),
            format!("  {}", paint(Tone::Faint, leaves)),
        ),
        OfferingKind::Event => (title.to_owned(), format!("  {}", paint(Tone::Faint, leaves))),
        OfferingKind::Listing => (title.to_owned(), String::new()),
    };
    let withdrawn = match map.offering.facts.status {
        OfferingStatus::Open => String::new(),
        OfferingStatus::Cancelled => format!("  {}", paint(Tone::Bad, "CANCELLED")),
    };
    format!("{}{leaves}{withdrawn}\n", paint(Tone::Strong, &journey))
}

fn rows(map: &SeatMap, panels: u32, digits: usize, paint: Paint<'_>) -> String {
    let spec = map.offering.layout.spec();
    let height = spec.rows.div_ceil(panels);
    let spaced = spec.columns.chars().map(|c| format!(" {c}")).collect::<String>();
    let title = format!("{:digits$}  {}", "", spaced.strip_prefix(' ').unwrap_or(&spaced));
    let gap = " ".repeat(GAP);
    let columns = panels.min(spec.rows.div_ceil(height.max(1)));
    let mut out = vec![title; columns as usize].join(&gap).trim_end().to_owned() + "\n";
    for line in 0..height {
        let drawn = (0..columns).map(|panel| panel * height + line).filter(|row| *row < spec.rows);
        let drawn: Vec<String> = drawn.map(|row| one_row(map, row, digits, paint)).collect();
        out.push_str(drawn.join(&gap).trim_end());
        out.push('\n');
    }
    out
}

fn one_row(map: &SeatMap, row: u32, digits: usize, paint: Paint<'_>) -> String {
    let columns = &map.offering.layout.spec().columns;
    let seats = columns.chars().filter(|c| *c != ' ').count() as u32;
    let mut seat = row * seats;
    let mut out = format!("{:>digits$} ", row + 1);
    for column in columns.chars() {
        out.push(' ');
        if column == ' ' {
            out.push(' ');
        } else {
            let (letter, tone) = sign(state(map, SeatNo(seat)));
            out.push_str(&paint(tone, letter));
            seat += 1;
        }
    }
    out
}

pub(super) fn state(map: &SeatMap, seat: SeatNo) -> SeatState {
    map.states.get(seat.0 as usize).copied().unwrap_or(SeatState::Blocked)
}

/// Counts the states of bands of rows, for what is too large to draw.
fn bands(map: &SeatMap) -> String {
    let spec = map.offering.layout.spec();
    let seats = spec.columns.chars().filter(|c| *c != ' ').count().max(1);
    let band = (spec.rows as usize).div_ceil(PANEL_ROWS as usize);
    let mut out = format!("{:>15} {:>9} {:>9} {:>9} {:>9}\n", "ROWS", "FREE", "HELD", "SOLD", "BLOCKED");
    for (index, states) in map.states.chunks(band * seats).enumerate() {
        let first = index * band + 1;
        let last = first + states.len() / seats - 1;
        let [free, held, sold, blocked] = STATES.map(|state| grouped(count(states, state)));
        out.push_str(&format!(
            "{:>15} {free:>9} {held:>9} {sold:>9} {blocked:>9}\n",
            format!("{first}-{last}")
        ));
    }
    out + "Too large to draw here; -o wide draws every seat.\n"
}

pub(super) fn count(states: &[SeatState], state: SeatState) -> u64 {
    states.iter().filter(|s| **s == state).count() as u64
}

pub(super) fn legend(map: &SeatMap, paint: Paint<'_>) -> String {
    let part = |state: SeatState| {
        let (letter, tone) = sign(state);
        format!("{} {} {}", paint(tone, letter), state.word(), grouped(count(&map.states, state)))
    };
    STATES.map(part).join("   ") + "\n"
}

#[cfg(test)]
mod tests {
    use super::draw;
    use std::sync::Arc;
    use ticketing_core::app::queries::network::SeatMap;
    use ticketing_core::domain::catalog::{
        Call, Offering, OfferingFacts, OfferingKind, OfferingStatus, Pattern,
    };
    use ticketing_core::domain::id::{LayoutId, OfferingId, PatternId, RouteId, StopId};
    use ticketing_core::domain::layout::{Layout, LayoutSpec};
    use ticketing_core::domain::money::{Currency, Money};
    use ticketing_core::domain::occupancy::SeatState;
    use ticketing_core::domain::seating::LegRange;
    use ticketing_core::domain::time::Timestamp;
    use uuid::Uuid;

    fn map(rows: u32, columns: &str) -> SeatMap {
        let id = Uuid::nil();
        let spec = LayoutSpec {
            name: "bus".into(),
            rows,
            columns: columns.into(),
            blocked: Vec::new(),
            ..LayoutSpec::default()
        };
        let layout = Layout::new(LayoutId(id), spec).unwrap();
        let call = |name: &str, at: i32| Call {
            stop_id: StopId(id),
            external_id: None,
            name: name.into(),
            sequence: 1,
            arrival_s: at,
            departure_s: at,
            boards: true,
            alights: true,
        };
        let departs_at = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let facts = OfferingFacts {
            id: OfferingId(id),
            kind: OfferingKind::Departure,
            route_id: Some(RouteId(id)),
            pattern_id: PatternId(id),
            layout_id: LayoutId(id),
            external_id: None,
            service_date: "2026-11-20".into(),
            departs_at,
            arrives_at: departs_at,
            fare: Money { amount_minor: 100, currency: Currency::USD },
            status: OfferingStatus::Open,
            late_payment: ticketing_core::domain::catalog::LatePayment::default(),
            particulars: ticketing_core::domain::catalog::Particulars::default(),
        };
        let mut states = vec![SeatState::Free; layout.seat_count() as usize];
        states[0] = SeatState::Blocked;
        states[1] = SeatState::Held;
        *states.last_mut().unwrap() = SeatState::Sold;
        let pattern =
            Pattern { id: PatternId(id), calls: vec![call("Harbour", 0), call("Air\u{1b}port", 60)] };
        let offering = Offering::new(facts, Arc::new(pattern), Arc::new(layout));
        SeatMap { offering, legs: LegRange::new(0, 1).unwrap(), states }
    }

    fn drawn(map: &SeatMap, width: Option<usize>) -> String {
        draw(map, "in 3h", width, &|_, text| crate::output::visible::visible(text).into_owned())
    }

    #[test]
    fn a_bus_is_drawn_with_its_aisle_and_a_letter_for_each_state() {
        assert_eq!(
            drawn(&map(3, "AB CD"), Some(80)),
            "\
Harbour → Air\\u{1b}port  in 3h

   A B   C D
1  x h   . .
2  . .   . .
3  . .   . S

. free 9   h held 1   S sold 1   x blocked 1
"
        );
    }

    #[test]
    fn the_map_of_a_withdrawn_departure_says_so() {
        let mut map = map(3, "AB CD");
        map.offering.facts.status = OfferingStatus::Cancelled;
        assert!(drawn(&map, Some(80)).contains("  in 3h  CANCELLED\n"));
    }

    #[test]
    fn the_map_of_a_listing_is_headed_by_its_title_alone() {
        let mut map = map(3, "AB CD");
        map.offering.facts.kind = OfferingKind::Listing;
        map.offering.facts.particulars.title = Some("Two nights of jazz".into());
        assert!(drawn(&map, Some(80)).starts_with("Two nights of jazz\n"));
    }

    #[test]
    fn a_long_vehicle_stands_in_panels_side_by_side() {
        let text = drawn(&map(45, "AB CD"), Some(80));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("\n 1  x h   . .    16  . .   . .    31  . .   . .\n"), "{text}");
        assert!(text.contains("\n15  . .   . .    30  . .   . .    45  . .   . S\n"), "{text}");
    }

    #[test]
    fn a_hall_is_counted_in_bands_and_drawn_whole_if_asked() {
        let hall = map(10_000, "ABCDEFGHIJ KLMNOPQRST");
        let text = drawn(&hall, Some(80));
        assert!(text.lines().count() < 30 && text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("\n          1-500     9,998         1         0         1\n"), "{text}");
        assert!(text.contains("\n     9501-10000     9,999         0         1         0\n"), "{text}");
        assert_eq!(drawn(&hall, None).lines().count(), 10_005);
        // A terminal too narrow for one row is told the counts.
        assert!(drawn(&map(3, "ABCDEFGHIJ KLMNOPQRST"), Some(30)).contains("ROWS"));
    }
}
