//! Where the person is and was: up with esc, back and forth with the brackets.

use crate::screens::{ItemLook, SCREENS, ScreenId, halves};

/// A place in the dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Spot {
    /// A screen.
    Screen(ScreenId),
    /// One thing on a screen, by its id.
    Item(ScreenId, String),
    /// The answer of a command that was typed.
    Answer(Vec<String>),
}

impl Spot {
    /// Returns the screen that it is of.
    pub(crate) fn screen(&self) -> ScreenId {
        match self {
            Self::Screen(screen) | Self::Item(screen, _) => *screen,
            Self::Answer(_) => ScreenId::named("answer").unwrap_or(ScreenId(0)),
        }
    }

    /// Says whether rows are chosen there: on a screen's list, or on a thing's own table.
    pub(crate) fn is_table(&self) -> bool {
        match self {
            Self::Screen(_) => true,
            Self::Item(screen, _) => screen.get().item_look == ItemLook::Sections,
            Self::Answer(_) => false,
        }
    }

    /// Returns where a row of this place leads.
    pub(crate) fn of_row(&self, row: String) -> Option<Self> {
        let screen = self.screen();
        let opened = ScreenId::named(screen.get().opens);
        match self {
            Self::Screen(_) => Some(Self::Item(opened.unwrap_or(screen), row)),
            Self::Item(_, of) => Some(Self::Item(opened?, format!("{of}/{row}"))),
            Self::Answer(_) => None,
        }
    }

    /// Returns the place above, `None` at the top.
    pub(crate) fn up(&self) -> Option<Self> {
        if let Self::Item(screen, id) = self
            && let Some(above) = SCREENS.iter().position(|it| it.opens == screen.get().name).map(ScreenId)
        {
            return Some(match above.get().command {
                [] => Self::Item(above, halves(id).0.to_owned()),
                _ => Self::Screen(above),
            });
        }
        match self {
            Self::Screen(ScreenId(0)) => None,
            Self::Item(screen, _) if !screen.get().command.is_empty() => Some(Self::Screen(*screen)),
            Self::Screen(_) | Self::Item(..) | Self::Answer(_) => Some(Self::Screen(ScreenId(0))),
        }
    }

    /// Reads `saga/ID`, `sagas` or `overview`.
    ///
    /// # Errors
    /// Says what can be written.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, id) = text.split_once('/').map_or((text, ""), |(name, id)| (name, id));
        let found = ScreenId::named(name).filter(|screen| screen.get().name != "answer");
        let Some(screen) = found else {
            let names: Vec<&str> =
                SCREENS.iter().map(|it| it.name).filter(|name| *name != "answer").collect();
            return Err(format!(
                "There is no screen \"{name}\"; there are {}. One thing is written as saga/ID.",
                names.join(", ")
            ));
        };
        let is_list = !screen.get().command.is_empty() || screen.0 == 0;
        match id {
            "" if is_list => Ok(Self::Screen(screen)),
            "" => Err(format!("{name} needs an id: {name}/ID")),
            _ if screen.0 == 0 => Err(format!("{name} has no page for one thing; write {name} alone")),
            id => Ok(Self::Item(screen, id.to_owned())),
        }
    }
}

/// So many places are remembered.
const SPOTS_MAX: usize = 100;

/// The places so far, in order.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    spots: Vec<Spot>,
    at: usize,
}

impl Trail {
    /// Returns the trail that begins at a place.
    pub(crate) fn new(spot: Spot) -> Self {
        Self { spots: vec![spot], at: 0 }
    }

    /// Returns where the person is.
    pub(crate) fn here(&self) -> &Spot {
        &self.spots[self.at]
    }

    /// Goes somewhere; what was ahead is forgotten.
    pub(crate) fn go(&mut self, spot: Spot) {
        if *self.here() == spot {
            return;
        }
        self.spots.truncate(self.at + 1);
        if self.spots.len() == SPOTS_MAX {
            self.spots.remove(0);
        }
        self.spots.push(spot);
        self.at = self.spots.len() - 1;
    }

    /// Goes back; says whether there was anywhere to go.
    pub(crate) const fn back(&mut self) -> bool {
        let can = self.at > 0;
        if can {
            self.at -= 1;
        }
        can
    }

    /// Goes forth again.
    pub(crate) const fn forth(&mut self) -> bool {
        let can = self.at + 1 < self.spots.len();
        if can {
            self.at += 1;
        }
        can
    }
}

#[cfg(test)]
mod tests {
    use super::{SPOTS_MAX, Spot, Trail};
    use crate::screens::ScreenId;

    #[test]
    fn one_goes_back_and_forth_and_a_new_way_forgets_the_old() {
        let spot = |n| Spot::Screen(ScreenId(n));
        let mut trail = Trail::new(spot(0));
        assert!(!trail.back() && !trail.forth());
        for n in [1, 2, 2, 3] {
            trail.go(spot(n));
        }
        assert!(trail.back() && trail.back() && *trail.here() == spot(1) && trail.forth());
        trail.go(spot(5));
        assert!(!trail.forth() && trail.back() && *trail.here() == spot(2));
        for n in 0..1000 {
            trail.go(spot(n % 7));
        }
        assert!(trail.spots.len() <= SPOTS_MAX);
    }

    #[test]
    fn a_place_is_written_as_screen_or_thing() {
        let sagas = ScreenId::named("sagas").unwrap();
        let rows = [
            ("sagas", Some(Spot::Screen(sagas))),
            ("saga", Some(Spot::Screen(sagas))),
            ("saga/0192/x", Some(Spot::Item(sagas, "0192/x".into()))),
            ("overview", Some(Spot::Screen(ScreenId(0)))),
            ("why", None),
            ("overview/1", None),
            ("audit/1", ScreenId::named("audit").map(|screen| Spot::Item(screen, "1".into()))),
            ("answer/1", None),
            ("nowhere", None),
        ];
        for (text, expected) in rows {
            assert_eq!(Spot::parse(text).ok(), expected, "{text}");
        }
        assert!(Spot::parse("nowhere").unwrap_err().contains("sagas, holds"));
    }

    #[test]
    fn esc_leads_from_a_thing_to_its_screen_and_from_there_to_the_overview() {
        let sagas = ScreenId::named("sagas").unwrap();
        let screen = Spot::Screen(sagas);
        assert_eq!(Spot::Item(sagas, "1".into()).up(), Some(screen.clone()));
        assert_eq!(screen.up().and_then(|top| top.up()), None);
        for (below, above) in [("section/x/1/101", "hall/x/1"), ("hall/x", "shows"), ("show/x", "shows")] {
            assert_eq!(Spot::parse(below).unwrap().up(), Spot::parse(above).ok(), "{below}");
        }
        let why = ScreenId::named("why").unwrap();
        assert_eq!(Spot::Item(why, "1".into()).up(), Some(Spot::Screen(ScreenId(0))));
    }
}
