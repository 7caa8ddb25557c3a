//! What the hub tells about itself: logs, figures, health.

mod count;
mod health;
pub mod log;
mod metrics;
mod process;

pub use count::{Admitted, Door, LoginOutcome, Totals};
pub use health::{CheckReport, Health, HealthReport};
pub use metrics::Metrics;
