//! The seats of a departure as a drawing: a row a line, the aisle where it is, a letter for each state, so
//! that it reads without colour too. Long vehicles stand in several panels side by side; halls too large to
//! draw are counted row by row.

use crate::output::grouped;
use crate::output::terminal::Tone;
use ticketing_core::app::queries::network::SeatMap;
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

/// Returns the drawing: a head line, the seats, a legend with counts. `width` is how wide it may be; `None`
/// draws every seat, however large.
#[must_use]
pub fn draw(map: &SeatMap, width: Option<usize>, paint: Paint<'_>) -> String {
    let mut out = head(map, paint);
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

const STATES: [SeatState; 4] = [SeatState::Free, SeatState::Held, SeatState::Sold, SeatState::Blocked];

/// The letter of a state, and its colour.
const fn sign(state: SeatState) -> (&'static str, Tone) {
    match state {
        SeatState::Free => (".", Tone::Good),
        SeatState::Held => ("h", Tone::Waiting),
        SeatState::Sold => ("S", Tone::Bad),
        SeatState::Blocked => ("x", Tone::Faint),
    }
}

fn head(map: &SeatMap, paint: Paint<'_>) -> String {
    let calls = &map.offering.pattern.calls;
    let name = |stop: u16| calls.get(usize::from(stop)).map_or("", |call| &call.name);
    let journey = format!("{} → {}", name(map.legs.from()), name(map.legs.to()));
    let leaves = map.offering.departure_at(map.legs.from());
    format!("{}  {}\n", paint(Tone::Strong, &journey), paint(Tone::Faint, &leaves.to_string()))
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

fn state(map: &SeatMap, seat: SeatNo) -> SeatState {
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

fn count(states: &[SeatState], state: SeatState) -> u64 {
    states.iter().filter(|s| **s == state).count() as u64
}

fn legend(map: &SeatMap, paint: Paint<'_>) -> String {
    let part = |state: SeatState| {
        let (letter, tone) = sign(state);
        format!("{} {} {}", paint(tone, letter), state.word(), grouped(count(&map.states, state)))
    };
    STATES.map(part).join("   ") + "\n"
}
