//! What new samples change in the chunks and windows of their series.

use std::collections::HashMap;
use std::mem;
use std::ops::Range;

use super::segments::Segments;
use super::windows::{Stored, make_again, places};
use crate::domain::rollup::{Level, start_of};
use crate::store::chunks::{self, Chunk};
use crate::store::retention::Kept;
use crate::store::rollups::{self, Block};
use crate::store::series::{Series, SeriesId};
use crate::store::{Connection, StoreError};
use crate::telemetry::chunk::{Point, pack, unpack};

/// New samples further apart are looked at each by themselves, for what lies between.
const APART: i64 = 3_600_000;
/// No more time is looked at together.
const TOGETHER: i64 = 6 * 3_600_000;
/// Spans of time that are looked at in one question, or those of one series if they are more: what lies in them is held
/// in memory.
const SPANS_AT_ONCE: usize = 256;

/// New samples of one series.
#[derive(Debug)]
pub struct News {
    /// None for a series that is not there yet.
    id: Option<SeriesId>,
    key: String,
    raw_from: i64,
    /// By their time, no two of the same.
    points: Vec<Point>,
    spans: Vec<Range<i64>>,
}

/// What becomes of one series.
#[derive(Debug)]
pub struct SeriesChange {
    /// None for a series that is not there yet.
    pub id: Option<SeriesId>,
    /// Its key.
    pub key: String,
    /// Where chunks begin that go.
    pub old: Vec<i64>,
    /// The chunks that come; the series is named when they are stored.
    pub new: Vec<Chunk>,
    /// The blocks that come, as the chunks do.
    pub blocks: Vec<Block>,
    /// How much more is kept.
    pub growth: Kept,
}

impl News {
    /// New samples of a series, in the order in which they came, of which one replaces those of the same time before it;
    /// none for one that is not there yet.
    pub fn new(series: Option<Series>, key: String, mut points: Vec<Point>) -> Self {
        let (id, raw_from) = series.map_or((None, i64::MIN), |series| (Some(series.id), series.raw_from));
        points.sort_by_key(|point| point.ts);
        points.dedup_by(|later, kept| {
            let is_same = later.ts == kept.ts;
            if is_same {
                mem::swap(later, kept);
            }
            is_same
        });
        let spans = spans(points.iter().map(|point| point.ts));
        Self { id, key, raw_from, points, spans }
    }

    fn moments(&self) -> impl Iterator<Item = i64> {
        self.points.iter().map(|point| point.ts)
    }
}

/// Finds out what changes, some series at a time.
///
/// # Errors
/// [`StoreError`] of the database, or for a chunk or block that cannot be read.
pub fn changes_of(conn: &mut Connection, news: Vec<News>) -> Result<Vec<SeriesChange>, StoreError> {
    let mut changes = Vec::with_capacity(news.len());
    let (mut together, mut count) = (Vec::new(), 0);
    for one in news {
        if count + one.spans.len() > SPANS_AT_ONCE {
            changes.extend(changes_together(conn, mem::take(&mut together))?);
            count = 0;
        }
        count += one.spans.len();
        together.push(one);
    }
    changes.extend(changes_together(conn, together)?);
    Ok(changes)
}

fn changes_together(conn: &mut Connection, news: Vec<News>) -> Result<Vec<SeriesChange>, StoreError> {
    let known = || news.iter().filter_map(|one| Some((one.id?, one)));
    let spans: Vec<_> =
        known().flat_map(|(id, one)| one.spans.iter().map(move |span| whole_minutes(id, span))).collect();
    let places: Vec<_> = known()
        .flat_map(|(id, one)| {
            places(one.moments(), one.raw_from).into_iter().map(move |(level, start)| (id, level, start))
        })
        .collect();
    let mut chunks: HashMap<SeriesId, Vec<Chunk>> = HashMap::new();
    for chunk in chunks::around(conn, &spans)? {
        chunks.entry(chunk.series).or_default().push(chunk);
    }
    let mut blocks: HashMap<SeriesId, Vec<Block>> = HashMap::new();
    for block in rollups::find(conn, &places)? {
        blocks.entry(block.series).or_default().push(block);
    }
    let mut of = |id: Option<SeriesId>| {
        let (chunks, blocks) = (id.and_then(|id| chunks.remove(&id)), id.and_then(|id| blocks.remove(&id)));
        (chunks.unwrap_or_default(), blocks.unwrap_or_default())
    };
    news.into_iter()
        .map(|one| {
            let (chunks, blocks) = of(one.id);
            change_of(one, chunks, &blocks)
        })
        .collect()
}

/// Where the chunks lie that new points come into, and those in the same minutes.
fn whole_minutes(series: SeriesId, span: &Range<i64>) -> chunks::Span {
    let minute = Level::Minutes.length();
    let to = start_of(span.end, minute).saturating_add(minute - 1);
    chunks::Span { series, from: start_of(span.start, minute), to }
}

fn change_of(news: News, chunks: Vec<Chunk>, blocks: &[Block]) -> Result<SeriesChange, StoreError> {
    let moments: Vec<i64> = news.moments().collect();
    let News { id, key, raw_from, points, .. } = news;
    let (mut segments, mut growth, mut sizes) = (Segments::default(), Kept::default(), HashMap::new());
    for chunk in chunks {
        if !segments.knows(chunk.first_ts) {
            sizes.insert(chunk.first_ts, (chunk.samples, length_of(&chunk.data)));
            let points = unpack(&chunk.data).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            segments.add_stored(points);
        }
    }
    for point in points {
        segments.add(point);
    }
    let (blocks, window_bytes) = make_again(Stored::of(blocks)?, &segments, moments, raw_from);
    growth.bytes = window_bytes;
    let change = segments.change();
    let new: Vec<Chunk> = change.new.iter().map(|points| packed(points)).collect();
    for chunk in &new {
        growth.samples += chunk.samples;
        growth.bytes[0] += length_of(&chunk.data);
    }
    for (samples, bytes) in change.old.iter().filter_map(|first_ts| sizes.get(first_ts)) {
        growth.samples -= samples;
        growth.bytes[0] -= bytes;
    }
    Ok(SeriesChange { id, key, old: change.old, new, blocks, growth })
}

fn length_of(data: &[u8]) -> i64 {
    i64::try_from(data.len()).unwrap_or(i64::MAX)
}

/// Parts ascending moments where they lie far apart; each span ends with its last moment.
fn spans(moments: impl Iterator<Item = i64>) -> Vec<Range<i64>> {
    let mut spans: Vec<Range<i64>> = Vec::new();
    for moment in moments {
        match spans.last_mut() {
            Some(span) if moment - span.end <= APART && moment - span.start <= TOGETHER => span.end = moment,
            _ => spans.push(moment..moment),
        }
    }
    spans
}

fn packed(points: &[Point]) -> Chunk {
    Chunk {
        // The series is named when it is stored: it may not be there yet.
        series: 0,
        first_ts: points.first().map_or(0, |point| point.ts),
        last_ts: points.last().map_or(0, |point| point.ts),
        samples: i64::try_from(points.len()).unwrap_or(i64::MAX),
        data: pack(points),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_far_apart_are_looked_at_by_themselves() {
        let minutes = |minutes: &[i64]| spans(minutes.iter().map(|minute| minute * 60_000));
        assert_eq!(minutes(&[0, 30, 90, 151]), [0..90 * 60_000, 151 * 60_000..151 * 60_000]);
        let long: Vec<_> = (0..20).map(|step| step * 30).collect();
        assert_eq!(minutes(&long).len(), 2);
    }
}
