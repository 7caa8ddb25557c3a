//! What the address of a request says of its session; pure.

use actix_web::http::Method;

use crate::session::engine::EngineError;

/// The version of Engine.IO that is spoken here.
const VERSION: &str = "4";

/// By which transport a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A request of its own.
    Polling,
    /// An upgrade.
    WebSocket,
}

/// What a request is about.
#[derive(Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// A new session.
    Handshake,
    /// This session.
    Session(&'a str),
}

/// Reads the query of a request that came by a transport.
///
/// # Errors
/// When it names another transport or version, or begins by another method than GET.
pub fn read<'a>(query: Option<&'a str>, method: &Method, by: By) -> Result<About<'a>, EngineError> {
    let query = query.unwrap_or_default();
    match (value(query, "transport"), by) {
        (Some("polling"), By::Polling) | (Some("websocket"), By::WebSocket) => {}
        (Some("polling" | "websocket"), _) => return Err(EngineError::Request),
        _ => return Err(EngineError::Transport),
    }
    if let Some(sid) = value(query, "sid") {
        return Ok(About::Session(sid));
    }
    if *method != Method::GET {
        return Err(EngineError::Method);
    }
    if value(query, "EIO") == Some(VERSION) { Ok(About::Handshake) } else { Err(EngineError::Version) }
}

fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).find(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_it_is_about_or_gets_the_code_of_engine_io() {
        let polling = |query| read(Some(query), &Method::GET, By::Polling);
        assert_eq!(polling("EIO=4&transport=polling"), Ok(About::Handshake));
        assert_eq!(polling("EIO=4&transport=polling&t=x&sid=abc"), Ok(About::Session("abc")));
        assert_eq!(polling("EIO=4&transport=polling&sid="), Ok(About::Handshake));
        assert_eq!(polling("EIO=4"), Err(EngineError::Transport));
        assert_eq!(polling("EIO=4&transport=abc"), Err(EngineError::Transport));
        assert_eq!(polling("EIO=4&transport=websocket"), Err(EngineError::Request));
        assert_eq!(polling("EIO=3&transport=polling"), Err(EngineError::Version));
        assert_eq!(polling("transport=polling"), Err(EngineError::Version));
        assert_eq!(read(None, &Method::GET, By::Polling), Err(EngineError::Transport));
        let posted = read(Some("EIO=4&transport=polling"), &Method::POST, By::Polling);
        assert_eq!(posted, Err(EngineError::Method));
        let upgraded = |query| read(Some(query), &Method::GET, By::WebSocket);
        assert_eq!(upgraded("EIO=4&transport=websocket&sid=abc"), Ok(About::Session("abc")));
        assert_eq!(upgraded("EIO=4&transport=polling&sid=abc"), Err(EngineError::Request));
    }
}
