//! A provider's statement beside our ledger: what one has and the other has not, and what differs.
//!
//! The statement comes page by page and the ledger is walked page by page; in memory are only the ids of what the
//! statement named. Nothing is changed: each finding names the command that mends it, or that shows how it came.

use super::OpsError;
use crate::app::App;
use crate::domain::id::{AttemptId, PaymentId, SagaId};
use crate::domain::money::Money;
use crate::domain::payment::{Attempt, AttemptKind, AttemptState, Payment};
use crate::domain::statement::{StatementRow, StatementStatus};
use crate::domain::time::Timestamp;
use crate::store::payments;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Rows of a statement that are looked up together.
pub const PAGE: usize = 1_000;
/// Attempts that are walked by one read.
const LEDGER_PAGE: i64 = 5_000;
/// A statement has no more rows: what it named is kept in memory to the end.
pub const ROWS_MAX: u64 = 10_000_000;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FindingKind {
    /// The provider moved money that our ledger knows nothing of.
    MissingHere,
    /// Our ledger has money moved that the statement does not have.
    MissingThere,
    /// Both have it, with different amounts.
    AmountDiffers,
    /// Both have it, with different outcomes.
    StatusDiffers,
    /// The statement has it more than once.
    Double,
    /// A row of the statement that can't be understood, and so was not compared.
    UnreadableRow,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What is wrong.
    pub kind: FindingKind,
    /// The statement's line; none for what it lacks.
    pub line: Option<u64>,
    /// Our charge or refund.
    pub attempt_id: Option<AttemptId>,
    /// Our payment.
    pub payment_id: Option<PaymentId>,
    /// The provider's name for it.
    pub provider_ref: Option<String>,
    /// What the ledger says.
    pub ours: Option<String>,
    /// What the statement says.
    pub theirs: Option<String>,
    /// All of it in a sentence.
    pub message: String,
    /// The command that mends it, or shows how it came.
    pub mend: String,
}

impl Finding {
    /// A row that can't be understood.
    #[must_use]
    pub fn unreadable(line: u64, reason: &str) -> Self {
        Self {
            kind: FindingKind::UnreadableRow,
            line: Some(line),
            attempt_id: None,
            payment_id: None,
            provider_ref: None,
            ours: None,
            theirs: None,
            message: format!("Line {line} was not compared: {reason}."),
            mend: "correct the line, and compare again".into(),
        }
    }
}

/// A comparison under way.
#[derive(Debug, Default)]
pub struct Reconciliation {
    /// What the statement named, and in which line first.
    seen: HashMap<Uuid, u64>,
    providers: BTreeSet<String>,
    span: Option<(Timestamp, Timestamp)>,
    walked: Option<AttemptId>,
    /// Rows of the statement that were compared.
    pub rows: u64,
}

/// What our ledger has of the things that a page of rows names.
#[derive(Default)]
struct Ledger {
    attempts: HashMap<AttemptId, Attempt>,
    by_ref: HashMap<String, Vec<AttemptId>>,
    by_payment: HashMap<PaymentId, Vec<AttemptId>>,
    payments: HashMap<PaymentId, Payment>,
}

impl Reconciliation {
    /// Begins one. With `provider` the ledger's side is only what that one was asked; else what those were asked whose
    /// payments the statement names.
    #[must_use]
    pub fn new(provider: Option<&str>) -> Self {
        Self { providers: provider.map(str::to_owned).into_iter().collect(), ..Self::default() }
    }

