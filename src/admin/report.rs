//! How the hub fares, in the words of `GET /api/v1/monitor`; pure.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use super::relayed::Relayed;
use crate::broker::SlowClient;
use crate::domain::ids::SessionId;
use crate::domain::time::{Timestamp, millis};
use crate::domain::topic::Channel;
use crate::observe::Metrics;
use crate::session::SessionFacts;

/// How many clients, topics and reasons are told.
pub const MOST: usize = 10;

/// How the hub fares right now; sums are since the start.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monitored {
    /// When this was so.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Open connections by door.
    connections: Vec<DoorCount>,
    /// How many may begin, and what those were told who wanted to.
    admission: AdmissionFigures,
    /// How sessions began.
    sessions: SessionFigures,
    /// How long clients that came back had been away, as they tell themselves.
    reconnections: ReconnectionFigures,
    /// Requests and frames refused, the most frequent reasons first.
    refused: Vec<ReasonCount>,
    /// Sessions that the hub ended, the most frequent close codes first.
    ended: Vec<CodeCount>,
    /// The clients for whom most waits, and those that are behind.
    slowest: Vec<SlowSession>,
    /// The topics with most events and deliveries, of those that somebody listens to.
    topics: Vec<TopicRate>,
    /// The span over which the rates of the topics are taken.
    over_ms: u64,
}

/// Open connections of a door.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DoorCount {
    /// `ws`, `sse`, `socketio`, `module` or `mqtt`.
    door: &'static str,
    /// How many are open.
    open: u64,
}

/// How connections of people were let in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionFigures {
    /// How many may begin each second.
    rate: u32,
    /// Let in.
    admitted: u64,
    /// Told their own moment to come back.
    sent_away: u64,
    /// Refused without one.
    turned_down: u64,
    /// Given a moment that is still to come.
    waiting: u64,
}

/// How sessions began.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionFigures {
    /// Went on behind their cursor.
    resumed: u64,
    /// Had seen nothing, and got snapshots.
    snapshotted: u64,
    /// Could not go on behind their cursor, and got snapshots.
    gapped: u64,
    /// Times any client was told that it missed events, also while it was connected.
    gaps: u64,
    /// Times a client fell behind.
    behind: u64,
}

/// How long clients were away.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconnectionFigures {
    /// How many told.
    count: u64,
    /// Of the last 512: half were away for no longer.
    p50_ms: u64,
    /// Of the last 512: nineteen in twenty were away for no longer.
    p95_ms: u64,
    /// Of the last 512: the longest.
    max_ms: u64,
}

/// Refusals of a kind.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonCount {
    /// The kind of the problem, or where it was refused.
    reason: String,
    /// How many.
    count: u64,
}

/// Ends of a kind.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CodeCount {
    /// The close code.
    code: u16,
    /// How many.
    count: u64,
}

/// A client that is slow.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlowSession {
    /// Which session.
    session_id: String,
    /// Whose.
    user_id: String,
    /// What that person is called.
    user_name: String,
    /// `websocket`, `sse` or `socketio`.
    dialect: &'static str,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Bytes that wait for it.
    waiting_bytes: u64,
    /// For how long nothing of that has left.
    stalled_ms: u64,
    /// Whether it gets nothing more until it has drained.
    is_behind: bool,
    /// Values that newer ones replaced before it got them.
    conflated: u64,
}

/// How much goes on in a topic.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicRate {
    /// The topic; `modules:<id>` for all modules of a person.
    topic: String,
    /// Events a second.
    events_per_second: f64,
    /// Events handed to clients a second.
    deliveries_per_second: f64,
}

