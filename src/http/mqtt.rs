//! MQTT over WebSocket: shakes hands, and hands the connection over to whoever speaks it.

use std::io;

use actix_http::Request;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::doors::Doors;
use super::handshake::Handshake;
use super::upgrade::refuse;
use crate::domain::problem::Problem;
use crate::pipe::{Arrival, Stream};

/// Where it is.
pub const PATH: &str = "/mqtt";
/// The subprotocol (MQTT 5, 6.0).
const PROTOCOL: &str = "mqtt";

/// Takes one upgrade request; who comes is asked by the protocol's own first packet.
///
/// # Errors
/// When the stream breaks during the handshake.
pub async fn upgrade<T>(doors: &Doors, request: &Request, mut stream: T, early: Bytes) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Stream>,
{
    let handshake = match (Handshake::read_for(request, PROTOCOL), &doors.mqtt) {
        (Ok(handshake), Some(usher)) => Ok((handshake, usher)),
        (Err(problem), Some(_)) => Err(problem),
        (_, None) => Err(Problem::new("not-found", 404, "this hub does not speak MQTT; see `mqtt.enabled`")),
    };
    let (handshake, usher) = match handshake {
        Ok(both) => both,
        Err(problem) => {
            doors.metrics.refused("handshake");
            return refuse(&mut stream, &problem, None).await;
        }
    };
    stream.write_all(handshake.answer().as_bytes()).await?;
    stream.flush().await?;
    let from = doors.address_of(request.peer_addr(), request.head().headers());
    let arrival = Arrival { stream: stream.into(), early, from };
    usher.try_send(arrival).map_err(|_| io::Error::other("too many WebSockets of MQTT come at once"))
}
