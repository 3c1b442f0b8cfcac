//! What changes of an account: its person, its password, and whether it is kept out.

use super::{AccountDone, answered, commit, get, made, not_found, overloaded, which_is_taken};
use crate::app::{App, AppError};
use crate::domain::account::{
    Account, AccountId, AccountRefusal, AccountStatus, Email, Password, Person, Username,
};
use crate::domain::time::Timestamp;
use crate::store::accounts::{self, AnswerKey};
use crate::store::db::Tx;
use crate::store::error::StoreError;
use crate::store::kept_out::{Bar, Numbered, Why, put};

/// So long after a new password its old sessions are remembered as ended, in seconds: a year, longer than any token
/// that is meant to be used lives.
const OLD_SESSIONS_SECONDS: i64 = 366 * 86_400;

/// What is to change of an account; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The address.
    pub email: Option<Email>,
    /// The user name.
    pub username: Option<Username>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The password. Every session from before ends with it.
    pub password: Option<Password>,
}

impl ProfileChange {
    /// The names of what it would change of this person.
    #[must_use]
    pub fn fields(&self, person: &Person) -> Vec<&'static str> {
        let changed = [
            ("email", self.email.as_ref().is_some_and(|email| *email != person.email)),
            ("username", self.username.is_some() && self.username != person.username),
            ("firstName", self.first_name.is_some() && self.first_name != person.first_name),
            ("lastName", self.last_name.is_some() && self.last_name != person.last_name),
            ("password", self.password.is_some()),
        ];
        changed.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
    }

    /// Returns the person as it would be.
    #[must_use]
    pub fn applied(&self, person: &Person) -> Person {
        Person {
            email: self.email.clone().unwrap_or_else(|| person.email.clone()),
            username: self.username.clone().or_else(|| person.username.clone()),
            first_name: self.first_name.clone().or_else(|| person.first_name.clone()),
            last_name: self.last_name.clone().or_else(|| person.last_name.clone()),
        }
    }
}

/// Who changes an account.
#[derive(Clone, Debug)]
pub enum By {
    /// Its owner; with the password that it has now, which a new address or password needs.
    Owner(Option<Password>),
    /// An operator.
    Operator,
}

/// Changes an account, if it is at `version` where one is given.
///
/// # Errors
/// Not found; [`AccountRefusal::VersionMoved`], [`AccountRefusal::PasswordNeeded`], [`AccountRefusal::WrongPassword`],
/// [`AccountRefusal::EmailTaken`], [`AccountRefusal::UsernameTaken`]; overloaded; what the store says.
pub async fn update(
    app: &App,
    id: AccountId,
    change: ProfileChange,
    by: By,
    version: Option<i32>,
    key: Option<&AnswerKey>,
) -> Result<AccountDone, AppError> {
    let _turn = app.accounts.turn(key)?;
    if let Some(done) = answered(app, key).await? {
        return Ok(done);
    }
    let db = &app.stores.write;
    let found = accounts::with_hash_of(db, id).await?.ok_or_else(|| not_found(id))?;
    let mut account = found.account;
    let before = account.person.clone().ok_or_else(|| not_found(id))?;
    if version.is_some_and(|version| version != account.version) {
        return Err(AccountRefusal::VersionMoved { version: account.version }.into());
    }
    let fields = change.fields(&before);
    if fields.is_empty() {
        return made(&account);
    }
    if let By::Owner(current) = by
        && fields.iter().any(|field| matches!(*field, "email" | "password"))
    {
        let current = current.ok_or(AccountRefusal::PasswordNeeded)?;
        if !app.accounts.hasher.is_right(current, Some(found.hash)).await.map_err(overloaded)? {
            return Err(AccountRefusal::WrongPassword.into());
        }
    }
    let now = app.clock.now();
    let after = change.applied(&before);
    let hash = match change.password {
        None => None,
        Some(password) => Some(app.accounts.hasher.make(password).await.map_err(overloaded)?),
    };
    let ends_sessions = hash.is_some();
    if ends_sessions {
        account.not_before_s = next_second(now);
    }
    let at = (id, account.version);
    let mut tx = db.begin().await?;
    match accounts::update(&mut tx, at, &after, hash, account.not_before_s, now).await {
        Ok(true) => {}
        Ok(false) => {
            tx.rollback().await?;
            return Err(moved(app, id).await);
        }
        Err(StoreError::Conflict { .. }) => {
            tx.rollback().await?;
            return Err(which_is_taken(app, id, &after).await?.into());
        }
        Err(error) => return Err(error.into()),
    }
    account = Account { person: Some(after), updated_at: now, version: account.version + 1, ..account };
    let bar = match ends_sessions {
        true => Some(barred(&mut tx, &account, now).await?),
        false => None,
    };
    let done = made(&account)?;
    if let Some(first) = commit(app, tx, key, &done, id).await? {
        return Ok(first);
    }
    bar.into_iter().for_each(|bar| app.accounts.kept_out.apply(bar));
    Ok(done)
}

/// The first second after which no token was issued yet.
fn next_second(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(1_000) + 1
}

/// Says why an account that was looked at could not be changed.
pub(super) async fn moved(app: &App, id: AccountId) -> AppError {
    match get(app, id).await {
        Ok(account) => AccountRefusal::VersionMoved { version: account.version }.into(),
        Err(error) => error,
    }
}

/// Writes down whether an account's tokens are refused, as it now stands.
pub(super) async fn barred(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<Numbered, AppError> {
    let (why, until_s) = match account.status {
        AccountStatus::Active => (Why::Nothing, next_second(now) + OLD_SESSIONS_SECONDS),
        AccountStatus::Suspended => (Why::Suspended, 0),
        AccountStatus::Deleted => (Why::Deleted, 0),
    };
    let bar = Bar { subject: account.id.to_string(), why, not_before_s: account.not_before_s, until_s };
    let seq = put(tx, &bar).await?;
    Ok(Numbered { seq, bar })
}

/// Suspends an account at this version, or lets it in again: its tokens are refused from now on, here at once and
/// everywhere within a second. For operators: see `ops::accounts`.
///
/// # Errors
/// Not found; [`AccountRefusal::VersionMoved`]; what the store says.
pub async fn set_status(
    app: &App,
    account: Account,
    status: AccountStatus,
    reason: Option<String>,
    key: Option<&AnswerKey>,
) -> Result<AccountDone, AppError> {
    let _turn = app.accounts.turn(key)?;
    if let Some(done) = answered(app, key).await? {
        return Ok(done);
    }
    let now = app.clock.now();
    let (id, version) = (account.id, account.version);
    let mut tx = app.stores.write.begin().await?;
    if !accounts::set_status(&mut tx, (id, version), status, reason.clone(), now).await? {
        tx.rollback().await?;
        return Err(moved(app, id).await);
    }
    let account = Account { status, status_reason: reason, updated_at: now, version: version + 1, ..account };
    let bar = barred(&mut tx, &account, now).await?;
    let done = made(&account)?;
    if let Some(first) = commit(app, tx, key, &done, id).await? {
        return Ok(first);
    }
    app.accounts.kept_out.apply(bar);
    Ok(done)
}
