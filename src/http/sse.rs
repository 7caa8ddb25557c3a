//! A stream of server-sent events: the response body that carries an outbox away.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix::{Actor, Recipient};
use actix_http::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::doors::Doors;
use super::open_sockets::SocketGuard;
use crate::auth::Principal;
use crate::pipe::{Closed, Framing, GzipStream, Outbox};
use crate::session::dialect::sse::ServerSent;
use crate::session::{Begin, Hello, Session};

/// How much one piece of the body holds, unless a single event is longer.
const PIECE: usize = 16 * 1024;

/// How long nothing may be taken of a session's last words before they are given up.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a session says, for as long as somebody carries it away.
///
/// Invariant: dropping it, as the server does when the connection is gone, ends the session.
/// Invariant: when the session has ended, place and queue are kept only while its last words are taken, even if the peer's
/// machine holds the connection for longer.
pub struct EventStream {
    held: Rc<RefCell<Option<Held>>>,
    session: Recipient<Closed>,
}

struct Held {
    outbox: Outbox,
    gzip: Option<GzipStream>,
    /// After how long without taking anything it counts as too slow, if the connection goes.
    slow: Duration,
    _place: SocketGuard,
}

impl Drop for Held {
    fn drop(&mut self) {
        // The server does not tell why it lets go: who had taken nothing for so long has not just left.
        self.outbox.let_go(self.slow);
    }
}

impl EventStream {
    /// Starts the session of an admitted person.
    #[must_use]
    pub fn open(doors: &Doors, place: SocketGuard, person: Principal, hello: Hello, is_gzip: bool) -> Self {
        let framing = if is_gzip { Framing::Gzip } else { Framing::Text };
        let outbox = Outbox::taken(framing, doors.flusher.clone(), doors.options.outbox);
        let (ended, has_ended) = oneshot::channel();
        let speech = Box::new(ServerSent { ended });
        let session = Session::new(person, speech, outbox.clone(), Rc::clone(&doors.house)).start();
        // The first message of a new mailbox.
        session.do_send(Begin(hello));
        let gzip = is_gzip.then(GzipStream::default);
        let slow = doors.house.options.slow_timeout / 2;
        let held = Rc::new(RefCell::new(Some(Held { outbox: outbox.clone(), gzip, slow, _place: place })));
        actix_rt::spawn(let_go(Rc::downgrade(&held), outbox, has_ended));
        Self { held, session: session.recipient() }
    }
}

/// Lets place and queue go when the session has ended and nothing of its last words is taken any more.
async fn let_go(held: Weak<RefCell<Option<Held>>>, outbox: Outbox, has_ended: oneshot::Receiver<Infallible>) {
    // Nothing is ever sent: what is waited for is the end of the sender.
    let _ = has_ended.await;
    let mut moment = GOODBYE.saturating_sub(outbox.stalled_for());
    loop {
        let since = Instant::now();
        tokio::time::sleep(moment).await;
        moment = GOODBYE;
        if !outbox.is_moving_since(since) {
            break;
        }
    }
    if let Some(held) = held.upgrade() {
        held.take();
    }
}

impl MessageBody for EventStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let mut held = self.held.borrow_mut();
        let Some(Held { outbox, gzip, .. }) = &mut *held else { return Poll::Ready(None) };
        let frames = ready!(outbox.poll_take(cx, PIECE));
        let piece = match (frames, gzip) {
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
        self.held.take();
        // One per connection; a session that is gone needs no word.
        self.session.do_send(Closed);
    }
}