    /// Compares a page of the statement, [`PAGE`] rows at most, with the ledger.
    ///
    /// # Errors
    /// What the store says; [`OpsError::Invalid`] for more than [`ROWS_MAX`] rows.
    pub async fn page(&mut self, app: &App, rows: &[StatementRow]) -> Result<Vec<Finding>, OpsError> {
        self.rows += rows.len() as u64;
        if self.rows > ROWS_MAX {
            return Err(OpsError::Invalid(format!("the statement has more than {ROWS_MAX} rows; split it")));
        }
        let ledger = load(app, rows).await?;
        let mut findings = Vec::new();
        for row in rows {
            if let Some(at) = row.created {
                self.span = Some(self.span.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
            }
            match self.attempt_of(row, &ledger) {
                Some(attempt) => {
                    let payment = ledger.payments.get(&attempt.payment_id);
                    self.providers.extend(payment.map(|payment| payment.provider.clone()));
                    findings.extend(self.compare(row, attempt, payment));
                }
                None => findings.extend(vouched_or_missing(app, row, &ledger).await?),
            }
        }
        Ok(findings)
    }

    /// Returns the next part of what the ledger has and the statement lacks; `None` at the end. To be called when the
    /// statement's last page was compared.
    ///
    /// Only what certainly happened within the statement's own time counts: asked for after its first row, and done
    /// before its last. So a statement without times lacks nothing.
    ///
    /// # Errors
    /// What the store says.
    pub async fn missing_there(&mut self, app: &App) -> Result<Option<Vec<Finding>>, OpsError> {
        let Some((from, to)) = self.span else { return Ok(None) };
        let db = &app.stores.write;
        let page = payments::attempts_after(db, self.walked, LEDGER_PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.walked = Some(last.id);
        let lacking: Vec<Attempt> = page
            .into_iter()
            .filter(|a| a.state == AttemptState::Succeeded && a.amount.amount_minor > 0)
            .filter(|a| a.created_at >= from && a.ended_at.is_some_and(|at| at <= to))
            .filter(|a| !self.seen.contains_key(&a.id.0))
            .collect();
        let ids: Vec<PaymentId> = lacking.iter().map(|attempt| attempt.payment_id).collect();
        let found = payments::load(db, &ids).await?;
        let found: HashMap<PaymentId, Payment> = found.into_iter().map(|p| (p.id, p)).collect();
        let is_theirs = |attempt: &&Attempt| {
            found.get(&attempt.payment_id).is_some_and(|payment| {
                self.providers.is_empty() || self.providers.contains(&payment.provider)
            })
        };
        Ok(Some(lacking.iter().filter(is_theirs).map(lacks).collect()))
    }

    /// The charge or refund of ours that a row is about: by our id, by the provider's name, or by the payment.
    fn attempt_of<'l>(&self, row: &StatementRow, ledger: &'l Ledger) -> Option<&'l Attempt> {
        let of_kind = |attempt: &&Attempt| attempt.kind == row.kind;
        let id = row.attempt_id.or(row.either_id.map(AttemptId));
        if let Some(found) = id.and_then(|id| ledger.attempts.get(&id)).filter(of_kind) {
            return Some(found);
        }
        let named = row.provider_ref.as_ref().and_then(|name| ledger.by_ref.get(name));
        let mut named = named.into_iter().flatten().filter_map(|id| ledger.attempts.get(id));
        if let Some(found) = named.find(of_kind) {
            return Some(found);
        }
        let payment = row.payment_id.or(row.either_id.map(PaymentId))?;
        let of_payment: Vec<&Attempt> = ledger
            .by_payment
            .get(&payment)?
            .iter()
            .filter_map(|id| ledger.attempts.get(id))
            .filter(of_kind)
            .collect();
        // Several refunds of one payment: one that no row has named yet, of this amount if there is one.
        let fresh = |attempt: &&&Attempt| !self.seen.contains_key(&attempt.id.0);
        let same = of_payment.iter().filter(fresh).find(|attempt| attempt.amount == row.amount);
        same.or_else(|| of_payment.iter().find(fresh)).or(of_payment.first()).copied()
    }

    fn compare(&mut self, row: &StatementRow, ours: &Attempt, payment: Option<&Payment>) -> Option<Finding> {
        let kind = ours.kind.word();
        let finding = |kind, ours_says: String, theirs: String, message, mend| {
            Some(Finding {
                kind,
                line: Some(row.line),
                attempt_id: Some(ours.id),
                payment_id: Some(ours.payment_id),
                provider_ref: row.provider_ref.clone().or_else(|| ours.provider_ref.clone()),
                ours: Some(ours_says),
                theirs: Some(theirs),
                message,
                mend,
            })
        };
        let why = format!("ticketctl why {}", ours.payment_id);
        if let Some(first) = self.seen.insert(ours.id.0, row.line) {
            let again = match (&row.provider_ref, &ours.provider_ref) {
                (Some(theirs), Some(known)) if theirs != known => {
                    format!("as {theirs}; we know it as {known}: the provider may have done it twice")
                }
                _ => format!("first in line {first}"),
            };
            let message = format!("Line {}: the {kind} of {} comes again, {again}.", row.line, ours.amount);
            return finding(
                FindingKind::Double,
                ours.amount.to_string(),
                row.amount.to_string(),
                message,
                why,
            );
        }
        let amount = match (ours.kind, payment) {
            (AttemptKind::Charge, Some(payment)) if payment.captured_minor > 0 => {
                Money { amount_minor: payment.captured_minor, currency: payment.amount.currency }
            }
            (AttemptKind::Charge | AttemptKind::Refund, _) => ours.amount,
        };
        let is_done = ours.state == AttemptState::Succeeded;
        let agrees = match row.status {
            StatementStatus::Succeeded => is_done,
            StatementStatus::Failed => !is_done,
            // What is not settled yet may be done or open here.
            StatementStatus::Pending => true,
        };
        if !agrees {
            let mend = match ours.state {
                AttemptState::Due | AttemptState::Unclear => format!("ticketctl saga retry {}", ours.saga_id),
                AttemptState::Awaited
                | AttemptState::Succeeded
                | AttemptState::Declined
                | AttemptState::Dropped => why,
            };
            let (here, there) = (ours.state.word(), row.status.word());
            let message =
                format!("Line {}: the {kind} of {amount} {there} there and is {here} here.", row.line);
            return finding(FindingKind::StatusDiffers, here.into(), there.into(), message, mend);
        }
        if row.status == StatementStatus::Succeeded && amount != row.amount {
            let message = format!("Line {}: the {kind} is {} there and {amount} here.", row.line, row.amount);
            return finding(
                FindingKind::AmountDiffers,
                amount.to_string(),
                row.amount.to_string(),
                message,
                why,
            );
        }
        None
    }
}

