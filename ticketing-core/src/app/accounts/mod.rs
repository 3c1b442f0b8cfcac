//! Accounts: signing up, in and out, one's own profile, and leaving for good.
//!
//! Both ways of speaking to the server end here, and operators' changes do too (see `ops::accounts`, which writes them
//! down in the audit log). Nothing of a person is in the log of events, so that all of it can be erased; bookings name
//! an account by its id, which stays.

mod change;
mod delete;
mod hasher;
mod kept_out;

pub use change::{By, ProfileChange, set_status, update};
pub use delete::{delete, erase_people};
pub use hasher::{HashError, Hasher, LANES, MEMORY_KIB, PASSES, QUEUE_MAX};
pub use kept_out::{KeptOut, Refused};

use super::{App, AppError};
use crate::domain::account::{Account, AccountId, AccountRefusal, AccountStatus, Password, Person};
use crate::domain::time::Timestamp;
use crate::engine::CommandError;
use crate::store::accounts::{self, AccountQuery, AnswerKey, SignInName};
use crate::store::db::Tx;
use crate::store::error::StoreError;
use crate::store::kept_out::{Bar, Numbered, Why, put};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// How long a sign-in is good, in seconds: a day.
pub const SESSION_SECONDS: i64 = 86_400;
/// So long after a deletion every process knows of it and has finished what it had begun for the account before, in
/// milliseconds: only then is it looked for the last time whether a booking came in between.
pub const SETTLED_AFTER_MS: i64 = 60_000;

/// What the use cases of accounts have in memory.
#[derive(Debug, Default)]
pub struct Accounts {
    /// Makes and compares the hashes of passwords.
    pub hasher: Hasher,
    /// Whose tokens are refused.
    pub kept_out: Arc<KeptOut>,
    /// Keys whose first request is still running here.
    under_way: Mutex<HashSet<(String, String)>>,
}

/// The place of a request among those with its key; others with it are refused until this is dropped.
struct Turn<'a>(&'a Accounts, Option<(String, String)>);

impl Accounts {
    fn turn(&self, key: Option<&AnswerKey>) -> Result<Turn<'_>, AppError> {
        let Some(key) = key else { return Ok(Turn(self, None)) };
        let name = (key.caller.clone(), key.key.clone());
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.insert(name.clone()) {
            true => Ok(Turn(self, Some(name))),
            false => Err(CommandError::IdempotencyInProgress.into()),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.1 {
            self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        }
    }
}

/// An account as users see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountBody {
    /// Its id.
    pub id: Uuid,
    /// Its address; `None` once it is deleted, as the rest of the person is.
    pub email: Option<String>,
    /// What it is called in public.
    pub username: Option<String>,
    /// A first name.
    pub first_name: Option<String>,
    /// A last name.
    pub last_name: Option<String>,
    /// `ACTIVE`, `SUSPENDED` or `DELETED`.
    pub status: &'static str,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows by one with each change.
    pub version: i32,
}

/// Returns an account as users see it.
#[must_use]
pub fn body(account: &Account) -> AccountBody {
    let person = account.person.as_ref();
    AccountBody {
        id: account.id.0,
        email: person.map(|p| p.email.as_str().to_owned()),
        username: person.and_then(|p| p.username.as_ref()).map(|name| name.as_str().to_owned()),
        first_name: person.and_then(|p| p.first_name.clone()),
        last_name: person.and_then(|p| p.last_name.clone()),
        status: account.status.word(),
        created_at: account.created_at,
        updated_at: account.updated_at,
        version: account.version,
    }
}

/// What came of a change.
#[derive(Clone, Debug)]
pub struct AccountDone {
    /// The account as it was then, or what was answered first: an [`AccountBody`] as JSON.
    pub body: String,
    /// The HTTP status of the first answer; what to answer now is up to the caller where it is none.
    pub status: Option<u16>,
}

impl AccountDone {
    /// Whether this is the first answer again, and nothing was done now.
    #[must_use]
    pub const fn is_replay(&self) -> bool {
        self.status.is_some()
    }
}

/// Somebody who signs up.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Who.
    pub person: Person,
    /// What they will sign in with.
    pub password: Password,
}

