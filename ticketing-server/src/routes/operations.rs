//! What runs the platform asks: health, metrics, the document. Open to everybody.

pub mod document;
pub mod health;
pub mod live;
pub mod metrics;
pub mod ready;
