//! One WebSocket: reads and assembles what the peer sends, and lets its outbox drain.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix::{MailboxError, Recipient, WeakRecipient};
use tokio::io::ReadBuf;

use crate::pipe::frame::{self, Assembler, FrameError, Incoming};
use crate::pipe::{Closed, Outbox, Received, ReceivedBinary, ReceivedTexts};

/// How much one read takes at most.
const READ_SIZE: usize = 16 * 1024;
/// How many steps a socket takes before others get their turn.
const STEPS_PER_TURN: usize = 32;
/// How long a peer may take to close after our goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

thread_local! {
    /// Every socket of a thread reads into this; nothing stays in it between two reads.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_SIZE]);
}

/// The actor beside a socket.
pub struct Peer {
    /// Gets the text messages; the next are read when it has answered.
    pub texts: Texts,
    /// Gets every binary message; without it such a message ends the connection with 1003.
    pub binary: Option<Recipient<ReceivedBinary>>,
    /// Is told once that the connection is gone.
    pub closed: WeakRecipient<Closed>,
}

/// Who gets the text messages.
pub enum Texts {
    /// Each by itself.
    OneByOne(Recipient<Received>),
    /// Those together that came together.
    Together(Recipient<ReceivedTexts>),
}

/// The answer of the actor beside a socket to a message.
type Answer = Pin<Box<dyn Future<Output = Result<(), MailboxError>>>>;

/// The future that owns the reading side of one WebSocket; it ends with the connection.
///
/// Invariant: while the peer's actor works on a message, or the outbox is high, nothing is read: TCP makes the sender wait.
pub struct Socket {
    outbox: Outbox,
    peer: Peer,
    assembler: Assembler,
    answer: Option<Answer>,
    /// What came behind text messages that were handed over together.
    next: Option<Result<Option<Incoming>, FrameError>>,
    goodbye: Option<Pin<Box<tokio::time::Sleep>>>,
    has_ended: bool,
}

impl Socket {
    /// A socket whose handshake is done; `early` came with the handshake, and the outbox knows what was agreed on.
    #[must_use]
    pub fn new(outbox: Outbox, peer: Peer, max_message: usize, early: &[u8]) -> Self {
        let mut assembler = Assembler::new(max_message, outbox.may_deflate());
        assembler.keep(early);
        Self::over(outbox, peer, assembler)
    }

    /// A socket of which something has been read already.
    #[must_use]
    pub const fn over(outbox: Outbox, peer: Peer, assembler: Assembler) -> Self {
        Self { outbox, peer, assembler, answer: None, next: None, goodbye: None, has_ended: false }
    }

    /// One step; ready when the connection is over.
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.outbox.is_closed() {
            return Poll::Ready(Step::Over);
        }
        if self.outbox.is_ending() {
            return self.say_goodbye(cx);
        }
        if let Some(answer) = &mut self.answer {
            let answer = ready!(answer.as_mut().poll(cx));
            self.answer = None;
            if let Err(MailboxError::Closed) = answer {
                self.outbox.close(1011, "the session has ended");
            }
            return Poll::Ready(Step::Again);
        }
        // What has been read already waits too: its answers may be many times as long as it is.
        ready!(self.outbox.poll_room(cx));
        match self.next.take().unwrap_or_else(|| self.assembler.next_message()) {
            Ok(None) => ready!(self.read(cx)),
            next => self.take(next),
        }
        Poll::Ready(Step::Again)
    }

    fn take(&mut self, next: Result<Option<Incoming>, FrameError>) {
        match next {
            Ok(Some(message)) => self.hand_over(message),
            Ok(None) => {}
            Err(error) => self.refuse(&error),
        }
    }

    fn hand_over(&mut self, message: Incoming) {
        match message {
            Incoming::Text(text) => {
                self.answer = Some(match &self.peer.texts {
                    Texts::OneByOne(received) => Box::pin(received.send(Received(text))),
                    Texts::Together(received) => {
                        let texts = gather(&mut self.assembler, &mut self.next, text);
                        Box::pin(received.send(ReceivedTexts(texts)))
                    }
                });
            }
            Incoming::Binary(bytes) => match &self.peer.binary {
                Some(binary) => self.answer = Some(Box::pin(binary.send(ReceivedBinary(bytes)))),
                None => self.outbox.close(1003, "send text frames with one JSON object each"),
            },
            Incoming::Ping(payload) => self.outbox.send(frame::pong(&payload)),
            Incoming::Pong => {}
            Incoming::Close(code) => self.outbox.part(code.unwrap_or(1000), ""),
        }
    }

    fn refuse(&self, error: &FrameError) {
        self.outbox.close(error.close_code(), &error.to_string());
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (outbox, assembler) = (&self.outbox, &mut self.assembler);
        let result = SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            let result = ready!(outbox.poll_read(cx, &mut buffer));
            Poll::Ready(result.map(|()| match buffer.filled() {
                [] => None,
                bytes => Some(assembler.feed(bytes)),
            }))
        });
        match ready!(result) {
            Ok(Some(next)) => {
                self.outbox.mark_heard();
                self.take(next);
            }
            // The peer has hung up by itself.
            Ok(None) => self.outbox.abort(),
            Err(error) => self.outbox.break_off(&error),
        }
        Poll::Ready(())
    }

    /// Sends what waits, then our close frame, then waits a while for the peer to close.
    fn say_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let goodbye = self.goodbye.get_or_insert_with(|| Box::pin(tokio::time::sleep(GOODBYE)));
        let is_late = goodbye.as_mut().poll(cx).is_ready();
        if is_late || !self.outbox.has_said_goodbye() {
            return if is_late { Poll::Ready(Step::Over) } else { Poll::Pending };
        }
        if ready!(self.outbox.poll_shutdown(cx)).is_err() {
            return Poll::Ready(Step::Over);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match ready!(self.outbox.poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => Poll::Ready(Step::Again),
                _ => Poll::Ready(Step::Over),
            }
        })
    }

    fn end(&mut self) {
        if !self.has_ended {
            self.has_ended = true;
            self.outbox.abort();
            // One per connection; an actor that is gone needs no word.
            if let Some(peer) = self.peer.closed.upgrade() {
                peer.do_send(Closed);
            }
        }
    }
}

/// The text messages that have come with the first, and what comes behind them.
fn gather(
    assembler: &mut Assembler,
    next: &mut Option<Result<Option<Incoming>, FrameError>>,
    first: String,
) -> Vec<String> {
    let mut length = first.len();
    let mut texts = vec![first];
    while length < READ_SIZE {
        match assembler.next_message() {
            Ok(Some(Incoming::Text(text))) => {
                length += text.len();
                texts.push(text);
            }
            other => {
                *next = Some(other).filter(|other| !matches!(other, Ok(None)));
                break;
            }
        }
    }
    texts
}

enum Step {
    Again,
    Over,
}

impl Future for Socket {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let socket = self.as_mut().get_mut();
        socket.outbox.register_reader(cx.waker());
        if let Poll::Ready(Err(error)) = socket.outbox.poll_drain(cx) {
            socket.outbox.break_off(&error);
        }
        for _ in 0..STEPS_PER_TURN {
            match ready!(socket.step(cx)) {
                Step::Again => {}
                Step::Over => {
                    socket.end();
                    return Poll::Ready(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.end();
    }
}
