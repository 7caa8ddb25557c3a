use std::{collections::HashMap, num::NonZeroU16, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rmqtt_codec::{
    types::{Publish, QoS},
    v5::{
        Codec, Connect, ConnectAck, ConnectAckReason, Disconnect, Packet, PublishAck, PublishAckReason,
        PublishProperties, Subscribe, SubscriptionOptions,
    },
};
use serde_json::{Value, json};
use tokio::{
    select,
    time::{Instant, Interval, interval_at, timeout},
};
use tokio_util::codec::Framed;

use super::{Heard, Outgoing, WINDOW};
use crate::cli::client::{ClientError, Endpoint, Stream};
use crate::cli::simulate::obey::obey;

const TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// The largest packet that a module takes, in bytes.
const LARGEST: u32 = 256 << 10;

/// A connection of MQTT 5 whose readings are sent with QoS 1.
pub struct MqttLine {
    framed: Framed<Stream, Codec>,
    id: String,
    window: usize,
    /// The readings on their way, by the number of their message.
    numbers: HashMap<NonZeroU16, u64>,
    last: u16,
    /// What the hub is still to hear of its own messages.
    owed: Vec<Packet>,
    pings: Interval,
}

impl MqttLine {
    /// Connects a module, and listens to what it is told.
    pub async fn open(endpoint: &Endpoint, id: &str, token: &str) -> Result<Self, ClientError> {
        let address = endpoint.url(["mqtt", "mqtts"]);
        let opening = async {
            let stream = endpoint.connect().await.map_err(|error| ClientError::no_connection(&address, &error))?;
            let mut line = Self {
                framed: Framed::new(stream, Codec::new(LARGEST, 0)),
                id: id.to_owned(),
                window: WINDOW,
                numbers: HashMap::new(),
                last: 0,
                owed: Vec::new(),
                pings: interval_at(Instant::now() + KEEP_ALIVE / 2, KEEP_ALIVE / 2),
            };
            line.connect(token).await?;
            line.listen().await?;
            Ok(line)
        };
        let late = |_| ClientError::Unreachable { address: address.clone(), cause: "no answer in time".to_owned() };
        timeout(TIMEOUT, opening).await.map_err(late)?
    }

    /// How many readings may be on their way.
    pub const fn window(&self) -> usize {
        self.window
    }

    async fn connect(&mut self, token: &str) -> Result<(), ClientError> {
        let connect = Connect {
            clean_start: true,
            keep_alive: KEEP_ALIVE.as_secs() as u16,
            client_id: self.id.clone().into(),
            username: Some(self.id.clone().into()),
            password: Some(token.as_bytes().to_vec().into()),
            ..Connect::default()
        };
        self.say(Packet::Connect(Box::new(connect))).await?;
        match self.read().await? {
            Packet::ConnectAck(ack) if ack.reason_code == ConnectAckReason::Success => {
                self.window = usize::from(ack.receive_max.get()).min(WINDOW);
                Ok(())
            }
            Packet::ConnectAck(ack) => Err(turned_away(&ack)),
            other => Err(unexpected(&other)),
        }
    }

    async fn listen(&mut self) -> Result<(), ClientError> {
        let options = SubscriptionOptions { qos: QoS::AtLeastOnce, ..SubscriptionOptions::default() };
        let topics = ["command", "desired"].map(|what| (self.topic(what).into(), options));
        let packet_id = self.next_id();
        let topic_filters = topics.into();
        self.say(Packet::Subscribe(Subscribe { packet_id, id: None, user_properties: Vec::new(), topic_filters })).await
    }

    /// Publishes readings, a message each.
    pub async fn send(&mut self, readings: &[Outgoing]) -> Result<(), ClientError> {
        for Outgoing { number, reading, .. } in readings {
            let packet_id = self.next_id();
            self.numbers.insert(packet_id, *number);
            self.publish("telemetry", Some(packet_id), &reading.json()).await?;
        }
        Ok(())
    }

    /// Says that what the module was told has come, and publishes its answers.
    pub async fn answer(&mut self, answers: &[Value]) -> Result<(), ClientError> {
        for packet in std::mem::take(&mut self.owed) {
            self.say(packet).await?;
        }
        for answer in answers {
            let (what, payload) = published(answer);
            self.publish(what, None, &payload).await?;
        }
        Ok(())
    }

    /// What the hub says next.
    pub async fn next(&mut self) -> Result<Heard, ClientError> {
        loop {
            select! {
                packet = self.framed.next() => return self.hear(decoded(packet)?),
                _ = self.pings.tick() => {
                    // What was not written yet goes out with the next packet.
                    self.framed.feed(Packet::PingRequest).await.map_err(lost)?;
                    self.framed.flush().await.map_err(lost)?;
                }
            }
        }
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        // A hub that does not take it is gone anyway.
        let _ = self.say(Packet::Disconnect(Disconnect::default())).await;
        let _ = timeout(Duration::from_secs(1), self.framed.close()).await;
    }

    fn hear(&mut self, packet: Packet) -> Result<Heard, ClientError> {
        match packet {
            Packet::PublishAck(ack) => {
                let Some(number) = self.numbers.remove(&ack.packet_id) else { return Ok(Heard::Nothing) };
                match ack.reason_code {
                    PublishAckReason::Success | PublishAckReason::NoMatchingSubscribers => Ok(Heard::Taken(number)),
                    PublishAckReason::QuotaExceeded => Err(refused(503, "the hub is busy")),
                    _ => Ok(Heard::Refused(number)),
                }
            }
            Packet::Publish(publish) => {
                self.owed.extend(publish.packet_id.filter(|_| publish.qos == QoS::AtLeastOnce).map(received));
                Ok(Heard::Told(told(&self.id, &publish).map(|told| obey(&told)).unwrap_or_default()))
            }
            Packet::SubscribeAck(_) => Ok(Heard::Welcome),
            Packet::PingResponse => Ok(Heard::Nothing),
            other => Err(unexpected(&other)),
        }
    }

    async fn publish(&mut self, what: &str, id: Option<NonZeroU16>, payload: &Value) -> Result<(), ClientError> {
        let publish = Publish {
            dup: false,
            retain: false,
            qos: if id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce },
            topic: self.topic(what).into(),
            packet_id: id,
            payload: payload.to_string().into(),
            properties: Some(PublishProperties::default()),
        };
        self.say(Packet::Publish(Box::new(publish))).await
    }

    fn topic(&self, what: &str) -> String {
        format!("carillon/{}/{what}", self.id)
    }

    /// A number that no message under way has.
    fn next_id(&mut self) -> NonZeroU16 {
        loop {
            self.last = self.last.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last).filter(|id| !self.numbers.contains_key(id)) {
                return id;
            }
        }
    }

    async fn say(&mut self, packet: Packet) -> Result<(), ClientError> {
        let sending = timeout(TIMEOUT, self.framed.send(packet)).await;
        sending.map_err(|_| ClientError::Closed("the hub stopped reading".to_owned()))?.map_err(lost)
    }

    async fn read(&mut self) -> Result<Packet, ClientError> {
        decoded(self.framed.next().await)
    }
}

