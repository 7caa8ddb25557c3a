//! What is asked of the history, and who answers.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix::{MailboxError, Recipient};
use serde::Serialize;

use super::collector::TailOf;
use super::tail::Tail;
use crate::domain::ids::ModuleId;
use crate::domain::rollup::Window;
use crate::domain::telemetry::Value;
use crate::domain::time::Timestamp;
use crate::store::readings::{self, Appended, ModuleNumber, RowId};
use crate::store::{Store, StoreError};

mod budget;
mod position;
mod raw;
mod source;
mod windows;

pub use position::Position;

/// How long the collector may take to say what is not sealed yet.
const TAIL_TIMEOUT: Duration = Duration::from_secs(5);
/// Rows of the tail read at once at the start.
const ROWS_AT_ONCE: i64 = 50_000;

/// In which order samples are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The oldest first; those of the same time by key.
    #[default]
    Forward,
    /// The other way round.
    Backward,
}

/// Asks for samples of a module.
#[derive(Debug, Clone)]
pub struct Query {
    /// Which module.
    pub module: ModuleId,
    /// Which keys; all if there are none.
    pub keys: Vec<String>,
    /// Not measured before.
    pub from: Timestamp,
    /// Measured before.
    pub to: Timestamp,
    /// In which order.
    pub order: Order,
    /// How many at most.
    pub limit: usize,
    /// Only what comes after it in that order.
    pub after: Option<Position>,
}

/// One sample of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// When it was measured.
    pub ts: Timestamp,
    /// Which key.
    pub key: Arc<str>,
    /// What was measured.
    pub value: Value,
}

/// Some samples, and where those after them begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The samples in the order that was asked for.
    pub items: Vec<Sample>,
    /// Where to go on; none if that is all.
    pub next: Option<Position>,
}

/// Asks for windows of a module's samples, the oldest first.
#[derive(Debug, Clone)]
pub struct WindowQuery {
    /// Which module.
    pub module: ModuleId,
    /// Which keys; all if there are none.
    pub keys: Vec<String>,
    /// The first window holds this moment.
    pub from: Timestamp,
    /// The last window holds the moment before this one.
    pub to: Timestamp,
    /// How long a window is, in milliseconds; at least one second.
    pub interval: i64,
    /// How many windows at most, with those that are empty.
    pub limit: usize,
    /// Only what comes after it.
    pub after: Option<Position>,
}

/// One window of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyWindow {
    /// When it begins.
    pub ts: Timestamp,
    /// Which key.
    pub key: Arc<str>,
    /// What its samples come to.
    pub window: Window,
}

/// Some windows, and where those after them begin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowPage {
    /// The windows that are not empty, by time and key.
    pub items: Vec<KeyWindow>,
    /// Where to go on; none if that is all.
    pub next: Option<Position>,
}

/// Why the history does not answer.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Too much would have to be read.
    #[error("that is too much to read at once; ask for a shorter time, fewer keys or longer windows")]
    TooMuch,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The collector does not answer.
    #[error("the history does not answer: {0}")]
    Collector(#[from] MailboxError),
}

/// Answers questions about what was measured; clones share everything.
///
/// What is not sealed yet is asked for first and read by its rows: what is sealed meanwhile is found in its chunks.
#[derive(Clone)]
pub struct History {
    store: Store,
    tail: Recipient<TailOf>,
}

/// Where the samples of a module are.
#[derive(Debug, Clone)]
struct Whereabouts {
    module: ModuleNumber,
    tail: Vec<Range<RowId>>,
}

impl History {
    /// A history of what a store holds and a collector has not sealed yet.
    #[must_use]
    pub const fn new(store: Store, tail: Recipient<TailOf>) -> Self {
        Self { store, tail }
    }

    /// Tells samples.
    ///
    /// # Errors
    /// [`HistoryError::TooMuch`] when it would take too long.
    pub async fn samples(&self, query: Query) -> Result<Page, HistoryError> {
        let Some(place) = self.whereabouts(query.module.clone()).await? else { return Ok(Page::default()) };
        self.store.snapshot(move |conn| Ok(raw::page(conn, &place, &query))).await?
    }

    /// Tells windows.
    ///
    /// # Errors
    /// [`HistoryError::TooMuch`] when it would take too long.
    pub async fn windows(&self, query: WindowQuery) -> Result<WindowPage, HistoryError> {
        let Some(place) = self.whereabouts(query.module.clone()).await? else { return Ok(WindowPage::default()) };
        self.store.snapshot(move |conn| Ok(windows::page(conn, &place, &query))).await?
    }

    async fn whereabouts(&self, module: ModuleId) -> Result<Option<Whereabouts>, HistoryError> {
        let Some(module) = self.store.read(move |conn| readings::number_of(conn, &module)).await? else {
            return Ok(None);
        };
        let tail = self.tail.send(TailOf(module)).timeout(TAIL_TIMEOUT).await?;
        Ok(Some(Whereabouts { module, tail }))
    }
}

/// What is in the tail at the start.
///
/// # Errors
/// [`StoreError`] of the database only.
pub async fn open_tail(store: &Store) -> Result<Tail, StoreError> {
    let mut tail = Tail::default();
    let mut after = RowId::MIN;
    loop {
        let rows = store.read(move |conn| readings::places_after(conn, after, ROWS_AT_ONCE)).await?;
        let Some((last, ..)) = rows.last() else { return Ok(tail) };
        after = *last;
        for (row, module, received_at) in rows {
            let received_at = Timestamp::from_millis(received_at);
            tail.add(Appended { module, rows: row..row + 1, received_at });
        }
    }
}
