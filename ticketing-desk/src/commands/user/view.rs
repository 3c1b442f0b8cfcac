//! What people see of an account. Never its password's hash: the core hands none out.

use crate::output::{Column, View};
use ticketing_core::domain::account::AccountStatus;

/// A list of accounts.
pub const LIST: View = View::new(
    "users",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status").one_of(&AccountStatus::WORDS),
        Column::text("E-mail", "email"),
        Column::text("User name", "username"),
        Column::time("Created", "createdAt"),
        Column::text("First name", "firstName").wide(),
        Column::text("Last name", "lastName").wide(),
        Column::text("Why", "statusReason").wide(),
        Column::time("Updated", "updatedAt").wide(),
        Column::number("Version", "version").wide(),
    ],
);

/// An account.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("Status", "status"),
    Column::text("Why", "statusReason"),
    Column::text("E-mail", "email"),
    Column::text("User name", "username"),
    Column::text("First name", "firstName"),
    Column::text("Last name", "lastName"),
    Column::time("Created", "createdAt"),
    Column::time("Updated", "updatedAt"),
    Column::number("Version", "version").wide(),
];

/// An account that was just made, with the password that was made for it, if one was.
pub const MADE: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("Status", "status"),
    Column::text("E-mail", "email"),
    Column::text("User name", "username"),
    Column::text("First name", "firstName"),
    Column::text("Last name", "lastName"),
    Column::text("Password", "password"),
    Column::time("Created", "createdAt"),
    Column::time("Updated", "updatedAt").wide(),
    Column::number("Version", "version").wide(),
];
