//! What a client publishes with an acknowledgement: a message that is sent again as the client has not read its
//! acknowledgement is taken once.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU16;

use rmqtt_codec::types::{Publish, QoS};

/// How a message that has come stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It has not been here before.
    New,
    /// It has been taken; its acknowledgement goes out again.
    Again,
    /// It is being worked on; the acknowledgement will come.
    UnderWay,
    /// More are under way than was agreed on.
    TooMany,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    UnderWay,
    Received,
}

/// What a client sent and has not been told the end of.
///
/// Invariant: `exact` holds the numbers of QoS 2 between PUBLISH and PUBREL; `under_way` those of QoS 1 before PUBACK;
/// `recent` at most `window` after PUBACK, none twice, in the order of their last. As many as a client may have unacknowledged, and
/// acknowledgements are read in their order: what it has not read is among them.
#[derive(Debug, Default)]
pub struct Incoming {
    exact: BTreeMap<NonZeroU16, Step>,
    under_way: Vec<(NonZeroU16, u64)>,
    recent: VecDeque<(NonZeroU16, u64)>,
    window: usize,
}

impl Incoming {
    /// The client may have so many unacknowledged messages on this connection.
    pub fn agree_on(&mut self, window: u16) {
        // Not less than on an earlier connection, whose acknowledgements may be unread.
        self.window = self.window.max(usize::from(window));
    }

    /// Begins with a message; `most` may be under way. QoS 0 is always new.
    pub fn begin(&mut self, publish: &Publish, digest: u64, most: usize) -> Taken {
        let Some(id) = publish.packet_id else { return Taken::New };
        let is_full = self.exact.len() + self.under_way.len() >= most;
        if publish.qos == QoS::ExactlyOnce {
            return match self.exact.get(&id) {
                Some(Step::Received) => Taken::Again,
                Some(Step::UnderWay) => Taken::UnderWay,
                None if is_full => Taken::TooMany,
                None => {
                    self.exact.insert(id, Step::UnderWay);
                    Taken::New
                }
            };
        }
        if publish.dup && self.is_recent((id, digest)) {
            return Taken::Again;
        }
        if publish.dup && self.under_way.contains(&(id, digest)) {
            return Taken::UnderWay;
        }
        if is_full {
            return Taken::TooMany;
        }
        self.under_way.push((id, digest));
        Taken::New
    }

    /// Whether a message was acknowledged lately; it is then the last of them, as its acknowledgement goes out again.
    fn is_recent(&mut self, message: (NonZeroU16, u64)) -> bool {
        let place = self.recent.iter().position(|known| *known == message);
        let found = place.and_then(|place| self.recent.remove(place));
        self.recent.extend(found);
        found.is_some()
    }

    /// A message is taken, or not.
    pub fn finish(&mut self, id: NonZeroU16, qos: QoS, is_taken: bool) {
        if qos == QoS::ExactlyOnce {
            if is_taken {
                self.exact.insert(id, Step::Received);
            } else {
                self.exact.remove(&id);
            }
            return;
        }
        let Some(place) = self.under_way.iter().position(|(known, _)| *known == id) else { return };
        let message = self.under_way.remove(place);
        if is_taken {
            // A number that is given again stands for the newer message.
            if let Some(place) = self.recent.iter().position(|(known, _)| *known == id) {
                self.recent.remove(place);
            }
            self.recent.push_back(message);
            if self.recent.len() > self.window {
                self.recent.pop_front();
            }
        }
    }

    /// The client knows that a message of QoS 2 was taken; answers whether it was.
    pub fn release(&mut self, id: NonZeroU16) -> bool {
        self.exact.remove(&id).is_some()
    }

    /// Forgets what was not taken: the client sends it again.
    pub fn part(&mut self) {
        self.under_way.clear();
        self.exact.retain(|_, step| *step == Step::Received);
    }
}

