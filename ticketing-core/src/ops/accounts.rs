//! What an operator can do to accounts: look at them, make one, suspend one and let it in again, correct one, delete
//! one.
//!
//! A plan, and so the audit log, which is never erased, names an account by its id and says where it stands: never whose
//! it is.

use super::audit::{Actor, audited};
use super::plan::raw_of;
use super::{OpsError, Plan, PlanChange, lookup};
use crate::app::accounts::{self as app_accounts, AccountBody, AccountDone, By, NewAccount, ProfileChange};
use crate::app::{App, AppError};
use crate::domain::account::{Account, AccountId, AccountRefusal, AccountStatus, Email, Person, Username};
use crate::store::accounts::{self, AnswerKey, SignInName};
use serde::Serialize;
use uuid::Uuid;

/// Accounts of one page of a list.
pub const PAGE: i64 = 500;

/// A planned change of accounts.
#[derive(Clone, Debug)]
pub struct AccountPlan {
    /// What is shown.
    pub plan: Plan,
    accounts: Vec<Account>,
    to: AccountStatus,
}

/// An account in a plan.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changed: &'a [&'static str],
}

fn shown(account: &Account, status: AccountStatus) -> Shown<'static> {
    let person = match status {
        AccountStatus::Active | AccountStatus::Suspended => None,
        AccountStatus::Deleted => Some("erased"),
    };
    Shown { id: Some(account.id.0), status: status.word(), version: None, person, changed: &[] }
}

/// Returns the account with this id, unique beginning of one, e-mail address or user name.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn find(app: &App, id: &str) -> Result<AccountId, OpsError> {
    let not_found = || OpsError::from(AppError::NotFound { what: "user", id: id.to_owned() });
    let db = &app.stores.write;
    let name = match (Email::parse(id), Username::parse(id)) {
        (Ok(email), _) => Some(SignInName::Email(email)),
        (Err(_), Ok(username)) => Some(SignInName::Username(username)),
        (Err(_), Err(_)) => None,
    };
    if Uuid::parse_str(id).is_err()
        && let Some(name) = name
        && let Some(found) = accounts::by_name(db, &name).await?
    {
        return Ok(found.account.id);
    }
    let (low, high) = match Uuid::parse_str(id) {
        Ok(id) => (id, id),
        Err(_) => lookup::range(id).ok_or_else(not_found)?,
    };
    let found = accounts::with_id_between(db, low, high).await?;
    lookup::unique("user", id, &found)?.map(AccountId).ok_or_else(not_found)
}

/// Returns an account, also one that was deleted.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn one(app: &App, id: AccountId) -> Result<Account, OpsError> {
    let not_found = || AppError::NotFound { what: "user", id: id.to_string() };
    Ok(accounts::load(&app.stores.write, &[id]).await?.pop().ok_or_else(not_found)?)
}

/// An account as operators see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorBody {
    /// As everybody sees their own.
    #[serde(flatten)]
    pub account: AccountBody,
    /// Why it is suspended, in the operator's words.
    pub status_reason: Option<String>,
}

/// Returns an account as operators see it.
#[must_use]
pub fn body(account: &Account) -> OperatorBody {
    OperatorBody { account: app_accounts::body(account), status_reason: account.status_reason.clone() }
}

/// Walks all accounts, the newest first. Start with `None`, go on with the last one's id; an empty page is the end.
///
/// # Errors
/// What the store says.
pub async fn list(app: &App, after: Option<Uuid>) -> Result<Vec<Account>, OpsError> {
    Ok(accounts::newest(&app.stores.write, after, PAGE).await?)
}

/// Whether an account has this text in its address or names, whatever the case.
#[must_use]
pub fn has_text(account: &Account, text: &str) -> bool {
    let text = text.trim().to_lowercase();
    account.person.as_ref().is_some_and(|person| person.search_text().contains(&text))
}

/// Returns how many characters of these accounts' ids tell each from every other account.
///
/// # Errors
/// What the store says.
pub async fn prefix_len(app: &App, ids: &[Uuid]) -> Result<usize, OpsError> {
    Ok(lookup::prefix_len(&accounts::neighbours(&app.stores.write, ids.to_vec()).await?))
}

/// Plans a new account.
///
/// # Errors
/// [`AccountRefusal::EmailTaken`] or [`AccountRefusal::UsernameTaken`]; what the store says.
pub async fn plan_create(app: &App, person: &Person) -> Result<Plan, OpsError> {
    refuse_taken(app, AccountId(Uuid::nil()), person).await?;
    let status = AccountStatus::Active.word();
    let after = raw_of(&Shown { id: None, status, version: None, person: None, changed: &[] });
    let change = PlanChange { kind: "user".into(), id: None, before: None, after };
    Ok(Plan::new("user create", vec![change]))
}

