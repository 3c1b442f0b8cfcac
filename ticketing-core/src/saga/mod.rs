//! The payment saga: hold the seats, charge, confirm; or release and refund.
//!
//! A fixed state machine, not a workflow engine. [`plan::advance`] is pure: a case, one input and the time give
//! the case as it is afterwards, the events to log and the steps to write down. Whoever runs it stores all of
//! that in one transaction with the booking, and then does what the open attempts ask for. So a saga is nowhere
//! but in its rows: whoever finds it due goes on with it.

pub mod definition;
pub mod input;
pub mod plan;
#[cfg(test)]
mod tests;

pub use definition::{Park, Saga, SagaState, StepRecord};
pub use input::{Answer, Input, NewCharge, Notice, OperatorMove};
pub use plan::{Advanced, Case, Event, advance};
