//! Readings on their way to the store, and what is kept of them.

mod archivist;
mod batch;
mod block;
mod chunk;
mod collector;
mod expiry;
mod forecast;
mod history;
mod keeper;
mod quiet;
mod seal;
mod tail;
mod turns;

pub use archivist::{
    Archivist, Loss, PreviewRules, ReadPolicy, ReadUsage, RetentionError, SetRules, SharedPolicy, Usage,
};
pub use collector::{Collector, Due, Flush, Sealed, TailOf};
pub use history::{
    History, HistoryError, KeyWindow, Order, Page, Position, Query, Sample, WindowPage, WindowQuery, open_tail,
};
pub use keeper::{Keeper, KeeperOptions};
pub use quiet::QuietHours;
pub use tail::Tail;
pub use turns::Turns;
