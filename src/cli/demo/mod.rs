//! `carillon demo`: a hub with a demo account and simulated modules that come in by its real doors.

mod banner;
mod fleet;
mod password;

pub use banner::DemoAccount;
pub use fleet::{DemoFleet, DemoPlan};
pub use password::demo_password;
