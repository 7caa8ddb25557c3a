//! A real hub on a free port with a private database, and clients for its doors.

mod device;
mod http;
mod hub;
pub mod process;
pub mod raw;
mod stream;
mod tab;
pub mod tls;

pub use device::TestDevice;
pub use http::{Account, Answer};
pub use hub::{ADMIN, PASSWORD, TestHub};
pub use stream::TestStream;
pub use tab::{Ended, TestTab, open, try_open};
