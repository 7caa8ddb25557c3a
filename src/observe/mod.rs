//! What the hub tells about itself: logs, figures, health.

mod clients;
mod count;
mod health;
pub mod log;
mod metrics;
mod process;

pub use clients::{Began, ClientTotals};
pub use count::{Admitted, Door, LoginOutcome, Totals};
pub use health::{CheckReport, Health, HealthReport};
pub use metrics::Metrics;