fn decoded<E: std::fmt::Debug>(packet: Option<Result<(Packet, u32), E>>) -> Result<Packet, ClientError> {
    match packet {
        Some(Ok((packet, _))) => Ok(packet),
        Some(Err(error)) => Err(lost(error)),
        None => Err(ClientError::Closed("the hub went away".to_owned())),
    }
}

/// What a message says, as it is said on a WebSocket; none for a topic that is not known.
fn told(id: &str, publish: &Publish) -> Option<Value> {
    let what = publish.topic.strip_prefix("carillon/")?.strip_prefix(id)?.strip_prefix('/')?;
    let mut told: Value = serde_json::from_slice(&publish.payload).ok().filter(Value::is_object)?;
    told["type"] = json!(what);
    Some(told)
}

/// An answer that is made for a WebSocket, as topic and payload.
fn published(answer: &Value) -> (&'static str, Value) {
    if answer["type"] == "reported" {
        return ("reported", answer["reported"].clone());
    }
    ("result", json!({ "commandId": answer["commandId"], "ok": answer["ok"], "result": answer["result"] }))
}

fn received(packet_id: NonZeroU16) -> Packet {
    let reason_code = PublishAckReason::Success;
    Packet::PublishAck(PublishAck { packet_id, reason_code, properties: Vec::new(), reason_string: None })
}

fn turned_away(ack: &ConnectAck) -> ClientError {
    let status = match ack.reason_code {
        ConnectAckReason::BadUserNameOrPassword | ConnectAckReason::NotAuthorized => 401,
        ConnectAckReason::ServerBusy
        | ConnectAckReason::ServerUnavailable
        | ConnectAckReason::QuotaExceeded
        | ConnectAckReason::ConnectionRateExceeded => 503,
        _ => 403,
    };
    refused(status, ack.reason_string.as_deref().unwrap_or("no reason given"))
}

fn refused(status: u16, detail: &str) -> ClientError {
    ClientError::Refused { what: "the connection".to_owned(), status, detail: detail.to_owned(), retry_after: None }
}

fn unexpected(packet: &Packet) -> ClientError {
    match packet {
        Packet::Disconnect(told) => ClientError::Closed(format!("{:?}", told.reason_code)),
        other => ClientError::Answer { what: "MQTT".to_owned(), cause: format!("{other:?} came out of turn") },
    }
}

fn lost(error: impl std::fmt::Debug) -> ClientError {
    ClientError::Closed(format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_answers_are_the_same_as_on_a_websocket() {
        let publish = |topic: &str, payload: &str| Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: topic.into(),
            packet_id: NonZeroU16::new(1),
            payload: payload.to_owned().into(),
            properties: None,
        };
        let command = told("A", &publish("carillon/A/command", r#"{"commandId":"c","command":"ping"}"#)).unwrap();
        assert_eq!(published(&obey(&command)[0]), ("result", json!({"commandId": "c", "ok": true, "result": "pong"})));
        let desired = told("A", &publish("carillon/A/desired", r#"{"desired":{"a":1},"version":1}"#)).unwrap();
        assert_eq!(published(&obey(&desired)[0]), ("reported", json!({"a": 1})));
        assert!(told("A", &publish("carillon/B/command", "{}")).is_none());
        assert!(told("A", &publish("carillon/A/command", "{")).is_none());
    }
}
