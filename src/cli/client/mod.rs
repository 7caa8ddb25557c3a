//! A small client of the contract: HTTP with JSON, and a WebSocket with a Bearer token.

mod address;
mod api;
mod error;
mod login;
mod socket;

pub use address::{AddressError, HubAddress};
pub use api::{Api, CreatedModule, NewModule, Session};
pub use error::ClientError;
pub use login::LoginArgs;
pub use socket::{Socket, connect_socket};
