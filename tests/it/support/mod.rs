//! A real hub on a free port with a private database, and clients for its doors.

pub mod database;
mod device;
mod http;
mod hub;
pub mod process;
pub mod raw;
pub mod server;
mod stream;
mod tab;
pub mod tls;

pub use device::TestDevice;
pub use http::{Account, Answer, FLOOD};
pub use hub::{ADMIN, PASSWORD, TestHub};
pub use stream::TestStream;
pub use tab::{Ended, TestTab, open, try_open};

/// Nothing that a test waits for takes longer, however busy the machine is.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Waits for something, but not forever.
pub async fn within<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(PATIENCE, awaited).await;
    came.unwrap_or_else(|_| panic!("waited too long for `{what}`"))
}
