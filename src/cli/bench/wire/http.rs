use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
};

use super::Destination;
use crate::cli::client::ClientError;

/// The sending half of a kept HTTP/1.1 connection; requests may follow each other without waiting for answers.
#[derive(Debug)]
pub struct HttpWriter(OwnedWriteHalf);

/// The receiving half: one answer after the other, in the order of the requests.
#[derive(Debug)]
pub struct HttpReader {
    stream: OwnedReadHalf,
    /// What came and was not taken yet.
    bytes: Vec<u8>,
}

/// What matters of an answer to a load generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long the hub asks to wait, if it does.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Whether the hub did what was asked.
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Opens HTTP connection number `index`.
///
/// # Errors
/// [`ClientError::Unreachable`] when the hub does not take it.
pub async fn connect_http(destination: &Destination, index: usize) -> Result<(HttpReader, HttpWriter), ClientError> {
    let (read, write) = destination.connect(index).await?.into_split();

    Ok((HttpReader { stream: read, bytes: Vec::with_capacity(4096) }, HttpWriter(write)))
}

/// A whole request with a JSON body, ready to be sent.
pub fn render_request(destination: &Destination, method: &str, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let host = destination.authority();

    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

impl HttpWriter {
    /// Sends a request.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone.
    pub async fn send(&mut self, request: &[u8]) -> Result<(), ClientError> {
        self.0.write_all(request).await.map_err(closed)
    }
}

impl HttpReader {
    /// Waits for the next answer.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone, [`ClientError::Answer`] when this is no answer.
    pub async fn answer(&mut self) -> Result<Answer, ClientError> {
        loop {
            if let Some((answer, length)) = parse(&self.bytes)? {
                self.bytes.drain(..length);
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.bytes).await.map_err(closed)? == 0 {
                return Err(ClientError::Closed("the hub hung up".to_owned()));
            }
        }
    }
}

/// The first answer in `bytes` and its length, once it is there with its body.
fn parse(bytes: &[u8]) -> Result<Option<(Answer, usize)>, ClientError> {
    let wrong = |cause: String| ClientError::Answer { what: "a request".to_owned(), cause };
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).map_err(|error| wrong(error.to_string()))? else {
        return Ok(None);
    };
    let number = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        str::from_utf8(header.value).ok()?.parse::<u64>().ok()
    };
    let status = response.code.unwrap_or_default();
    let body = match number("content-length") {
        Some(length) => usize::try_from(length).unwrap_or(usize::MAX),
        None if status == 204 => 0,
        None => return Err(wrong("it does not say how long it is".to_owned())),
    };
    let whole = head.saturating_add(body);
    if bytes.len() < whole {
        return Ok(None);
    }

    Ok(Some((Answer { status, retry_after: number("retry-after").map(Duration::from_secs) }, whole)))
}

fn closed(error: io::Error) -> ClientError {
    ClientError::Closed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_there_when_its_body_is() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 204";

        assert_eq!(parse(&bytes[..40]).unwrap(), None);
        assert_eq!(parse(bytes).unwrap(), Some((Answer { status: 200, retry_after: None }, 43)));
    }

    #[test]
    fn an_answer_without_a_body_needs_no_length() {
        let bytes = b"HTTP/1.1 204 No Content\r\n\r\n";

        assert_eq!(parse(bytes).unwrap(), Some((Answer { status: 204, retry_after: None }, bytes.len())));
    }

    #[test]
    fn the_wait_asked_for_is_read() {
        let bytes = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
        let (answer, _) = parse(bytes).unwrap().unwrap();

        assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn an_answer_that_does_not_say_its_length_is_refused() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
