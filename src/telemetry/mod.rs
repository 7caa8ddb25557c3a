//! Readings on their way to the store, and what is kept of them.

mod batch;
mod block;
mod chunk;
mod collector;
mod history;
mod keeper;
mod seal;
mod tail;

pub use collector::{Collector, Due, Flush, Sealed, TailOf};
pub use history::{
    History, HistoryError, KeyWindow, Order, Page, Position, Query, Sample, WindowPage, WindowQuery, open_tail,
};
pub use keeper::Keeper;
pub use tail::Tail;
