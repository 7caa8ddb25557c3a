//! Packets of 3.1.1 as packets of version 5, and back.

use rmqtt_codec::types::MQTT_LEVEL_311;
use rmqtt_codec::v3;
use rmqtt_codec::v5::{
    self, ConnectAckReason, Packet, PublishAck, PublishAck2, Subscribe, SubscribeAckReason, SubscriptionOptions,
    Unsubscribe,
};

use super::Fault;

/// A packet of a client of 3.1.1, as one of version 5.
///
/// # Errors
/// [`Fault::Version`] for 3.1, [`Fault::Protocol`] for what only servers send.
pub fn newer_of(packet: v3::Packet) -> Result<Packet, Fault> {
    Ok(match packet {
        v3::Packet::Connect(connect) => Packet::Connect(Box::new(connect_of(*connect)?)),
        v3::Packet::Publish(publish) => Packet::Publish(publish),
        v3::Packet::PublishAck { packet_id } => Packet::PublishAck(PublishAck { packet_id, ..PublishAck::default() }),
        v3::Packet::PublishReceived { packet_id } => {
            Packet::PublishReceived(PublishAck { packet_id, ..PublishAck::default() })
        }
        v3::Packet::PublishRelease { packet_id } => {
            Packet::PublishRelease(PublishAck2 { packet_id, ..PublishAck2::default() })
        }
        v3::Packet::PublishComplete { packet_id } => {
            Packet::PublishComplete(PublishAck2 { packet_id, ..PublishAck2::default() })
        }
        v3::Packet::Subscribe { packet_id, topic_filters } => {
            let with_options = |(filter, qos)| (filter, SubscriptionOptions { qos, ..SubscriptionOptions::default() });
            let topic_filters = topic_filters.into_iter().map(with_options).collect();
            Packet::Subscribe(Subscribe { packet_id, id: None, user_properties: Vec::new(), topic_filters })
        }
        v3::Packet::Unsubscribe { packet_id, topic_filters } => {
            Packet::Unsubscribe(Unsubscribe { packet_id, user_properties: Vec::new(), topic_filters })
        }
        v3::Packet::PingRequest => Packet::PingRequest,
        v3::Packet::Disconnect => Packet::Disconnect(v5::Disconnect::default()),
        v3::Packet::ConnectAck(_)
        | v3::Packet::SubscribeAck { .. }
        | v3::Packet::UnsubscribeAck { .. }
        | v3::Packet::PingResponse => return Err(Fault::Protocol),
    })
}

fn connect_of(connect: v3::Connect) -> Result<v5::Connect, Fault> {
    if connect.protocol.level() != MQTT_LEVEL_311 {
        return Err(Fault::Version);
    }
    Ok(v5::Connect {
        clean_start: connect.clean_session,
        // A session that is not clean lasts; how long is for the server to say.
        session_expiry_interval_secs: if connect.clean_session { 0 } else { u32::MAX },
        keep_alive: connect.keep_alive,
        last_will: connect.last_will.map(will_of),
        client_id: connect.client_id,
        username: connect.username,
        password: connect.password,
        ..v5::Connect::default()
    })
}

fn will_of(will: v3::LastWill) -> v5::LastWill {
    v5::LastWill {
        qos: will.qos,
        retain: will.retain,
        topic: will.topic,
        message: will.message,
        will_delay_interval_sec: None,
        correlation_data: None,
        message_expiry_interval: None,
        content_type: None,
        user_properties: Vec::new(),
        is_utf8_payload: None,
        response_topic: None,
    }
}

/// A packet of the hub for a client of 3.1.1; none where that version has no such packet.
pub fn older_of(packet: Packet) -> Option<v3::Packet> {
    Some(match packet {
        Packet::ConnectAck(ack) => v3::Packet::ConnectAck(v3::ConnectAck {
            return_code: return_code_of(ack.reason_code),
            session_present: ack.session_present,
        }),
        Packet::Publish(mut publish) => {
            publish.properties = None;
            v3::Packet::Publish(publish)
        }
        Packet::PublishAck(ack) => v3::Packet::PublishAck { packet_id: ack.packet_id },
        Packet::PublishReceived(ack) => v3::Packet::PublishReceived { packet_id: ack.packet_id },
        Packet::PublishRelease(ack) => v3::Packet::PublishRelease { packet_id: ack.packet_id },
        Packet::PublishComplete(ack) => v3::Packet::PublishComplete { packet_id: ack.packet_id },
        Packet::SubscribeAck(ack) => v3::Packet::SubscribeAck {
            packet_id: ack.packet_id,
            status: ack.status.into_iter().map(subscribed_of).collect(),
        },
        Packet::UnsubscribeAck(ack) => v3::Packet::UnsubscribeAck { packet_id: ack.packet_id },
        Packet::PingResponse => v3::Packet::PingResponse,
        _ => return None,
    })
}

const fn return_code_of(reason: ConnectAckReason) -> v3::ConnectAckReason {
    match reason {
        ConnectAckReason::Success => v3::ConnectAckReason::ConnectionAccepted,
        ConnectAckReason::UnsupportedProtocolVersion => v3::ConnectAckReason::UnacceptableProtocolVersion,
        ConnectAckReason::ClientIdentifierNotValid => v3::ConnectAckReason::IdentifierRejected,
        ConnectAckReason::BadUserNameOrPassword => v3::ConnectAckReason::BadUserNameOrPassword,
        ConnectAckReason::ServerUnavailable
        | ConnectAckReason::ServerBusy
        | ConnectAckReason::QuotaExceeded
        | ConnectAckReason::ConnectionRateExceeded => v3::ConnectAckReason::ServiceUnavailable,
        _ => v3::ConnectAckReason::NotAuthorized,
    }
}

const fn subscribed_of(reason: SubscribeAckReason) -> v3::SubscribeReturnCode {
    use rmqtt_codec::types::QoS;
    match reason {
        SubscribeAckReason::GrantedQos0 => v3::SubscribeReturnCode::Success(QoS::AtMostOnce),
        SubscribeAckReason::GrantedQos1 => v3::SubscribeReturnCode::Success(QoS::AtLeastOnce),
        SubscribeAckReason::GrantedQos2 => v3::SubscribeReturnCode::Success(QoS::ExactlyOnce),
        _ => v3::SubscribeReturnCode::Failure,
    }
}
