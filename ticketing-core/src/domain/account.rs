//! Accounts: who may sign in, and what a name, an address and a password must be like. No password is ever kept here,
//! and nothing is asked of a store.

use super::rules::{Complaint, check_email, check_text, len_max};
use super::time::Timestamp;
use std::fmt;
use uuid::Uuid;

/// The shortest password, in characters.
pub const PASSWORD_LEN_MIN: usize = 8;
/// The longest password, in characters: a longer one would only make the hash's input long.
pub const PASSWORD_LEN_MAX: usize = 128;
/// The shortest user name, in characters.
pub const USERNAME_LEN_MIN: usize = 3;
/// The longest user name, in characters.
pub const USERNAME_LEN_MAX: usize = 32;

/// An account's id. As text it is the `sub` of its tokens and the `userId` of its bookings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub Uuid);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// It may sign in.
    Active,
    /// An operator keeps it out, until an operator lets it in again.
    Suspended,
    /// The person is erased; only the id is left, for the bookings that name it.
    Deleted,
}

impl AccountStatus {
    /// All.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Deleted];

    /// Their words, in the same order.
    pub const WORDS: [&str; 3] = [Self::Active.word(), Self::Suspended.word(), Self::Deleted.word()];

    /// The word of the store, the API and the tools.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::Deleted => "DELETED",
        }
    }

    /// Returns the status with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// An e-mail address as accounts are told apart by: without blanks around it, in small letters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Takes an address as it was typed.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Complaint> {
        let text = text.trim().to_lowercase();
        check_email(&text).map(|()| Self(text))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

/// A user name: 3 to 32 letters, digits, dots, dashes and underscores, the first a letter or digit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Username(String);

impl Username {
    /// Takes a name as it was typed.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Complaint> {
        let fits = (USERNAME_LEN_MIN..=USERNAME_LEN_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_owned())) } else { Err(USERNAME_RULE.into()) }
    }

    /// The name, as its owner writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What tells it from others: two that differ in case only are one.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

const USERNAME_RULE: &str = "must be 3 to 32 letters, digits, dots, dashes and underscores, the first a letter or \
                             digit";

/// A password as it was typed. It never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a password for a new account, or a new one for an account.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: String) -> Result<Self, Complaint> {
        let length = text.chars().count();
        if (PASSWORD_LEN_MIN..=PASSWORD_LEN_MAX).contains(&length) {
            Ok(Self(text))
        } else {
            Err(format!("must be {PASSWORD_LEN_MIN} to {PASSWORD_LEN_MAX} characters").into())
        }
    }

    /// Takes what somebody types as their password: any text is a try, but a hash's work is not for megabytes.
    #[must_use]
    pub fn tried(text: String) -> Self {
        Self(text)
    }

    /// The bytes that are hashed.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Checks a first or last name.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_name(text: &str) -> Result<(), Complaint> {
    check_text(text, len_max::NAME)
}

/// Who an account is of: all that is erased with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Where they sign in with, and are written to.
    pub email: Email,
    /// What they are called in public, where they are.
    pub username: Option<Username>,
    /// Their first name.
    pub first_name: Option<String>,
    /// Their last name.
    pub last_name: Option<String>,
}

