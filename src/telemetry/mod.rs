//! Readings on their way to the store.

mod batch;
mod collector;

pub use collector::{Collector, Flush};
