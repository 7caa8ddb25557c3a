//! Numbers that stand for topics on one connection, each way (MQTT 5, 3.3.2.3.4).

use std::collections::HashMap;
use std::num::NonZeroU16;

use bytestring::ByteString;
use rmqtt_codec::types::Publish;

/// How many numbers we give, whatever the client takes.
const GIVEN_MAX: u16 = 16;

/// The numbers that the client gives.
#[derive(Debug)]
pub struct Taken {
    most: u16,
    topics: HashMap<NonZeroU16, ByteString>,
}

/// A number that stands for nothing, or may not be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAlias;

impl Taken {
    /// None yet, and numbers up to `most` later.
    #[must_use]
    pub fn new(most: u16) -> Self {
        Self { most, topics: HashMap::new() }
    }

    /// Puts the topic in its place that the number stands for, or learns what it stands for.
    ///
    /// # Errors
    /// [`UnknownAlias`] also for a message without topic and number.
    pub fn resolve(&mut self, topic: &mut ByteString, alias: Option<NonZeroU16>) -> Result<(), UnknownAlias> {
        let Some(alias) = alias else { return if topic.is_empty() { Err(UnknownAlias) } else { Ok(()) } };
        if alias.get() > self.most {
            return Err(UnknownAlias);
        }
        if topic.is_empty() {
            *topic = self.topics.get(&alias).cloned().ok_or(UnknownAlias)?;
        } else {
            // A copy of its own: the packet's buffer is not kept for it.
            self.topics.insert(alias, ByteString::from(topic.to_string()));
        }
        Ok(())
    }
}

/// The numbers that we give.
#[derive(Debug)]
pub struct Given {
    most: u16,
    numbers: HashMap<ByteString, NonZeroU16>,
}

impl Given {
    /// None yet, and as many as the client takes later.
    #[must_use]
    pub fn new(most: u16) -> Self {
        Self { most: most.min(GIVEN_MAX), numbers: HashMap::new() }
    }

    /// Puts a number in the place of the topic, or beside it the first time; topics that find none stay as they are.
    pub fn shorten(&mut self, publish: &mut Publish) {
        let alias = match self.numbers.get(&publish.topic) {
            Some(alias) => {
                publish.topic = ByteString::new();
                Some(*alias)
            }
            None => self.give(&publish.topic),
        };
        publish.properties.get_or_insert_default().topic_alias = alias;
    }

    fn give(&mut self, topic: &ByteString) -> Option<NonZeroU16> {
        let next = NonZeroU16::new(u16::try_from(self.numbers.len()).ok()? + 1)?;
        if next.get() > self.most {
            return None;
        }
        self.numbers.insert(topic.clone(), next);
        Some(next)
    }

    /// The client has not learnt the number of a topic; its numbers begin anew where it was the last.
    pub fn forget(&mut self, topic: &ByteString) {
        let last = u16::try_from(self.numbers.len()).unwrap_or(u16::MAX);
        if self.numbers.get(topic).is_some_and(|number| number.get() == last) {
            self.numbers.remove(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use rmqtt_codec::types::QoS;

    use super::*;
    use crate::mqtt::session::Message;

    #[test]
    fn a_number_stands_for_the_topic_it_was_last_given_with() {
        let mut taken = Taken::new(2);
        let mut resolve = |topic: &str, alias| {
            let mut topic = topic.into();
            taken.resolve(&mut topic, NonZeroU16::new(alias)).map(|()| topic.to_string())
        };
        assert_eq!(resolve("", 1), Err(UnknownAlias));
        assert_eq!(resolve("", 0), Err(UnknownAlias));
        assert_eq!(resolve("a", 3), Err(UnknownAlias));
        assert_eq!(resolve("a", 1), Ok("a".to_owned()));
        assert_eq!(resolve("", 1), Ok("a".to_owned()));
        assert_eq!(resolve("b", 1), Ok("b".to_owned()));
        assert_eq!(resolve("", 1), Ok("b".to_owned()));
    }

    #[test]
    fn as_many_topics_get_a_number_as_the_client_takes() {
        let mut given = Given::new(1);
        let mut shorten = |topic| {
            let mut publish = Message::new(topic, "", QoS::AtMostOnce).publish().clone();
            given.shorten(&mut publish);
            let alias = publish.properties.unwrap().topic_alias.map(NonZeroU16::get);
            (publish.topic.to_string(), alias)
        };
        assert_eq!(shorten("a"), ("a".to_owned(), Some(1)));
        assert_eq!(shorten("b"), ("b".to_owned(), None));
        assert_eq!(shorten("a"), (String::new(), Some(1)));
    }
}
