//! HTTP as an outsider speaks it, over a plain connection.

use std::io::{self, Read};

use flate2::read::GzDecoder;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the hub answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
}

impl Answer {
    /// Sends one request with a JSON body.
    pub async fn of(authority: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Self {
        let body = body.map(|body| body.to_string().into_bytes());
        let mut headers = headers.to_vec();
        if body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("content-type", "application/json"));
        }
        Self::raw(authority, method, path, &headers, body.as_deref()).await
    }

    /// Sends one request with any body.
    pub async fn raw(authority: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Self {
        Self::try_raw(authority, method, path, headers, body).await.expect("the hub listens")
    }

    /// Sends one request as somebody to a hub that may go at any moment; none if no answer came.
    pub async fn attempt(authority: &str, method: &str, path: &str, token: &str, body: Option<&Value>) -> Option<Self> {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = Self::try_raw(authority, method, path, &headers, body.as_deref()).await.ok()?;
        (answer.status != 0).then_some(answer)
    }

    async fn try_raw(
        authority: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Self> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(authority).await?;
        stream.write_all(head.as_bytes()).await?;
        // A hub that refuses early may close before it has read everything.
        let _ = stream.write_all(body.unwrap_or_default()).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        Ok(Self::parse(&bytes))
    }

    /// Reads a compressed answer to its end; answers its text.
    pub async fn gzip(authority: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut request = awc::Client::builder().disable_timeout().finish().get(format!("http://{authority}{path}"));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let mut answer = request.no_decompress().send().await.expect("the hub answers");
        assert_eq!(answer.headers().get("content-encoding").map(|value| value.as_bytes()), Some(&b"gzip"[..]));
        let mut bytes = Vec::new();
        while let Some(Ok(piece)) = answer.next().await {
            bytes.extend_from_slice(&piece);
        }
        let mut text = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("the stream is whole");
        text
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let text = if is_chunked { unchunked(body) } else { body.to_owned() };
        Self { status: status.unwrap_or(0), headers, text }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Ok(size @ 1..) = usize::from_str_radix(size, 16) else { break };
        // A packed body is no text, and its lengths no longer fit.
        let Some(part) = rest.get(..size) else { break };
        whole.push_str(part);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}

/// How many events a flood has.
pub const FLOOD: u32 = 200;

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Account {
    authority: String,
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// The account's id.
    pub id: String,
}

impl Account {
    /// From the answer to a login.
    pub fn new(authority: &str, login: Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a login answers tokens").to_owned();
        Self {
            authority: authority.to_owned(),
            access_token: text(&login["accessToken"]),
            refresh_token: text(&login["refreshToken"]),
            id: text(&login["user"]["id"]),
        }
    }

    /// Sends a request as this person.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let bearer = format!("Bearer {}", self.access_token);
        Answer::of(&self.authority, method, path, &[("authorization", &bearer)], body).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    /// PATCH.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// Registers a module of this person; answers its token.
    pub async fn create_module(&self, id: &str) -> String {
        let answer = self.post("/api/v1/modules", json!({"moduleId": id, "name": id, "type": "Station"})).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["token"].as_str().expect("the token is shown once").to_owned()
    }

    /// Publishes `rt_count` with each of these numbers to `custom:a`.
    pub async fn count(&self, numbers: std::ops::Range<u32>) {
        for n in numbers {
            let event = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": n}});
            assert_eq!(self.post("/api/v1/events", event).await.status, 202);
        }
    }

    /// Publishes `rt_count` with a number and 60 kB beside it.
    pub async fn say_at_length(&self, topic: &str, number: u32) {
        let data = json!({"n": number, "filler": "x".repeat(60_000)});
        let answer = self.post("/api/v1/events", json!({"event": "rt_count", "topic": topic, "data": data})).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    }

    /// Publishes more than the buffers of the machine hold for who does not read, so that the outbox passes its mark.
    pub async fn flood(&self, topic: &str) {
        for number in 0..FLOOD {
            self.say_at_length(topic, number).await;
        }
    }
}
