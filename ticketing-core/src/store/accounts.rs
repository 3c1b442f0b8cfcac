//! Accounts: who signs in, and the answers to repeat of changes to them.
//!
//! Of an account that is deleted everything that says whose it was is set to nothing, and its stored answers go. The
//! hash of a password leaves this file only to be compared.

use super::db::{Column, Db, Tx};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
use crate::domain::account::{Account, AccountId, AccountStatus, Email, Person, Username};
use crate::domain::time::Timestamp;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct AccountRow {
    id: Uuid,
    email: Option<String>,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    status: String,
    status_reason: Option<String>,
    not_before: i64,
    created_at: i64,
    updated_at: i64,
    version: i32,
}

/// An account with what its password is compared with, in PHC format. It shows neither.
pub struct WithHash {
    /// The account.
    pub account: Account,
    /// The hash.
    pub hash: String,
}

impl std::fmt::Debug for WithHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WithHash({})", self.account.id)
    }
}

#[derive(sqlx::FromRow)]
struct HashRow {
    #[sqlx(flatten)]
    account: AccountRow,
    password_hash: Option<String>,
}

statements! {
    /// Another may have the address or the name: then nothing is inserted.
    CREATE = "INSERT INTO accounts (id, email, username, username_key, first_name, last_name, search, password_hash,
            status, not_before, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ACTIVE', 0, $9, $9, 1)
        ON CONFLICT DO NOTHING";
    /// Leans on the primary key.
    BY_ID = "SELECT id, email, username, first_name, last_name, status, status_reason, not_before, created_at,
            updated_at, version
        FROM accounts WHERE id {any uuid} ORDER BY id DESC";
    /// Leans on the primary key.
    HASH_OF = "SELECT id, email, username, first_name, last_name, status, status_reason, not_before, created_at,
            updated_at, version, password_hash
        FROM accounts WHERE id = $1";
    /// Leans on `accounts_email`.
    BY_EMAIL = "SELECT id, email, username, first_name, last_name, status, status_reason, not_before, created_at,
            updated_at, version, password_hash
        FROM accounts WHERE email = $1";
    /// Leans on `accounts_username`.
    BY_USERNAME = "SELECT id, email, username, first_name, last_name, status, status_reason, not_before, created_at,
            updated_at, version, password_hash
        FROM accounts WHERE username_key = $1";
    /// Leans on `accounts_email` and `accounts_username`.
    TAKEN = "SELECT (SELECT COUNT(*) FROM accounts WHERE email = $1 AND id <> $3) AS email,
            (SELECT COUNT(*) FROM accounts WHERE username_key = $2 AND id <> $3) AS username";
    /// Leans on the primary key.
    UPDATE = "UPDATE accounts SET email = $3, username = $4, username_key = $5, first_name = $6, last_name = $7,
            search = $8, password_hash = COALESCE($9, password_hash), not_before = $10, updated_at = $11,
            version = version + 1
        WHERE id = $1 AND version = $2 AND status <> 'DELETED'";
    /// Leans on the primary key.
    SET_STATUS = "UPDATE accounts SET status = $3, status_reason = $4, updated_at = $5, version = version + 1
        WHERE id = $1 AND version = $2 AND status <> 'DELETED'";
    /// Leans on the primary key.
    ERASE = "UPDATE accounts SET email = NULL, username = NULL, username_key = NULL, first_name = NULL,
            last_name = NULL, search = '', password_hash = NULL, status = 'DELETED', status_reason = NULL,
            updated_at = $3, version = version + 1
        WHERE id = $1 AND version = $2 AND status <> 'DELETED'";
    /// Leans on the primary key: ids grow with time. Looks at all accounts, for operators alone.
    PAGE = "SELECT id, email, username, first_name, last_name, status, status_reason, not_before, created_at,
            updated_at, version
        FROM accounts
        WHERE ($1 = '' AND status <> 'DELETED' OR status = $1) AND search LIKE $2 ESCAPE '\\'
        ORDER BY id DESC LIMIT $3 OFFSET $4";
    /// Looks at all accounts, as above.
    COUNT = "SELECT COUNT(*) AS n FROM accounts
        WHERE ($1 = '' AND status <> 'DELETED' OR status = $1) AND search LIKE $2 ESCAPE '\\'";
    /// Leans on the primary key.
    NEWEST = "SELECT id, email, username, first_name, last_name, status, status_reason, not_before, created_at,
            updated_at, version
        FROM accounts WHERE id < $1 ORDER BY id DESC LIMIT $2";
    /// Leans on the primary key.
    BETWEEN = "SELECT id FROM accounts WHERE id >= $1 AND id <= $2 LIMIT 2";
    /// Leans on the primary key.
    NEIGHBOURS = "SELECT v.id,
            (SELECT b.id FROM accounts b WHERE b.id < v.id ORDER BY b.id DESC LIMIT 1) AS below,
            (SELECT a.id FROM accounts a WHERE a.id > v.id ORDER BY a.id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on `accounts_erasing`.
    ERASING = "SELECT id, updated_at FROM accounts WHERE status = 'DELETED' AND erased_at IS NULL
        ORDER BY updated_at LIMIT $1";
    /// Leans on the primary key.
    ERASED = "UPDATE accounts SET erased_at = $2 WHERE id = $1 AND status = 'DELETED'";
    /// Leans on the primary keys.
    OF_THE_DELETED = "SELECT b.id FROM bookings b JOIN kept_out k ON k.subject = b.user_id
        WHERE k.why = 'deleted' AND b.id {any uuid}";
    /// Leans on the primary key.
    ANSWER = "SELECT request_hash, status, data FROM account_answers WHERE key = $2 AND caller = $1";
    /// Leans on the primary key.
    PUT_ANSWER = "INSERT INTO account_answers (caller, key, request_hash, status, data, account_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// Leans on `account_answers_account`.
    FORGET_ANSWERS_OF = "DELETE FROM account_answers WHERE account_id = $1";
    /// Leans on `account_answers_time`.
    FORGET_ANSWERS = "DELETE FROM account_answers WHERE created_at < $1 RETURNING created_at";
}

fn corrupt(id: Uuid, column: &'static str, reason: String) -> StoreError {
    StoreError::Corrupt { table: "accounts", column, row: id.to_string(), reason }
}

impl AccountRow {
    fn account(self) -> Result<Account> {
        let id = self.id;
        let status = AccountStatus::parse(&self.status)
            .ok_or_else(|| corrupt(id, "status", format!("{:?} is no status", self.status)))?;
        let person = match self.email {
            None => None,
            Some(email) => Some(Person {
                email: Email::parse(&email).map_err(|why| corrupt(id, "email", why.into_owned()))?,
                username: (self.username.as_deref().map(Username::parse).transpose())
                    .map_err(|why| corrupt(id, "username", why.into_owned()))?,
                first_name: self.first_name,
                last_name: self.last_name,
            }),
        };
        Ok(Account {
            id: AccountId(id),
            person,
            status,
            status_reason: self.status_reason,
            not_before_s: self.not_before,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            version: self.version,
        })
    }
}

fn accounts(rows: Vec<AccountRow>) -> Result<Vec<Account>> {
    rows.into_iter().map(AccountRow::account).collect()
}

/// Makes an account; false, and nothing is made, if another has its address or its name.
///
/// # Errors
/// What the store says.
pub async fn create(tx: &mut Tx, id: AccountId, person: &Person, hash: &str, now: Timestamp) -> Result<bool> {
    let row = args![
        id.0,
        person.email.as_str(),
        person.username.as_ref().map(|name| name.as_str().to_owned()),
        person.username.as_ref().map(Username::key),
        person.first_name.clone(),
        person.last_name.clone(),
        person.search_text(),
        hash,
        now.as_millis(),
    ];
    Ok(tx.run(&CREATE, row).await? == 1)
}

/// Returns these accounts, those that exist, the newest first.
///
/// # Errors
/// What the store says.
pub async fn load(db: &Db, ids: &[AccountId]) -> Result<Vec<Account>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    accounts(db.all(&BY_ID, args![ids]).await?)
}

