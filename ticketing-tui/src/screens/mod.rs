//! The screens as data: what each asks, which columns it has, what can be done there. To add one, write it down
//! in [`SCREENS`].

mod bookings;
pub(crate) mod columns;
mod fields;
mod list;
mod sold;
mod work;

pub(crate) use columns::{Column, fit};
pub(crate) use list::SCREENS;

use serde_json::Value;
use std::borrow::Cow;
use ticketing_core::ops::filter::{FieldKind, FieldSpec};

/// Which screen: its place among [`SCREENS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ScreenId(pub usize);

impl ScreenId {
    /// Returns what the screen is.
    pub(crate) fn get(self) -> &'static Screen {
        SCREENS.get(self.0).unwrap_or(&SCREENS[0])
    }

    /// Returns the screen of a name (`sagas`) or of one thing on it (`saga`).
    pub(crate) fn named(name: &str) -> Option<Self> {
        let is_it = |screen: &Screen| screen.name == name || screen.noun == name;
        SCREENS.iter().position(is_it).map(Self)
    }

    /// Returns the screen with the things that a command is about: `saga retry` is about sagas.
    pub(crate) fn of_noun(words: &str) -> Option<Self> {
        let noun = match words.split(' ').next().unwrap_or_default() {
            "why" => "booking",
            // What is sold is counted by one command, whatever it is.
            "seat" | "schedule" => return Self::named("seats"),
            "event" => return Self::named("shows"),
            "listing" => return Self::named("listings"),
            noun => noun,
        };
        SCREENS.iter().position(|screen| screen.command.first() == Some(&noun)).map(Self)
    }

    /// Returns the screen whose tab is shown: of what has no key, the one that leads there.
    pub(crate) fn tab(self) -> Self {
        let mut tab = self;
        // Pages are no deeper than this.
        for _ in 0..SCREENS.len() {
            let leads_here = |screen: &Screen| !screen.opens.is_empty() && screen.opens == tab.get().name;
            match SCREENS.iter().position(leads_here).filter(|_| tab.get().key.is_none()) {
                Some(above) => tab = Self(above),
                None => return tab,
            }
        }
        tab
    }

    /// Returns the screen of a key.
    pub(crate) fn of_key(key: char) -> Option<Self> {
        SCREENS.iter().position(|screen| screen.key == Some(key)).map(Self)
    }
}

/// How a screen is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Figures, and the worst problems.
    Overview,
    /// A table.
    Table,
    /// A table of the log's latest events, newest first, as many as the ring keeps.
    Ring,
}

/// How one thing is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemLook {
    /// All its fields, then what it is made of.
    Fields,
    /// A map of a vehicle's seats.
    Seats,
    /// A table of a hall's sections.
    Sections,
    /// A map of one section's seats.
    Section,
}

/// A screen.
#[derive(Debug)]
pub(crate) struct Screen {
    /// What it is called in the palette.
    pub name: &'static str,
    /// What it is called on the screen.
    pub title: &'static str,
    /// What one thing on it is called.
    pub noun: &'static str,
    /// The key that leads there.
    pub key: Option<char>,
    /// How it is drawn.
    pub look: Look,
    /// The command that lists what is on it.
    pub command: &'static [&'static str],
    /// Whether that takes `--limit`.
    pub has_limit: bool,
    /// The fields of its `--query`; without any, a filter is looked for in the rows.
    pub query: &'static [FieldSpec],
    /// What tells one row from another: the texts at these paths.
    pub id: &'static [&'static str],
    /// What has changed if a row is not as it was: the texts at these paths.
    pub version: &'static [&'static str],
    /// Its columns.
    pub columns: &'static [Column],
    /// What an empty list means.
    pub empty: &'static str,
    /// The command that shows one thing; without one, its row is all there is. `{}` stands for its id, which else comes
    /// last; of an id such as `EVENT/101`, `{of}` is what stands before the slash, and `{part}` what is behind it.
    pub item: &'static [&'static str],
    /// How that is drawn.
    pub item_look: ItemLook,
    /// The screen whose page a row opens; its own where there is none. A row of a thing's own table opens `THING/ROW`.
    pub opens: &'static str,
    /// The screen whose page says what a map is of.
    pub card: &'static str,
    /// Whether nothing changes here but by events of the log: while that stands still, nothing is asked.
    pub is_of_log: bool,
    /// The fields of one thing that are told first, in this order.
    pub first: &'static [(&'static str, &'static str, crate::row::Kind)],
    /// Says whether the field at a path means nothing for a row as it is.
    pub hides: fn(&Value, &str) -> bool,
    /// What one thing is made of.
    pub sections: &'static [Section],
    /// What can be done to one thing.
    pub actions: &'static [Action],
    /// Between two looks, in seconds.
    pub every_seconds: i64,
}

