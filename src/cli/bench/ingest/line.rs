use std::num::NonZeroU16;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Door, Places};
use crate::cli::{
    CliError,
    bench::{
        modules::BenchModule,
        progress,
        sessions::enter,
        wire::{
            Destination, Frame, HttpReader, HttpWriter, MqttSocket, Told, WireSocket, connect_http, render_request,
        },
    },
    client::ClientError,
};

const AT_ONCE: usize = 64;

/// The connection of one module, by whatever door.
pub enum Line {
    /// By MQTT.
    Mqtt {
        /// The connection.
        socket: Box<MqttSocket>,
        /// Where it publishes.
        topic: String,
        /// The number of its last message.
        last: u16,
    },
    /// By WebSocket.
    Socket(WireSocket),
    /// By HTTP.
    Http {
        /// Where answers come.
        reader: HttpReader,
        /// Where requests go.
        writer: HttpWriter,
        /// Who reports where.
        place: Box<HttpPlace>,
    },
}

/// Who reports where by HTTP.
pub struct HttpPlace {
    destination: Destination,
    path: String,
    token: String,
}

/// Opens the connection of each module.
///
/// # Errors
/// [`CliError::Client`] when the server refuses one of them.
pub async fn connect_all(places: &Places<'_>, door: Door, modules: &[BenchModule]) -> Result<Vec<Line>, CliError> {
    let bar = progress(modules.len(), "connecting modules");
    let connecting = modules.iter().enumerate().map(|(index, module)| {
        let bar = &bar;
        async move {
            let line = Line::connect(places, door, index, module).await?;
            bar.inc(1);
            Ok::<_, ClientError>(line)
        }
    });
    let lines = stream::iter(connecting).buffered(AT_ONCE).try_collect().await?;
    bar.finish_and_clear();

    Ok(lines)
}

impl Line {
    /// Opens the connection of module number `index`.
    ///
    /// # Errors
    /// [`ClientError`] when the server refuses it.
    pub async fn connect(
        places: &Places<'_>,
        door: Door,
        index: usize,
        BenchModule { id, token }: &BenchModule,
    ) -> Result<Self, ClientError> {
        match (door, places.http) {
            (Door::Websocket, Some(hub)) => Ok(Self::Socket(enter(hub, index, "/ws/module", token, None).await?)),
            (Door::Http, Some(hub)) => {
                let (reader, writer) = connect_http(hub, index).await?;
                let path = format!("/api/v1/modules/{id}/telemetry");
                let place = HttpPlace { destination: hub.clone(), path, token: token.clone() };
                Ok(Self::Http { reader, writer, place: Box::new(place) })
            }
            _ => {
                let socket = MqttSocket::connect(places.mqtt, index, id, token).await?;
                Ok(Self::Mqtt { socket: Box::new(socket), topic: format!("carillon/{id}/telemetry"), last: 0 })
            }
        }
    }

    /// Sends readings, several as an array.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone.
    pub async fn send(&mut self, number: u64, readings: Readings) -> Result<(), ClientError> {
        match (self, readings) {
            (Self::Mqtt { socket, topic, last }, readings) => {
                *last = last.checked_add(1).unwrap_or(1);
                let id = NonZeroU16::new(*last).unwrap_or(NonZeroU16::MIN);
                socket.publish(id, topic, readings.into_payload()).await
            }
            (Self::Socket(socket), Readings::One(telemetry)) => {
                socket.send(&format!(r#"{{"type":"telemetry","id":{number},"telemetry":{telemetry}}}"#)).await
            }
            (Self::Socket(socket), Readings::Several(_)) => {
                let _ = socket;
                Err(ClientError::Closed("a frame holds one reading".to_owned()))
            }
            (Self::Http { writer, place, .. }, readings) => {
                let body = match readings {
                    Readings::One(telemetry) => format!(r#"{{"telemetry":{telemetry}}}"#),
                    Readings::Several(array) => array,
                };
                let HttpPlace { destination, path, token } = &**place;
                writer.send(&render_request(destination, "POST", path, Some(token), &body)).await
            }
        }
    }

    /// Waits for answers and shows of each whether the message was taken.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone.
    pub async fn read(&mut self, mut show: impl FnMut(bool)) -> Result<(), ClientError> {
        match self {
            Self::Mqtt { socket, .. } => {
                socket
                    .read(|told| {
                        if told != Told::Message {
                            show(told == Told::Taken)
                        }
                    })
                    .await
            }
            Self::Socket(socket) => {
                let hear = |frame: Frame<'_>| {
                    if let Frame::Text(text) = frame
                        && let Some(is_taken) = is_taken(text)
                    {
                        show(is_taken);
                    }
                };
                socket.read(hear).await
            }
            Self::Http { reader, .. } => {
                let answer = reader.answer().await?;
                show(answer.is_success());
                Ok(())
            }
        }
    }
}

/// What one message brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readings {
    /// One reading: its telemetry.
    One(String),
    /// Several: an array of `{ts, telemetry}`.
    Several(String),
}

impl Readings {
    fn into_payload(self) -> String {
        let (Self::One(text) | Self::Several(text)) = self;
        text
    }
}

/// What a frame of `/ws/module` says of a reading; none if it is about something else.
pub fn is_taken(text: &[u8]) -> Option<bool> {
    let has = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    if has(br#""type":"ack""#) {
        return Some(true);
    }
    has(br#""type":"error""#).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_and_refusals_are_told_from_other_frames() {
        assert_eq!(is_taken(br#"{"type":"welcome","moduleId":"A"}"#), None);
        assert_eq!(is_taken(br#"{"type":"ack","id":1}"#), Some(true));
        assert_eq!(is_taken(br#"{"type":"error","id":2,"problem":{}}"#), Some(false));
    }
}
