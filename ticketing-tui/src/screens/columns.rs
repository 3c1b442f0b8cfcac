//! Columns, and which of them there is room for: the least important go first, and a detail view has them all.

use crate::row::{Kind, Watch, width};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its head.
    pub title: &'static str,
    /// Where its values are in a row.
    pub path: &'static str,
    /// How they are written.
    pub kind: Kind,
    /// It is not shown in fewer columns than this.
    pub min: u16,
    /// It never takes more than this.
    pub max: u16,
    /// The higher, the sooner it goes.
    pub rank: u8,
}

impl Column {
    /// Returns a column of `min` to `max` columns' width.
    pub(crate) const fn new(
        title: &'static str,
        path: &'static str,
        kind: Kind,
        (min, max): (u16, u16),
        rank: u8,
    ) -> Self {
        Self { title, path, kind, min, max, rank }
    }

    /// Says whether its values stand at the right.
    pub(crate) const fn is_right(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::Alarm | Kind::Money | Kind::Seconds | Kind::Left | Kind::Eta)
    }
}

/// Between two columns.
pub(crate) const GAP: u16 = 2;

/// Returns the columns that fit into `room`, each with its width, in their order.
pub(crate) fn fit(columns: &'static [Column], room: u16, watch: Watch<'_>) -> Vec<(&'static Column, u16)> {
    let min =
        |column: &Column| width(column.kind, watch).unwrap_or(column.min).max(column.title.len() as u16);
    let max = |column: &Column| width(column.kind, watch).unwrap_or(column.max).max(min(column));
    let mut shown: Vec<(&'static Column, u16)> = columns.iter().map(|column| (column, min(column))).collect();
    let taken = |shown: &[(&Column, u16)]| {
        shown.iter().map(|(_, width)| width + GAP).sum::<u16>().saturating_sub(GAP)
    };
    while shown.len() > 1 && taken(&shown) > room {
        let Some(last) = shown.iter().map(|(column, _)| column.rank).max() else { break };
        if let Some(at) = shown.iter().rposition(|(column, _)| column.rank == last) {
            shown.remove(at);
        }
    }
    let mut left = room.saturating_sub(taken(&shown));
    let mut ranks: Vec<u8> = shown.iter().map(|(column, _)| column.rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    for rank in ranks {
        for (column, width) in shown.iter_mut().filter(|(column, _)| column.rank == rank) {
            let more = match (max(column) - *width, column.kind) {
                // An id is told whole, or by its ends.
                (more, Kind::Id) if more > left => 0,
                (more, _) => more.min(left),
            };
            *width += more;
            left -= more;
        }
    }
    if let [(_, only)] = shown.as_mut_slice() {
        *only = (*only).min(room);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Column, fit};
    use crate::TimeStyle;
    use crate::row::{Kind, Watch};
    use crate::text::Room;
    use jiff::tz::TimeZone;
    use ticketing_core::domain::time::Timestamp;

    /// Titles and widths.
    type Shown<'a> = &'a [(&'a str, u16)];

    const COLUMNS: &[Column] = &[
        Column::new("Id", "id", Kind::Id, (13, 36), 1),
        Column::new("Note", "note", Kind::Text, (10, 100), 3),
        Column::new("State", "state", Kind::State, (9, 9), 0),
        Column::new("At", "at", Kind::Time, (0, 0), 2),
    ];

    #[test]
    fn the_least_important_columns_go_first_and_room_goes_to_the_most_important() {
        let zone = TimeZone::UTC;
        let watch = |style| Watch { now: Timestamp::default(), style, zone: &zone, room: Room::Short };
        let rows: [(u16, TimeStyle, Shown<'_>); 7] = [
            (5, TimeStyle::Relative, &[("State", 5)]),
            (24, TimeStyle::Relative, &[("Id", 13), ("State", 9)]),
            (36, TimeStyle::Relative, &[("Id", 13), ("State", 9), ("At", 10)]),
            (36, TimeStyle::Utc, &[("Id", 13), ("State", 9)]),
            (47, TimeStyle::Utc, &[("Id", 13), ("State", 9), ("At", 13)]),
            (48, TimeStyle::Relative, &[("Id", 13), ("Note", 10), ("State", 9), ("At", 10)]),
            (100, TimeStyle::Relative, &[("Id", 36), ("Note", 39), ("State", 9), ("At", 10)]),
        ];
        for (room, style, expected) in rows {
            let found: Vec<(&str, u16)> = fit(COLUMNS, room, watch(style))
                .iter()
                .map(|(column, width)| (column.title, *width))
                .collect();
            assert_eq!(found, expected, "{room} {style:?}");
        }
    }
}
