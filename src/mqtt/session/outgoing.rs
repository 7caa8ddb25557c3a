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
mod tests;
