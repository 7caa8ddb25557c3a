//! Somebody outside who is told of alarms.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::within;

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub enum Does {
    /// Answers with a status.
    Answer(u16),
    /// Answers with a status to bodies that hold a text, and takes all others.
    AnswerTo(&'static str, u16),
    /// Answers with a status, and asks not to be called for so many seconds.
    AskForRest(u16, u64),
    /// Hangs up.
    HangUp,
    /// Answers in no words that HTTP knows.
    Babble,
    /// Sends the caller elsewhere.
    Redirect(String),
    /// Says nothing and keeps the connection.
    Hang,
    /// Answers without end.
    Flood,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    head: String,
    /// The body.
    pub body: String,
}

/// Listens as long as it lives.
pub struct Receiver {
    /// `127.0.0.1:PORT`.
    pub authority: String,
    came: mpsc::UnboundedReceiver<Received>,
    does: Arc<Mutex<VecDeque<Does>>>,
    serving: actix_rt::task::JoinHandle<()>,
}

impl Receiver {
    /// Listens, and does this with one request after the other, the last for ever.
    pub async fn that(does: impl IntoIterator<Item = Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let authority = listener.local_addr().expect("it is bound").to_string();
        let does = Arc::new(Mutex::new(does.into_iter().collect::<VecDeque<_>>()));
        let (told, came) = mpsc::unbounded_channel();
        let acts = Arc::clone(&does);
        let serving = actix_rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (told, acts) = (told.clone(), Arc::clone(&acts));
                actix_rt::spawn(async move { serve(stream, &told, &acts).await });
            }
        });
        Self { authority, came, does, serving }
    }

    /// Where it is told.
    pub fn url(&self) -> String {
        format!("http://{}/hook?key=in-the-address", self.authority)
    }

    /// The next request.
    pub async fn next(&mut self) -> Received {
        within("a request", self.came.recv()).await.expect("the receiver listens")
    }

    /// How many requests have come that were not asked for.
    pub fn left(&mut self) -> usize {
        std::iter::from_fn(|| self.came.try_recv().ok()).count()
    }

    /// Whether nothing came that was not asked for.
    pub fn is_quiet(&mut self) -> bool {
        self.came.try_recv().is_err()
    }

    /// Does something else from now on.
    pub fn will(&self, does: Does) {
        *self.does.lock().expect("nobody panics") = VecDeque::from([does]);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Received {
    /// A header.
    pub fn header(&self, name: &str) -> &str {
        let named = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = named.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        values.next().unwrap_or_else(|| panic!("no `{name}` in {}", self.head))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// Whether the signature is that of a secret and the body.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let signature = self.header("x-carillon-signature");
        let (time, tag) = signature.split_once(",v1=").expect("a time and a tag");
        let seconds = time.strip_prefix("t=").expect("a time");
        tag == hmac(secret, &format!("{seconds}.{}", self.body))
            && seconds.parse::<i64>().is_ok_and(|at| at > 1_600_000_000)
    }
}

/// HMAC-SHA256 (RFC 2104), of its definition.
fn hmac(key: &str, text: &str) -> String {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key.as_bytes());
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn serve(mut stream: TcpStream, told: &mpsc::UnboundedSender<Received>, acts: &Mutex<VecDeque<Does>>) {
    let Some(received) = read(&mut stream).await else { return };
    let does = {
        let mut acts = acts.lock().expect("nobody panics");
        if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
    };
    let answer = match does.clone().expect("a receiver does something") {
        Does::Answer(status) => format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n"),
        Does::AnswerTo(text, status) => {
            let status = if received.body.contains(text) { status } else { 200 };
            format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n")
        }
        Does::AskForRest(status, seconds) => {
            format!("HTTP/1.1 {status} Later\r\nretry-after: {seconds}\r\ncontent-length: 0\r\n\r\n")
        }
        Does::Babble => "what?\r\n\r\n".to_owned(),
        Does::Redirect(to) => format!("HTTP/1.1 307 There\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"),
        Does::Flood => "HTTP/1.1 200 Much\r\n\r\n".to_owned() + &"x".repeat(1 << 20),
        Does::Hang | Does::HangUp => String::new(),
    };
    // The test may be over.
    let _ = told.send(received);
    if matches!(does, Some(Does::Hang)) {
        // Until the caller goes.
        let _ = stream.read(&mut [0; 1]).await;
    }
    let _ = stream.write_all(answer.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(Received { head: head.to_owned(), body: body.to_owned() });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
