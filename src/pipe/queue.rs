//! Finished frames that wait for a socket.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem;

use bytes::Bytes;

use super::chain::{Run, Shelf};

#[cfg(test)]
mod tests;

/// From how many runs on new ones begin only behind long ones: what others are sent stays as long as somebody has a run of
/// it, so few of them may be short.
const RUNS: usize = 3;

/// Frames in order, the first of them perhaps partly written.
///
/// Invariant: `waiting` is the sum of the lengths of all frames without the `written` bytes of the first one; no frame is
/// empty, and `first` is none only if none waits. What many are sent takes no memory of their own, nor does the one frame
/// of a quiet connection, and an empty queue keeps none.
#[derive(Debug, Default)]
pub struct Queue {
    first: Option<Piece>,
    #[expect(clippy::box_collection, reason = "most queues have none of them, and there are many queues")]
    others: Option<Box<VecDeque<Piece>>>,
    written: usize,
    waiting: usize,
}

/// Frames that came one behind the other.
#[derive(Debug)]
enum Piece {
    /// One of this connection alone.
    Own(Bytes),
    /// Some that others are sent too.
    Shared(Run),
}

impl Queue {
    /// How many bytes wait.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts a frame at the end; one without bytes is none.
    pub fn push(&mut self, frame: Bytes) {
        self.waiting += frame.len();
        if !frame.is_empty() {
            self.add(Piece::Own(frame));
        }
    }

    /// Puts a frame at the end that other connections of the thread are sent too, and that has bytes.
    pub fn push_shared(&mut self, frame: &Bytes, shelf: &Shelf) {
        self.waiting += frame.len();
        let last = self.others.as_mut().and_then(|others| others.back_mut()).or(self.first.as_mut());
        if let Some(Piece::Shared(run)) = last
            && run.extend(frame)
        {
            return;
        }
        let run = if self.may_share() { shelf.begin(frame) } else { None };
        self.add(run.map_or_else(|| Piece::Own(frame.clone()), Piece::Shared));
    }

    /// The frame that waits, if it is the only one.
    pub fn only(&self) -> Option<&[u8]> {
        let frame = match &self.first {
            Some(Piece::Own(frame)) => frame,
            Some(Piece::Shared(run)) if run.is_single() => run.first(),
            _ => return None,
        };
        self.others.is_none().then(|| &frame[self.written..])
    }

    /// Shows the first frames to a vectored write; answers how many slots it filled.
    pub fn slices<'a>(&'a self, slots: &mut [IoSlice<'a>]) -> usize {
        let (mut written, mut filled) = (self.written, 0);
        for (slot, frame) in slots.iter_mut().zip(self.frames()) {
            *slot = IoSlice::new(&frame[mem::take(&mut written)..]);
            filled += 1;
        }
        filled
    }

    /// Forgets the bytes that have been written.
    pub fn advance(&mut self, bytes: usize) {
        if bytes == self.waiting {
            // By far the most writes take all there is, and that is one frame.
            return self.clear();
        }
        self.waiting -= bytes;
        self.written += bytes;
        while let Some(length) = self.first.as_ref().map(|first| first.first().len())
            && self.written >= length
        {
            self.written -= length;
            self.forget_first();
        }
    }

    /// Takes whole frames off the front, as many as fit into `max` bytes and at least one if there is one.
    pub fn take(&mut self, max: usize) -> Vec<Bytes> {
        let (mut taken, mut frames) = (0, Vec::new());
        while let Some(first) = &self.first {
            let frame = first.first().slice(self.written..);
            if taken > 0 && taken + frame.len() > max {
                break;
            }
            taken += frame.len();
            frames.push(frame);
            self.written = 0;
            self.forget_first();
        }
        self.waiting -= taken;
        frames
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn add(&mut self, piece: Piece) {
        if self.first.is_none() {
            self.first = Some(piece);
        } else {
            self.others.get_or_insert_default().push_back(piece);
        }
    }

    /// Whether a run may begin here.
    fn may_share(&self) -> bool {
        let Some(others) = self.others.as_ref().filter(|others| others.len() >= RUNS) else { return true };
        matches!(others.back(), Some(Piece::Shared(run)) if run.is_long())
    }

    fn frames(&self) -> impl Iterator<Item = &Bytes> {
        self.first.iter().chain(self.others.iter().flat_map(|others| others.iter())).flat_map(Piece::frames)
    }

    /// Takes the first frame off.
    fn forget_first(&mut self) {
        self.first = self.first.take().and_then(Piece::rest).or_else(|| self.others.as_mut()?.pop_front());
        self.others.take_if(|others| others.is_empty());
    }
}

impl Piece {
    fn first(&self) -> &Bytes {
        match self {
            Self::Own(frame) => frame,
            Self::Shared(run) => run.first(),
        }
    }

    fn frames(&self) -> impl Iterator<Item = &Bytes> {
        let (own, shared) = match self {
            Self::Own(frame) => (Some(frame), None),
            Self::Shared(run) => (None, Some(run.frames())),
        };
        own.into_iter().chain(shared.into_iter().flatten())
    }

    /// What is left without the first frame.
    fn rest(self) -> Option<Self> {
        match self {
            Self::Own(_) => None,
            Self::Shared(run) => run.rest().map(Self::Shared),
        }
    }
}
