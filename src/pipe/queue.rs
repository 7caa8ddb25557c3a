//! Finished frames that wait for a socket.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Frames in order, the first of them perhaps partly written.
///
/// Invariant: `waiting` is the sum of the lengths of all frames; `first` is empty only if no frame waits. The one frame of a
/// quiet connection takes no memory of its own, and an empty queue keeps none.
#[derive(Debug, Default)]
pub struct Queue {
    first: Bytes,
    others: VecDeque<Bytes>,
    waiting: usize,
}

impl Queue {
    /// How many bytes wait.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts a frame at the end; one without bytes is none.
    pub fn push(&mut self, frame: Bytes) {
        self.waiting += frame.len();
        if self.first.is_empty() {
            self.first = frame;
        } else if !frame.is_empty() {
            self.others.push_back(frame);
        }
    }

    /// The frame that waits, if it is the only one.
    pub fn only(&self) -> Option<&[u8]> {
        (self.others.is_empty() && self.waiting > 0).then_some(&self.first)
    }

    /// Shows the first frames to a vectored write; answers how many slots it filled.
    pub fn slices<'a>(&'a self, slots: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let frames = std::iter::once(&self.first).filter(|first| !first.is_empty()).chain(&self.others);
        for (slot, frame) in slots.iter_mut().zip(frames) {
            *slot = IoSlice::new(frame);
            filled += 1;
        }
        filled
    }

    /// Forgets the bytes that have been written.
    pub fn advance(&mut self, mut written: usize) {
        if written == self.waiting {
            // By far the most writes take all there is, and that is one frame.
            return self.clear();
        }
        self.waiting -= written;
        while written > 0 {
            if written < self.first.len() {
                self.first.advance(written);
                return;
            }
            written -= self.first.len();
            self.next();
        }
    }

    /// Takes whole frames off the front, as many as fit into `max` bytes and at least one if there is one.
    pub fn take(&mut self, max: usize) -> Vec<Bytes> {
        let (mut taken, mut frames) = (0, Vec::new());
        while !self.first.is_empty() && (taken == 0 || taken + self.first.len() <= max) {
            taken += self.first.len();
            frames.push(self.next());
        }
        self.waiting -= taken;
        frames
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.waiting = 0;
        self.first = Bytes::new();
        if self.others.capacity() > 0 {
            self.others = VecDeque::new();
        }
    }

    /// Takes the first frame off.
    fn next(&mut self) -> Bytes {
        let next = self.others.pop_front().unwrap_or_default();
        if self.others.is_empty() && self.others.capacity() > 0 {
            self.others = VecDeque::new();
        }
        std::mem::replace(&mut self.first, next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_leaves_is_what_came_in_order(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..30),
            steps in prop::collection::vec(1_usize..50, 1..200),
        ) {
            let mut queue = Queue::default();
            for frame in &frames {
                queue.push(Bytes::from(frame.clone()));
            }
            let mut left = Vec::new();
            for step in steps.into_iter().chain(std::iter::repeat_n(7, 200)) {
                let mut slots = [IoSlice::new(&[]); 4];
                let filled = queue.slices(&mut slots);
                let shown: Vec<u8> = slots[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                let taken = step.min(shown.len());
                left.extend_from_slice(&shown[..taken]);
                queue.advance(taken);
            }
            prop_assert_eq!(left, frames.concat());
            prop_assert_eq!(queue.waiting(), 0);
        }

        #[test]
        fn what_is_taken_is_whole_and_fits(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..30),
            max in 0_usize..60,
        ) {
            let mut queue = Queue::default();
            for frame in &frames {
                queue.push(Bytes::from(frame.clone()));
            }
            let mut taken = Vec::new();
            while queue.waiting() > 0 {
                let some = queue.take(max);
                prop_assert!(some.len() == 1 || some.iter().map(Bytes::len).sum::<usize>() <= max);
                taken.extend(some);
            }
            prop_assert_eq!(taken, frames);
            prop_assert!(queue.take(max).is_empty());
        }
    }
}
