//! The one order of events, its log, and the relays that follow it on every worker thread.
//!
//! [`Broker`] stamps events, has those durable in its [`Journal`] that each subscriber must get, and hands them to one
//! [`Relay`] per worker; the relay keeps a [`Replica`] of the recent order and an [`Index`] of who listens, and puts
//! finished frames into outboxes through its [`LocalRelay`]. What is older it reads from the
//! [`Archive`]. A client takes its [`Seat`] there.

mod actor;
mod archive;
mod catch_up;
mod client;
mod forwarder;
mod head;
mod index;
mod inspect;
mod journal;
mod latest;
mod local;
mod noted;
mod open;
mod pages;
mod places;
mod relay;
mod replica;
mod retention;
mod seat;
mod sweeper;
mod waiting;
mod walk;

pub use actor::{
    Announce, Broker, BrokerCheck, BrokerError, BrokerOptions, CloseOrder, Follow, Followed, Publish, PublishAll,
    Resync,
};
pub use archive::{Archive, ArchiveError};
pub use forwarder::Forwarder;
pub use head::Head;
pub use index::{ChannelId, Index, TopicCount};
pub use inspect::{Inspect, RelayReport, SlowClient};
pub use journal::{Entry, Journal, JournalError};
pub use latest::LatestTable;
pub use local::LocalRelay;
pub use open::OpenOrder;
pub use relay::{Deliver, Relay, RelayCheck};
pub use replica::{Gap, Replica};
pub use retention::Retention;
pub use seat::{Gapped, Seat, SeatOptions, Wanted};
pub use sweeper::Sweeper;
