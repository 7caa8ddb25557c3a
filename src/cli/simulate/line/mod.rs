//! One connection of a module to the hub, by any door.

mod http;
mod mqtt;
mod socket;

use serde_json::Value;

use super::{Door, backlog::Outgoing, device::Shared};
use crate::cli::client::ClientError;
use http::HttpLine;
use mqtt::MqttLine;
use socket::SocketLine;

/// Readings of a module that are on their way at the same time.
const WINDOW: usize = 32;

/// An open connection.
pub enum Line {
    /// A WebSocket.
    Socket(Box<SocketLine>),
    /// Requests.
    Http(HttpLine),
    /// MQTT 5.
    Mqtt(Box<MqttLine>),
}

/// What follows from what the hub said.
#[derive(Debug)]
pub enum Heard {
    /// The module is known.
    Welcome,
    /// It has committed this reading.
    Taken(u64),
    /// It will never take this reading.
    Refused(u64),
    /// The module is to answer this, and the hub is to hear that it came.
    Told(Vec<Value>),
    /// Nothing.
    Nothing,
}

impl Line {
    /// Opens a connection as a module.
    ///
    /// # Errors
    /// [`ClientError`] when the hub is away or does not let it in.
    pub async fn open(door: Door, shared: &Shared, id: &str, token: &str) -> Result<Self, ClientError> {
        match door {
            Door::Ws => Ok(Self::Socket(Box::new(SocketLine::open(&shared.address, token).await?))),
            Door::Http => Ok(Self::Http(HttpLine::new(shared.plain.as_module(token), id, shared.pace))),
            Door::Mqtt => Ok(Self::Mqtt(Box::new(MqttLine::open(&shared.mqtt, id, token).await?))),
        }
    }

    /// How many readings may be on their way.
    pub fn window(&self) -> usize {
        match self {
            Self::Socket(_) => WINDOW,
            Self::Http(line) => line.window(),
            Self::Mqtt(line) => line.window(),
        }
    }

    /// How many readings are waited for before they are sent.
    pub fn batch(&self) -> usize {
        match self {
            Self::Http(line) => line.batch(),
            Self::Socket(_) | Self::Mqtt(_) => 1,
        }
    }

    /// Sends readings; answers what the hub said of them already.
    ///
    /// # Errors
    /// [`ClientError`] when the connection is lost, or the hub asks to come again.
    pub async fn send(&mut self, readings: &[Outgoing]) -> Result<Vec<Heard>, ClientError> {
        match self {
            Self::Socket(line) => line.send(readings).await.map(|()| Vec::new()),
            Self::Http(line) => line.send(readings).await,
            Self::Mqtt(line) => line.send(readings).await.map(|()| Vec::new()),
        }
    }

    /// Answers what the module was told.
    ///
    /// # Errors
    /// [`ClientError`] when the connection is lost.
    pub async fn answer(&mut self, answers: &[Value]) -> Result<(), ClientError> {
        match self {
            Self::Socket(line) => line.answer(answers).await,
            Self::Mqtt(line) => line.answer(answers).await,
            // Nobody is told anything in a request.
            Self::Http(_) => Ok(()),
        }
    }

    /// What the hub says next; nothing is lost when it is asked for and not waited for.
    ///
    /// # Errors
    /// [`ClientError`] when the connection ends, or the hub asks to come again.
    pub async fn next(&mut self) -> Result<Heard, ClientError> {
        match self {
            Self::Socket(line) => line.next().await,
            Self::Mqtt(line) => line.next().await,
            Self::Http(_) => std::future::pending().await,
        }
    }

    /// Says good-bye.
    pub async fn close(self) {
        match self {
            Self::Socket(line) => line.close().await,
            Self::Mqtt(line) => line.close().await,
            Self::Http(_) => {}
        }
    }
}
