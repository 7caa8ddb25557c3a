use std::time::Duration;

use clap::ValueEnum;
use tokio::time::timeout;

use super::super::wire::{Destination, Frame, Heartbeat, WireSocket};
use crate::cli::client::ClientError;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A kind of server, by how its clients listen and publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A hub: sessions that are logged in, events posted to its API
    Carillon,
    /// The least there can be: a bare program that writes one ready-made frame to each client
    Floor,
    /// A server that sends each message of a WebSocket to all others as it is
    Websocket,
    /// nginx with nchan: `/sub/TOPIC` to listen, `/pub/TOPIC` to post
    Nchan,
    /// A server of Socket.IO that sends the data of `publish` to all as `rt_bench`
    Socketio,
    /// A broker of MQTT 3.1.1 over a WebSocket at `/`
    Mqtt,
    /// A server of NATS with its WebSocket
    Nats,
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

/// What a client says, and how the answer to it begins.
type Exchange = (Option<Said>, &'static [u8]);

impl Kind {
    /// Opens connection number `index`, which listens to the topic if there is one.
    ///
    /// # Errors
    /// [`ClientError`] when the server refuses or says nothing.
    pub async fn connect(
        self,
        destination: &Destination,
        index: usize,
        topic: Option<&str>,
    ) -> Result<WireSocket, ClientError> {
        let path = self.path(topic);
        let socket = WireSocket::connect_with(destination, index, &path, self.headers()).await?;
        let mut socket = socket.answering(self.heartbeat());
        for (said, wanted) in self.greeting(index, topic) {
            if let Some(said) = said {
                say(&mut socket, &said).await?;
            }
            timeout(ANSWER_TIMEOUT, wait(&mut socket, wanted))
                .await
                .map_err(|_| ClientError::Closed(format!("no `{}` came", wanted.escape_ascii())))??;
        }
        Ok(socket)
    }

    /// What publishes an event on a connection.
    pub fn publication(self, topic: &str, data: &str) -> Said {
        match self {
            Self::Socketio => Said::Text(format!(r#"42["publish",{data}]"#)),
            Self::Nats => Said::Binary(format!("PUB {topic} {}\r\n{data}\r\n", data.len()).into_bytes()),
            Self::Mqtt => Said::Binary(packet(0x30, &[&text(topic), data.as_bytes()].concat())),
            Self::Carillon | Self::Floor | Self::Websocket | Self::Nchan => Said::Text(data.to_owned()),
        }
    }

    fn path(self, topic: Option<&str>) -> String {
        match (self, topic) {
            (Self::Nchan, Some(topic)) => format!("/sub/{topic}"),
            (Self::Socketio, _) => "/socket.io/?EIO=4&transport=websocket".to_owned(),
            _ => "/".to_owned(),
        }
    }

    const fn headers(self) -> &'static str {
        if matches!(self, Self::Mqtt) { "Sec-WebSocket-Protocol: mqtt\r\n" } else { "" }
    }

    fn heartbeat(self) -> Heartbeat {
        match self {
            Self::Socketio => |message| (message == b"2").then_some("3"),
            Self::Nats => |message| (message == b"PING\r\n").then_some("PONG\r\n"),
            _ => |_| None,
        }
    }

    fn greeting(self, index: usize, topic: Option<&str>) -> Vec<Exchange> {
        match self {
            Self::Socketio => vec![(None, b"0"), (Some(Said::Text("40".to_owned())), b"40")],
            Self::Nats => {
                let subscription = topic.map(|topic| format!("SUB {topic} 1\r\n")).unwrap_or_default();
                let hello = format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\n{subscription}PING\r\n");
                vec![(None, b"INFO"), (Some(Said::Binary(hello.into_bytes())), b"PONG")]
            }
            Self::Mqtt => {
                let subscribe = |topic| (Some(Said::Binary(packet(0x82, &subscription(topic)))), &b"\x90"[..]);
                let connect = (Some(Said::Binary(packet(0x10, &connect(index, topic.is_none())))), &b"\x20"[..]);
                [connect].into_iter().chain(topic.map(subscribe)).collect()
            }
            Self::Carillon | Self::Floor | Self::Websocket | Self::Nchan => Vec::new(),
        }
    }
}

/// Sends a message.
///
/// # Errors
/// [`ClientError::Closed`] when the connection is gone.
pub async fn say(socket: &mut WireSocket, said: &Said) -> Result<(), ClientError> {
    match said {
        Said::Text(text) => socket.send(text).await,
        Said::Binary(bytes) => socket.send_binary(bytes).await,
    }
}

async fn wait(socket: &mut WireSocket, wanted: &[u8]) -> Result<(), ClientError> {
    let mut has_come = false;
    while !has_come {
        socket.read(|frame| has_come |= matches!(frame, Frame::Text(text) if text.starts_with(wanted))).await?;
    }
    Ok(())
}

/// A packet of MQTT: its kind, the length of the rest, the rest (MQTT 3.1.1, 2.2).
fn packet(kind: u8, rest: &[u8]) -> Vec<u8> {
    let (mut packet, mut length) = (vec![kind], rest.len());
    loop {
        // Seven bits at a time.
        let low = (length % 128) as u8;
        length /= 128;
        packet.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(rest);
    packet
}

/// A text of MQTT; those here are short.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&length, text.as_bytes()].concat()
}

/// A clean session without a limit on silence (MQTT 3.1.1, 3.1.2).
fn connect(index: usize, is_publisher: bool) -> Vec<u8> {
    let name = if is_publisher { "publisher" } else { "listener" };
    [&text("MQTT")[..], &[4, 2, 0, 0], &text(&format!("{name}-{index}"))].concat()
}

fn subscription(topic: &str) -> Vec<u8> {
    [&[0, 1], &text(topic)[..], &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_packet_of_mqtt_says_its_length_in_seven_bits_at_a_time() {
        assert_eq!(packet(0x30, &[7; 3]), [0x30, 3, 7, 7, 7]);
        assert_eq!(packet(0x30, &[0; 321])[..3], [0x30, 0xc1, 0x02]);
    }

    #[test]
    fn an_event_is_published_as_each_kind_wants_it() {
        assert_eq!(Kind::Socketio.publication("t", "{}"), Said::Text("42[\"publish\",{}]".to_owned()));
        assert_eq!(Kind::Nats.publication("t", "{}"), Said::Binary(b"PUB t 2\r\n{}\r\n".to_vec()));
        assert_eq!(Kind::Mqtt.publication("t", "{}"), Said::Binary(b"\x30\x05\x00\x01t{}".to_vec()));
    }

    #[test]
    fn a_sign_of_life_is_given_to_who_asks_for_it() {
        assert_eq!(Kind::Socketio.heartbeat()(b"2"), Some("3"));
        assert_eq!(Kind::Socketio.heartbeat()(b"42[\"rt_bench\",{}]"), None);
        assert_eq!(Kind::Websocket.heartbeat()(b"2"), None);
    }
}
