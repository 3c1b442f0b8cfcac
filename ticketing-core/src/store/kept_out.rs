//! Whose tokens are refused though they are signed well: accounts that are suspended or deleted, and sessions that
//! were signed out.
//!
//! Each change takes the next number of one row that stays locked until its commit, so numbers become visible in their
//! order, and a process that has read up to a number misses nothing before it. What is let in again is a change, too.

use super::db::{Db, Tx};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;

/// Why somebody's tokens are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// They are not, but for those that were issued before.
    Nothing,
    /// An operator suspended the account.
    Suspended,
    /// The account was deleted.
    Deleted,
    /// The session was signed out.
    SignedOut,
}

impl Why {
    const ALL: [Self; 4] = [Self::Nothing, Self::Suspended, Self::Deleted, Self::SignedOut];

    const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
            Self::SignedOut => "signed-out",
        }
    }
}

/// What holds of one account or session from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The account's id, or the session's.
    pub subject: String,
    /// Why it is refused.
    pub why: Why,
    /// Tokens that were issued before this second, since the epoch, are refused in any case.
    pub not_before_s: i64,
    /// From this second on nobody needs to know it any more; 0 is never.
    pub until_s: i64,
}

/// A bar as the store has it: with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number; those that were read before have smaller ones.
    pub seq: i64,
    /// What holds.
    pub bar: Bar,
}

#[derive(sqlx::FromRow)]
struct BarRow {
    subject: String,
    seq: i64,
    why: String,
    not_before: i64,
    until: i64,
}

statements! {
    /// Its row is locked until the commit: that makes the numbers' order that of the commits.
    NEXT = "UPDATE kept_out_head SET head = head + 1 WHERE id = 1 RETURNING head";
    /// Leans on the primary key.
    PUT = "INSERT INTO kept_out (subject, seq, why, not_before, until) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (subject) DO UPDATE SET seq = excluded.seq, why = excluded.why,
            not_before = excluded.not_before, until = excluded.until";
    /// Leans on `kept_out_seq`.
    AFTER = "SELECT subject, seq, why, not_before, until FROM kept_out WHERE seq > $1 ORDER BY seq LIMIT $2";
    /// Leans on `kept_out_until`.
    FORGET = "DELETE FROM kept_out WHERE until > 0 AND until < $1 RETURNING seq";
}

/// Writes down what holds from the commit of this transaction on, and returns its number.
///
/// # Errors
/// What the store says.
pub async fn put(tx: &mut Tx, bar: &Bar) -> Result<i64> {
    let head: Vec<(i64,)> = tx.all(&NEXT, args![]).await?;
    let seq = head.first().map_or(0, |(head,)| *head);
    let row = args![bar.subject.clone(), seq, bar.why.word(), bar.not_before_s, bar.until_s];
    tx.run(&PUT, row).await?;
    Ok(seq)
}

/// Returns what was written down after this number, `limit` at most, in order.
///
/// # Errors
/// What the store says.
pub async fn after(db: &Db, seq: i64, limit: i64) -> Result<Vec<Numbered>> {
    let rows: Vec<BarRow> = db.all(&AFTER, args![seq, limit]).await?;
    rows.into_iter().map(numbered).collect()
}

fn numbered(row: BarRow) -> Result<Numbered> {
    let why = Why::ALL.into_iter().find(|why| why.word() == row.why).ok_or_else(|| StoreError::Corrupt {
        table: "kept_out",
        column: "why",
        row: row.subject.clone(),
        reason: format!("{:?} is no reason", row.why),
    })?;
    let bar = Bar { subject: row.subject, why, not_before_s: row.not_before, until_s: row.until };
    Ok(Numbered { seq: row.seq, bar })
}

/// Forgets what nobody needs to know since before this second, and returns how many that were.
///
/// # Errors
/// What the store says.
pub async fn forget(db: &Db, now_s: i64) -> Result<usize> {
    let rows: Vec<(i64,)> = db.write(&FORGET, args![now_s]).await?;
    Ok(rows.len())
}
