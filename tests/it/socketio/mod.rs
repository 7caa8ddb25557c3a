//! The door of Socket.IO; what its own clients do there is in `tests/clients`.

mod cookies;
mod restart;
mod tls;