/// Looks up what a page of rows names, in a few reads.
async fn load(app: &App, rows: &[StatementRow]) -> Result<Ledger, OpsError> {
    let db = &app.stores.write;
    let either = |row: &StatementRow| row.either_id;
    let ids: Vec<AttemptId> =
        rows.iter().filter_map(|row| row.attempt_id.or(either(row).map(AttemptId))).collect();
    let refs: Vec<String> = rows.iter().filter_map(|row| row.provider_ref.clone()).collect();
    let named: Vec<PaymentId> =
        rows.iter().filter_map(|row| row.payment_id.or(either(row).map(PaymentId))).collect();
    let mut attempts = payments::attempts(db, &ids).await?;
    attempts.extend(payments::attempts_by_ref(db, refs).await?);
    let mut found = payments::load(db, &named).await?;
    let sagas: Vec<SagaId> = found.iter().map(|payment| payment.saga_id).collect();
    if !sagas.is_empty() {
        attempts.extend(payments::attempts_of_sagas(db, &sagas).await?);
    }
    let of: Vec<PaymentId> = attempts.iter().map(|attempt| attempt.payment_id).collect();
    found.extend(payments::load(db, &of).await?);
    let mut ledger = Ledger { payments: found.into_iter().map(|p| (p.id, p)).collect(), ..Ledger::default() };
    for attempt in attempts {
        if ledger.attempts.contains_key(&attempt.id) {
            continue;
        }
        if let Some(name) = &attempt.provider_ref {
            ledger.by_ref.entry(name.clone()).or_default().push(attempt.id);
        }
        ledger.by_payment.entry(attempt.payment_id).or_default().push(attempt.id);
        ledger.attempts.insert(attempt.id, attempt);
    }
    Ok(ledger)
}

/// A row that is about no charge or refund of ours: a payment that a service gave its word for has none.
async fn vouched_or_missing(
    app: &App,
    row: &StatementRow,
    ledger: &Ledger,
) -> Result<Option<Finding>, OpsError> {
    if row.status != StatementStatus::Succeeded {
        // No money was moved, so there is nothing to miss.
        return Ok(None);
    }
    let named =
        row.payment_id.or(row.either_id.map(PaymentId)).and_then(|id| ledger.payments.get(&id)).cloned();
    let payment = match (named, &row.provider_ref) {
        (Some(payment), _) => Some(payment),
        (None, Some(name)) => payments::by_external_id(&app.stores.write, name).await?.pop(),
        (None, None) => None,
    };
    let kind = row.kind.word();
    let theirs = Some(row.amount.to_string());
    let missing = |payment: Option<&Payment>, message: String, mend: String| Finding {
        kind: FindingKind::MissingHere,
        line: Some(row.line),
        attempt_id: row.attempt_id,
        payment_id: payment.map(|payment| payment.id),
        provider_ref: row.provider_ref.clone(),
        ours: None,
        theirs: theirs.clone(),
        message,
        mend,
    };
    let Some(payment) = payment else {
        let name = row.provider_ref.clone().or(row.attempt_id.map(|id| id.to_string()));
        let name =
            name.or(row.payment_id.map(|id| id.to_string())).or(row.either_id.map(|id| id.to_string()));
        let name = name.unwrap_or_default();
        let message =
            format!("Line {}: nothing here is known of the {kind} of {} ({name}).", row.line, row.amount);
        // What the file says goes into a command that somebody types only if it can't be anything else than a name.
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let mend = match is_plain {
            true => format!("ticketctl payment list --query 'ref~\"{name}\"'"),
            false => "ticketctl payment list".to_owned(),
        };
        return Ok(Some(missing(None, message, mend)));
    };
    let ours_minor = match row.kind {
        AttemptKind::Charge => payment.captured_minor,
        AttemptKind::Refund => payment.refunded_minor,
    };
    let ours = Money { amount_minor: ours_minor, currency: payment.amount.currency };
    if ours == row.amount {
        return Ok(None);
    }
    let why = format!("ticketctl why {}", payment.id);
    if ours_minor == 0 {
        let message =
            format!("Line {}: payment {} has no {kind} of {} here.", row.line, payment.id, row.amount);
        return Ok(Some(missing(Some(&payment), message, why)));
    }
    let message = format!("Line {}: the {kind} is {} there and {ours} here.", row.line, row.amount);
    let differs = missing(Some(&payment), message, why);
    Ok(Some(Finding { kind: FindingKind::AmountDiffers, ours: Some(ours.to_string()), ..differs }))
}

/// What the ledger has and the statement lacks.
fn lacks(attempt: &Attempt) -> Finding {
    let Attempt { id, payment_id, kind, amount, provider_ref, .. } = attempt;
    Finding {
        kind: FindingKind::MissingThere,
        line: None,
        attempt_id: Some(*id),
        payment_id: Some(*payment_id),
        provider_ref: provider_ref.clone(),
        ours: Some(amount.to_string()),
        theirs: None,
        message: format!("The statement has no {} of {amount} for payment {payment_id}.", kind.word()),
        mend: format!("ticketctl why {payment_id}"),
    }
}
