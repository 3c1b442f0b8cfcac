//! What a batch was like, for whoever counts.

use std::sync::Arc;
use std::time::Duration;

/// What one batch was like, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct BatchReport {
    /// Commands in it.
    pub commands: usize,
    /// Events that it wrote.
    pub events: usize,
    /// New holds.
    pub reserved: usize,
    /// Reservations that were refused.
    pub refused: usize,
    /// Holds that ended.
    pub expired: usize,
    /// How long the store took to write it.
    pub commit: Duration,
    /// How often it was decided again because another process had written.
    pub retries: u32,
}

/// Is told of each batch.
pub(super) type Observer = Arc<dyn Fn(&BatchReport) + Send + Sync>;