impl Screen {
    /// Returns what a thing is called that is chosen on it: of a hall one of its sections, of a section one of its seats.
    pub(crate) const fn chosen(&self) -> &'static str {
        match self.item_look {
            ItemLook::Sections => "section",
            ItemLook::Section => "seat",
            ItemLook::Seats => "departure",
            ItemLook::Fields => self.noun,
        }
    }

    /// Returns the words of the command that lists what is on it, without its flags.
    pub(crate) fn command_words(&self) -> String {
        let words = self.command.iter().take_while(|word| !word.starts_with("--"));
        words.copied().collect::<Vec<_>>().join(" ")
    }

    /// Returns the command that shows one thing.
    pub(crate) fn item_command(&self, id: &str) -> Vec<String> {
        let (of, part) = halves(id);
        let fill = |word: &&str| match *word {
            "{}" => id.to_owned(),
            "{of}" => of.to_owned(),
            "{part}" => part.to_owned(),
            word => word.to_owned(),
        };
        let mut words: Vec<String> = self.item.iter().map(fill).collect();
        if !self.item.iter().any(|word| word.starts_with('{')) {
            words.push(id.to_owned());
        }
        words
    }

    /// Returns the id of a row: what a command takes, and what tells it from the others.
    pub(crate) fn id_of(&self, row: &Value) -> String {
        joined(row, self.id)
    }

    /// Returns what a row is as of now; another text means that it changed.
    pub(crate) fn version_of(&self, row: &Value) -> String {
        joined(row, self.version)
    }
}

/// Returns what an id such as `EVENT/101` is of, and which part of that it is. An event may have a slash of its own; the
/// name of a section has none.
pub(crate) fn halves(id: &str) -> (&str, &str) {
    id.rsplit_once('/').unwrap_or((id, ""))
}

fn joined(row: &Value, paths: &[&str]) -> String {
    let mut parts = paths.iter().map(|path| crate::row::text(row, path));
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |all, part| all + "/" + &part)
}

/// A table of what one thing is made of.
#[derive(Debug)]
pub(crate) struct Section {
    pub title: &'static str,
    /// Where the list is.
    pub path: &'static str,
    /// Whether rows that follow each other and say the same are told once, with their number and the last one's time.
    pub folds: bool,
    pub columns: &'static [Column],
}

/// Something that can be done to one thing.
#[derive(Debug)]
pub(crate) struct Action {
    /// Its key in the menu; never `y`, which agrees to a plan.
    pub key: char,
    /// What it does, as an order.
    pub title: &'static str,
    /// What it does to a row for which that would be the wrong word.
    pub retitled: fn(&Value) -> Option<String>,
    /// The command; `{}` is the row's id, `{of}` what its place is of, `{path}` the text there.
    pub command: &'static [&'static str],
    /// What has to be typed first, and the flag it goes with.
    pub wants: Option<(&'static str, &'static str)>,
    /// Whether its plan is made as soon as it is offered, to learn whether it would be refused.
    pub is_tried: bool,
    /// Says why it can't be done to a row, as far as the row tells; the plan has the last word.
    pub off: fn(&Value) -> Option<&'static str>,
}

impl Action {
    /// Returns what it does to a row, as an order.
    pub(crate) fn title_for(&self, row: &Value) -> Cow<'static, str> {
        (self.retitled)(row).map_or(Cow::Borrowed(self.title), Cow::Owned)
    }
}

/// Of an action that does the same to every row.
const SAME: fn(&Value) -> Option<String> = |_| None;

/// Returns what the values of a field are, in a few words.
pub(crate) fn values_of(kind: FieldKind) -> String {
    match kind {
        FieldKind::Text => "text".to_owned(),
        FieldKind::Number => "number".to_owned(),
        FieldKind::Time => "time: 2026-11-20, -15m".to_owned(),
        FieldKind::Duration => "span: 10m, 2h30m".to_owned(),
        FieldKind::Word(words) => words.join(" "),
        FieldKind::Money => "amount: 25.00, 25.00USD".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, SCREENS, ScreenId};
    use std::collections::HashSet;

    #[test]
    fn every_screen_can_be_told_from_the_others_and_used() {
        let mut keys = HashSet::new();
        let mut names = HashSet::new();
        for (index, screen) in SCREENS.iter().enumerate() {
            assert!(names.insert(screen.name), "{}", screen.name);
            assert_eq!(ScreenId::named(screen.name), Some(ScreenId(index)));
            assert!(screen.key.is_none_or(|key| keys.insert(key)), "{}", screen.name);
            if screen.look != Look::Overview && !screen.command.is_empty() {
                assert!(!screen.id.is_empty() && !screen.columns.is_empty(), "{}", screen.name);
            }
            let mut letters = HashSet::from(['y', 'q', 'j', 'k']);
            for action in screen.actions {
                assert!(letters.insert(action.key), "{}: {}", screen.name, action.title);
            }
        }
    }
}
