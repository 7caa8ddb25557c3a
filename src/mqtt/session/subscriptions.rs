//! What a client listens to.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use bytestring::ByteString;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::SubscriptionOptions;

use crate::mqtt::topic::Filter;

/// One subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Which topics.
    pub filter: Filter,
    /// How.
    pub options: SubscriptionOptions,
    /// What the client calls it.
    pub id: Option<NonZeroU32>,
}

/// How a client hears a topic; all its subscriptions together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The highest that one of them grants.
    pub qos: QoS,
    /// Whether one of them wants to know that a message is kept.
    pub keeps_retain: bool,
    /// What the client calls them.
    pub ids: Vec<NonZeroU32>,
}

/// What a client listens to, by the text of the filter; at most so many.
#[derive(Debug)]
pub struct Subscriptions {
    known: BTreeMap<ByteString, Subscription>,
    most: usize,
}

impl Subscriptions {
    /// None, and at most so many later.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { known: BTreeMap::new(), most }
    }

    /// Whether one more is too many.
    #[must_use]
    pub fn is_full(&self, filter: &Filter) -> bool {
        self.known.len() >= self.most && !self.known.contains_key(filter.text())
    }

    /// Whether there is one with this filter.
    #[must_use]
    pub fn has(&self, filter: &Filter) -> bool {
        self.known.contains_key(filter.text())
    }

    /// Adds a subscription, or replaces that with the same filter; answers whether it is new.
    pub fn add(&mut self, subscription: Subscription) -> bool {
        self.known.insert(subscription.filter.text().clone(), subscription).is_none()
    }

    /// Removes a subscription; answers whether there was one.
    pub fn remove(&mut self, filter: &ByteString) -> bool {
        self.known.remove(filter).is_some()
    }

    /// Every subscription.
    pub fn all(&self) -> impl Iterator<Item = &Subscription> {
        self.known.values()
    }

    /// How the client hears a topic; not at all if no subscription matches. Subscriptions that a group shares are left
    /// out: whoever knows the group chooses one of it.
    #[must_use]
    pub fn find(&self, topic: &str, is_own: bool) -> Option<Found> {
        let heard = self.known.values().filter(|known| {
            known.filter.group().is_none() && !(is_own && known.options.no_local) && known.filter.matches(topic)
        });
        heard.fold(None, |found: Option<Found>, known| {
            let mut found = found.unwrap_or(Found { qos: QoS::AtMostOnce, keeps_retain: false, ids: Vec::new() });
            found.qos = found.qos.max(known.options.qos);
            found.keeps_retain |= known.options.retain_as_published;
            found.ids.extend(known.id);
            Some(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(filter: &str, qos: QoS, id: u32) -> Subscription {
        let options = SubscriptionOptions { qos, no_local: id == 9, ..SubscriptionOptions::default() };
        Subscription { filter: filter.parse().unwrap(), options, id: NonZeroU32::new(id) }
    }

    #[test]
    fn several_subscriptions_are_one_message_with_the_highest_quality_and_all_their_ids() {
        let mut known = Subscriptions::new(3);
        assert!(known.add(subscription("a/+", QoS::AtMostOnce, 1)));
        assert!(known.add(subscription("a/#", QoS::ExactlyOnce, 2)));
        assert!(!known.add(subscription("a/#", QoS::AtLeastOnce, 3)), "it is replaced");
        assert!(known.add(subscription("b", QoS::AtLeastOnce, 9)));

        let found = known.find("a/b", false).unwrap();
        assert_eq!((found.qos, found.ids.len()), (QoS::AtLeastOnce, 2));
        assert!(known.find("b", true).is_none(), "its own messages it does not want");
        assert!(known.find("b", false).is_some() && known.find("c", false).is_none());
        assert!(known.is_full(&"c".parse().unwrap()) && !known.is_full(&"b".parse().unwrap()));
        assert!(known.remove(&"b".into()) && !known.remove(&"b".into()));
    }
}
