//! Seed files: a network in a page of YAML or JSON, for `ticketctl seed apply` and the demo city.
//!
//! A pure reading: text and the present time in, a [`CatalogSet`] out, with ids derived from names, so
//! that applying a file twice names the same things. It never stores anything, and it never guesses: an
//! unknown field, a stop that is not there or a time that can't be is an error that names its place.
//! `fixtures/README.md` documents the format; its examples are tests.

mod catalog;
mod cursor;
mod error;
mod halls;
mod listings;
#[cfg(test)]
mod tests;
mod timetable;
mod yaml;

pub use error::{Position, SeedFileError};
pub use timetable::{DAYS_MAX, DEPARTURES_MAX};
pub use yaml::{DEPTH_MAX, FILE_BYTES_MAX, VALUES_MAX};

use crate::domain::catalog::CatalogSet;
use crate::domain::event::LayoutDefined;
use crate::domain::id::LayoutId;
use crate::domain::time::Timestamp;
use cursor::Cursor;

/// The demo city, as the repository shows it: its network, and its halls.
const DEMO: [(&str, &str); 2] = [
    ("demo-city.yaml", include_str!("../../../../fixtures/demo-city.yaml")),
    ("theatre.yaml", include_str!("../../../../fixtures/theatre.yaml")),
];

/// What is for sale second-hand there.
const MARKET: (&str, &str) = ("market.yaml", include_str!("../../../../fixtures/market.yaml"));

/// What seed files hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    /// Layouts, routes, patterns and departures.
    pub catalog: CatalogSet,
    /// Layouts that departures name but the files don't define. The store must have them.
    pub referenced_layouts: Vec<LayoutReference>,
}

/// A layout that was named, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutReference {
    /// The id that its name always has.
    pub id: LayoutId,
    /// Its name.
    pub name: String,
    /// Where it was named first, as `city.yaml:12:15`.
    pub place: String,
}

/// Reads one seed file. `name` is for errors only; `now` says which day is `today`.
///
/// # Errors
/// The first fault, with its place and what is expected there.
pub fn parse(name: &str, text: &str, now: Timestamp) -> Result<Seed, SeedFileError> {
    parse_all(&[(name.to_owned(), text.to_owned())], now)
}

/// Reads several seed files, `(name, text)` each, as one: a route may name a stop or a layout of another.
///
/// # Errors
/// The first fault, with its place and what is expected there.
pub fn parse_all(sources: &[(String, String)], now: Timestamp) -> Result<Seed, SeedFileError> {
    let mut trees = Vec::with_capacity(sources.len());
    for (name, text) in sources {
        let fault = |(position, message)| SeedFileError {
            file: name.clone(),
            position,
            path: String::new(),
            message,
        };
        let documents = yaml::documents(text).map_err(fault)?;
        if documents.is_empty() {
            let sentence = "is empty: a seed file has the fields layouts, stops, routes, venues, events, listings, or some of them";
            return Err(fault((None, sentence.to_owned())));
        }
        trees.push((name, documents));
    }
    let roots = trees.iter().flat_map(|(name, nodes)| nodes.iter().map(|node| Cursor::root(name, node)));
    catalog::read(&roots.collect::<Vec<_>>(), now)
}

/// Puts catalogues together; what several of them hold in the same words is held once.
///
/// # Errors
/// The id of what two of them describe differently.
pub fn merge(sets: impl IntoIterator<Item = CatalogSet>) -> Result<CatalogSet, String> {
    let mut all = CatalogSet::default();
    for set in sets {
        all.layouts.extend(set.layouts);
        all.routes.extend(set.routes);
        all.venues.extend(set.venues);
        all.patterns.extend(set.patterns);
        all.offerings.extend(set.offerings);
    }
    Ok(CatalogSet {
        layouts: once_each("layout", all.layouts, |layout| layout.id)?,
        routes: once_each("route", all.routes, |route| route.id)?,
        venues: once_each("venue", all.venues, |venue| venue.id)?,
        patterns: once_each("pattern", all.patterns, |pattern| pattern.id)?,
        offerings: once_each("departure", all.offerings, |offering| offering.id)?,
    })
}

fn once_each<T, I>(kind: &str, things: Vec<T>, id_of: impl Fn(&T) -> I) -> Result<Vec<T>, String>
where
    T: PartialEq,
    I: Eq + std::hash::Hash + std::fmt::Display,
{
    let mut index = std::collections::HashMap::with_capacity(things.len());
    let mut kept: Vec<T> = Vec::with_capacity(things.len());
    for thing in things {
        match index.get(&id_of(&thing)).map(|at: &usize| &kept[*at]) {
            Some(other) if *other == thing => {}
            Some(_) => return Err(format!("the {kind} {} is described in two ways", id_of(&thing))),
            None => {
                index.insert(id_of(&thing), kept.len());
                kept.push(thing);
            }
        }
    }
    Ok(kept)
}

/// Returns the demo city, Riverton, with a week of departures from today on, and what is on in its theatre and its arena.
///
/// # Panics
/// Never: the file is part of the program, and a test reads it.
#[must_use]
pub fn demo_city(now: Timestamp) -> CatalogSet {
    city(&DEMO, now).catalog
}

/// Returns all of the demo: the city, and what is for sale second-hand there, by two sellers.
///
/// # Panics
/// Never, as above.
#[must_use]
pub fn demo(now: Timestamp) -> CatalogSet {
    let [network, halls] = DEMO;
    city(&[network, halls, MARKET], now).catalog
}

/// Returns the layouts that come with the program, for feeds that name none: `bus-40` and others.
#[must_use]
pub fn builtin_layouts() -> Vec<LayoutDefined> {
    let mut layouts = city(&DEMO, Timestamp::from_millis(0)).catalog.layouts;
    // A vehicle has no sections.
    layouts.retain(|layout| layout.spec.sections.is_empty());
    layouts
}

#[allow(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
fn city(files: &[(&str, &str)], now: Timestamp) -> Seed {
    let sources: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    parse_all(&sources, now).expect("the demo city is a good seed file")
}
