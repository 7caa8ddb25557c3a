//! The handshake of a WebSocket (RFC 6455, 4.2): what the client's request must hold, and our answer.

use actix_http::Request;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tungstenite::handshake::derive_accept_key;

use super::extension::{self, Agreed};
use crate::domain::problem::Problem;
use crate::pipe::frame::Deflation;

/// A request that can become a WebSocket.
#[derive(Debug)]
pub struct Handshake {
    accept: String,
    protocol: Option<&'static str>,
    agreed: Option<Agreed>,
}

impl Handshake {
    /// Reads the request; `compresses` says whether we take a client's offer to compress messages.
    ///
    /// # Errors
    /// The problem to answer with.
    pub fn read(request: &Request, compresses: bool) -> Result<Self, Problem> {
        let accept = accept_key(request)?;
        let offers = request.head().headers().get_all(header::SEC_WEBSOCKET_EXTENSIONS);
        let agreed = extension::agree(offers.filter_map(|value| value.to_str().ok())).filter(|_| compresses);
        Ok(Self { accept, protocol: None, agreed })
    }

    /// Reads the request of a client that must offer a subprotocol; its messages are not compressed.
    ///
    /// # Errors
    /// The problem to answer with.
    pub fn read_for(request: &Request, protocol: &'static str) -> Result<Self, Problem> {
        let accept = accept_key(request)?;
        if !has_token(request.head().headers(), header::SEC_WEBSOCKET_PROTOCOL, protocol) {
            return Err(Problem::new("invalid-handshake", 400, format!("offer the subprotocol `{protocol}`")));
        }
        Ok(Self { accept, protocol: Some(protocol), agreed: None })
    }

    /// The same for a client that hears no events: it need not remember what it was told.
    #[must_use]
    pub fn without_memory(mut self) -> Self {
        self.agreed = self.agreed.map(Agreed::forgetting);
        self
    }

    /// The head of the answer that makes the connection a WebSocket.
    #[must_use]
    pub fn answer(&self) -> String {
        let extensions = self.agreed.map(|agreed| format!("sec-websocket-extensions: {agreed}\r\n"));
        let protocol = self.protocol.map(|protocol| format!("sec-websocket-protocol: {protocol}\r\n"));
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {}\r\n{}{}\r\n",
            self.accept,
            extensions.unwrap_or_default(),
            protocol.unwrap_or_default()
        )
    }

    /// How messages are compressed for this client, from `threshold` bytes on; none if that was not agreed on.
    #[must_use]
    pub fn deflation(&self, threshold: usize) -> Option<Deflation> {
        let deflation =
            |agreed: Agreed| Deflation { threshold, window: agreed.window(), remembers: agreed.remembers() };
        self.agreed.map(deflation)
    }
}

/// The answer to the client's key.
fn accept_key(request: &Request) -> Result<String, Problem> {
    let headers = request.head().headers();
    let is_websocket = has_token(headers, header::UPGRADE, "websocket") && *request.method() == Method::GET;
    if !is_websocket {
        return Err(Problem::new("upgrade-required", 426, "the only upgrade here is a GET to WebSocket"));
    }
    if !has_token(headers, header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Problem::new("upgrade-required", 426, "speak version 13 of WebSocket (RFC 6455)"));
    }
    headers
        .get(header::SEC_WEBSOCKET_KEY)
        .map(|key| key.as_bytes())
        .filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16))
        .map(derive_accept_key)
        .ok_or_else(|| Problem::new("invalid-handshake", 400, "`Sec-WebSocket-Key` must be 16 bytes in base64"))
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
