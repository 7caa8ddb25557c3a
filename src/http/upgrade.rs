//! Every upgrade request comes here with its raw stream: routes it, authenticates it, shakes hands, starts its actor.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix::Actor;
use actix_codec::Framed;
use actix_http::{Request, h1};
use actix_web::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::doors::{Admitted, Doors, Refused};
use super::engine;
use super::handshake::Handshake;
use super::mqtt;
use super::open_sockets::SocketGuard;
use super::socket::{Peer, Socket, Texts};
use super::turn_away::turn_away;
use crate::domain::problem::Problem;
use crate::module::Link;
use crate::pipe::frame::Deflation;
use crate::pipe::{Outbox, Stream};
use crate::session::Session;
use crate::session::dialect::native::Native;

/// How long the way from request to open socket may take, and before it the answers to earlier requests.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The close code of those who are told their moment to come back.
const COME_BACK: u16 = 4029;

/// Takes one upgrade request to its end; the socket then lives in a task of its own.
///
/// # Errors
/// When the stream breaks during the handshake, or the handshake takes too long.
pub async fn upgrade<T>(doors: Rc<Doors>, request: Request, framed: Framed<T, h1::Codec>) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Stream>,
{
    let parts = framed.into_parts();
    let (mut stream, early) = (parts.io, parts.read_buf);
    // The answers to requests before this one.
    tokio::time::timeout(HANDSHAKE_TIMEOUT, stream.write_all(&parts.write_buf)).await??;
    if engine::PATHS.contains(&request.path()) {
        return engine::upgrade(&engine::of_people(&doors), &request, stream, &early).await;
    }
    if request.path() == mqtt::PATH {
        let handed_over = mqtt::upgrade(&doors, &request, stream, early.freeze());
        return tokio::time::timeout(HANDSHAKE_TIMEOUT, handed_over).await?;
    }
    let answered = tokio::time::timeout(HANDSHAKE_TIMEOUT, answer(&doors, &request, &mut stream)).await;
    if let Some(newcomer) = answered?? {
        open(&doors, newcomer, stream.into(), &early);
    }
    Ok(())
}

/// Somebody whose handshake is done.
struct Newcomer {
    admitted: Admitted,
    place: SocketGuard,
    deflation: Option<Deflation>,
}

async fn answer<T>(doors: &Doors, request: &Request, stream: &mut T) -> io::Result<Option<Newcomer>>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let threshold = doors.options.deflate_from;
    let handshake = match Handshake::read(request, threshold.is_some()) {
        Ok(handshake) => handshake,
        Err(problem) => return refuse(stream, &problem, None).await.map(|()| None),
    };
    match doors.admit(request).await {
        Ok((admitted, place)) => {
            let handshake = match &admitted {
                Admitted::Person(_) => handshake,
                Admitted::Module(_) => handshake.without_memory(),
            };
            stream.write_all(handshake.answer().as_bytes()).await?;
            stream.flush().await?;
            let deflation = threshold.and_then(|threshold| handshake.deflation(threshold));
            Ok(Some(Newcomer { admitted, place, deflation }))
        }
        Err(refused) => send_away(doors, stream, &handshake, refused).await.map(|()| None),
    }
}

/// Who has a moment to come back hears it in words that a page can read, unless so many are being sent away that a refused
/// handshake must do.
async fn send_away<T>(doors: &Doors, stream: &mut T, handshake: &Handshake, refused: Refused) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    if let Refused::Later(after) = refused
        && let Some(_parting) = doors.partings.begin(&doors.metrics)
    {
        doors.metrics.connection_ended(COME_BACK);
        return turn_away(stream, &handshake.answer(), after).await;
    }
    let (problem, after) = refused.into_problem();
    refuse(stream, &problem, after).await
}

/// Answers a handshake with a problem and closes.
pub(super) async fn refuse<T: AsyncWrite + Unpin>(
    stream: &mut T,
    problem: &Problem,
    retry_after: Option<Duration>,
) -> io::Result<()> {
    let extra = match problem.status {
        401 => "www-authenticate: Bearer\r\n".to_owned(),
        426 => "upgrade: websocket\r\nsec-websocket-version: 13\r\n".to_owned(),
        429 | 503 => format!("retry-after: {}\r\n", retry_after.map_or(5, |after| after.as_secs() + 1)),
        _ => String::new(),
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refuse_with(stream, status, "application/problem+json", &extra, &serde_json::to_string(problem)?).await
}

/// Answers a handshake with an error and closes; `extra` are finished header lines.
pub(super) async fn refuse_with<T: AsyncWrite + Unpin>(
    stream: &mut T,
    status: StatusCode,
    content_type: &str,
    extra: &str,
    body: &str,
) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nx-request-id: {}\r\n{extra}\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
        uuid::Uuid::now_v7().simple(),
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Starts the actor of an admitted peer and the task that owns its socket.
fn open(doors: &Doors, newcomer: Newcomer, stream: Stream, early: &[u8]) {
    let Newcomer { admitted, place, deflation } = newcomer;
    let outbox = Outbox::new(stream, doors.flusher.clone(), doors.options.outbox);
    outbox.agree_on(deflation);
    let peer = match admitted {
        Admitted::Person(principal) => {
            let session = Session::new(*principal, Box::new(Native), outbox.clone(), Rc::clone(&doors.house)).start();
            let closed = session.downgrade().recipient();
            Peer { texts: Texts::OneByOne(session.recipient()), binary: None, closed }
        }
        Admitted::Module(module) => {
            let link = Link::new(module, outbox.clone(), Rc::clone(&doors.module_house)).start();
            let closed = link.downgrade().recipient();
            Peer { texts: Texts::Together(link.recipient()), binary: None, closed }
        }
    };
    let socket = Socket::new(outbox, peer, doors.options.max_message, early);
    actix_rt::spawn(Placed { socket, _place: place });
}

/// A socket that has a place until it ends; an `async` block would keep it in memory twice.
struct Placed {
    socket: Socket,
    _place: SocketGuard,
}

impl Future for Placed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.socket).poll(cx)
    }
}
