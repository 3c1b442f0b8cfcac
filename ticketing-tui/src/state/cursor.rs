//! Which row is selected. The selection is bound to the row's id: when rows come and go it stays on its row, and when
//! that is gone nothing is selected until the person chooses anew.

use super::feed::Feed;
use crate::screens::Screen;

/// The selection in a table, or the first line of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The selected row's id, if one is selected.
    pub id: Option<String>,
    /// Where it is, or was.
    pub index: usize,
    /// The first row, or line, on the screen.
    pub offset: usize,
    /// Whether the selected row is gone.
    pub is_lost: bool,
    /// Whether it was moved by hand: until then, it stays on the first row.
    pub is_chosen: bool,
}

impl Cursor {
    /// Goes where the selected row is now.
    pub(crate) fn settle(&mut self, screen: &Screen, feed: &Feed) {
        if !self.is_chosen {
            self.index = 0;
            self.id = feed.row(0).map(|row| screen.id_of(row));
            self.is_lost = false;
            return;
        }
        let Some(id) = &self.id else { return };
        // Most often it is where it was.
        let is_there = feed.row(self.index).is_some_and(|row| screen.id_of(row) == *id);
        match if is_there { Some(self.index) } else { feed.find(screen, id) } {
            Some(index) => (self.index, self.is_lost) = (index, false),
            None => {
                self.is_lost = true;
                self.index = self.index.min(feed.len().saturating_sub(1));
            }
        }
    }

    /// Moves by so many rows. From a row that is gone, the first step only selects what is in its place.
    pub(crate) fn step(&mut self, screen: &Screen, feed: &Feed, rows: i64) {
        let last = feed.len().saturating_sub(1);
        let by = if self.is_lost { 0 } else { rows };
        let index = i64::try_from(self.index).unwrap_or(i64::MAX).saturating_add(by).max(0);
        self.choose(screen, feed, usize::try_from(index).unwrap_or(0).min(last));
    }

    /// Selects a row by its place.
    pub(crate) fn choose(&mut self, screen: &Screen, feed: &Feed, index: usize) {
        self.index = index.min(feed.len().saturating_sub(1));
        self.id = feed.row(self.index).map(|row| screen.id_of(row));
        (self.is_chosen, self.is_lost) = (self.index > 0 || rows_stay(screen), false);
    }

    /// Returns the selected row's id, `None` if it is gone.
    pub(crate) fn selected(&self) -> Option<&str> {
        self.id.as_deref().filter(|_| !self.is_lost)
    }

    /// Returns the first row to be drawn, so that the selected one is on a page of so many.
    pub(crate) fn first(&self, page: usize, rows: usize) -> usize {
        let lowest = self.index.saturating_sub(page.saturating_sub(1));
        self.offset.clamp(lowest, self.index.max(lowest)).min(rows.saturating_sub(page))
    }
}

/// Where the newest comes first, the first row stands for the newest, and selecting it means to follow.
fn rows_stay(screen: &Screen) -> bool {
    screen.look != crate::screens::Look::Ring
}
