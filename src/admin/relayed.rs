//! What the relays of all worker threads tell, put together.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use super::report::MOST;
use crate::broker::{RelayReport, SlowClient};
use crate::domain::topic::Channel;

/// What all relays together tell.
#[derive(Debug, Default)]
pub struct Relayed {
    /// The slowest clients first.
    pub slowest: Vec<SlowClient>,
    /// The busiest channels first: how many events each had, and how many deliveries.
    pub topics: Vec<(Channel, u64, u64)>,
    /// Over which span.
    pub over: Duration,
}

impl Relayed {
    /// Puts together what each relay tells: every one sees every event, and delivers to its own clients.
    #[must_use]
    pub fn of(reports: Vec<RelayReport>) -> Self {
        let mut topics: HashMap<Channel, (u64, u64)> = HashMap::new();
        let (mut slowest, mut over) = (Vec::new(), Duration::ZERO);
        for report in reports {
            over = over.max(report.over);
            slowest.extend(report.slowest);
            for topic in report.topics {
                let sum = topics.entry(topic.channel).or_default();
                *sum = (sum.0.max(topic.events), sum.1 + topic.deliveries);
            }
        }
        slowest.sort_by_key(|client: &SlowClient| Reverse(client.slowness()));
        slowest.truncate(MOST);
        let mut topics: Vec<_> =
            topics.into_iter().map(|(channel, (events, deliveries))| (channel, events, deliveries)).collect();
        topics.sort_by_key(|(_, events, deliveries)| Reverse((*events + *deliveries, *events)));
        topics.truncate(MOST);
        Self { slowest, topics, over }
    }
}
