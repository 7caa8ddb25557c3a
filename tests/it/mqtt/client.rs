//! A client of MQTT 5, or of 3.1.1, that does what its test says and nothing of its own.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::BytesMut;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v3;
use rmqtt_codec::v5::{
    self, Connect, ConnectAck, ConnectAckReason, Disconnect, DisconnectReasonCode, LastWill, Packet, PublishAckReason,
    PublishProperties, Subscribe, SubscribeAckReason, SubscriptionOptions,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder, Encoder};

/// No answer of a hub takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection of version 5.
pub struct TestClient {
    stream: TcpStream,
    codec: v5::Codec,
    buffer: BytesMut,
    next_id: u16,
}

/// What a client of this name and password says first.
pub fn connect(name: &str, password: &str) -> Connect {
    Connect {
        clean_start: true,
        keep_alive: 60,
        username: Some(name.into()),
        password: Some(password.as_bytes().to_vec().into()),
        ..Connect::default()
    }
}

/// A will of QoS 1.
pub fn will(topic: &str, message: &str) -> LastWill {
    LastWill {
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: topic.into(),
        message: message.as_bytes().to_vec().into(),
        will_delay_interval_sec: None,
        correlation_data: None,
        message_expiry_interval: None,
        content_type: None,
        user_properties: Vec::new(),
        is_utf8_payload: None,
        response_topic: None,
    }
}

/// A message with the next number, if its quality asks for one.
pub fn publish(topic: &str, payload: &str, qos: QoS, id: u16) -> Publish {
    Publish {
        dup: false,
        retain: false,
        qos,
        topic: topic.into(),
        packet_id: (qos != QoS::AtMostOnce).then(|| NonZeroU16::new(id).expect("numbers begin with 1")),
        payload: payload.as_bytes().to_vec().into(),
        properties: Some(PublishProperties::default()),
    }
}

