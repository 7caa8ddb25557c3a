//! The one order of events, its log, and the relays that follow it on every worker thread.
//!
//! [`Broker`] stamps events and hands them to one [`Relay`] per worker; the relay keeps a [`Replica`] of the recent
//! order and an [`Index`] of who listens, and puts finished frames into outboxes through its [`LocalRelay`].

mod actor;
mod archive;
mod index;
mod journal;
mod latest;
mod local;
mod relay;
mod replica;

pub use actor::{Broker, BrokerCheck, BrokerError, BrokerOptions, Follow, Publish, Resync};
pub use archive::{Archive, ArchiveError};
pub use index::{ChannelId, Index};
pub use journal::{Journal, JournalError};
pub use latest::LatestTable;
pub use local::{Gapped, LocalRelay, Seat, SeatOptions};
pub use relay::{Deliver, Relay, RelayCheck};
pub use replica::{Gap, Replica};
