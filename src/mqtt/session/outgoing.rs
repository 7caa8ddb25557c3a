//! What a client is sent: in order, no more unacknowledged than it takes, again after a new connection.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::time::Instant;

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Packet, PublishAck2};

use super::Message;

/// How many messages may be unacknowledged, whatever a client takes.
const WINDOW_MAX: usize = 256;

/// How many urgent messages may wait; the oldest are lost, as they are said again.
const URGENT_MAX: usize = 16;

/// A message that has gone out, by its number.
#[derive(Debug)]
struct Flight {
    id: NonZeroU16,
    step: Step,
    /// Whether it has gone out on this connection.
    is_sent: bool,
}

#[derive(Debug)]
enum Step {
    /// PUBACK or PUBREC is to come.
    Published(Box<Message>),
    /// PUBREC has come, PUBREL has gone out, PUBCOMP is to come.
    Released,
}

/// What a client is sent.
///
/// Invariant: at most `window` of `flights` are sent and unfinished; their numbers differ; at most `most` wait, and of those
/// that are `urgent`, which have no number, at most one about each thing and `URGENT_MAX` together.
#[derive(Debug)]
pub struct Outgoing {
    window: usize,
    most: usize,
    last_id: u16,
    flights: VecDeque<Flight>,
    waiting: VecDeque<Message>,
    urgent: VecDeque<Message>,
}

