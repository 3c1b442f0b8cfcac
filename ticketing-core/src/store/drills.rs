//! Faults to rehearse: an operator puts one down for a saga's step, and whoever runs the attempt takes it.
//!
//! Only a program in development may put down or take one. Nothing here calls a provider: the fault says what its
//! answer is to be.

use super::db::Db;
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
use crate::domain::id::SagaId;
use crate::domain::payment::{Attempt, AttemptKind};
use crate::domain::time::Timestamp;
use crate::saga::Answer;
use uuid::Uuid;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The provider does what it is asked, and its answer is lost.
    Timeout,
    /// The provider is not called; it is as if it refused for good.
    Decline,
    /// The provider is not called; it is as if it had failed with a 500.
    Error,
}

impl Fault {
    /// All.
    pub const ALL: [Self; 3] = [Self::Timeout, Self::Decline, Self::Error];

    /// The word of the store and the tools.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Decline => "decline",
            Self::Error => "error",
        }
    }

    /// Returns the fault with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.word() == word)
    }

    /// Whether the provider is called all the same, and only its answer is thrown away.
    #[must_use]
    pub const fn is_called(self) -> bool {
        match self {
            Self::Timeout => true,
            Self::Decline | Self::Error => false,
        }
    }

    /// What the saga is told instead of the provider's answer.
    #[must_use]
    pub fn answer(self) -> Answer {
        match self {
            Self::Timeout => Answer::Unclear { error: "drill: no answer came in time".into() },
            Self::Decline => {
                Answer::Declined { code: "drill".into(), message: "declined as an operator asked".into() }
            }
            Self::Error => Answer::Unclear { error: "drill: the provider answered 500".into() },
        }
    }
}

/// A fault that waits for its step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    /// Its id (UUID v7).
    pub id: Uuid,
    /// The saga.
    pub saga_id: SagaId,
    /// Which of its steps.
    pub step: AttemptKind,
    /// What goes wrong.
    pub fault: Fault,
    /// How many times more.
    pub times_left: u32,
}

statements! {
    INSERT = "INSERT INTO fault_drills (id, saga_id, step, fault, times_left, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    /// The first one put down first; a row of its own for each step of each saga, so nobody waits for another.
    /// Leans on `fault_drills_saga`.
    TAKE = "UPDATE fault_drills SET times_left = times_left - 1
        WHERE times_left > 0 AND id = (
            SELECT id FROM fault_drills WHERE saga_id = $1 AND step = $2 AND times_left > 0
            ORDER BY id LIMIT 1)
        RETURNING fault";
    /// Leans on the primary key.
    CLEAR = "UPDATE fault_drills SET times_left = 0 WHERE id = $1";
    /// Leans on `fault_drills_saga`.
    WAITING = "SELECT id, step, fault, times_left FROM fault_drills
        WHERE saga_id = $1 AND times_left > 0
        ORDER BY id";
}

/// Puts a fault down for a saga's step.
///
/// # Errors
/// What the store says.
pub async fn put(db: &Db, drill: &Drill, now: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    let values = args![
        drill.id,
        drill.saga_id.0,
        drill.step.word(),
        drill.fault.word(),
        i32::try_from(drill.times_left).unwrap_or(i32::MAX),
        now.as_millis(),
    ];
    tx.run(&INSERT, values).await?;
    tx.commit().await
}

/// Takes faults away before they strike; one that has struck meanwhile is left as it is.
///
/// # Errors
/// What the store says.
pub async fn clear(db: &Db, ids: &[Uuid]) -> Result<()> {
    let mut tx = db.begin().await?;
    for id in ids {
        tx.run(&CLEAR, args![*id]).await?;
    }
    tx.commit().await
}

/// Takes the fault that waits for this attempt, if one does: it is one time fewer from then on. To be asked in
/// development only, each time before a provider is called for the attempt.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a fault that is none.
pub async fn take_fault(db: &Db, attempt: &Attempt) -> Result<Option<Fault>> {
    let rows: Vec<(String,)> = db.write(&TAKE, args![attempt.saga_id.0, attempt.kind.word()]).await?;
    let Some((word,)) = rows.into_iter().next() else { return Ok(None) };
    fault(&word, attempt.saga_id.0).map(Some)
}

/// Returns the faults that wait for a saga's steps, the first one put down first.
///
/// # Errors
/// As [`take_fault`].
pub async fn waiting(db: &Db, saga_id: SagaId) -> Result<Vec<Drill>> {
    let rows: Vec<(Uuid, String, String, i32)> = db.all(&WAITING, args![saga_id.0]).await?;
    rows.into_iter()
        .map(|(id, step, word, left)| {
            Ok(Drill {
                id,
                saga_id,
                step: AttemptKind::parse(&step)
                    .ok_or_else(|| corrupt("step", id, "neither charge nor refund"))?,
                fault: fault(&word, id)?,
                times_left: u32::try_from(left).map_err(|_| corrupt("times_left", id, "below zero"))?,
            })
        })
        .collect()
}

fn fault(word: &str, row: Uuid) -> Result<Fault> {
    Fault::parse(word).ok_or_else(|| corrupt("fault", row, "not a fault"))
}

fn corrupt(column: &'static str, row: Uuid, reason: &str) -> StoreError {
    StoreError::Corrupt { table: "fault_drills", column, row: row.to_string(), reason: reason.to_owned() }
}
