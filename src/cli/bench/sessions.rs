use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    progress,
    wire::{Destination, Frame, WireSocket},
};
use crate::cli::{CliError, client::ClientError};

/// Connections that are being opened at the same time.
const AT_ONCE: usize = 64;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens `count` sessions on one login; session number `index` subscribes to `topic(index)`.
///
/// # Errors
/// [`CliError::Client`] when the hub refuses one of them.
pub async fn open_sessions(
    destination: &Destination,
    token: &str,
    count: usize,
    topic: impl Fn(usize) -> String,
) -> Result<Vec<WireSocket>, CliError> {
    let bar = progress(count, "opening sessions");
    let opening = (0..count).map(|index| {
        let topic = topic(index);
        let bar = &bar;
        async move {
            let opened = timeout(ANSWER_TIMEOUT, open(destination, index, token, &topic));
            let socket = opened.await.map_err(|_| ClientError::Closed("a session got no answer".to_owned()))??;
            bar.inc(1);
            Ok::<_, ClientError>(socket)
        }
    });
    let sessions = stream::iter(opening).buffered(AT_ONCE).try_collect().await?;
    bar.finish_and_clear();

    Ok(sessions)
}

async fn open(destination: &Destination, index: usize, token: &str, topic: &str) -> Result<WireSocket, ClientError> {
    let mut socket = WireSocket::connect(destination, index, "/ws", token).await?;
    socket.send(&serde_json::json!({ "type": "subscribe", "id": 1, "topics": [topic] }).to_string()).await?;
    let mut reply = None;
    while reply.is_none() {
        socket
            .read(|frame| {
                if let Frame::Text(text) = frame {
                    reply = reply.take().or_else(|| read_reply(text));
                }
            })
            .await?;
    }
    match reply {
        Some(Ok(())) | None => Ok(socket),
        Some(Err(problem)) => Err(ClientError::Closed(format!("cannot subscribe to `{topic}`: {problem}"))),
    }
}

/// Whether this frame answers the subscription, and how.
fn read_reply(text: &[u8]) -> Option<Result<(), String>> {
    let message: Value = serde_json::from_slice(text).ok()?;
    if message["type"] != "reply" {
        return None;
    }

    Some(if message["ok"] == true { Ok(()) } else { Err(message["problem"].to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reply_answers_a_subscription() {
        assert_eq!(read_reply(br#"{"type":"welcome"}"#), None);
        assert_eq!(read_reply(br#"{"type":"reply","id":1,"ok":true,"data":{}}"#), Some(Ok(())));
        assert!(matches!(read_reply(br#"{"type":"reply","id":1,"ok":false,"problem":{}}"#), Some(Err(_))));
    }
}
