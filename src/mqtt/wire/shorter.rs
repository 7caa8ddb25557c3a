//! Packets without the words that a client may do without.

use rmqtt_codec::v5::Packet;

/// The same packet without reason string and user properties, for a client that does not take it as long as it is (MQTT 5,
/// 3.2.2.3.9 and its like); none for those that have to stay as they are.
pub fn without_words(packet: &Packet) -> Option<Packet> {
    let mut packet = packet.clone();
    let (reason, properties) = match &mut packet {
        Packet::ConnectAck(ack) => (&mut ack.reason_string, &mut ack.user_properties),
        Packet::PublishAck(ack) | Packet::PublishReceived(ack) => (&mut ack.reason_string, &mut ack.properties),
        Packet::PublishRelease(ack) | Packet::PublishComplete(ack) => (&mut ack.reason_string, &mut ack.properties),
        Packet::SubscribeAck(ack) => (&mut ack.reason_string, &mut ack.properties),
        Packet::UnsubscribeAck(ack) => (&mut ack.reason_string, &mut ack.properties),
        Packet::Disconnect(disconnect) => (&mut disconnect.reason_string, &mut disconnect.user_properties),
        _ => return None,
    };
    *reason = None;
    properties.clear();
    Some(packet)
}