/// What tells a repeated message from another with the same number.
#[must_use]
pub fn digest_of(publish: &Publish) -> u64 {
    let mut hasher = DefaultHasher::new();
    publish.topic.hash(&mut hasher);
    publish.payload.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn publish(qos: QoS, id: u16, payload: u8, dup: bool) -> Publish {
        Publish {
            dup,
            retain: false,
            qos,
            topic: "t".into(),
            packet_id: NonZeroU16::new(id),
            payload: vec![payload].into(),
            properties: None,
        }
    }

    fn begin(incoming: &mut Incoming, publish: &Publish) -> Taken {
        incoming.begin(publish, digest_of(publish), 4)
    }

    #[test]
    fn a_message_of_qos_1_that_was_acknowledged_is_acknowledged_again_and_taken_once() {
        let mut incoming = Incoming::default();
        incoming.agree_on(4);
        let first = publish(QoS::AtLeastOnce, 7, 1, false);
        assert_eq!(begin(&mut incoming, &first), Taken::New);
        assert_eq!(begin(&mut incoming, &publish(QoS::AtLeastOnce, 7, 1, true)), Taken::UnderWay);
        incoming.finish(NonZeroU16::new(7).unwrap(), QoS::AtLeastOnce, true);
        incoming.part();
        assert_eq!(begin(&mut incoming, &publish(QoS::AtLeastOnce, 7, 1, true)), Taken::Again);
        assert_eq!(begin(&mut incoming, &publish(QoS::AtLeastOnce, 7, 2, true)), Taken::New, "another message");
        assert_eq!(begin(&mut incoming, &publish(QoS::AtLeastOnce, 7, 1, false)), Taken::New, "not a repetition");
    }

    #[test]
    fn as_many_of_qos_1_are_remembered_as_may_be_unacknowledged_and_no_more() {
        for window in [1_u16, 64, 1000] {
            let mut incoming = Incoming::default();
            incoming.agree_on(window);
            for id in 1..=window + 1 {
                let message = publish(QoS::AtLeastOnce, id, 1, false);
                assert_eq!(begin(&mut incoming, &message), Taken::New);
                incoming.finish(message.packet_id.unwrap(), QoS::AtLeastOnce, true);
            }
            incoming.part();
            for id in 2..=window + 1 {
                assert_eq!(begin(&mut incoming, &publish(QoS::AtLeastOnce, id, 1, true)), Taken::Again, "{id}");
            }
            assert_eq!(incoming.recent.len(), usize::from(window));
            assert_eq!(begin(&mut incoming, &publish(QoS::AtLeastOnce, 1, 1, true)), Taken::New, "long acknowledged");
        }
    }

    #[test]
    fn what_was_not_taken_may_come_again() {
        let mut incoming = Incoming::default();
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(begin(&mut incoming, &publish(qos, 7, 1, false)), Taken::New);
            incoming.finish(NonZeroU16::new(7).unwrap(), qos, false);
            assert_eq!(begin(&mut incoming, &publish(qos, 7, 1, true)), Taken::New);
            incoming.part();
            assert_eq!(begin(&mut incoming, &publish(qos, 7, 1, true)), Taken::New);
            incoming.part();
        }
    }

    #[test]
    fn more_than_agreed_on_are_refused() {
        let mut incoming = Incoming::default();
        for id in 1..=4 {
            let qos = if id % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            assert_eq!(begin(&mut incoming, &publish(qos, id, 0, false)), Taken::New);
        }
        assert_eq!(begin(&mut incoming, &publish(QoS::ExactlyOnce, 5, 0, false)), Taken::TooMany);
        assert_eq!(begin(&mut incoming, &publish(QoS::AtLeastOnce, 5, 0, false)), Taken::TooMany);
        incoming.finish(NonZeroU16::new(1).unwrap(), QoS::ExactlyOnce, true);
        assert_eq!(
            begin(&mut incoming, &publish(QoS::ExactlyOnce, 5, 0, false)),
            Taken::TooMany,
            "until it is released"
        );
        assert!(incoming.release(NonZeroU16::new(1).unwrap()));
        assert_eq!(begin(&mut incoming, &publish(QoS::ExactlyOnce, 5, 0, false)), Taken::New);
    }

    proptest! {
        #[test]
        fn a_message_of_qos_2_is_taken_once_between_two_releases(steps in prop::collection::vec((1_u16..4, 0..4), 0..60)) {
            let mut incoming = Incoming::default();
            let mut taken: HashMap<u16, u32> = HashMap::new();
            for (id, step) in steps {
                let number = NonZeroU16::new(id).unwrap();
                match step {
                    0 | 1 => {
                        if begin(&mut incoming, &publish(QoS::ExactlyOnce, id, 0, step == 1)) == Taken::New {
                            incoming.finish(number, QoS::ExactlyOnce, true);
                            *taken.entry(id).or_default() += 1;
                        }
                        prop_assert_eq!(taken[&id], 1);
                    }
                    2 => {
                        prop_assert_eq!(incoming.release(number), taken.remove(&id).is_some());
                    }
                    _ => incoming.part(),
                }
            }
        }
    }
}
