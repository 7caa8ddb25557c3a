//! Which places of the order may be given away.

use crate::domain::cursor::Offset;

/// How many places are reserved at once.
const BLOCK: u64 = 1 << 20;

/// How many places are left before a batch that is being committed, for what goes out meanwhile.
const HOLE: u64 = 4096;

/// The places of an order that are still to be given away.
///
/// Invariant: a place is given away once, in growing order but for a batch, whose places lie ahead until it has ended;
/// and only after the database knows that it may have been given away (`reserved`).
#[derive(Debug)]
pub struct Places {
    next: Offset,
    reserved: Offset,
    /// Where the batch begins that is being committed, and what comes behind it.
    batch: Option<(Offset, Offset)>,
}

impl Places {
    /// How far to reserve so that places from `next` on can be given away.
    pub const fn block_from(next: Offset) -> Offset {
        next + BLOCK
    }

    /// Places from `next` to `reserved`.
    pub const fn new(next: Offset, reserved: Offset) -> Self {
        Self { next, reserved, batch: None }
    }

    /// A place for an event that goes out at once; none while all that may be given away now are.
    pub fn take(&mut self) -> Option<Offset> {
        let end = self.batch.map_or(self.reserved + 1, |(first, _)| first);
        let place = self.next;
        (place < end).then(|| {
            self.next += 1;
            place
        })
    }

    /// The first place of a batch that is to be committed, behind a hole; none when too few are reserved.
    ///
    /// One batch at a time: end it with [`Places::end_batch`].
    pub fn begin_batch(&mut self, events: usize) -> Option<Offset> {
        let first = self.next + HOLE;
        let behind = first + events as u64;
        if self.batch.is_some() || behind > self.reserved + 1 {
            return None;
        }
        self.batch = Some((first, behind));
        Some(first)
    }

    /// Goes on behind the batch, whether or not it was committed.
    pub fn end_batch(&mut self) {
        if let Some((_, behind)) = self.batch.take() {
            self.next = behind;
        }
    }

    /// How far to reserve next, once half of a block is gone.
    pub fn wants(&self) -> Option<Offset> {
        let next = self.batch.map_or(self.next, |(_, behind)| behind);
        (self.reserved.saturating_sub(next) < BLOCK / 2).then(|| Self::block_from(next))
    }

    /// The database knows of places up to here.
    pub fn renewed(&mut self, reserved: Offset) {
        self.reserved = self.reserved.max(reserved);
    }

    /// Gives no place away any more; answers the last one that may have been.
    pub fn close(&mut self) -> Offset {
        self.end_batch();
        let last = self.next.saturating_sub(1);
        self.reserved = last;
        last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Take(u16),
        Begin(u16),
        End,
        Renew,
        Restart { is_clean: bool },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<u16>().prop_map(Step::Take),
            (1_u16..4096).prop_map(Step::Begin),
            Just(Step::End),
            Just(Step::Renew),
            any::<bool>().prop_map(|is_clean| Step::Restart { is_clean }),
        ]
    }

    fn closed(places: &mut Places) -> Offset {
        let last = places.close();
        assert!(places.take().is_none() && places.begin_batch(1).is_none());
        last
    }

    proptest! {
        #[test]
        fn no_place_is_given_twice_or_unreserved(steps in prop::collection::vec(step(), 1..200)) {
            let mut stored = Places::block_from(1);
            let mut places = Places::new(1, stored);
            let mut seen = 0;
            let mut open: Option<std::ops::Range<Offset>> = None;
            for step in steps {
                match step {
                    Step::Take(count) => for _ in 0..count {
                        let Some(place) = places.take() else { break };
                        prop_assert!(place > seen && place <= stored);
                        prop_assert!(open.as_ref().is_none_or(|batch| place < batch.start));
                        seen = place;
                    },
                    Step::Begin(count) => if let Some(first) = places.begin_batch(count.into()) {
                        prop_assert!(open.is_none());
                        let batch = first..first + u64::from(count);
                        prop_assert!(first > seen && batch.end - 1 <= stored);
                        open = Some(batch);
                    },
                    Step::End => {
                        places.end_batch();
                        seen = open.take().map_or(seen, |batch| batch.end - 1);
                    }
                    Step::Renew => if let Some(wanted) = places.wants() {
                        stored = wanted;
                        places.renewed(wanted);
                    },
                    Step::Restart { is_clean } => {
                        stored = if is_clean { closed(&mut places) } else { stored };
                        seen = open.take().map_or(seen, |batch| batch.end - 1);
                        prop_assert!(seen <= stored);
                        let next = stored + 1;
                        stored = Places::block_from(next);
                        places = Places::new(next, stored);
                    }
                }
            }
        }
    }

    #[test]
    fn a_clean_stop_wastes_no_place() {
        let mut places = Places::new(5, Places::block_from(5));
        assert_eq!((places.take(), places.take()), (Some(5), Some(6)));
        assert_eq!(places.close(), 6);
    }

    #[test]
    fn a_block_is_renewed_at_half() {
        let mut places = Places::new(1, Places::block_from(1));
        assert_eq!(places.wants(), None);
        let wanted = std::iter::from_fn(|| places.take().map(|_| places.wants())).flatten().next();
        assert_eq!(wanted, Some(Places::block_from(BLOCK / 2 + 2)));
        while places.take().is_some() {}
        places.renewed(wanted.unwrap());
        assert!(places.take().is_some());
    }
}
