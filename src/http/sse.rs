//! A stream of server-sent events: the response body that carries an outbox away.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix::{Actor, Recipient};
use actix_http::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, BytesMut};

use super::doors::Doors;
use super::open_sockets::SocketGuard;
use crate::auth::Principal;
use crate::pipe::{Closed, Framing, GzipStream, Outbox};
use crate::session::dialect::sse::ServerSent;
use crate::session::{Begin, Hello, Session};

/// How much one piece of the body holds, unless a single event is longer.
const PIECE: usize = 16 * 1024;

/// What a session says, for as long as somebody carries it away.
///
/// Invariant: dropping it, as the server does when the connection is gone, ends the session.
pub struct EventStream {
    outbox: Outbox,
    gzip: Option<GzipStream>,
    session: Recipient<Closed>,
    _place: SocketGuard,
}

impl EventStream {
    /// Starts the session of an admitted person.
    #[must_use]
    pub fn open(doors: &Doors, place: SocketGuard, person: Principal, hello: Hello, is_gzip: bool) -> Self {
        let framing = if is_gzip { Framing::Gzip } else { Framing::Text };
        let outbox = Outbox::taken(framing, doors.flusher.clone(), doors.options.outbox);
        let session = Session::new(person, Box::new(ServerSent), outbox.clone(), Rc::clone(&doors.house)).start();
        // The first message of a new mailbox.
        session.do_send(Begin(hello));
        Self { outbox, gzip: is_gzip.then(GzipStream::default), session: session.recipient(), _place: place }
    }
}

impl MessageBody for EventStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let stream = self.get_mut();
        let frames = ready!(stream.outbox.poll_take(cx, PIECE));
        let piece = match (frames, &mut stream.gzip) {
            (Some(frames), None) => Some(together(frames)),
            (Some(pieces), Some(gzip)) => Some(gzip.carry(pieces)),
            (None, None) => None,
            (None, Some(gzip)) => gzip.finish(),
        };
        Poll::Ready(piece.map(Ok))
    }
}

/// One piece of several frames; a single frame stays shared.
fn together(mut frames: Vec<Bytes>) -> Bytes {
    if frames.len() == 1 {
        return frames.remove(0);
    }
    let mut piece = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    frames.iter().for_each(|frame| piece.extend_from_slice(frame));
    piece.freeze()
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.outbox.abort();
        // One per connection; a session that is gone needs no word.
        self.session.do_send(Closed);
    }
}