async fn refuse_taken(app: &App, id: AccountId, person: &Person) -> Result<(), OpsError> {
    let taken = accounts::taken(&app.stores.write, id, person).await?;
    match (taken.email, taken.username) {
        (false, false) => Ok(()),
        (true, _) => Err(AppError::from(AccountRefusal::EmailTaken).into()),
        (false, true) => Err(AppError::from(AccountRefusal::UsernameTaken).into()),
    }
}

/// Makes a planned account.
///
/// # Errors
/// As [`plan_create`]; overloaded; what the store says.
pub async fn create(app: &App, plan: &Plan, new: NewAccount, actor: &Actor) -> Result<AccountDone, OpsError> {
    audited(app, actor, plan, async { Ok(app_accounts::sign_up(app, new, None).await?) }).await
}

/// Plans to bring accounts to a status: suspended, active again, or deleted for good. Those that stand so already are
/// left out.
///
/// # Errors
/// Not found; [`AccountRefusal::InState`] for one that was deleted; what the store says.
pub async fn plan_status(
    app: &App,
    action: &str,
    ids: &[AccountId],
    to: AccountStatus,
) -> Result<AccountPlan, OpsError> {
    let (mut changes, mut planned) = (Vec::new(), Vec::new());
    for id in ids {
        let account = one(app, *id).await?;
        if account.status == to {
            continue;
        }
        if account.status == AccountStatus::Deleted {
            let error = AccountRefusal::InState { status: account.status };
            return Err(OpsError::from(AppError::from(error)).of("user", id));
        }
        changes.push(PlanChange {
            kind: "user".into(),
            id: Some(id.to_string()),
            before: raw_of(&shown(&account, account.status)),
            after: raw_of(&shown(&account, to)),
        });
        planned.push(account);
    }
    Ok(AccountPlan { plan: Plan::new(action, changes), accounts: planned, to })
}

/// Does what was planned. The key is for one account alone.
///
/// # Errors
/// [`OpsError::WorldMoved`] if the first has changed meanwhile, [`OpsError::Partly`] if another has; what the store
/// says.
pub async fn execute(
    app: &App,
    planned: AccountPlan,
    actor: &Actor,
    key: Option<&AnswerKey>,
) -> Result<Vec<AccountDone>, OpsError> {
    let AccountPlan { plan, accounts, to } = planned;
    let count = accounts.len();
    let change = async {
        let mut done = Vec::with_capacity(count);
        for account in accounts {
            let id = account.id;
            let outcome = match to {
                AccountStatus::Deleted => app_accounts::delete(app, id, Some(account.version), key).await,
                AccountStatus::Suspended => {
                    app_accounts::set_status(app, account, to, actor.reason.clone(), key).await
                }
                AccountStatus::Active => app_accounts::set_status(app, account, to, None, key).await,
            };
            match outcome {
                Ok(one) => done.push(one),
                Err(error) if done.is_empty() => return Err(moved(id, error)),
                Err(error) => {
                    let (done, planned) = (done.len(), count);
                    return Err(OpsError::Partly { done, planned, first: format!("user {id}: {error}") });
                }
            }
        }
        Ok(done)
    };
    audited(app, actor, &plan, change).await
}

fn moved(id: AccountId, error: AppError) -> OpsError {
    match error {
        AppError::Account(AccountRefusal::VersionMoved { .. }) | AppError::NotFound { .. } => {
            OpsError::WorldMoved { what: format!("user {id}") }
        }
        other => other.into(),
    }
}

/// Corrects the person of an account, audited: the names of the fields are written down, not what is in them.
///
/// # Errors
/// As [`app_accounts::update`].
pub async fn correct(
    app: &App,
    id: AccountId,
    change: ProfileChange,
    version: Option<i32>,
    actor: &Actor,
    key: Option<&AnswerKey>,
) -> Result<AccountDone, OpsError> {
    if let Some(done) = app_accounts::answered(app, key).await? {
        return Ok(done);
    }
    let account = app_accounts::get(app, id).await?;
    let fields = account.person.as_ref().map(|person| change.fields(person)).unwrap_or_default();
    if fields.is_empty() {
        return Ok(app_accounts::update(app, id, change, By::Operator, version, key).await?);
    }
    // A refusal leaves no row: what can be known before is looked at before.
    if version.is_some_and(|version| version != account.version) {
        return Err(AppError::from(AccountRefusal::VersionMoved { version: account.version }).into());
    }
    if let Some(person) = &account.person {
        refuse_taken(app, id, &change.applied(person)).await?;
    }
    let now_and_then =
        |version, changed| Shown { version: Some(version), changed, ..shown(&account, account.status) };
    let plan = Plan::new(
        "user update",
        vec![PlanChange {
            kind: "user".into(),
            id: Some(id.to_string()),
            before: raw_of(&now_and_then(account.version, &[])),
            after: raw_of(&now_and_then(account.version + 1, &fields)),
        }],
    );
    audited(app, actor, &plan, async {
        Ok(app_accounts::update(app, id, change, By::Operator, version, key).await?)
    })
    .await
}
