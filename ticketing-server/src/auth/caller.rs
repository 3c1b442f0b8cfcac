//! Who calls: an id, and what it is trusted with. What a role may do is each call's own business.

use serde::{Deserialize, Serialize};
use std::fmt;
use ticketing_core::domain::id::UserId;

/// What a caller is trusted with, from its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A buyer or seller; also a token that names no role.
    User,
    /// Another service of the house, such as the payment service.
    Service,
    /// Somebody who runs the platform.
    Operator,
    /// Somebody who runs it and its operators.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::User, Self::Service, Self::Operator, Self::Admin];

    /// The word in a token.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Returns the role with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.word() == word)
    }

    /// Whether its word stands for a payment, and it may act for others.
    #[must_use]
    pub const fn is_trusted(self) -> bool {
        matches!(self, Self::Service | Self::Operator | Self::Admin)
    }

    /// Whether it may use the operators' calls.
    #[must_use]
    pub const fn is_operator(self) -> bool {
        matches!(self, Self::Operator | Self::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Who calls, as its token proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token's `sub`.
    pub user: UserId,
    /// The token's `role`.
    pub role: Role,
}