/// By what an account is found to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInName {
    /// Its address.
    Email(Email),
    /// Its user name.
    Username(Username),
}

/// Returns the account of this name, with its hash.
///
/// # Errors
/// What the store says.
pub async fn by_name(db: &Db, name: &SignInName) -> Result<Option<WithHash>> {
    let row: Option<HashRow> = match name {
        SignInName::Email(email) => db.first(&BY_EMAIL, args![email.as_str()]).await?,
        SignInName::Username(name) => db.first(&BY_USERNAME, args![name.key()]).await?,
    };
    with_hash(row)
}

/// Returns the account with this id, with its hash; `None` also for one that is deleted.
///
/// # Errors
/// What the store says.
pub async fn with_hash_of(db: &Db, id: AccountId) -> Result<Option<WithHash>> {
    with_hash(db.first(&HASH_OF, args![id.0]).await?)
}

fn with_hash(row: Option<HashRow>) -> Result<Option<WithHash>> {
    match row {
        Some(HashRow { account, password_hash: Some(hash) }) => {
            Ok(Some(WithHash { account: account.account()?, hash }))
        }
        Some(HashRow { password_hash: None, .. }) | None => Ok(None),
    }
}

/// What of a person another account has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The address.
    pub email: bool,
    /// The user name.
    pub username: bool,
}

