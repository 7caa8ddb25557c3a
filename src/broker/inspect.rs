//! What a relay tells of its clients and topics to those who watch the house; nothing of it is gathered otherwise.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use actix::prelude::*;

use super::client::Until;
use super::index::TopicCount;
use super::local::{LocalRelay, State};
use super::relay::Relay;
use crate::domain::ids::SessionId;

/// How many topics a relay tells for each that is shown: those busiest everywhere need not be the busiest here.
const SPARE: usize = 4;

/// Asks a relay for its slowest clients, and for what went on in its topics since it was asked last.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "RelayReport")]
pub struct Inspect {
    /// How many clients and topics will be shown.
    pub most: usize,
}

/// What a relay tells.
#[derive(Debug, Clone, Default)]
pub struct RelayReport {
    /// The slowest clients first.
    pub slowest: Vec<SlowClient>,
    /// The busiest topics, of those that somebody listens to here.
    pub topics: Vec<TopicCount>,
    /// The span over which the topics were counted.
    pub over: Duration,
}

/// A client for whom something waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowClient {
    /// Which session.
    pub session: SessionId,
    /// Bytes that wait.
    pub waiting: usize,
    /// For how long nothing of that has left.
    pub stalled: Duration,
    /// Whether it gets nothing more until it has drained.
    pub is_behind: bool,
    /// Values that newer ones replaced before it got them.
    pub conflated: u64,
}

impl SlowClient {
    /// What makes one client slower than another: first how much waits, then for how long.
    #[must_use]
    pub const fn slowness(&self) -> (usize, Duration) {
        (self.waiting, self.stalled)
    }
}

impl Handler<Inspect> for Relay {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, Inspect { most }: Inspect, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.local().inspect(most))
    }
}

impl LocalRelay {
    fn inspect(&self, most: usize) -> RelayReport {
        let mut state = self.state();
        let over = std::mem::replace(&mut state.inspected, Instant::now()).elapsed();
        RelayReport { slowest: state.slowest(most), topics: state.index.busiest(most * SPARE), over }
    }
}

impl State {
    fn slowest(&self, most: usize) -> Vec<SlowClient> {
        let mut slow: Vec<_> = self
            .clients
            .iter()
            .flatten()
            .filter_map(|client| {
                let is_behind =
                    client.behind.as_ref().is_some_and(|behind| matches!(behind.until, Until::Low | Until::Page));
                let waiting = client.seat.outbox.waiting();
                (waiting > 0 || is_behind).then(|| SlowClient {
                    session: client.seat.id.clone(),
                    waiting,
                    stalled: client.seat.outbox.stalled_for(),
                    is_behind,
                    conflated: client.conflated,
                })
            })
            .collect();
        slow.sort_by_key(|client| Reverse(client.slowness()));
        slow.truncate(most);
        slow
    }
}
