//! How new samples of a series come into its chunks; pure.

use std::collections::BTreeMap;

use crate::telemetry::chunk::{Point, SAMPLES_MAX};

/// One chunk with what came to it.
///
/// Invariant: `points` are those of the chunk and of nothing that begins later, by their time.
#[derive(Debug, Default)]
struct Segment {
    /// Where the chunk begins that is stored; none for what lies before all of them or behind a full one.
    stored: Option<i64>,
    points: BTreeMap<i64, Point>,
    last_stored: Option<i64>,
    is_changed: bool,
    /// Whether something came between what was there.
    is_mixed: bool,
}

/// The chunks of a series that new samples come into or beside.
///
/// Invariant: for every new sample, the last chunk that begins at its time or before is among `segments`, if there is one.
#[derive(Debug, Default)]
pub struct Segments {
    segments: BTreeMap<i64, Segment>,
}

/// What changes in the chunks of a series.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Where chunks begin that go.
    pub old: Vec<i64>,
    /// The points of each chunk that comes.
    pub new: Vec<Vec<Point>>,
}

impl Segments {
    /// Whether a chunk is there.
    pub fn knows(&self, first_ts: i64) -> bool {
        self.segments.contains_key(&first_ts)
    }

    /// Adds a chunk as it is stored.
    pub fn add_stored(&mut self, points: Vec<Point>) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let (first, last) = (first.ts, last.ts);
        let points = points.into_iter().map(|point| (point.ts, point)).collect();
        let segment = Segment { stored: Some(first), points, last_stored: Some(last), ..Segment::default() };
        self.segments.insert(first, segment);
    }

    /// Adds a new sample, the oldest first; it replaces one of the same time.
    pub fn add(&mut self, point: Point) {
        let behind = match self.segments.range_mut(..=point.ts).next_back() {
            // A full chunk stays as it is when something comes behind it.
            Some((_, known)) if known.is_full() && known.last_stored < Some(point.ts) => point.ts,
            Some((_, known)) => {
                known.is_changed = true;
                let is_between = known.last_stored >= Some(point.ts);
                let is_new = known.points.insert(point.ts, point).is_none();
                known.is_mixed |= is_new && is_between;
                return;
            }
            None => i64::MIN,
        };
        let segment = self.segments.entry(behind).or_default();
        segment.is_changed = true;
        segment.points.insert(point.ts, point);
    }

    /// The points of a span, by time.
    pub fn between(&self, from: i64, to: i64) -> impl Iterator<Item = &Point> {
        let first = self.segments.range(..=from).next_back().map_or(from, |(start, _)| *start);
        let segments = self.segments.range(first.min(to)..=to);
        segments.flat_map(move |(_, segment)| segment.points.range(from..=to).map(|(_, point)| point))
    }

    /// What is to be stored.
    pub fn change(self) -> Change {
        let mut change = Change::default();
        for segment in self.segments.into_values().filter(|segment| segment.is_changed) {
            change.old.extend(segment.stored);
            change.new.extend(segment.pieces());
        }
        change
    }
}

impl Segment {
    /// Whether it is a stored chunk that holds all it can, and nothing new.
    fn is_full(&self) -> bool {
        !self.is_changed && self.points.len() >= SAMPLES_MAX
    }

    /// Full chunks where samples only came behind what was there, chunks of the same size where they came between.
    fn pieces(self) -> Vec<Vec<Point>> {
        let count = self.points.len();
        let size = if self.is_mixed { count.div_ceil(count.div_ceil(SAMPLES_MAX)) } else { SAMPLES_MAX };
        let points: Vec<Point> = self.points.into_values().collect();
        points.chunks(size).map(<[Point]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::telemetry::Value;

    fn point(ts: i64, version: i64) -> Point {
        Point { ts, received_at: version, value: Value::Null }
    }

    fn points(times: impl IntoIterator<Item = i64>) -> Vec<Point> {
        times.into_iter().map(|ts| point(ts, 0)).collect()
    }

    fn sizes(change: &Change) -> Vec<usize> {
        change.new.iter().map(Vec::len).collect()
    }

    #[test]
    fn what_comes_behind_fills_the_last_chunk_and_leaves_full_ones() {
        let mut segments = Segments::default();
        segments.add_stored(points(0..240));
        (240..500).for_each(|ts| segments.add(point(ts, 1)));
        let change = segments.change();
        assert_eq!((change.old.len(), sizes(&change)), (0, vec![240, 20]));

        let mut segments = Segments::default();
        segments.add_stored(points(0..100));
        (100..400).for_each(|ts| segments.add(point(ts, 1)));
        let change = segments.change();
        assert_eq!((&change.old[..], sizes(&change)), (&[0][..], vec![240, 160]));
    }

    #[test]
    fn what_comes_between_parts_a_chunk_evenly() {
        let mut segments = Segments::default();
        segments.add_stored(points((0..240).map(|ts| ts * 2)));
        segments.add(point(101, 1));
        let change = segments.change();
        assert_eq!((&change.old[..], sizes(&change)), (&[0][..], vec![121, 120]));
    }

    proptest! {
        /// The store is a map of chunks; each round adds samples as sealing does.
        #[test]
        fn chunks_hold_every_sample_once_and_do_not_overlap(
            rounds in prop::collection::vec(prop::collection::btree_set(0..3000_i64, 0..600), 1..6),
        ) {
            let mut chunks: BTreeMap<i64, Vec<Point>> = BTreeMap::new();
            let mut model: BTreeMap<i64, i64> = BTreeMap::new();
            for (version, times) in (1..).zip(&rounds) {
                let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
                let begin = chunks.range(..=first).next_back().map_or(*first, |(start, _)| *start);
                let mut segments = Segments::default();
                chunks.range(begin..=*last).for_each(|(_, points)| segments.add_stored(points.clone()));
                times.iter().for_each(|ts| segments.add(point(*ts, version)));
                prop_assert!(segments.between(*first, *last).map(|point| point.ts).is_sorted());
                let change = segments.change();
                change.old.iter().for_each(|start| { chunks.remove(start); });
                for new in change.new {
                    prop_assert!(new.len() <= SAMPLES_MAX);
                    prop_assert!(chunks.insert(new[0].ts, new).is_none());
                }
                model.extend(times.iter().map(|ts| (*ts, version)));
            }
            let stored: Vec<_> = chunks.values().flatten().map(|point| (point.ts, point.received_at)).collect();
            prop_assert_eq!(stored, model.into_iter().collect::<Vec<_>>());
        }
    }
}
