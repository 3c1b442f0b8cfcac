//! What is kept, and how: one SQL text on SQLite and PostgreSQL, one file per concern.
//!
//! Only this folder names sqlx, and only [`db`] and [`sql`] know that there are two engines. Rows go
//! in and domain values come out; a row that can't be one is [`error::StoreError::Corrupt`], never a
//! panic. No rule of booking is decided here.

pub mod audit;
pub mod batch;
mod bind;
pub mod bookings;
pub mod catalog;
mod checkpoints;
pub mod checks;
pub mod db;
pub mod drills;
pub mod error;
pub mod events;
pub mod exclusive;
pub mod idempotency;
mod kept;
pub mod migrate;
mod moment;
pub mod offerings;
pub mod passengers;
pub mod payments;
pub mod sagas;
pub mod sql;
pub mod views;

/// Returns every statement of the program with the store it is for. A test prepares them all.
#[must_use]
pub fn statements() -> Vec<(db::Role, &'static sql::Sql)> {
    let write = [
        audit::STATEMENTS,
        batch::STATEMENTS,
        bookings::STATEMENTS,
        catalog::STATEMENTS,
        checks::STATEMENTS,
        drills::STATEMENTS,
        events::STATEMENTS,
        exclusive::STATEMENTS,
        idempotency::STATEMENTS,
        migrate::STATEMENTS,
        offerings::STATEMENTS,
        passengers::STATEMENTS,
        payments::STATEMENTS,
        sagas::STATEMENTS,
    ];
    let read = [
        views::checks::STATEMENTS,
        views::fold::STATEMENTS,
        views::network::STATEMENTS,
        views::rebuild::STATEMENTS,
        views::tickets::STATEMENTS,
    ];
    let of = |role, lists: &[&'static [&'static std::sync::LazyLock<sql::Sql>]]| {
        lists.iter().flat_map(|list| list.iter()).map(move |sql| (role, &***sql)).collect::<Vec<_>>()
    };
    [of(db::Role::Write, &write), of(db::Role::Read, &read)].concat()
}