/// Returns what of this person an account other than `id` has.
///
/// # Errors
/// What the store says.
pub async fn taken(db: &Db, id: AccountId, person: &Person) -> Result<Taken> {
    let key = person.username.as_ref().map_or_else(String::new, Username::key);
    let row: Option<(i64, i64)> = db.first(&TAKEN, args![person.email.as_str(), key, id.0]).await?;
    let (email, username) = row.unwrap_or((0, 0));
    Ok(Taken { email: email > 0, username: username > 0 })
}

/// Changes who an account is of, and with a `hash` its password; false if it is not at this version any more.
///
/// # Errors
/// [`StoreError::Conflict`] if another account has the address or the name; what else the store says.
pub async fn update(
    tx: &mut Tx,
    (id, version): (AccountId, i32),
    person: &Person,
    hash: Option<String>,
    not_before_s: i64,
    now: Timestamp,
) -> Result<bool> {
    let row = args![
        id.0,
        version,
        person.email.as_str(),
        person.username.as_ref().map(|name| name.as_str().to_owned()),
        person.username.as_ref().map(Username::key),
        person.first_name.clone(),
        person.last_name.clone(),
        person.search_text(),
        hash,
        not_before_s,
        now.as_millis(),
    ];
    Ok(tx.run(&UPDATE, row).await? == 1)
}

/// Changes where an account stands; false if it is not at this version any more, or deleted.
///
/// # Errors
/// What the store says.
pub async fn set_status(
    tx: &mut Tx,
    (id, version): (AccountId, i32),
    status: AccountStatus,
    reason: Option<String>,
    now: Timestamp,
) -> Result<bool> {
    let row = args![id.0, version, status.word(), reason, now.as_millis()];
    Ok(tx.run(&SET_STATUS, row).await? == 1)
}

/// Erases the person of an account, and the answers that were stored for it; false if it is not at this version any
/// more.
///
/// # Errors
/// What the store says.
pub async fn erase(tx: &mut Tx, (id, version): (AccountId, i32), now: Timestamp) -> Result<bool> {
    let done = tx.run(&ERASE, args![id.0, version, now.as_millis()]).await? == 1;
    if done {
        tx.run(&FORGET_ANSWERS_OF, args![id.0]).await?;
    }
    Ok(done)
}

/// Which accounts are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountQuery {
    /// Only those with this text in their address or names, whatever the case.
    pub search: Option<String>,
    /// Only those that stand so; without it, all but the deleted.
    pub status: Option<AccountStatus>,
}

impl AccountQuery {
    fn parts(&self) -> (&'static str, String) {
        let mut pattern = String::from("%");
        for c in self.search.as_deref().unwrap_or_default().trim().to_lowercase().chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        if pattern.len() > 1 {
            pattern.push('%');
        }
        (self.status.map_or("", AccountStatus::word), pattern)
    }
}

