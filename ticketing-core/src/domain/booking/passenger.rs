//! The person who travels. Never in an event: see the store's passengers.

use serde::{Deserialize, Serialize};

/// The person who travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passenger {
    /// Name, at most 200 characters.
    pub name: String,
    /// E-mail address, at most 254 characters; empty where nobody told it.
    pub email: String,
    /// Phone number, at most 40 characters.
    pub phone: Option<String>,
}
