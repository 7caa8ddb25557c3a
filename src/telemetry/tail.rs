//! Which rows of the hot tail belong to which module; pure.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use super::chunk::SAMPLES_MAX;
use crate::domain::time::Timestamp;
use crate::store::readings::{Appended, ModuleNumber, RowId};

/// From so many rows on they are sealed at once: together they cost less than one after the other.
pub const MANY: usize = 4 * SAMPLES_MAX;
/// How long rows wait for others that would fill more than one chunk.
const AWHILE: Duration = Duration::from_secs(60);

/// The rows of all modules that are not sealed yet.
///
/// Invariant: the runs of a module are not empty, do not overlap and grow; `rows` is the number of rows in all of them.
#[derive(Debug, Default)]
pub struct Tail {
    next: RowId,
    modules: HashMap<ModuleNumber, Unsealed>,
    rows: usize,
}

#[derive(Debug)]
struct Unsealed {
    runs: Vec<Range<RowId>>,
    rows: usize,
    since: Timestamp,
}

impl Tail {
    /// The id of the next row.
    pub const fn next(&self) -> RowId {
        self.next
    }

    /// How many rows there are.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows of a module there are.
    pub fn rows_of(&self, module: ModuleNumber) -> usize {
        self.modules.get(&module).map_or(0, |known| known.rows)
    }

    /// No row up to here will be given again, whatever becomes of those that were.
    pub fn skip_to(&mut self, next: RowId) {
        self.next = self.next.max(next);
    }

    /// Adds rows that are stored.
    pub fn add(&mut self, Appended { module, rows, received_at }: Appended) {
        self.skip_to(rows.end);
        let count = usize::try_from(rows.end - rows.start).unwrap_or(0);
        self.rows += count;
        let known =
            self.modules.entry(module).or_insert_with(|| Unsealed { runs: vec![], rows: 0, since: received_at });
        known.rows += count;
        match known.runs.last_mut() {
            Some(last) if last.end == rows.start => last.end = rows.end,
            _ => known.runs.push(rows),
        }
    }

    /// The rows of a module.
    pub fn of(&self, module: ModuleNumber) -> Vec<Range<RowId>> {
        self.modules.get(&module).map(|known| known.runs.clone()).unwrap_or_default()
    }

    /// What is to be sealed of each module: that of many rows soon, that of some after a while, the rest after `age`; of a
    /// module with rows that must stay only those before the first of them, which `stays` answers.
    pub fn due(
        &self,
        age: Duration,
        now: Timestamp,
        stays: impl Fn(ModuleNumber) -> Option<RowId>,
    ) -> Vec<(ModuleNumber, Vec<Range<RowId>>)> {
        let due = self.modules.iter().filter_map(|(module, known)| {
            known.due(age, now, known.rows)?;
            let free = stays(*module).map_or(known.rows, |first| known.rows_before(first));
            let rows = known.due(age, now, free).filter(|rows| *rows > 0)?;
            Some((*module, known.first(rows)))
        });
        due.collect()
    }

    /// Forgets the rows of a module before `until`, which are sealed; the others wait since `now`.
    pub fn forget(&mut self, module: ModuleNumber, until: RowId, now: Timestamp) {
        let Some(known) = self.modules.get_mut(&module) else { return };
        known.runs.retain_mut(|run| {
            run.start = run.start.max(until);
            run.start < run.end
        });
        let left = known.runs.iter().map(|run| usize::try_from(run.end - run.start).unwrap_or(0)).sum();
        self.rows -= known.rows - left;
        known.rows = left;
        known.since = now;
        if left == 0 {
            self.modules.remove(&module);
        }
    }
}

impl Unsealed {
    /// How many of so many rows are to be sealed.
    fn due(&self, age: Duration, now: Timestamp, rows: usize) -> Option<usize> {
        let waited = now.since(self.since);
        if rows >= MANY {
            Some(MANY)
        } else if rows >= SAMPLES_MAX && waited >= AWHILE.min(age) {
            // Whole chunks, where every reading has every key.
            Some(rows / SAMPLES_MAX * SAMPLES_MAX)
        } else {
            Some(rows).filter(|_| waited >= age)
        }
    }