impl TestClient {
    /// Opens a connection and says nothing.
    pub async fn open(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).await.expect("the hub listens");
        Self { stream, codec: v5::Codec::new(0, 0), buffer: BytesMut::new(), next_id: 0 }
    }

    /// Connects as a module, which goes well.
    pub async fn device(at: SocketAddr, id: &str, token: &str) -> Self {
        let (client, ack) = Self::enter(at, connect(id, token)).await;
        assert_eq!(ack.reason_code, ConnectAckReason::Success, "{ack:?}");
        client
    }

    /// Connects; answers how that went.
    pub async fn enter(at: SocketAddr, connect: Connect) -> (Self, ConnectAck) {
        let mut client = Self::open(at).await;
        client.send(Packet::Connect(Box::new(connect))).await;
        match client.next().await {
            Some(Packet::ConnectAck(ack)) => (client, *ack),
            other => panic!("{other:?} is no CONNACK"),
        }
    }

    /// Sends a packet.
    pub async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        self.codec.encode(packet, &mut bytes).expect("the test's packet can be written");
        self.send_bytes(&bytes).await;
    }

    /// Sends packets in one piece.
    pub async fn send_all(&mut self, packets: Vec<Packet>) {
        let mut bytes = BytesMut::new();
        for packet in packets {
            self.codec.encode(packet, &mut bytes).expect("the test's packets can be written");
        }
        self.send_bytes(&bytes).await;
    }

    /// Sends any bytes; a hub that has closed takes none.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next packet; none at the end of the connection.
    pub async fn next(&mut self) -> Option<Packet> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("the hub says something")
    }

    async fn read(&mut self) -> Option<Packet> {
        loop {
            if let Some((packet, _)) = self.codec.decode(&mut self.buffer).expect("the hub's packets can be read") {
                return Some(packet);
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Publishes with QoS 1; answers the reason code of the acknowledgement.
    pub async fn report(&mut self, topic: &str, payload: &str) -> PublishAckReason {
        self.next_id += 1;
        let message = publish(topic, payload, QoS::AtLeastOnce, self.next_id);
        self.send(Packet::Publish(Box::new(message))).await;
        loop {
            match self.next().await {
                Some(Packet::PublishAck(ack)) => {
                    assert_eq!(ack.packet_id.get(), self.next_id);
                    return ack.reason_code;
                }
                // A command may be told twice.
                Some(Packet::Publish(_)) => {}
                other => panic!("{other:?} is no PUBACK"),
            }
        }
    }

    /// Publishes with QoS 0.
    pub async fn tell(&mut self, topic: &str, payload: &str) {
        self.send(Packet::Publish(Box::new(publish(topic, payload, QoS::AtMostOnce, 0)))).await;
    }

    /// Subscribes with QoS 2; answers the codes, and the messages that came before them.
    pub async fn subscribe(&mut self, filters: &[&str]) -> (Vec<SubscribeAckReason>, Vec<Publish>) {
        self.subscribe_with(filters, QoS::ExactlyOnce).await
    }

    /// The same with QoS 0.
    pub async fn subscribe_plainly(&mut self, filters: &[&str]) -> (Vec<SubscribeAckReason>, Vec<Publish>) {
        self.subscribe_with(filters, QoS::AtMostOnce).await
    }

    async fn subscribe_with(&mut self, filters: &[&str], qos: QoS) -> (Vec<SubscribeAckReason>, Vec<Publish>) {
        self.next_id += 1;
        let options = SubscriptionOptions { qos, ..SubscriptionOptions::default() };
        self.send(Packet::Subscribe(Subscribe {
            packet_id: NonZeroU16::new(self.next_id).expect("numbers begin with 1"),
            id: None,
            user_properties: Vec::new(),
            topic_filters: filters.iter().map(|filter| ((*filter).into(), options)).collect(),
        }))
        .await;
        let mut before = Vec::new();
        loop {
            match self.next().await {
                Some(Packet::SubscribeAck(ack)) => return (ack.status, before),
                Some(Packet::Publish(publish)) => before.push(*publish),
                other => panic!("{other:?} is no SUBACK"),
            }
        }
    }

    /// The next message: topic, payload, and whether it was kept.
    pub async fn message(&mut self) -> (String, String, bool) {
        match self.next().await {
            Some(Packet::Publish(publish)) => {
                let payload = String::from_utf8(publish.payload.to_vec()).expect("a text");
                (publish.topic.to_string(), payload, publish.retain)
            }
            other => panic!("{other:?} is no PUBLISH"),
        }
    }

    /// Makes sure that all before it has been answered, and nothing else came.
    pub async fn ping(&mut self) {
        self.send(Packet::PingRequest).await;
        let answer = self.next().await;
        assert!(matches!(answer, Some(Packet::PingResponse)), "{answer:?}");
    }

    /// Reads to the end; answers the reason of the DISCONNECT, if one came.
    pub async fn end(&mut self) -> Option<DisconnectReasonCode> {
        let mut reason = None;
        while let Some(packet) = self.next().await {
            if let Packet::Disconnect(disconnect) = packet {
                reason = Some(disconnect.reason_code);
            }
        }
        reason
    }

    /// Reads to the end as [`TestClient::end`] does, or to an answer to a ping: then none.
    pub async fn end_or_ping(&mut self) -> Option<Option<DisconnectReasonCode>> {
        let mut reason = None;
        while let Some(packet) = self.next().await {
            match packet {
                Packet::Disconnect(disconnect) => reason = Some(disconnect.reason_code),
                Packet::PingResponse => return None,
                _ => {}
            }
        }
        Some(reason)
    }

    /// Says goodbye.
    pub async fn leave(mut self) {
        self.send(Packet::Disconnect(Disconnect::default())).await;
        assert_eq!(self.end().await, None);
    }
}

/// A connection of 3.1.1.
pub struct OlderClient {
    stream: TcpStream,
    codec: v3::Codec,
    buffer: BytesMut,
}

impl OlderClient {
    /// What a client of this name and password says first.
    pub fn connect(name: &str, password: &str) -> v3::Connect {
        v3::Connect {
            clean_session: true,
            keep_alive: 60,
            username: Some(name.into()),
            password: Some(password.as_bytes().to_vec().into()),
            ..v3::Connect::default()
        }
    }

    /// Connects; answers how that went.
    pub async fn enter(at: SocketAddr, name: &str, password: &str) -> (Self, v3::ConnectAckReason) {
        Self::enter_with(at, Self::connect(name, password)).await
    }

    /// The same with other wishes.
    pub async fn enter_with(at: SocketAddr, connect: v3::Connect) -> (Self, v3::ConnectAckReason) {
        let stream = TcpStream::connect(at).await.expect("the hub listens");
        let mut client = Self { stream, codec: v3::Codec::new(0), buffer: BytesMut::new() };
        client.send(v3::Packet::Connect(Box::new(connect))).await;
        match client.next().await {
            Some(v3::Packet::ConnectAck(ack)) => (client, ack.return_code),
            other => panic!("{other:?} is no CONNACK"),
        }
    }

    /// Sends a packet.
    pub async fn send(&mut self, packet: v3::Packet) {
        let mut bytes = BytesMut::new();
        self.codec.encode(packet, &mut bytes).expect("the test's packet can be written");
        // A hub that has closed takes none.
        let _ = self.stream.write_all(&bytes).await;
    }

    /// Sends any bytes; a hub that has closed takes none.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Sends packets in one write.
    pub async fn send_all(&mut self, packets: impl Iterator<Item = v3::Packet>) {
        let mut bytes = BytesMut::new();
        for packet in packets {
            self.codec.encode(packet, &mut bytes).expect("the test's packet can be written");
        }
        self.send_bytes(&bytes).await;
    }

    /// Publishes.
    pub async fn publish(&mut self, topic: &str, payload: &str, qos: QoS) {
        let message = Publish { properties: None, ..publish(topic, payload, qos, 1) };
        self.send(v3::Packet::Publish(Box::new(message))).await;
    }

    /// Publishes what was not acknowledged on an earlier connection.
    pub async fn publish_again(&mut self, topic: &str, payload: &str, qos: QoS) {
        let message = Publish { properties: None, dup: true, ..publish(topic, payload, qos, 1) };
        self.send(v3::Packet::Publish(Box::new(message))).await;
    }

    /// The next packet; none at the end of the connection.
    pub async fn next(&mut self) -> Option<v3::Packet> {
        let reading = async {
            loop {
                if let Some((packet, _)) = self.codec.decode(&mut self.buffer).expect("the hub's packets can be read") {
                    return Some(packet);
                }
                match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("the hub says something")
    }
}