impl Monitored {
    /// Sums up what was gathered.
    #[must_use]
    pub fn new(
        metrics: &Metrics,
        (rate, waiting): (u32, u64),
        relayed: Relayed,
        facts: &HashMap<SessionId, SessionFacts>,
    ) -> Self {
        let (clients, totals) = (metrics.client_totals(), metrics.totals());
        let refused = clients.refused.into_iter().map(|(reason, count)| ReasonCount { reason: reason.into(), count });
        let ended = clients.ended.into_iter().map(|(code, count)| CodeCount { code, count });
        let (slowest, topics) = (relayed.slowest.iter(), relayed.topics.iter());
        Self {
            at: Timestamp::now(),
            connections: metrics.open_by_door().map(|(door, open)| DoorCount { door, open }).collect(),
            admission: AdmissionFigures {
                rate,
                admitted: clients.admitted,
                sent_away: clients.sent_away,
                turned_down: clients.turned_down,
                waiting,
            },
            sessions: SessionFigures {
                resumed: clients.resumed,
                snapshotted: clients.fresh,
                gapped: clients.gapped,
                gaps: totals.gaps,
                behind: totals.behind,
            },
            reconnections: ReconnectionFigures {
                count: clients.reconnections,
                p50_ms: millis(clients.away_p50),
                p95_ms: millis(clients.away_p95),
                max_ms: millis(clients.away_max),
            },
            refused: most_first(refused, |refused| refused.count),
            ended: most_first(ended, |ended| ended.count),
            slowest: slowest.filter_map(|client| Some(SlowSession::of(client, facts.get(&client.session)?))).collect(),
            topics: topics.map(|topic| TopicRate::of(topic, relayed.over)).collect(),
            over_ms: millis(relayed.over),
        }
    }
}

impl SlowSession {
    fn of(client: &SlowClient, facts: &SessionFacts) -> Self {
        let age = Instant::now().saturating_duration_since(facts.since);
        Self {
            session_id: facts.session.to_string(),
            user_id: facts.user_id.to_string(),
            user_name: facts.user_name.clone(),
            dialect: facts.dialect,
            since: Timestamp::from_millis(Timestamp::now().as_millis() - i64::try_from(age.as_millis()).unwrap_or(0)),
            waiting_bytes: client.waiting as u64,
            stalled_ms: millis(client.stalled),
            is_behind: client.is_behind,
            conflated: client.conflated,
        }
    }
}

impl TopicRate {
    fn of((channel, events, deliveries): &(Channel, u64, u64), over: Duration) -> Self {
        let seconds = over.as_secs_f64().max(0.001);
        let rate = |count: u64| (count as f64 / seconds * 10.0).round() / 10.0;
        Self { topic: channel.to_string(), events_per_second: rate(*events), deliveries_per_second: rate(*deliveries) }
    }
}

fn most_first<T>(counts: impl Iterator<Item = T>, count: impl Fn(&T) -> u64) -> Vec<T> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by_key(|one| Reverse(count(one)));
    counts.truncate(MOST);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{RelayReport, TopicCount};

    fn report(topics: &[(&str, u64, u64)], waiting: &[usize]) -> RelayReport {
        let topic = |(name, events, deliveries): &(&str, u64, u64)| TopicCount {
            channel: Channel::Custom((*name).into()),
            events: *events,
            deliveries: *deliveries,
        };
        let client = |waiting: &usize| SlowClient {
            session: SessionId::generate(),
            waiting: *waiting,
            stalled: Duration::ZERO,
            is_behind: false,
            conflated: 0,
        };
        RelayReport {
            topics: topics.iter().map(topic).collect(),
            slowest: waiting.iter().map(client).collect(),
            over: Duration::from_secs(2),
        }
    }

    #[test]
    fn relays_see_the_same_events_and_deliver_to_their_own_clients() {
        let all = Relayed::of(vec![
            report(&[("a", 10, 20), ("b", 4, 4)], &[7, 3]),
            report(&[("a", 10, 5), ("c", 1, 100)], &[9]),
        ]);

        let rates: Vec<_> = all.topics.iter().map(|topic| TopicRate::of(topic, all.over)).collect();
        let told: Vec<_> =
            rates.iter().map(|rate| (&*rate.topic, rate.events_per_second, rate.deliveries_per_second)).collect();
        assert_eq!(told, [("custom:c", 0.5, 50.0), ("custom:a", 5.0, 12.5), ("custom:b", 2.0, 2.0)]);
        assert_eq!(all.slowest.iter().map(|client| client.waiting).collect::<Vec<_>>(), [9, 7, 3]);
    }
}
