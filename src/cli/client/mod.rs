//! A small client of the contract: HTTP with JSON, and a WebSocket with a Bearer token; plain or under TLS.

mod address;
mod api;
mod endpoint;
mod error;
mod login;
mod mqtt_address;
mod socket;

pub use address::{AddressError, HubAddress};
pub use api::{Api, CreatedModule, NewModule, Session};
pub use endpoint::{Endpoint, Stream};
pub use error::ClientError;
pub use login::LoginArgs;
pub use mqtt_address::MqttAddress;
pub use socket::{Socket, connect_socket};
