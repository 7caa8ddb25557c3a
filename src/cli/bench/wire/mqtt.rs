use std::{io, num::NonZeroU16};

use bytes::BytesMut;
use rmqtt_codec::{
    types::{Publish, QoS},
    v5::{Codec, Connect, ConnectAckReason, Packet, PublishAckReason, Subscribe, SubscriptionOptions},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::codec::{Decoder, Encoder};

use super::Destination;
use crate::cli::client::ClientError;

/// How large a packet may be.
const LONGEST_PACKET: u32 = 64 << 20;

/// A connection of MQTT 5 that keeps nothing but the beginning of an unfinished packet.
#[derive(Debug)]
pub struct MqttSocket {
    stream: TcpStream,
    codec: Codec,
    incoming: BytesMut,
    outgoing: BytesMut,
}

/// What matters of a packet from the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A message was taken.
    Taken,
    /// A message was not taken.
    Refused,
    /// A message for this client.
    Message,
}

impl MqttSocket {
    /// Connects as number `index`, with this name as user name and client id.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`], or [`ClientError::Closed`] when the other side does not let it in.
    pub async fn connect(
        destination: &Destination,
        index: usize,
        name: &str,
        password: &str,
    ) -> Result<Self, ClientError> {
        let stream = destination.connect(index).await?;
        let codec = Codec::new(LONGEST_PACKET, 0);
        let mut socket = Self { stream, codec, incoming: BytesMut::new(), outgoing: BytesMut::new() };
        let connect = Connect {
            clean_start: true,
            keep_alive: 600,
            client_id: name.into(),
            username: Some(name.into()),
            password: Some(password.as_bytes().to_vec().into()),
            ..Connect::default()
        };
        socket.write(Packet::Connect(Box::new(connect))).await?;
        match socket.next().await? {
            Packet::ConnectAck(ack) if ack.reason_code == ConnectAckReason::Success => Ok(socket),
            Packet::ConnectAck(ack) => Err(ClientError::Closed(format!("CONNECT is refused: {:?}", ack.reason_code))),
            _ => Err(ClientError::Closed("CONNECT is not answered by CONNACK".to_owned())),
        }
    }

    /// Subscribes with QoS 0, and waits for the answer.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone, or the subscription is refused.
    pub async fn subscribe(&mut self, filter: &str) -> Result<(), ClientError> {
        let topic_filters = vec![(filter.into(), SubscriptionOptions::default())];
        let packet_id = NonZeroU16::MIN;
        self.write(Packet::Subscribe(Subscribe { packet_id, id: None, user_properties: Vec::new(), topic_filters }))
            .await?;
        loop {
            if let Packet::SubscribeAck(ack) = self.next().await? {
                let is_granted = ack.status.iter().all(|status| u8::from(*status) < 0x80);
                return is_granted.then_some(()).ok_or_else(|| ClientError::Closed("SUBSCRIBE is refused".to_owned()));
            }
        }
    }

    /// Publishes with QoS 1; the acknowledgement comes later.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone.
    pub async fn publish(&mut self, id: NonZeroU16, topic: &str, payload: String) -> Result<(), ClientError> {
        self.write(Packet::Publish(Box::new(Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: topic.into(),
            packet_id: Some(id),
            payload: payload.into_bytes().into(),
            properties: None,
        })))
        .await
    }

    /// Waits for packets and shows what they tell, all that have come. Nothing is lost when the wait is broken off.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone.
    pub async fn read(&mut self, mut show: impl FnMut(Told)) -> Result<(), ClientError> {
        let mut packet = Some(self.next().await?);
        while let Some(one) = packet {
            match one {
                Packet::PublishAck(ack) if is_taken(ack.reason_code) => show(Told::Taken),
                Packet::PublishAck(_) => show(Told::Refused),
                Packet::Publish(_) => show(Told::Message),
                Packet::Disconnect(end) => {
                    return Err(ClientError::Closed(format!("DISCONNECT {:?}", end.reason_code)));
                }
                _ => {}
            }
            packet = self.whole()?;
        }

        Ok(())
    }

    async fn next(&mut self) -> Result<Packet, ClientError> {
        loop {
            if let Some(packet) = self.whole()? {
                return Ok(packet);
            }
            if self.stream.read_buf(&mut self.incoming).await.map_err(closed)? == 0 {
                return Err(ClientError::Closed("the other side hung up".to_owned()));
            }
        }
    }

    fn whole(&mut self) -> Result<Option<Packet>, ClientError> {
        let decoded = self.codec.decode(&mut self.incoming);
        let decoded = decoded.map_err(|error| ClientError::Closed(format!("a packet cannot be read: {error:?}")))?;

        Ok(decoded.map(|(packet, _)| packet))
    }

    async fn write(&mut self, packet: Packet) -> Result<(), ClientError> {
        self.outgoing.clear();
        let encoded = self.codec.encode(packet, &mut self.outgoing);
        encoded.map_err(|error| ClientError::Closed(format!("a packet cannot be written: {error:?}")))?;
        self.stream.write_all(&self.outgoing).await.map_err(closed)
    }
}

/// Whether it is taken, also where nobody listens.
const fn is_taken(reason: PublishAckReason) -> bool {
    matches!(reason, PublishAckReason::Success | PublishAckReason::NoMatchingSubscribers)
}

fn closed(error: io::Error) -> ClientError {
    ClientError::Closed(error.to_string())
}
