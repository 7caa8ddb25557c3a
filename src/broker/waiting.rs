//! What waits for its place in the order.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::actor::BrokerError;
use crate::domain::cursor::Offset;
use crate::domain::event::NewEvent;
use crate::store::announcements::AnnouncementId;

/// How many bytes of payload may wait for the journal.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many times more announcements may wait than other events.
const ANNOUNCEMENTS: usize = 8;

/// The answer to whoever publishes.
pub type Answer = oneshot::Sender<Result<Offset, BrokerError>>;

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

    /// Lets an event wait; answers where its answer will come.
    ///
    /// # Errors
    /// [`BrokerError::Full`].
    pub fn add(
        &mut self,
        event: NewEvent,
        announcement: Option<AnnouncementId>,
    ) -> Result<oneshot::Receiver<Result<Offset, BrokerError>>, BrokerError> {
        let is_each = event.delivery.is_each();
        let size = if is_each { event.data.get().len() } else { 0 };
        let (waiting, most) = match (is_each, &announcement) {
            (false, _) => (self.latest.len(), self.most),
            (true, None) => (self.each.len(), self.most),
            (true, Some(_)) => (self.each.len(), self.most * ANNOUNCEMENTS),
        };
        if waiting >= most || self.bytes + size > BYTES_MAX {
            return Err(BrokerError::Full);
        }
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { event, announcement, answer };
        if is_each {
            self.bytes += size;
            self.each.push(waiting);
        } else {
            self.latest.push_back(waiting);
        }
        Ok(answered)
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
        std::mem::take(&mut self.each)
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