/// Returns a page of accounts, the newest first, and how many there are on all pages. Pages count from 1.
///
/// # Errors
/// What the store says.
pub async fn page(db: &Db, query: &AccountQuery, page: u32, limit: u32) -> Result<(Vec<Account>, u64)> {
    let (status, pattern) = query.parts();
    let offset = i64::from(page.saturating_sub(1)) * i64::from(limit);
    let rows = db.all(&PAGE, args![status, pattern.clone(), i64::from(limit), offset]).await?;
    let total: Option<(i64,)> = db.first(&COUNT, args![status, pattern]).await?;
    Ok((accounts(rows)?, total.map_or(0, |(n,)| n.unsigned_abs())))
}

/// Walks the accounts, the newest first, `limit` at most. Start with `None`, go on with the last one's id.
///
/// # Errors
/// What the store says.
pub async fn newest(db: &Db, before: Option<Uuid>, limit: i64) -> Result<Vec<Account>> {
    accounts(db.all(&NEWEST, args![before.unwrap_or(Uuid::max()), limit]).await?)
}

/// Returns at most two accounts' ids between two ids.
///
/// # Errors
/// What the store says.
pub async fn with_id_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns, for each of these ids, the next id below and above it that an account has.
///
/// # Errors
/// What the store says.
pub async fn neighbours(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}

/// Returns accounts that are deleted and whose person may still be named somewhere, with when they were deleted.
///
/// # Errors
/// What the store says.
pub async fn erasing(db: &Db, limit: i64) -> Result<Vec<(AccountId, Timestamp)>> {
    let rows: Vec<(Uuid, i64)> = db.all(&ERASING, args![limit]).await?;
    Ok(rows.into_iter().map(|(id, at)| (AccountId(id), Timestamp::from_millis(at))).collect())
}

/// Writes down that nothing of the person is left anywhere.
///
/// # Errors
/// What the store says.
pub async fn erased(db: &Db, id: AccountId, now: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    tx.run(&ERASED, args![id.0, now.as_millis()]).await?;
    tx.commit().await
}

/// Returns which of these bookings are of accounts that are deleted.
///
/// # Errors
/// What the store says.
pub async fn of_the_deleted(db: &Db, bookings: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&OF_THE_DELETED, args![Column::Uuid(bookings)]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// A request that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerKey {
    /// Whose key it is.
    pub caller: String,
    /// The key.
    pub key: String,
    /// What makes the request the same one. Of one with a password in it, made with a secret: this hash must not be
    /// what somebody can try passwords on.
    pub request_hash: [u8; 32],
    /// The HTTP status of the answer.
    pub status: u16,
}

/// An answer that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Whether the request was the same.
    pub is_same: bool,
    /// The HTTP status.
    pub status: u16,
    /// The answer's JSON.
    pub data: String,
}

/// Returns what was answered to a key.
///
/// # Errors
/// What the store says.
pub async fn answer(db: &Db, key: &AnswerKey) -> Result<Option<StoredAnswer>> {
    let row: Option<(Vec<u8>, i32, String)> =
        db.first(&ANSWER, args![key.caller.clone(), key.key.clone()]).await?;
    Ok(row.map(|(hash, status, data)| StoredAnswer {
        is_same: hash == key.request_hash,
        status: u16::try_from(status).unwrap_or(key.status),
        data,
    }))
}

/// Stores an answer, with the work that it is the answer of.
///
/// # Errors
/// [`StoreError::Conflict`] if the key has an answer; what else the store says.
pub async fn put_answer(
    tx: &mut Tx,
    key: &AnswerKey,
    data: &str,
    about: AccountId,
    now: Timestamp,
) -> Result<()> {
    let row = args![
        key.caller.clone(),
        key.key.clone(),
        key.request_hash.to_vec(),
        i32::from(key.status),
        data,
        about.0,
        now.as_millis(),
    ];
    tx.run(&PUT_ANSWER, row).await.map(drop)
}

/// Forgets the answers from before `before`, and returns how many those were.
///
/// # Errors
/// What the store says.
pub async fn forget_answers(db: &Db, before: Timestamp) -> Result<usize> {
    let rows: Vec<(i64,)> = db.write(&FORGET_ANSWERS, args![before.as_millis()]).await?;
    Ok(rows.len())
}
