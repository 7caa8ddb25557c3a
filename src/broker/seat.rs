//! A client's place at the relay of its thread, as its session sees it.

use std::fmt;

use actix::{Message, WeakRecipient};
use tokio::sync::oneshot;

use super::client::Until;
use super::local::LocalRelay;
use crate::domain::cursor::Cursor;
use crate::domain::event::Dialect;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::pace::Pace;
use crate::domain::topic::Channel;
use crate::pipe::Outbox;

/// From how many on who waits for a client to catch up holds up what else it says.
const WAITING_MAX: usize = 8;

/// Events were lost for this seat: its subscriptions have ended and need snapshots, see [`Seat::start_over`].
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Gapped;

/// What a client brings to its seat.
pub struct SeatOptions {
    /// Whose seat it is.
    pub id: SessionId,
    /// Where its frames go.
    pub outbox: Outbox,
    /// How its events are written.
    pub dialect: &'static Dialect,
    /// The person, unless they may see all modules: what happened to a single module in the past is theirs to hear only
    /// if it was theirs then.
    pub owner: Option<UserId>,
    /// Who is told of a gap.
    pub session: WeakRecipient<Gapped>,
}

/// A channel that a client listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which channel.
    pub channel: Channel,
    /// How often at most the client wants newer values there; none for as often as they come.
    ///
    /// What must come at once brings along the newest values of everything, so that its cursor is true.
    pub pace: Option<Pace>,
}

/// One client at a relay; dropping it ends its subscriptions.
pub struct Seat {
    pub(super) relay: LocalRelay,
    pub(super) number: u32,
}

impl Seat {
    /// Stops delivery until [`Seat::release`]; answers what the client has seen so far, which stays before events that are
    /// lost until it is told so.
    ///
    /// State read after this call and told with this cursor is never older than the cursor.
    #[must_use]
    pub fn hold(&self) -> Cursor {
        let mut state = self.relay.state();
        let head = state.replica.cursor();
        let Some(client) = state.client(self.number) else { return head };
        let has = client.behind.as_ref().map_or(head.offset, |behind| behind.has);
        if !client.is_lost() {
            state.wait(self.number, has, Until::Released);
        }
        Cursor { offset: has, ..head }
    }

    /// Whether events are lost that the client has not been told of: nothing more comes until [`Seat::start_over`].
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.relay.state().client(self.number).is_some_and(|client| client.is_lost())
    }

    /// Lets go of what the client had: it cannot go on from there.
    pub fn lose(&self) {
        self.relay.state().lose(self.number);
    }

    /// As [`Seat::hold`] for a client that is told now that events are lost: it begins where the order stands.
    #[must_use]
    pub fn start_over(&self) -> Cursor {
        let mut state = self.relay.state();
        let head = state.replica.cursor();
        state.wait(self.number, head.offset, Until::Released);
        head
    }

    /// Goes on after [`Seat::hold`], listening to these channels too, and catches up.
    ///
    /// A channel that the client listens to already gets the new pace. A seat that is lost stays as it is.
    pub fn release(&self, wanted: &[Wanted]) {
        let mut state = self.relay.state();
        let Some(client) = state.client(self.number).filter(|client| !client.is_lost()) else { return };
        let from = client.behind.as_ref().map_or(client.seen, |behind| behind.has);
        for Wanted { channel, pace } in wanted {
            state.index.add(self.number, channel, from, *pace);
        }
        state.note_pace(self.number);
        state.catch_up(self.number, &self.relay);
    }

    /// Ends when the client has been handed everything it lacks now; none if it lacks nothing.
    #[must_use]
    pub fn caught_up(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.relay.state();
        let client = state.client(self.number)?;
        client.is_catching_up().then(|| {
            let (caught_up, is_caught_up) = oneshot::channel();
            client.waiting.push(caught_up);
            is_caught_up
        })
    }

    /// Whether so many wait for the client to catch up that nothing more of it may be taken until it has.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.relay.state().client(self.number).is_some_and(|client| client.waiting.len() >= WAITING_MAX)
    }

    /// Whether everything after the cursor is still known.
    #[must_use]
    pub fn can_resume(&self, cursor: Cursor) -> bool {
        self.relay.state().reaches(cursor)
    }

    /// Goes on after [`Seat::hold`] from a cursor of an earlier connection, listening to these channels too.
    ///
    /// Ask [`Seat::can_resume`] first, in the same turn; a cursor that cannot be used ends in [`Gapped`].
    pub fn resume(&self, wanted: &[Wanted], cursor: Cursor) {
        self.relay.state().wait(self.number, cursor.offset, Until::Released);
        self.release(wanted);
    }

    /// Listens to these channels too, whose state the client is told as of a moment since [`Seat::hold`]; call before
    /// [`Seat::resume`], which goes on.
    pub fn listen_from(&self, wanted: &[Wanted], held: Cursor) {
        let mut state = self.relay.state();
        for Wanted { channel, pace } in wanted {
            state.index.add(self.number, channel, held.offset, *pace);
        }
    }

    /// Whether the client was handed an event since it came: what lies before that cannot be told it in order any more.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.relay.state().client(self.number).is_some_and(|client| client.has_heard)
    }

    /// Listens to a channel at another pace, if it listens to it.
    pub fn set_pace(&self, wanted: &Wanted) {
        let mut state = self.relay.state();
        state.index.set_pace(self.number, &wanted.channel, wanted.pace);
        state.note_pace(self.number);
    }

    /// Listens to a channel no more.
    pub fn leave(&self, channel: &Channel) {
        let mut state = self.relay.state();
        state.index.remove(self.number, channel);
        state.note_pace(self.number);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.relay.state().remove(self.number);
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seat").field(&self.number).finish()
    }
}
