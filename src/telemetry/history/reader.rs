//! The samples of one series one after the other, with a few of its chunks in memory.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

use super::budget::Budget;
use super::source::Source;
use super::{HistoryError, Order};
use crate::domain::telemetry::Value;
use crate::store::Connection;
use crate::store::chunks::{self, Chunk};
use crate::store::series::SeriesId;
use crate::telemetry::chunk::unpack;

/// Reads the samples of a range in an order.
///
/// Invariant: what is `ready` comes before all that is in `chunks` and `tail`.
#[derive(Debug)]
pub struct Reader {
    order: Order,
    range: RangeInclusive<i64>,
    /// Which series, and between which moments chunks begin that are not read yet; none when all are.
    chunks: Option<(SeriesId, (i64, i64))>,
    tail: BTreeMap<i64, Value>,
    ready: VecDeque<(i64, Value)>,
}

impl Reader {
    /// A reader of some of the samples of a source.
    ///
    /// # Errors
    /// [`HistoryError`] of the database only.
    pub fn of(
        conn: &mut Connection,
        source: &Source,
        range: RangeInclusive<i64>,
        order: Order,
    ) -> Result<Self, HistoryError> {
        let (mut chunks, mut tail) = (None, BTreeMap::new());
        if !range.is_empty() {
            tail.extend(source.tail.range(range.clone()).map(|(ts, value)| (*ts, value.clone())));
            if let Some(id) = source.id {
                let first = chunks::at(conn, id, *range.start())?.unwrap_or(*range.start());
                chunks = Some((id, (first, *range.end())));
            }
        }
        Ok(Self { order, range, chunks, tail, ready: VecDeque::new() })
    }

    /// When the next sample was measured; none if there are no more. So many chunks are read at once.
    ///
    /// # Errors
    /// [`HistoryError::TooMuch`] when the budget is spent.
    pub fn peek(
        &mut self,
        conn: &mut Connection,
        at_once: i64,
        budget: &mut Budget,
    ) -> Result<Option<i64>, HistoryError> {
        while self.ready.is_empty() {
            let Some((series, window)) = self.chunks.take() else {
                self.release(BTreeMap::new(), None);
                break;
            };
            let chunks = match self.order {
                Order::Forward => chunks::forward(conn, series, window, at_once)?,
                Order::Backward => chunks::backward(conn, series, window, at_once)?,
            };
            let Some(last) = chunks.last() else { continue };
            let edge = match self.order {
                Order::Forward => last.last_ts,
                Order::Backward => last.first_ts,
            };
            if chunks.len() as i64 == at_once {
                self.chunks = Some(match self.order {
                    Order::Forward => (series, (last.first_ts.saturating_add(1), window.1)),
                    Order::Backward => (series, (window.0, last.first_ts.saturating_sub(1))),
                });
            }
            let samples = self.unpacked(&chunks, budget)?;
            self.release(samples, Some(edge));
        }
        Ok(self.ready.front().map(|(ts, _)| *ts))
    }

    /// The sample that was looked at.
    pub fn take(&mut self) -> Option<(i64, Value)> {
        self.ready.pop_front()
    }

    fn unpacked(&self, chunks: &[Chunk], budget: &mut Budget) -> Result<BTreeMap<i64, Value>, HistoryError> {
        let mut samples = BTreeMap::new();
        for chunk in chunks.iter().filter(|chunk| chunk.last_ts >= *self.range.start()) {
            budget.spend(usize::try_from(chunk.samples).unwrap_or(0))?;
            let points = unpack(&chunk.data)?.into_iter().filter(|point| self.range.contains(&point.ts));
            samples.extend(points.map(|point| (point.ts, point.value)));
        }
        Ok(samples)
    }

    /// Makes samples ready together with those of the tail up to where their chunks end, all of them if they end nowhere:
    /// what came later replaces what was there.
    fn release(&mut self, mut samples: BTreeMap<i64, Value>, edge: Option<i64>) {
        let later = match (self.order, edge) {
            (_, None) => BTreeMap::new(),
            (Order::Forward, Some(edge)) => self.tail.split_off(&edge.saturating_add(1)),
            (Order::Backward, Some(edge)) => {
                let later = self.tail.split_off(&edge);
                std::mem::replace(&mut self.tail, later)
            }
        };
        samples.extend(std::mem::replace(&mut self.tail, later));
        match self.order {
            Order::Forward => self.ready.extend(samples),
            Order::Backward => self.ready.extend(samples.into_iter().rev()),
        }
    }
}
