//! The engine: commands from all requests queue here, and go to the store in batches.
//!
//! It takes what is waiting, without a timer, loads what is missing in a few set-based reads, decides
//! each command in order in memory, and writes everything in one transaction: one fsync pays for the
//! whole batch. A reply goes out after the commit.
//!
//! The batch is written on the condition that the log's head is where it was when the batch was decided.
//! So the state in memory is exactly the log's fold at the moment of the commit, refusals included, with
//! any number of processes on one store; who comes second folds what the other wrote and decides again.

mod attempt;
mod cache;
mod command;
mod decide;
mod effects;
mod handle;
mod load;
mod money;
mod report;
mod run;
#[cfg(test)]
mod simulation;
mod state;

pub use command::{CommandError, Done, IdempotencyKey, Meta, SagaAnswer, Work};
pub use effects::{Effect, Effects, LEASE_SECONDS};
pub use handle::{Engine, EngineConfig};
pub use report::BatchReport;
