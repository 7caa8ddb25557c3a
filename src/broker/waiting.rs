//! What waits for its place in the order.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;

use tokio::sync::oneshot;

use super::actor::BrokerError;
use crate::domain::cursor::Offset;
use crate::domain::event::NewEvent;
use crate::reply::Promise;
use crate::store::announcements::AnnouncementId;

/// How many bytes of payload may wait for the journal.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many times more announcements may wait than other events.
const ANNOUNCEMENTS: usize = 8;

/// What became of an event.
type Outcome = Result<Offset, BrokerError>;

/// The answer to whoever publishes; one that is dropped says that the broker has stopped.
pub enum Answer {
    /// To who published one event.
    One(Promise<Offset, BrokerError>),
    /// To who published several; this is the one at the index.
    Part(Rc<Outcomes>, usize),
}

/// What became of events that were published together; told when nothing can change any more: when the last part of the
/// answer is gone.
pub struct Outcomes {
    known: RefCell<Vec<Outcome>>,
    asker: Option<oneshot::Sender<Vec<Outcome>>>,
}

impl Outcomes {
    /// Those of so many events, and where they will be told.
    pub fn of(events: usize) -> (Rc<Self>, oneshot::Receiver<Vec<Outcome>>) {
        let (asker, told) = oneshot::channel();
        let known = RefCell::new(vec![Err(BrokerError::Stopped); events]);
        (Rc::new(Self { known, asker: Some(asker) }), told)
    }
}

impl Drop for Outcomes {
    fn drop(&mut self) {
        if let Some(asker) = self.asker.take() {
            // Who published may not wait for the answer.
            let _ = asker.send(self.known.take());
        }
    }
}

impl Answer {
    /// Answers.
    pub fn tell(self, outcome: Outcome) {
        match self {
            Self::One(promise) => promise.keep(outcome),
            Self::Part(outcomes, index) => {
                if let Some(known) = outcomes.known.borrow_mut().get_mut(index) {
                    *known = outcome;
                }
            }
        }
    }
}

/// One event that waits, and who waits for it.
pub struct Waiting {
    /// The event.
    pub event: NewEvent,
    /// The announcement that it is.
    pub announcement: Option<AnnouncementId>,
    /// Who published it.
    pub answer: Answer,
}

/// The two waiting lines of the broker: for the journal, and for a place only.
///
/// Invariant: `latest` is no longer than `most`; an event joins `each` only while that is no longer than `most` (an
/// announcement, whose change cannot be taken back: `ANNOUNCEMENTS` times `most`) and holds no more than `BYTES_MAX`.
pub struct WaitingLines {
    each: Vec<Waiting>,
    latest: VecDeque<Waiting>,
    bytes: usize,
    most: usize,
}

impl WaitingLines {
    /// Two empty lines.
    pub const fn new(most: usize) -> Self {
        Self { each: Vec::new(), latest: VecDeque::new(), bytes: 0, most }
    }

    /// Whether one more event may wait.
    pub fn has_room_for(&self, event: &NewEvent, announcement: Option<&AnnouncementId>) -> bool {
        let (before, most) = match (event.delivery.is_each(), announcement) {
            (false, _) => (self.latest.len(), self.most),
            (true, None) => (self.each.len(), self.most),
            (true, Some(_)) => (self.each.len(), self.most * ANNOUNCEMENTS),
        };
        before < most && self.bytes + bytes_of(event) <= BYTES_MAX
    }

    /// Lets an event wait that there is room for.
    pub fn add(&mut self, waiting: Waiting) {
        self.bytes += bytes_of(&waiting.event);
        if waiting.event.delivery.is_each() {
            self.each.push(waiting);
        } else {
            self.latest.push_back(waiting);
        }
    }

    /// Lets events wait on that the journal did not take, before all others.
    pub fn put_back(&mut self, mut refused: Vec<Waiting>) {
        self.bytes += refused.iter().map(|one| one.event.data.get().len()).sum::<usize>();
        refused.append(&mut self.each);
        self.each = refused;
    }

    /// All that wait for the journal.
    pub fn take_each(&mut self) -> Vec<Waiting> {
        self.bytes = 0;
        mem::take(&mut self.each)
    }

    /// The next that waits for a place only.
    pub fn take_latest(&mut self) -> Option<Waiting> {
        self.latest.pop_front()
    }

    /// Whether something waits for a place only.
    pub fn has_latest(&self) -> bool {
        !self.latest.is_empty()
    }

    /// Whether something waits for the journal.
    pub fn has_each(&self) -> bool {
        !self.each.is_empty()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty() && self.latest.is_empty()
    }
}

/// What an event counts of the bytes that may wait for the journal.
fn bytes_of(event: &NewEvent) -> usize {
    if event.delivery.is_each() { event.data.get().len() } else { 0 }
}