impl Outgoing {
    /// Nothing yet, and at most so many messages later.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            window: WINDOW_MAX,
            most,
            last_id: 0,
            flights: VecDeque::new(),
            waiting: VecDeque::new(),
            urgent: VecDeque::new(),
        }
    }

    /// The client takes so many unacknowledged messages on this connection.
    pub fn agree_on(&mut self, window: u16) {
        self.window = usize::from(window).clamp(1, WINDOW_MAX);
    }

    /// Lets a message wait; answers false when too many wait, and one is lost. One that is urgent goes before the others,
    /// in the place of an older one about the same.
    pub fn offer(&mut self, message: Message) -> bool {
        if message.urgent.is_some() {
            return self.offer_urgent(message);
        }
        if self.waiting.len() >= self.most {
            return false;
        }
        self.waiting.push_back(message);
        true
    }

    fn offer_urgent(&mut self, message: Message) -> bool {
        if let Some(older) = self.urgent.iter_mut().find(|older| older.urgent == message.urgent) {
            *older = message;
            return true;
        }
        self.urgent.push_back(message);
        if self.urgent.len() > URGENT_MAX {
            self.urgent.pop_front();
            return false;
        }
        true
    }

    /// The next packet that may go out now, if any.
    pub fn next(&mut self, now: Instant) -> Option<Packet> {
        // Before what goes out again too, which may have to wait for the client.
        if let Some(message) = self.urgent.pop_front() {
            return Some(Packet::Publish(Box::new(message.leaving(now))));
        }
        if let Some(packet) = self.again(now) {
            return packet;
        }
        loop {
            let message = self.waiting.front()?;
            if message.is_over(now) {
                self.waiting.pop_front();
                continue;
            }
            if message.publish().qos == QoS::AtMostOnce {
                return self.waiting.pop_front().map(|message| Packet::Publish(Box::new(message.leaving(now))));
            }
            if self.flights.len() >= self.window {
                return None;
            }
            let id = self.next_id();
            let message = self.waiting.pop_front()?;
            let mut publish = message.leaving(now);
            publish.packet_id = Some(id);
            self.flights.push_back(Flight { id, step: Step::Published(Box::new(message)), is_sent: true });
            return Some(Packet::Publish(Box::new(publish)));
        }
    }

    /// What went out on an earlier connection goes out again, in its order; while some of it has to wait, all else does.
    #[expect(clippy::option_option, reason = "whether there is such a packet, and whether it may go now")]
    fn again(&mut self, now: Instant) -> Option<Option<Packet>> {
        let sent = self.flights.iter().filter(|flight| flight.is_sent).count();
        let flight = self.flights.iter_mut().find(|flight| !flight.is_sent)?;
        let packet_id = flight.id;
        let packet = match &flight.step {
            Step::Released => Packet::PublishRelease(PublishAck2 { packet_id, ..PublishAck2::default() }),
            Step::Published(_) if sent >= self.window => return Some(None),
            Step::Published(message) => {
                let mut publish = message.leaving(now);
                publish.packet_id = Some(packet_id);
                publish.dup = true;
                Packet::Publish(Box::new(publish))
            }
        };
        flight.is_sent = true;
        Some(Some(packet))
    }

    /// PUBACK has come; answers whether the message was sent.
    pub fn acknowledge(&mut self, id: NonZeroU16) -> bool {
        self.remove(
            id,
            |flight| matches!(&flight.step, Step::Published(message) if message.publish().qos == QoS::AtLeastOnce),
        )
    }

    /// PUBREC has come; answers whether PUBREL is to go out.
    pub fn receive(&mut self, id: NonZeroU16, is_taken: bool) -> bool {
        let is_exact = |flight: &&mut Flight| match &flight.step {
            Step::Published(message) => flight.id == id && message.publish().qos == QoS::ExactlyOnce,
            Step::Released => flight.id == id,
        };
        let Some(flight) = self.flights.iter_mut().find(is_exact) else { return false };
        flight.step = Step::Released;
        if !is_taken {
            self.remove(id, |_| true);
        }
        is_taken
    }

    /// PUBCOMP has come; answers whether it was waited for.
    pub fn complete(&mut self, id: NonZeroU16) -> bool {
        self.remove(id, |flight| matches!(flight.step, Step::Released))
    }

    fn remove(&mut self, id: NonZeroU16, is_due: impl Fn(&Flight) -> bool) -> bool {
        let place = self.flights.iter().position(|flight| flight.id == id && is_due(flight));
        place.and_then(|place| self.flights.remove(place)).is_some()
    }

    /// The connection is gone: what is under way goes out again on the next one, what has no number does not. What is
    /// urgent may hold no longer then; the next connection is told what does.
    pub fn part(&mut self) {
        self.urgent.clear();
        self.flights.iter_mut().for_each(|flight| flight.is_sent = false);
        self.waiting.retain(|message| message.publish().qos != QoS::AtMostOnce);
    }

    /// A number that no flight has; there are more numbers than flights.
    fn next_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let Some(id) = NonZeroU16::new(self.last_id) else { continue };
            if self.flights.iter().all(|flight| flight.id != id) {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(number: u8, qos: QoS) -> Message {
        Message::new("t", vec![number], qos)
    }

    fn qos(number: u8) -> QoS {
        [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(number % 3)]
    }

    #[test]
    fn a_number_in_use_is_not_given_again() {
        let mut outgoing = Outgoing::new(10);
        outgoing.last_id = u16::MAX - 1;
        let mut ids = Vec::new();
        for number in 0..3 {
            outgoing.offer(message(number, QoS::AtLeastOnce));
            let Some(Packet::Publish(publish)) = outgoing.next(Instant::now()) else { panic!("it goes out") };
            ids.extend(publish.packet_id.map(NonZeroU16::get));
        }
        assert_eq!(ids, [u16::MAX, 1, 2]);
    }

    #[test]
    fn what_is_over_is_not_sent_and_too_many_are_lost() {
        let mut outgoing = Outgoing::new(2);
        let mut publish = message(1, QoS::AtLeastOnce).publish;
        publish.properties.as_mut().unwrap().message_expiry_interval = std::num::NonZeroU32::new(1);
        let now = Instant::now();
        assert!(outgoing.offer(Message::of(publish, now)));
        assert!(outgoing.offer(message(2, QoS::AtLeastOnce)));
        assert!(!outgoing.offer(message(3, QoS::AtLeastOnce)));
        let next = outgoing.next(now + std::time::Duration::from_secs(2));
        assert!(matches!(next, Some(Packet::Publish(publish)) if publish.payload[..] == [2]));
    }

    fn sent(outgoing: &mut Outgoing) -> Vec<u8> {
        let next = std::iter::from_fn(|| outgoing.next(Instant::now()));
        next.map(|packet| if let Packet::Publish(publish) = packet { publish.payload[0] } else { panic!("{packet:?}") })
            .collect()
    }

    #[test]
    fn what_is_urgent_goes_before_all_that_wait_and_through_a_full_window() {
        let mut outgoing = Outgoing::new(2);
        outgoing.agree_on(1);
        assert!(outgoing.offer(message(1, QoS::AtLeastOnce)) && outgoing.offer(message(2, QoS::AtLeastOnce)));
        assert!(outgoing.offer(message(3, QoS::ExactlyOnce).urgent("stop")));
        assert_eq!(sent(&mut outgoing), [3, 1]);
        assert!(outgoing.offer(message(4, QoS::ExactlyOnce).urgent("stop")));
        assert_eq!(sent(&mut outgoing), [4], "while another is unacknowledged");
    }

    #[test]
    fn what_is_urgent_waits_once_about_each_thing_and_is_bounded() {
        let mut outgoing = Outgoing::new(1);
        for number in 0..100 {
            assert!(outgoing.offer(message(number, QoS::ExactlyOnce).urgent(["one", "two"][usize::from(number % 2)])));
        }
        assert_eq!(sent(&mut outgoing), [98, 99], "the newest about each");
        let offered =
            (0..20).filter(|number| outgoing.offer(message(*number, QoS::ExactlyOnce).urgent(&number.to_string())));
        assert_eq!(offered.count(), URGENT_MAX);
        assert_eq!(sent(&mut outgoing), (4..20).collect::<Vec<u8>>(), "the oldest are lost");
    }

    #[test]
    fn what_is_urgent_is_not_heard_by_a_later_connection_sent_or_not() {
        let mut outgoing = Outgoing::new(1);
        assert!(outgoing.offer(message(1, QoS::ExactlyOnce).urgent("sent")));
        assert_eq!(sent(&mut outgoing), [1]);
        assert!(outgoing.offer(message(2, QoS::ExactlyOnce).urgent("waiting")));
        outgoing.part();
        assert_eq!(sent(&mut outgoing), [0; 0]);
    }

    /// What a client does with what it gets: it may lose its connection anywhere.
    struct Client {
        heard: Vec<u8>,
        exact: std::collections::HashSet<NonZeroU16>,
    }

    impl Client {
        fn take(&mut self, packet: Packet, outgoing: &mut Outgoing) {
            match packet {
                Packet::Publish(publish) => match (publish.qos, publish.packet_id) {
                    (QoS::AtLeastOnce, Some(id)) => {
                        self.heard.push(publish.payload[0]);
                        assert!(outgoing.acknowledge(id));
                    }
                    (QoS::ExactlyOnce, Some(id)) => {
                        if self.exact.insert(id) {
                            self.heard.push(publish.payload[0]);
                        }
                        assert!(outgoing.receive(id, true));
                        self.release(id, outgoing);
                    }
                    _ => self.heard.push(publish.payload[0]),
                },
                Packet::PublishRelease(release) => self.release(release.packet_id, outgoing),
                other => panic!("{other:?} is not sent to a client"),
            }
        }

        fn release(&mut self, id: NonZeroU16, outgoing: &mut Outgoing) {
            self.exact.remove(&id);
            assert!(outgoing.complete(id));
        }
    }

    proptest! {
        #[test]
        fn everything_arrives_as_often_as_promised_however_often_the_connection_breaks(
            count in 1_u8..40,
            window in 1_u16..6,
            breaks in prop::collection::vec(0_usize..5, 0..20),
        ) {
            let mut outgoing = Outgoing::new(100);
            for number in 0..count {
                outgoing.offer(message(number, qos(number)));
            }
            let mut client = Client { heard: Vec::new(), exact: std::collections::HashSet::new() };
            let now = Instant::now();
            for lost in breaks.into_iter().map(Some).chain([None]) {
                outgoing.agree_on(window);
                let mut on_the_way = Vec::new();
                while let Some(packet) = outgoing.next(now) {
                    on_the_way.push(packet);
                    let unanswered = on_the_way.iter().filter(|packet| matches!(packet, Packet::Publish(p) if p.packet_id.is_some()));
                    prop_assert!(unanswered.count() <= usize::from(window));
                    if lost.is_none_or(|lost| on_the_way.len() > lost) {
                        client.take(on_the_way.remove(0), &mut outgoing);
                    }
                }
                if lost.is_some() {
                    outgoing.part();
                }
                for packet in on_the_way.into_iter().filter(|_| lost.is_none()) {
                    client.take(packet, &mut outgoing);
                }
            }
            for number in 0..count {
                let times = client.heard.iter().filter(|heard| **heard == number).count();
                match qos(number) {
                    QoS::AtMostOnce => prop_assert!(times <= 1),
                    QoS::AtLeastOnce => prop_assert!(times >= 1, "{number} of {:?}", client.heard),
                    QoS::ExactlyOnce => prop_assert_eq!(times, 1, "{} of {:?}", number, &client.heard),
                }
            }
        }
    }
}