/// Makes an account.
///
/// # Errors
/// [`AccountRefusal::EmailTaken`] or [`AccountRefusal::UsernameTaken`], after as long as it takes to make one;
/// overloaded if too many passwords wait; what the store says.
pub async fn sign_up(app: &App, new: NewAccount, key: Option<&AnswerKey>) -> Result<AccountDone, AppError> {
    let _turn = app.accounts.turn(key)?;
    if let Some(done) = answered(app, key).await? {
        return Ok(done);
    }
    let hash = app.accounts.hasher.make(new.password).await.map_err(overloaded)?;
    let now = app.clock.now();
    let account = Account {
        id: AccountId(Uuid::now_v7()),
        person: Some(new.person.clone()),
        status: AccountStatus::Active,
        status_reason: None,
        not_before_s: 0,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let done = made(&account)?;
    let mut tx = app.stores.write.begin().await?;
    if !accounts::create(&mut tx, account.id, &new.person, &hash, now).await? {
        tx.rollback().await?;
        // Another process may just have finished this very request.
        return match answered(app, key).await? {
            Some(done) => Ok(done),
            None => Err(which_is_taken(app, account.id, &new.person).await?.into()),
        };
    }
    commit(app, tx, key, &done, account.id).await?.map_or(Ok(done), Ok)
}

fn made(account: &Account) -> Result<AccountDone, AppError> {
    let body = serde_json::to_string(&body(account)).map_err(|error| StoreError::Corrupt {
        table: "accounts",
        column: "id",
        row: account.id.to_string(),
        reason: error.to_string(),
    })?;
    Ok(AccountDone { body, status: None })
}

fn overloaded(error: HashError) -> AppError {
    match error {
        HashError::Busy => CommandError::Overloaded.into(),
        HashError::Failed => StoreError::Corrupt {
            table: "accounts",
            column: "password_hash",
            row: "one".into(),
            reason: "a password can't be hashed or compared".into(),
        }
        .into(),
    }
}

async fn which_is_taken(app: &App, id: AccountId, person: &Person) -> Result<AccountRefusal, AppError> {
    let taken = accounts::taken(&app.stores.write, id, person).await?;
    Ok(match taken.username && !taken.email {
        true => AccountRefusal::UsernameTaken,
        false => AccountRefusal::EmailTaken,
    })
}

/// Returns what was answered to this key before; `None` if nothing was, or without a key.
///
/// # Errors
/// That the key was used for another request; what the store says.
pub async fn answered(app: &App, key: Option<&AnswerKey>) -> Result<Option<AccountDone>, AppError> {
    let Some(key) = key else { return Ok(None) };
    match accounts::answer(&app.stores.write, key).await? {
        None => Ok(None),
        Some(found) if found.is_same => {
            Ok(Some(AccountDone { body: found.data, status: Some(found.status) }))
        }
        Some(_) => Err(CommandError::IdempotencyReused.into()),
    }
}

/// Commits a change with its answer. If another process was first with this key, nothing is done, and its answer is
/// returned.
async fn commit(
    app: &App,
    mut tx: Tx,
    key: Option<&AnswerKey>,
    done: &AccountDone,
    id: AccountId,
) -> Result<Option<AccountDone>, AppError> {
    if let Some(key) = key {
        match accounts::put_answer(&mut tx, key, &done.body, id, app.clock.now()).await {
            Ok(()) => {}
            Err(StoreError::Conflict { .. }) => {
                tx.rollback().await?;
                return answered(app, Some(key))
                    .await?
                    .map(Some)
                    .ok_or_else(|| CommandError::VersionMoved.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    tx.commit().await?;
    Ok(None)
}

/// Signs in: returns the account, if the password is its own. A name that nobody has takes as long, and is refused in
/// the same words.
///
/// # Errors
/// [`AccountRefusal::BadCredentials`]; [`AccountRefusal::Suspended`], but only with the right password; overloaded if
/// too many passwords wait; what the store says.
pub async fn sign_in(app: &App, name: &SignInName, password: Password) -> Result<Account, AppError> {
    let (account, hash) = match accounts::by_name(&app.stores.write, name).await? {
        Some(found) => (Some(found.account), Some(found.hash)),
        None => (None, None),
    };
    let is_right = app.accounts.hasher.is_right(password, hash).await.map_err(overloaded)?;
    match account {
        Some(account) if is_right => match account.status {
            AccountStatus::Active => Ok(account),
            AccountStatus::Suspended => Err(AccountRefusal::Suspended.into()),
            AccountStatus::Deleted => Err(AccountRefusal::BadCredentials.into()),
        },
        Some(_) | None => Err(AccountRefusal::BadCredentials.into()),
    }
}

/// Ends one session before its time: its token is refused from now on, here at once and everywhere within a second.
///
/// # Errors
/// What the store says.
pub async fn sign_out(app: &App, session: &str, until_s: i64) -> Result<(), AppError> {
    let bar =
        Bar { subject: session.to_owned(), why: Why::SignedOut, not_before_s: 0, until_s: until_s.max(1) };
    let mut tx = app.stores.write.begin().await?;
    let seq = put(&mut tx, &bar).await?;
    tx.commit().await?;
    app.accounts.kept_out.apply(Numbered { seq, bar });
    Ok(())
}

/// Returns an account; `None` if there is none with this id, and for one that was deleted.
///
/// # Errors
/// What the store says.
pub async fn find(app: &App, id: AccountId) -> Result<Option<Account>, AppError> {
    let found = accounts::load(&app.stores.write, &[id]).await?.pop();
    Ok(found.filter(|account| account.status != AccountStatus::Deleted))
}

/// Returns an account that must be there.
///
/// # Errors
/// [`AppError::NotFound`], also for one that was deleted; what the store says.
pub async fn get(app: &App, id: AccountId) -> Result<Account, AppError> {
    find(app, id).await?.ok_or_else(|| not_found(id))
}

fn not_found(id: AccountId) -> AppError {
    AppError::NotFound { what: "user", id: id.to_string() }
}

/// Returns a page of accounts, the newest first, and how many there are. Pages count from 1. For operators.
///
/// # Errors
/// What the store says.
pub async fn list(
    app: &App,
    query: &AccountQuery,
    page: u32,
    limit: u32,
) -> Result<(Vec<AccountBody>, u64), AppError> {
    let (found, total) = accounts::page(&app.stores.write, query, page, limit).await?;
    Ok((found.iter().map(body).collect(), total))
}
