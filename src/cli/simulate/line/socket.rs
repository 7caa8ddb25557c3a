use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{Heard, Outgoing};
use crate::cli::client::{ClientError, HubAddress, Socket, connect_socket};
use crate::cli::simulate::obey::obey;

const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// `/ws/module`.
pub struct SocketLine {
    socket: Socket,
}

impl SocketLine {
    /// Opens the WebSocket of a module.
    pub async fn open(address: &HubAddress, token: &str) -> Result<Self, ClientError> {
        Ok(Self { socket: connect_socket(address, "/ws/module", token).await? })
    }

    /// Sends readings, a frame each.
    pub async fn send(&mut self, readings: &[Outgoing]) -> Result<(), ClientError> {
        for Outgoing { number, reading, .. } in readings {
            let mut frame = reading.json();
            frame["type"] = json!("telemetry");
            frame["id"] = json!(number);
            self.say(&frame).await?;
        }
        Ok(())
    }

    /// Sends answers, a frame each.
    pub async fn answer(&mut self, answers: &[Value]) -> Result<(), ClientError> {
        for answer in answers {
            self.say(answer).await?;
        }
        Ok(())
    }

    /// What the hub says next.
    pub async fn next(&mut self) -> Result<Heard, ClientError> {
        let message = self.socket.next().await.ok_or_else(|| ClientError::Closed("no close frame".to_owned()))??;
        hear(&message)
    }

    /// Says good-bye; a hub that does not take it within a second is gone anyway.
    pub async fn close(mut self) {
        let closing = async {
            let _ = self.socket.close(None).await;
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let _ = timeout(Duration::from_secs(1), closing).await;
    }

    async fn say(&mut self, frame: &Value) -> Result<(), ClientError> {
        let sending = self.socket.send(Message::text(frame.to_string()));
        timeout(SEND_TIMEOUT, sending)
            .await
            .map_err(|_| ClientError::Closed("the hub stopped reading".to_owned()))??;
        Ok(())
    }
}

fn hear(message: &Message) -> Result<Heard, ClientError> {
    match message {
        Message::Text(text) => {
            let told: Value = serde_json::from_str(text)
                .map_err(|error| ClientError::Answer { what: "a frame".to_owned(), cause: error.to_string() })?;
            understand(&told)
        }
        Message::Close(frame) => {
            Err(ClientError::Closed(frame.as_ref().map_or("no code".to_owned(), |frame| frame.to_string())))
        }
        _ => Ok(Heard::Nothing),
    }
}

fn understand(told: &Value) -> Result<Heard, ClientError> {
    match (told["type"].as_str(), told["id"].as_u64()) {
        (Some("welcome"), _) => Ok(Heard::Welcome),
        (Some("ack"), Some(number)) => Ok(Heard::Taken(number)),
        (Some("error"), Some(number)) => match told["problem"]["status"].as_u64() {
            Some(status @ (401 | 429 | 503)) => Err(refused(status as u16, &told["problem"]["detail"], None)),
            _ => Ok(Heard::Refused(number)),
        },
        (Some("command" | "desired"), _) => Ok(Heard::Told(obey(told))),
        // The hub closes and says when to come back.
        (Some("bye"), _) => Err(refused(503, &told["reason"], told["retryAfterMs"].as_u64())),
        _ => Ok(Heard::Nothing),
    }
}

fn refused(status: u16, detail: &Value, retry_after: Option<u64>) -> ClientError {
    ClientError::Refused {
        what: "the connection".to_owned(),
        status,
        detail: detail.as_str().unwrap_or_default().to_owned(),
        retry_after: retry_after.map(Duration::from_millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hub_says_is_understood() {
        let heard = |told: Value| understand(&told);
        assert!(matches!(heard(json!({"type": "ack", "id": 7})), Ok(Heard::Taken(7))));
        let error = |status: u16| heard(json!({"type": "error", "id": 7, "problem": {"status": status}}));
        assert!(matches!(error(422), Ok(Heard::Refused(7))));
        assert!(matches!(error(429), Err(ClientError::Refused { status: 429, .. })));
        let bye = heard(json!({"type": "bye", "code": 4029, "retryAfterMs": 250}));
        assert_eq!(bye.unwrap_err().wait(), Some(Duration::from_millis(250)));
        assert!(matches!(heard(json!({"type": "novelty"})), Ok(Heard::Nothing)));
    }
}
