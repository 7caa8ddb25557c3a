//! A client of Engine.IO that polls.

use serde_json::{Value, json};

use crate::support::Answer;

/// One session, by its address.
pub struct Polls {
    authority: String,
    path: String,
}

impl Polls {
    /// Opens a session.
    pub async fn open(authority: &str) -> Self {
        let path = "/socket.io/?EIO=4&transport=polling";
        let opened = Answer::of(authority, "GET", path, &[], None).await.text;
        let opened: Value = serde_json::from_str(&opened[1..]).expect("a handshake");
        let path = format!("{path}&sid={}", opened["sid"].as_str().expect("a name"));
        Self { authority: authority.to_owned(), path }
    }

    /// Opens a session and joins on these topics; reads up to the point from which on events come.
    pub async fn join(authority: &str, token: &str, topics: &[&str]) -> Self {
        let polls = Self::open(authority).await;
        assert_eq!(polls.post(&format!("40{}", json!({ "token": token, "topics": topics }))).await.text, "ok");
        polls.read_to("[\"synced\"").await;
        polls
    }

    /// The address of the WebSocket that takes over.
    pub fn socket(&self) -> String {
        self.path.replace("polling", "websocket")
    }

    /// Fetches what waits.
    pub async fn get(&self) -> Answer {
        Answer::of(&self.authority, "GET", &self.path, &[], None).await
    }

    /// Posts a payload.
    pub async fn post(&self, payload: &str) -> Answer {
        Answer::raw(&self.authority, "POST", &self.path, &[], Some(payload.as_bytes())).await
    }

    /// Fetches until something is there; answers all that came.
    pub async fn read_to(&self, wanted: &str) -> String {
        let mut read = String::new();
        while !read.contains(wanted) {
            let answer = self.get().await;
            assert_eq!(answer.status, 200, "before `{wanted}`: {} after {read}", answer.text);
            read.push_str(&answer.text);
        }
        read
    }
}
