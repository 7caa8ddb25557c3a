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
