//! What is asked of the history, and who answers.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix::{MailboxError, Recipient};
use serde::Serialize;

use super::collector::TailOf;
use super::turns::{Turn, Turns};
use crate::domain::ids::{ModuleId, UserId};
use crate::domain::rollup::Window;
use crate::domain::telemetry::Value;
use crate::domain::time::Timestamp;
use crate::store::readings::{self, ModuleNumber, RowId};
use crate::store::{Connection, Store, StoreError};

mod budget;
mod position;
mod raw;
mod reader;
mod source;
mod windows;

use budget::Budget;
pub use position::Position;

/// How long the collector may take to say what is not sealed yet.
const TAIL_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// How many windows at most.
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
    /// One person asks for too much at the same time.
    #[error("you ask the history too much at the same time; wait for the answers, then ask on")]
    Crowded,
    /// Others ask for too much at the same time.
    #[error("many ask the history at the same time; try again in a moment")]
    Busy,
    /// The module is not there any more.
    #[error("there is nothing here, or you may not see it")]
    Gone,
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
    turns: Turns,
}

/// Where the samples of a module are.
#[derive(Debug, Clone)]
struct Whereabouts {
    module: ModuleNumber,
    tail: Vec<Range<RowId>>,
}

impl History {
    /// A history of what a store holds and a collector has not sealed yet, for those who take turns.
    #[must_use]
    pub const fn new(store: Store, tail: Recipient<TailOf>, turns: Turns) -> Self {
        Self { store, tail, turns }
    }

    /// The number of a module in the history; another module that takes its name has another one.
    ///
    /// # Errors
    /// [`HistoryError::Gone`] when there is no such module.
    pub async fn number_of(&self, module: &ModuleId) -> Result<ModuleNumber, HistoryError> {
        let module = module.clone();
        self.store.read(move |conn| readings::number_of(conn, &module)).await?.ok_or(HistoryError::Gone)
    }

    /// Tells somebody samples.
    ///
    /// # Errors
    /// [`HistoryError::TooMuch`] when it would take too long, [`HistoryError::Gone`] when there is no such module,
    /// [`HistoryError::Crowded`] and [`HistoryError::Busy`] when too much is asked at the same time.
    pub async fn samples(&self, by: &UserId, query: Query) -> Result<Page, HistoryError> {
        let module = self.number_of(&query.module).await?;
        self.samples_of(by, module, query).await
    }

    /// Tells somebody samples of the module of a number.
    ///
    /// # Errors
    /// As [`History::samples`], also when another module has taken the name.
    pub async fn samples_of(&self, by: &UserId, module: ModuleNumber, query: Query) -> Result<Page, HistoryError> {
        let turn = self.turns.turn(Some(by)).await?;
        let place = self.whereabouts(module).await?;
        self.read(turn, move |conn| {
            place.require(conn, &query.module)?;
            raw::page(conn, &place, &query, &mut Budget::default())
        })
        .await
    }

    /// Tells somebody windows.
    ///
    /// # Errors
    /// As [`History::samples`].
    pub async fn windows(&self, by: &UserId, query: WindowQuery) -> Result<WindowPage, HistoryError> {
        let module = self.number_of(&query.module).await?;
        let turn = self.turns.turn(Some(by)).await?;
        let place = self.whereabouts(module).await?;
        self.read(turn, move |conn| {
            place.require(conn, &query.module)?;
            windows::page(conn, &place, &query)
        })
        .await
    }

    /// Reads in a turn, which lasts as long as the connection is in use, also when nobody waits for the answer any more.
    async fn read<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&mut Connection) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let reading = move |conn: &mut Connection| {
            let result = work(conn);
            drop(turn);
            Ok(result)
        };
        self.store.snapshot(reading).await?
    }

    async fn whereabouts(&self, module: ModuleNumber) -> Result<Whereabouts, HistoryError> {
        let tail = self.tail.send(TailOf(module)).timeout(TAIL_TIMEOUT).await?;
        Ok(Whereabouts { module, tail })
    }
}

impl Whereabouts {
    /// Makes sure that the module is still there: of one that is gone a part may be removed already.
    fn require(&self, conn: &mut Connection, id: &ModuleId) -> Result<(), HistoryError> {
        let is_there = readings::number_of(conn, id)? == Some(self.module);
        if is_there { Ok(()) } else { Err(HistoryError::Gone) }
    }
}
