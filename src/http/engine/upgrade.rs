//! WebSockets of Engine.IO: one that begins a session, and one that takes over a session of polls.

use std::io;
use std::time::Duration;

use actix::Addr;
use actix_http::Request;
use actix_web::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::super::handshake::Handshake;
use super::super::turn_away::say_and_part;
use super::super::upgrade::{refuse, refuse_with};
use super::query::{self, About, By};
use super::{ANSWER_TIMEOUT, EngineDoor};
use crate::pipe::Stream;
use crate::pipe::frame::{self, Assembler, Incoming};
use crate::session::engine::{Engine, EngineError, Probe, ProbeEnded, Upgraded, packet};

/// How long the way from request to open socket may take, or that of a WebSocket which tries to take over.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The close code of a socket that may not be (RFC 6455, 7.4.1).
const POLICY: u16 = 1008;
/// How much one read takes at most.
const READ_SIZE: usize = 4096;

/// Takes one upgrade request to its end.
///
/// # Errors
/// When the stream breaks, or the handshake takes too long.
pub async fn upgrade<T>(door: &EngineDoor, request: &Request, stream: T, early: &[u8]) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Stream>,
{
    tokio::time::timeout(HANDSHAKE_TIMEOUT, shake_hands(door, request, stream, early)).await?
}

async fn shake_hands<T>(door: &EngineDoor, request: &Request, mut stream: T, early: &[u8]) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Stream>,
{
    let handshake = match Handshake::read(request, door.deflate_from.is_some()) {
        Ok(handshake) => handshake,
        Err(problem) => return refuse(&mut stream, &problem, None).await,
    };
    match query::read(request.uri().query(), request.method(), By::WebSocket) {
        Ok(About::Handshake) => begin(door, request, &handshake, stream, early).await,
        Ok(About::Session(sid)) => take_over(door, request, &handshake, stream, early, sid).await,
        Err(error) => refuse_engine(&mut stream, error).await,
    }
}

async fn begin<T>(
    door: &EngineDoor,
    request: &Request,
    handshake: &Handshake,
    mut stream: T,
    early: &[u8],
) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Stream>,
{
    let caller = door.host.caller(request.peer_addr(), request.head().headers(), request.uri().query());
    let entrance = match door.host.admit(&caller) {
        Ok(entrance) => entrance,
        Err(refused) => {
            let (problem, after) = refused.into_problem();
            return refuse(&mut stream, &problem, after).await;
        }
    };
    switch(&mut stream, handshake).await?;
    door.open_socket(stream.into(), door.deflation(handshake), early, caller, entrance);
    Ok(())
}

async fn take_over<T>(
    door: &EngineDoor,
    request: &Request,
    handshake: &Handshake,
    mut stream: T,
    early: &[u8],
    sid: &str,
) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Stream>,
{
    let Some(engine) = door.engines.find(sid) else { return refuse_engine(&mut stream, EngineError::Sid).await };
    match engine.send(Probe).timeout(ANSWER_TIMEOUT).await {
        Ok(Ok(())) => {}
        // The official server closes such a socket rather than to refuse its handshake.
        Ok(Err(error)) => {
            let Some(_parting) = door.partings.begin(&door.metrics) else {
                return refuse_engine(&mut stream, error).await;
            };
            door.flusher.note_end(POLICY);
            let mut said = handshake.answer().into_bytes();
            said.extend_from_slice(&frame::close(POLICY, &error.to_string()));
            return say_and_part(&mut stream, &said).await;
        }
        Err(_) => return refuse_engine(&mut stream, EngineError::Sid).await,
    }
    let attempt = Attempt(engine);
    let caller = door.host.caller(request.peer_addr(), request.head().headers(), request.uri().query());
    let deflation = door.deflation(handshake);
    let mut assembler = Assembler::new(door.options.max_payload, deflation.is_some());
    assembler.keep(early);
    switch(&mut stream, handshake).await?;
    probe(&mut stream, &mut assembler).await?;
    attempt.succeed(Upgraded { stream: stream.into(), deflation, assembler, caller });
    Ok(())
}

/// A WebSocket that tries to take over; dropping it tells the session that it does so no more, however it ended.
struct Attempt(Addr<Engine>);

impl Attempt {
    fn succeed(self, upgraded: Upgraded) {
        // Once per socket; a session that ended meanwhile drops the stream.
        self.0.do_send(upgraded);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // Once per socket; a session that is gone needs no word.
        self.0.do_send(ProbeEnded);
    }
}

async fn switch<T: AsyncWrite + Unpin>(stream: &mut T, handshake: &Handshake) -> io::Result<()> {
    stream.write_all(handshake.answer().as_bytes()).await?;
    stream.flush().await
}

/// Answers the client's probe and waits until it goes over.
async fn probe<T>(stream: &mut T, assembler: &mut Assembler) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = [0; READ_SIZE];
    loop {
        let message = assembler.next_message().map_err(io::Error::other)?;
        let answer = match message {
            Some(Incoming::Text(text)) if text == packet::UPGRADE => return Ok(()),
            Some(Incoming::Text(text)) if text == packet::PROBE.0 => frame::text(packet::PROBE.1.as_bytes()),
            Some(Incoming::Ping(payload)) => frame::pong(&payload),
            Some(Incoming::Pong) => continue,
            Some(_) => return Err(io::ErrorKind::InvalidData.into()),
            None => {
                let read = stream.read(&mut buffer).await?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                assembler.keep(&buffer[..read]);
                continue;
            }
        };
        stream.write_all(&answer).await?;
        stream.flush().await?;
    }
}

async fn refuse_engine<T: AsyncWrite + Unpin>(stream: &mut T, error: EngineError) -> io::Result<()> {
    refuse_with(stream, StatusCode::BAD_REQUEST, "application/json", "", &error.to_json()).await
}
