//! Leaving for good: what is erased with an account, and what stays.
//!
//! Wherever a person's data is kept there is a line here that takes it away. What stays names nobody: the account's
//! id, in its bookings, payments, events and audit rows.

use super::change::{barred, moved};
use super::{AccountDone, answered, commit, get, made};
use crate::app::{App, AppError};
use crate::domain::account::{Account, AccountId, AccountRefusal, AccountStatus};
use crate::domain::id::{BookingId, UserId};
use crate::store::accounts::{self, AnswerKey};
use crate::store::passengers;
use crate::store::views::tickets::{UserQuery, of_user};

/// Bookings whose passengers are erased at once.
const ERASE_PAGE: u32 = 500;

/// Deletes an account for good: its tokens are refused from now on, its person is erased, and so are the passengers of
/// its bookings. The bookings stay, under an id that says nothing; holds that are open run out by themselves.
///
/// What is booked for it in another process that does not know yet is erased by the worker.
///
/// # Errors
/// Not found; [`AccountRefusal::VersionMoved`]; what the store says. That a passenger could not be erased now is no
/// error: the worker goes on with it.
pub async fn delete(
    app: &App,
    id: AccountId,
    version: Option<i32>,
    key: Option<&AnswerKey>,
) -> Result<AccountDone, AppError> {
    let _turn = app.accounts.turn(key)?;
    if let Some(done) = answered(app, key).await? {
        return Ok(done);
    }
    let account = get(app, id).await?;
    if version.is_some_and(|version| version != account.version) {
        return Err(AccountRefusal::VersionMoved { version: account.version }.into());
    }
    let now = app.clock.now();
    let mut tx = app.stores.write.begin().await?;
    if !accounts::erase(&mut tx, (id, account.version), now).await? {
        tx.rollback().await?;
        return Err(moved(app, id).await);
    }
    let account = Account {
        person: None,
        status: AccountStatus::Deleted,
        status_reason: None,
        updated_at: now,
        version: account.version + 1,
        ..account
    };
    let bar = barred(&mut tx, &account, now).await?;
    let done = made(&account)?;
    if let Some(first) = commit(app, tx, key, &done, id).await? {
        return Ok(first);
    }
    app.accounts.kept_out.apply(bar);
    if let Err(error) = erase_now(app, id).await {
        tracing::warn!(account = %id, %error, "its passengers can't be erased just now; the worker will");
    }
    Ok(done)
}

/// Erases the passengers of everything that was booked up to now, if the read model gets there soon.
async fn erase_now(app: &App, id: AccountId) -> Result<(), AppError> {
    let head = crate::store::events::head(&app.stores.write).await?;
    // Whether or not it has come so far in time, what it has is erased.
    app.read.reached(&app.stores, head).await?;
    erase_people(app, id).await.map(drop)
}

/// Erases the passengers of an account's bookings, as far as the read model knows them, and returns how many were
/// still known.
///
/// # Errors
/// What the stores say.
pub async fn erase_people(app: &App, id: AccountId) -> Result<u64, AppError> {
    let (user_id, now) = (UserId(id.to_string()), app.clock.now());
    let mut erased = 0;
    for page in 1.. {
        let query = UserQuery { user_id: user_id.clone(), kind: None, state: None, page, limit: ERASE_PAGE };
        let rows = of_user(&app.stores.read, &query, now).await?;
        if rows.is_empty() {
            break;
        }
        let ids: Vec<BookingId> = rows.iter().map(|row| row.booking.id).collect();
        let mut tx = app.stores.write.begin().await?;
        erased += passengers::erase(&mut tx, &ids).await?;
        tx.commit().await?;
    }
    Ok(erased)
}
