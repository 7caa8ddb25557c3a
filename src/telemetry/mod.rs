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
mod recovery;
mod seal;
mod tail;
mod turns;
mod unsaved;

pub use archivist::{
    Archivist, Loss, PreviewRules, ReadPolicy, ReadUsage, RetentionError, SetRules, SharedPolicy, Usage,
};
pub use collector::{Collector, Due, Flush, SaveStates, Sealed, TailOf};
pub use history::{History, HistoryError, KeyWindow, Order, Page, Position, Query, Sample, WindowPage, WindowQuery};
pub use keeper::{Keeper, KeeperOptions};
pub use quiet::QuietHours;
pub use recovery::{Recovered, recover};
pub use turns::Turns;
