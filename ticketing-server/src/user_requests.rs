//! What the calls about accounts may carry, as plain values. What was read of a body that had a fault is `None`.

use crate::fields::Fields;
use crate::query::{PageRequest, Parameters};
use ticketing_core::app::accounts::{NewAccount, ProfileChange};
use ticketing_core::domain::account::{
    AccountStatus, Email, PASSWORD_LEN_MAX, Password, Person, Username, check_name,
};
use ticketing_core::domain::rules::{Complaint, check_text, len_max};
use ticketing_core::store::accounts::{AccountQuery, SignInName};

/// What operators may set an account to.
const SETTABLE: [AccountStatus; 2] = [AccountStatus::Active, AccountStatus::Suspended];

fn email(f: &mut Fields<'_>) -> Option<Email> {
    f.parsed("email", |text| Email::parse(&text))
}

/// A password that is tried: any text, but a longer one than there are would only be work.
fn tried(text: String) -> Result<Password, Complaint> {
    match text.chars().count() <= PASSWORD_LEN_MAX {
        true => Ok(Password::tried(text)),
        false => Err(format!("is longer than {PASSWORD_LEN_MAX} characters").into()),
    }
}

fn name(text: String) -> Result<String, Complaint> {
    check_name(&text).map(|()| text)
}

/// Reads the body of `signup`.
pub fn sign_up(f: &mut Fields<'_>) -> Option<NewAccount> {
    let (email, password) = (email(f), f.parsed("password", Password::parse));
    let person = Person { email: email?, username: None, first_name: None, last_name: None };
    Some(NewAccount { person, password: password? })
}

/// Reads the body of `register`.
pub fn register(f: &mut Fields<'_>) -> Option<NewAccount> {
    let username = f.parsed("username", |text| Username::parse(&text));
    let (email, password) = (email(f), f.parsed("password", Password::parse));
    let (first, last) = (f.parsed("firstName", name), f.parsed("lastName", name));
    let person =
        Person { email: email?, username: Some(username?), first_name: Some(first?), last_name: Some(last?) };
    Some(NewAccount { person, password: password? })
}

/// What somebody signs in with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// What the account is called by.
    pub name: SignInName,
    /// What they type as its password.
    pub password: Password,
}

/// Reads the body of `signin`.
pub fn sign_in(f: &mut Fields<'_>) -> Option<Credentials> {
    let (email, password) = (email(f), f.parsed("password", tried));
    Some(Credentials { name: SignInName::Email(email?), password: password? })
}

/// Reads the body of `login`: the address or the user name, one of them.
pub fn login(f: &mut Fields<'_>) -> Option<Credentials> {
    let email = f.opt_parsed("email", |text| Email::parse(&text));
    let username = f.opt_parsed("username", |text| Username::parse(&text));
    let password = f.parsed("password", tried);
    let name = match (email, username) {
        (Some(email), None) => SignInName::Email(email),
        (None, Some(username)) => SignInName::Username(username),
        (Some(_), Some(_)) => {
            f.complain("username", "can't be given beside email");
            return None;
        }
        (None, None) => {
            f.complain("email", "is required, or username");
            return None;
        }
    };
    Some(Credentials { name, password: password? })
}

/// The body of a change of a profile.
#[derive(Clone, Debug)]
pub struct ProfileFields {
    /// What is to change.
    pub change: ProfileChange,
    /// The password that the account has now.
    pub current: Option<Password>,
    /// The version that the caller has seen.
    pub version: Option<i32>,
    /// Why an operator changes it.
    pub reason: Option<String>,
}

/// Reads the body of a change of a profile.
pub fn profile(f: &mut Fields<'_>) -> ProfileFields {
    ProfileFields {
        change: ProfileChange {
            email: f.opt_parsed("email", |text| Email::parse(&text)),
            username: f.opt_parsed("username", |text| Username::parse(&text)),
            first_name: f.opt_parsed("firstName", name),
            last_name: f.opt_parsed("lastName", name),
            password: f.opt_parsed("password", Password::parse),
        },
        current: f.opt_parsed("currentPassword", tried),
        version: f.opt_int("version", 1..=i32::MAX.unsigned_abs()).and_then(|n| i32::try_from(n).ok()),
        reason: f.opt_text("reason", len_max::REASON),
    }
}

/// Reads the body of a deletion, which may be left out.
pub fn deletion(f: &mut Fields<'_>) -> Option<String> {
    f.opt_text("reason", len_max::REASON)
}

/// Reads the body of a change of status: to what, and why.
pub fn status(f: &mut Fields<'_>) -> Option<(AccountStatus, String)> {
    let status = f.parsed("status", |text| {
        let found = AccountStatus::parse(&text).filter(|status| SETTABLE.contains(status));
        found.ok_or_else(|| "must be ACTIVE or SUSPENDED".into())
    });
    let reason = f.parsed("reason", |text| check_text(&text, len_max::REASON).map(|()| text));
    Some((status?, reason?))
}

/// Which accounts an operator asks for.
#[derive(Clone, Debug)]
pub struct ListFields {
    /// Which.
    pub query: AccountQuery,
    /// Which page of them.
    pub page: PageRequest,
}

/// Reads the query of the list of accounts.
pub fn list(q: &mut Parameters) -> ListFields {
    let words = AccountStatus::ALL.map(AccountStatus::word);
    ListFields {
        query: AccountQuery {
            search: q.opt_text("search", len_max::EMAIL),
            status: q.opt_word("status", &words, AccountStatus::parse),
        },
        page: q.page(),
    }
}