    /// How many rows lie before one; those behind it are few.
    fn rows_before(&self, row: RowId) -> usize {
        let behind = self.runs.iter().rev().take_while(|run| run.end > row);
        let behind: RowId = behind.map(|run| run.end - run.start.max(row)).sum();
        self.rows.saturating_sub(usize::try_from(behind).unwrap_or(0))
    }

    /// The first rows, at most so many.
    fn first(&self, limit: usize) -> Vec<Range<RowId>> {
        let mut left = RowId::try_from(limit).unwrap_or(RowId::MAX);
        let cut = self.runs.iter().map_while(|run| {
            let end = run.end.min(run.start.saturating_add(left));
            left -= end - run.start;
            (end > run.start).then_some(run.start..end)
        });
        cut.collect()
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "some rows are one run")]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn tail(rows: &[(ModuleNumber, Range<RowId>)]) -> Tail {
        let mut tail = Tail::default();
        for (module, rows) in rows {
            tail.add(Appended { module: *module, rows: rows.clone(), received_at: at(rows.start) });
        }
        tail
    }

    fn due(tail: &Tail, age: Duration, now: Timestamp) -> Vec<(ModuleNumber, Vec<Range<RowId>>)> {
        tail.due(age, now, |_| None)
    }

    #[test]
    fn rows_are_joined_and_forgotten_from_the_front() {
        let mut tail = tail(&[(1, 1..3), (1, 3..5), (2, 5..6), (1, 6..9)]);
        assert_eq!((tail.of(1), tail.of(2), tail.of(3)), (vec![1..5, 6..9], vec![5..6], vec![]));
        assert_eq!((tail.next(), tail.rows()), (9, 8));
        assert_eq!((tail.rows_of(1), tail.rows_of(2), tail.rows_of(3)), (7, 1, 0));
        assert_eq!(tail.modules[&1].first(5), [1..5, 6..7]);
        assert_eq!(tail.modules[&1].first(4), [1..5]);
        assert_eq!(tail.modules[&1].first(100), [1..5, 6..9]);

        tail.forget(1, 7, at(100));
        assert_eq!((tail.of(1), tail.rows()), (vec![7..9], 3));
        tail.forget(1, 9, at(100));
        assert_eq!((tail.of(1), tail.rows(), tail.next()), (vec![], 1, 9));
    }

    #[test]
    fn modules_are_due_by_number_and_by_age() {
        let hour = Duration::from_secs(3600);
        let millis = |span: Duration| span.as_millis() as i64;
        let mut tail = tail(&[(1, 0..1000), (2, 1000..1001), (3, 1001..1501)]);
        assert_eq!(due(&tail, hour, at(1000)), [(1, vec![0..960])]);
        tail.forget(1, 960, at(2000));
        assert_eq!(due(&tail, hour, at(2000)), []);
        assert_eq!(due(&tail, hour, at(1001 + millis(AWHILE))), [(3, vec![1001..1481])]);
        tail.forget(3, 1501, at(2000));
        assert_eq!(due(&tail, hour, at(1000 + millis(hour))), [(2, vec![1000..1001])]);
        assert_eq!(due(&tail, hour, at(2000 + millis(hour))).len(), 2);
        assert_eq!(due(&tail, Duration::ZERO, at(2000)).len(), 2);
    }

    #[test]
    fn rows_that_must_stay_are_not_due() {
        let (hour, now) = (Duration::from_secs(3600), at(2000));
        let tail = tail(&[(1, 0..960), (2, 960..970), (1, 970..980)]);
        let due = |age, stays| tail.due(age, now, move |module| (module == 1).then_some(stays));
        assert_eq!(due(hour, 980), [(1, vec![0..960])]);
        assert_eq!(due(hour, 960), [(1, vec![0..960])]);
        assert_eq!(due(hour, 959), [], "it waits until there are many again");
        assert_eq!(due(hour, 0), []);
        let mut all = due(Duration::ZERO, 975);
        all.sort_by_key(|(module, _)| *module);
        assert_eq!(all, [(1, vec![0..960]), (2, vec![960..970])]);
        assert_eq!(due(Duration::ZERO, 0), [(2, vec![960..970])]);
        let (few, stays) = (tail.modules[&1].rows_before(975), tail.modules[&1].rows_before(500));
        assert_eq!((few, stays, tail.modules[&2].rows_before(0)), (965, 500, 0));
    }
}
