//! The layouts that a seeding names and does not hold: stored ones, else those that come with the program.

use crate::failure::Failure;
use crate::session::Session;
use ticketing_core::adapters::seed_file::{Seed, builtin_layouts};
use ticketing_core::domain::event::LayoutDefined;
use ticketing_core::domain::id::LayoutId;
use ticketing_core::ops::seed;

/// A layout that was found by its name.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: LayoutId,
    /// Its description, if the store lacks it.
    pub to_add: Option<LayoutDefined>,
}

/// Finds a layout by its name.
///
/// # Errors
/// A usage error that lists the layouts there are; what the store says.
pub async fn find(session: &Session, name: &str, named_at: &str) -> Result<Found, Failure> {
    let stored = seed::layouts(&session.app).await?;
    if let Some(layout) = stored.iter().find(|layout| layout.spec.name == name) {
        return Ok(Found { id: layout.id, to_add: None });
    }
    let builtin = builtin_layouts();
    if let Some(layout) = builtin.iter().find(|layout| layout.spec.name == name) {
        return Ok(Found { id: layout.id, to_add: Some(layout.clone()) });
    }
    let mut known: Vec<&str> =
        stored.iter().chain(&builtin).map(|layout| layout.spec.name.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    Err(Failure::usage(format!("There is no layout \"{name}\" ({named_at})."))
        .code("UNKNOWN_LAYOUT")
        .why(match ticketing_core::text::nearest(name, known.iter().copied()) {
            Some(near) => format!("Did you mean {near}?"),
            None => format!("There are {}.", known.join(", ")),
        })
        .hint("name one of them, or define it in a seed file (layouts: …)"))
}

/// Returns the names of all layouts: those of the stores, and those that come with the program.
///
/// # Errors
/// What the store says.
pub async fn names(session: &Session) -> Result<Vec<String>, Failure> {
    let stored = seed::layouts(&session.app).await?;
    Ok(stored.into_iter().chain(builtin_layouts()).map(|layout| layout.spec.name).collect())
}

/// Adds what a seed names and the store lacks.
///
/// # Errors
/// As [`find`].
pub async fn complete(session: &Session, seed: &mut Seed) -> Result<(), Failure> {
    for reference in std::mem::take(&mut seed.referenced_layouts) {
        let found = find(session, &reference.name, &reference.place).await?;
        seed.catalog.layouts.extend(found.to_add);
    }
    Ok(())
}
