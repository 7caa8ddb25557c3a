//! What is remembered of a client while it is connected, and for a while after: pure.

use std::time::{Duration, Instant};

use bytestring::ByteString;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::PublishProperties;

mod incoming;
mod outgoing;
mod subscriptions;

pub use incoming::{Incoming, Taken, digest_of};
pub use outgoing::Outgoing;
pub use subscriptions::{Found, Subscription, Subscriptions};

/// A message on its way to clients.
///
/// Invariant: its properties are there and name no alias and no subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    publish: Publish,
    expires: Option<Instant>,
    /// What it is about, where it goes before all others.
    urgent: Option<ByteString>,
}

impl Message {
    /// A message of the hub's own.
    #[must_use]
    pub fn new(topic: &str, payload: impl Into<bytes::Bytes>, qos: QoS) -> Self {
        let properties = PublishProperties { is_utf8_payload: true, ..PublishProperties::default() };
        let publish = Publish {
            dup: false,
            retain: false,
            qos,
            topic: topic.into(),
            packet_id: None,
            payload: payload.into(),
            properties: Some(properties),
        };
        Self { publish, expires: None, urgent: None }
    }

    /// A message that a client published, its topic already there.
    #[must_use]
    pub fn of(mut publish: Publish, now: Instant) -> Self {
        let properties = publish.properties.get_or_insert_default();
        properties.topic_alias = None;
        properties.subscription_ids.clear();
        let expires = properties.message_expiry_interval.map(|span| now + Duration::from_secs(span.get().into()));
        publish.dup = false;
        publish.packet_id = None;
        Self { publish, expires, urgent: None }
    }

    /// The same message, as what was kept for those who come later.
    #[must_use]
    pub const fn retained(mut self) -> Self {
        self.publish.retain = true;
        self
    }

    /// The same message, which goes before all others; a newer one about the same takes its place while it waits.
    ///
    /// It goes with QoS 0: no window of unacknowledged messages holds it up, and no later connection hears it. Whoever
    /// says it says it again for as long as it holds.
    #[must_use]
    pub fn urgent(mut self, about: &str) -> Self {
        self.publish.qos = QoS::AtMostOnce;
        self.urgent = Some(about.into());
        self
    }

    /// Where it goes.
    #[must_use]
    pub const fn topic(&self) -> &ByteString {
        &self.publish.topic
    }

    /// The packet that it is.
    #[must_use]
    pub const fn publish(&self) -> &Publish {
        &self.publish
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The same message for one subscriber.
    fn fit(&self, found: &Found) -> Self {
        let mut message = self.clone();
        message.publish.qos = self.publish.qos.less_value(found.qos);
        message.publish.retain &= found.keeps_retain;
        message.publish.properties.get_or_insert_default().subscription_ids.clone_from(&found.ids);
        message
    }

    /// As it leaves now, with what is left of its time.
    fn leaving(&self, now: Instant) -> Publish {
        let mut publish = self.publish.clone();
        if let (Some(expires), Some(properties)) = (self.expires, &mut publish.properties) {
            let left = expires.saturating_duration_since(now).as_secs();
            properties.message_expiry_interval = u32::try_from(left.max(1)).ok().and_then(std::num::NonZeroU32::new);
        }
        publish
    }
}

/// The bounds of a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionBounds {
    /// Messages that may wait for the client.
    pub queued: usize,
    /// Subscriptions it may have.
    pub subscriptions: usize,
}

/// What is remembered of a client.
#[derive(Debug)]
pub struct Session {
    /// What it listens to.
    pub subscriptions: Subscriptions,
    /// What it sent and has not been told the end of.
    pub incoming: Incoming,
    /// What it is sent.
    pub outgoing: Outgoing,
}

impl Session {
    /// The session of a client that has not been here before.
    #[must_use]
    pub fn new(bounds: SessionBounds) -> Self {
        Self {
            subscriptions: Subscriptions::new(bounds.subscriptions),
            incoming: Incoming::default(),
            outgoing: Outgoing::new(bounds.queued),
        }
    }

    /// Lets a message wait for the client if it listens to its topic; `is_own` when the client itself published it.
    ///
    /// Answers whether it was lost because too many wait.
    pub fn deliver(&mut self, message: &Message, is_own: bool) -> bool {
        let Some(found) = self.subscriptions.find(message.topic(), is_own) else { return false };
        !self.outgoing.offer(message.fit(&found))
    }

    /// Lets a message wait for the client because of one subscription, that a group shares; see [`Word::DeliverShared`](super::bridge::Word::DeliverShared).
    pub fn deliver_shared(&mut self, message: &Message, subscription: &Subscription) -> bool {
        let (qos, ids) = (subscription.options.qos, subscription.id.into_iter().collect());
        let found = Found { qos, keeps_retain: subscription.options.retain_as_published, ids };
        !self.outgoing.offer(message.fit(&found))
    }

    /// Lets what was kept on a topic wait for the client that has just subscribed.
    pub fn deliver_retained(&mut self, message: Message, subscription: &Subscription) -> bool {
        let found =
            Found { qos: subscription.options.qos, keeps_retain: true, ids: subscription.id.into_iter().collect() };
        !self.outgoing.offer(message.retained().fit(&found))
    }

    /// What the next connection begins with: all that is under way goes out again; messages of QoS 0 and urgent ones are
    /// forgotten.
    pub fn part(&mut self) {
        self.outgoing.part();
        self.incoming.part();
    }
}
