use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    progress,
    wire::{Destination, Frame, WireSocket},
};
use crate::cli::{CliError, client::ClientError};

/// Connections that are being opened at the same time.
pub const AT_ONCE: usize = 64;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens `count` sessions on one login, so many at the same time; session number `index` subscribes to `topic(index)`.
///
/// # Errors
/// [`CliError::Client`] when the hub refuses one of them.
pub async fn open_sessions(
    destination: &Destination,
    token: &str,
    count: usize,
    at_once: usize,
    topic: impl Fn(usize) -> String,
) -> Result<Vec<WireSocket>, CliError> {
    open_sessions_on(destination, token, count, at_once, |index| vec![topic(index)]).await
}

/// The same with several topics for each session.
///
/// # Errors
/// As [`open_sessions`].
pub async fn open_sessions_on(
    destination: &Destination,
    token: &str,
    count: usize,
    at_once: usize,
    topics: impl Fn(usize) -> Vec<String>,
) -> Result<Vec<WireSocket>, CliError> {
    let subscribe = |index| json!({ "type": "subscribe", "id": 1, "topics": topics(index) }).to_string();
    open_sessions_saying(destination, token, count, at_once, subscribe).await
}

/// The same with any first word that is answered; session number `index` says `first(index)`.
///
/// # Errors
/// As [`open_sessions`].
pub async fn open_sessions_saying(
    destination: &Destination,
    token: &str,
    count: usize,
    at_once: usize,
    first: impl Fn(usize) -> String,
) -> Result<Vec<WireSocket>, CliError> {
    let bar = progress(count, "opening sessions");
    let opening = (0..count).map(|index| {
        let first = first(index);
        let bar = &bar;
        async move {
            let socket = enter(destination, index, "/ws", token, Some(&first)).await?;
            bar.inc(1);
            Ok::<_, ClientError>(socket)
        }
    });
    let sessions = stream::iter(opening).buffered(at_once).try_collect().await?;
    bar.finish_and_clear();

    Ok(sessions)
}

/// Opens a WebSocket and waits for the welcome, or for the answer to a first frame; comes back whenever the hub says that
/// too many begin at once.
///
/// # Errors
/// [`ClientError`] when the hub refuses, or does not answer in time.
pub async fn enter(
    destination: &Destination,
    index: usize,
    path: &str,
    token: &str,
    first: Option<&str>,
) -> Result<WireSocket, ClientError> {
    let mut goodbye = None;
    let entered = timeout(ANSWER_TIMEOUT, come_in(destination, index, path, token, first, &mut goodbye)).await;
    entered.unwrap_or_else(|_| {
        Err(ClientError::Closed(match goodbye {
            None => format!("`{path}` gave no answer in {ANSWER_TIMEOUT:?}"),
            Some(why) => format!("`{path}` did not let session {} in within {ANSWER_TIMEOUT:?}: {why}", index + 1),
        }))
    })
}

async fn come_in(
    destination: &Destination,
    index: usize,
    path: &str,
    token: &str,
    first: Option<&str>,
    goodbye: &mut Option<String>,
) -> Result<WireSocket, ClientError> {
    loop {
        let mut socket = WireSocket::connect(destination, index, path, token).await?;
        if let Some(first) = first {
            socket.send(first).await?;
        }
        match hear(&mut socket, if first.is_some() { "reply" } else { "welcome" }).await? {
            Answer::Agreed => return Ok(socket),
            Answer::Later(after, why) => {
                *goodbye = Some(why);
                sleep(after).await;
            }
            Answer::Refused(problem) => return Err(ClientError::Closed(format!("`{path}` refuses: {problem}"))),
        }
    }
}

async fn hear(socket: &mut WireSocket, wanted: &str) -> Result<Answer, ClientError> {
    let mut answer = None;
    loop {
        let hear = |frame: Frame<'_>| {
            if let Frame::Text(text) = frame {
                answer = answer.take().or_else(|| read_answer(text, wanted));
            }
        };
        socket.read(hear).await?;
        if let Some(answer) = answer.take() {
            return Ok(answer);
        }
    }
}

/// What the hub says to one who comes in.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Agreed,
    Refused(String),
    /// It says goodbye, and why; one may come back after this.
    Later(Duration, String),
}

/// Whether this frame is the wanted one, or a goodbye.
fn read_answer(text: &[u8], wanted: &str) -> Option<Answer> {
    let message: Value = serde_json::from_slice(text).ok()?;
    match message["type"].as_str()? {
        "bye" => {
            let why = message["reason"].to_string();
            Some(match message["retryAfterMs"].as_u64() {
                Some(after) => Answer::Later(Duration::from_millis(after), why),
                None => Answer::Refused(why),
            })
        }
        kind if kind != wanted => None,
        _ if message["ok"] == false => Some(Answer::Refused(message["problem"].to_string())),
        _ => Some(Answer::Agreed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wanted_frame_and_a_goodbye_are_answers() {
        let read = |text: &str| read_answer(text.as_bytes(), "reply");
        assert_eq!(read(r#"{"type":"welcome"}"#), None);
        assert_eq!(read_answer(br#"{"type":"welcome"}"#, "welcome"), Some(Answer::Agreed));
        assert_eq!(read(r#"{"type":"reply","id":1,"ok":true,"data":{}}"#), Some(Answer::Agreed));
        assert!(matches!(read(r#"{"type":"reply","id":1,"ok":false,"problem":{}}"#), Some(Answer::Refused(_))));
        let later = Answer::Later(Duration::from_millis(250), r#""full""#.to_owned());
        assert_eq!(read(r#"{"type":"bye","code":4029,"reason":"full","retryAfterMs":250}"#), Some(later));
    }
}
