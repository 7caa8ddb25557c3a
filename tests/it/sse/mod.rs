//! Server-sent events.

mod admission;
mod streams;
