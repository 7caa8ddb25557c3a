//! Frames that many connections of a thread are sent one behind the other: linked once for all of them.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::iter;
use std::rc::Rc;

use bytes::Bytes;

/// How many frames are linked at most: so many may be held by a connection that takes the first of them and no other.
const LINKS_MAX: u8 = 64;

/// How many bytes they have together, for the same reason.
pub(super) const BYTES_MAX: usize = 16 * 1024;

/// The longest frame that is linked.
const SHARED_MAX: usize = 2048;

/// How many beginnings are kept: about one for each way in which an event is written.
const BEGINNINGS: usize = 4;

/// A run is worth what it may hold beyond its own frames up to so many times their bytes.
pub(super) const BEYOND_MAX: usize = 4;

/// A frame, and what those who were sent it were sent next.
///
/// Invariant: what is linked behind has the next place, and no place is beyond `LINKS_MAX`; `end` is how many bytes there
/// are from the beginning of the chain up to the end of this frame, and not beyond `BYTES_MAX`.
struct Link {
    frame: Bytes,
    next: OnceCell<Rc<Self>>,
    place: u8,
    end: usize,
}

impl Link {
    fn first(frame: &Bytes) -> Self {
        Self { frame: frame.clone(), next: OnceCell::new(), place: 1, end: frame.len() }
    }

    /// Whether it is the very same frame, not one that is alike.
    fn holds(&self, frame: &Bytes) -> bool {
        self.frame.as_ptr() == frame.as_ptr() && self.frame.len() == frame.len()
    }

    /// The link of what comes behind this one, if that is what all others were sent next too.
    fn followed_by(&self, frame: &Bytes) -> Option<&Rc<Self>> {
        let (place, end) = (self.place + 1, self.end + frame.len());
        if place > LINKS_MAX || end > BYTES_MAX || frame.len() > SHARED_MAX {
            return None;
        }
        let next = self.next.get_or_init(|| Rc::new(Self { frame: frame.clone(), next: OnceCell::new(), place, end }));
        next.holds(frame).then_some(next)
    }

    /// How many bytes may be linked behind it.
    const fn room(&self) -> usize {
        if self.place == LINKS_MAX { 0 } else { BYTES_MAX - self.end }
    }
}

/// Some frames of a chain, one behind the other.
///
/// Invariant: `count` links from `first` on, which is at least one, the last is `last`.
pub struct Run {
    first: Rc<Link>,
    last: Rc<Link>,
    count: u32,
}

impl Run {
    fn of(link: &Rc<Link>) -> Self {
        Self { first: Rc::clone(link), last: Rc::clone(link), count: 1 }
    }

    /// Takes a frame along that others are sent too; does not if it goes another way than theirs.
    pub fn extend(&mut self, frame: &Bytes) -> bool {
        let Some(next) = self.last.followed_by(frame).map(Rc::clone) else { return false };
        self.last = next;
        self.count += 1;
        true
    }

    /// Whether it holds little that is not its own.
    pub fn is_long(&self) -> bool {
        let own = self.first.frame.len() + self.last.end - self.first.end;
        self.last.room() <= BEYOND_MAX * own
    }

    /// Whether it is one frame.
    pub const fn is_single(&self) -> bool {
        self.count == 1
    }

    /// The first frame.
    pub fn first(&self) -> &Bytes {
        &self.first.frame
    }

    /// All frames, in order.
    pub fn frames(&self) -> impl Iterator<Item = &Bytes> {
        let links = iter::successors(Some(&self.first), |link| link.next.get());
        links.take(self.count as usize).map(|link| &link.frame)
    }

    /// What is left without the first frame.
    pub fn rest(self) -> Option<Self> {
        let next = self.first.next.get().filter(|_| self.count > 1)?;
        Some(Self { first: Rc::clone(next), last: self.last, count: self.count - 1 })
    }
}

/// Where chains begin that connections of one thread are sent now.
#[derive(Default)]
pub struct Shelf {
    /// The newest in front.
    beginnings: RefCell<[Option<Rc<Link>>; BEGINNINGS]>,
}

impl Shelf {
    /// A run of one frame that others are sent too; none if that is not worth it.
    pub fn begin(&self, frame: &Bytes) -> Option<Run> {
        if frame.len() > SHARED_MAX {
            return None;
        }
        let mut beginnings = self.beginnings.borrow_mut();
        if let Some(link) = beginnings.iter().flatten().find(|link| link.holds(frame)) {
            return Some(Run::of(link));
        }
        beginnings.rotate_right(1);
        let newest = &mut beginnings[0];
        match newest.as_mut().and_then(Rc::get_mut) {
            // Nobody has it any more: its room is good for the next.
            Some(link) => *link = Link::first(frame),
            None => *newest = Some(Rc::new(Link::first(frame))),
        }
        newest.as_ref().map(Run::of)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("count", &self.count).finish()
    }
}
