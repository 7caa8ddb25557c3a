//! The one order of events, its log, and the relays that follow it on every worker thread.
//!
//! [`Broker`] stamps events, has those durable in its [`Journal`] that each subscriber must get, and hands them to one
//! [`Relay`] per worker; the relay keeps a [`Replica`] of the recent order and an [`Index`] of who listens, and puts
//! finished frames into outboxes through its [`LocalRelay`]. What is older it reads from the [`Archive`].

mod actor;
mod archive;
mod index;
mod journal;
mod latest;
mod local;
mod open;
mod places;
mod relay;
mod replica;
mod sweeper;
mod waiting;

pub use actor::{
    Announce, Broker, BrokerCheck, BrokerError, BrokerOptions, CloseOrder, Follow, Followed, Publish, Resync,
};
pub use archive::{Archive, ArchiveError};
pub use index::{ChannelId, Index};
pub use journal::{Entry, Journal, JournalError};
pub use latest::LatestTable;
pub use local::{Gapped, LocalRelay, Seat, SeatOptions};
pub use open::OpenOrder;
pub use relay::{Deliver, Relay, RelayCheck};
pub use replica::{Gap, Replica};
pub use sweeper::Sweeper;