impl Person {
    /// Everything that a search looks through, in small letters.
    #[must_use]
    pub fn search_text(&self) -> String {
        let username = self.username.as_ref().map(Username::as_str);
        let words =
            [Some(self.email.as_str()), username, self.first_name.as_deref(), self.last_name.as_deref()];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ").to_lowercase()
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Who it is of; `None` once it is deleted.
    pub person: Option<Person>,
    /// Where it stands.
    pub status: AccountStatus,
    /// Why it is suspended, in the operator's words.
    pub status_reason: Option<String>,
    /// Tokens that were issued before this second, since the epoch, are refused.
    pub not_before_s: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows by one with each change, from 1.
    pub version: i32,
}

/// Why something can't be done with an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    /// Another account has the address.
    #[error("There is an account with this e-mail address already.")]
    EmailTaken,
    /// Another account has the name.
    #[error("There is an account with this user name already.")]
    UsernameTaken,
    /// There is no such account, or the password is another: which of both is not told.
    #[error("The name or the password is wrong.")]
    BadCredentials,
    /// The password that was to prove who asks is wrong.
    #[error("The current password is wrong.")]
    WrongPassword,
    /// The change needs the password that the account has now.
    #[error("A new address or password needs the current password.")]
    PasswordNeeded,
    /// An operator keeps the account out.
    #[error("This account is suspended. Write to the operators of this platform.")]
    Suspended,
    /// It has changed since it was looked at.
    #[error("The account has changed since it was looked at: it is at version {version} now.")]
    VersionMoved {
        /// Where it is now.
        version: i32,
    },
    /// Where it stands forbids it.
    #[error("The account is {}.", status.word())]
    InState {
        /// Where it stands.
        status: AccountStatus,
    },
}

impl AccountRefusal {
    /// The stable word of each.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::UsernameTaken => "USERNAME_TAKEN",
            Self::BadCredentials => "BAD_CREDENTIALS",
            Self::WrongPassword => "WRONG_PASSWORD",
            Self::PasswordNeeded => "PASSWORD_NEEDED",
            Self::Suspended => "ACCOUNT_SUSPENDED",
            Self::VersionMoved { .. } => "VERSION_MOVED",
            Self::InState { .. } => "INVALID_STATE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountStatus, Email, Password, Person, Username};

    #[test]
    fn an_address_is_the_same_however_it_is_typed() {
        let typed = Email::parse("  Ada.L@Example.ORG ").unwrap();
        assert_eq!(typed.as_str(), "ada.l@example.org");
        assert_eq!(typed, Email::parse("ada.l@example.org").unwrap());
        assert!(Email::parse("ada").is_err());
        assert_eq!(format!("{typed:?}"), "Email(…)");
    }

    #[test]
    fn a_user_name_is_plain_and_of_a_length_that_fits() {
        let long = "a".repeat(33);
        let rows: [(&str, bool); 12] = [
            ("ada", true),
            ("Ada.L-1_x", true),
            ("1ada", true),
            (&long[..32], true),
            (&long, false),
            ("ad", false),
            ("", false),
            (".ada", false),
            ("-ada", false),
            ("a da", false),
            ("ädaa", false),
            ("ada@example.org", false),
        ];
        for (name, good) in rows {
            assert_eq!(Username::parse(name).is_ok(), good, "{name}");
        }
        assert_eq!(Username::parse("Ada").unwrap().key(), "ada");
    }

    #[test]
    fn a_password_is_counted_in_characters_and_never_shown() {
        let rows = [("1234567", false), ("12345678", true), ("ääääääää", true), ("        ", true)];
        for (text, good) in rows {
            assert_eq!(Password::parse(text.to_owned()).is_ok(), good, "{text}");
        }
        assert!(Password::parse("é".repeat(128)).is_ok());
        assert!(Password::parse("e".repeat(129)).is_err());
        assert_eq!(format!("{:?}", Password::tried("geheim".into())), "Password(…)");
    }

    #[test]
    fn every_status_has_a_word_of_its_own() {
        for status in AccountStatus::ALL {
            assert_eq!(AccountStatus::parse(status.word()), Some(status));
        }
        assert_eq!(AccountStatus::parse("active"), None);
    }

    #[test]
    fn a_search_looks_through_all_that_a_person_is_called() {
        let person = Person {
            email: Email::parse("ada@example.org").unwrap(),
            username: Some(Username::parse("Countess").unwrap()),
            first_name: Some("Ada".into()),
            last_name: Some("Lovelace-Élan".into()),
        };
        assert_eq!(person.search_text(), "ada@example.org countess ada lovelace-élan");
    }
}
