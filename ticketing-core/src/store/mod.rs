//! What is kept, and how: one SQL text on SQLite and PostgreSQL, one file per concern.
//!
//! Only this folder names sqlx, and only [`db`], [`sql`] and the private files behind them name a type of
//! either engine. Rows go in and domain values come out; a row that can't be one is
//! [`error::StoreError::Corrupt`], never a panic. No rule of booking is decided here.

pub mod accounts;
pub mod address;
pub mod audit;
pub mod batch;
mod bind;
pub mod bookings;
pub mod catalog;
mod checkpoints;
pub mod checks;
pub mod copy;
pub mod db;
pub mod dead_letters;
pub mod drills;
pub mod error;
pub mod events;
pub mod idempotency;
pub mod inbound;
pub mod integrity;
pub mod jobs;
mod kept;
pub mod kept_out;
pub mod leases;
pub mod mails;
pub mod migrate;
mod moment;
pub mod offerings;
mod open;
pub mod outbox;
pub mod parked;
pub mod passengers;
pub mod payments;
pub mod positions;
pub mod sagas;
pub mod sql;
mod sqlite;
pub mod views;

/// Returns every statement of the program with the store it is for. A test prepares them all.
#[must_use]
pub fn statements() -> Vec<(db::Role, &'static sql::Sql)> {
    let write = [
        accounts::STATEMENTS,
        audit::STATEMENTS,
        batch::STATEMENTS,
        batch::HOLD_STATEMENTS,
        bookings::STATEMENTS,
        catalog::STATEMENTS,
        dead_letters::STATEMENTS,
        checks::STATEMENTS,
        copy::STATEMENTS,
        drills::STATEMENTS,
        events::STATEMENTS,
        idempotency::STATEMENTS,
        inbound::STATEMENTS,
        integrity::STATEMENTS,
        kept_out::STATEMENTS,
        leases::STATEMENTS,
        jobs::STATEMENTS,
        mails::STATEMENTS,
        migrate::STATEMENTS,
        offerings::STATEMENTS,
        outbox::STATEMENTS,
        passengers::STATEMENTS,
        payments::STATEMENTS,
        positions::STATEMENTS,
        sagas::STATEMENTS,
        sagas::WRITE_STATEMENTS,
    ];
    let read = [
        parked::STATEMENTS,
        positions::read::STATEMENTS,
        views::checks::STATEMENTS,
        views::fold::STATEMENTS,
        views::identity::STATEMENTS,
        views::network::STATEMENTS,
        views::progress::STATEMENTS,
        views::rebuild::STATEMENTS,
        views::sales::STATEMENTS,
        views::search::STATEMENTS,
        views::of_kind::STATEMENTS,
        views::tickets::STATEMENTS,
        views::venues::STATEMENTS,
    ];
    let of = |role, lists: &[&'static [&'static std::sync::LazyLock<sql::Sql>]]| {
        lists.iter().flat_map(|list| list.iter()).map(move |sql| (role, &***sql)).collect::<Vec<_>>()
    };
    [of(db::Role::Write, &write), of(db::Role::Read, &read)].concat()
}
