//! A stream that notes whether anything was asked of it, and gives one request after the other.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;
use super::intake::{Intake, Pace};

/// Whether a stream was asked for bytes, or took some, since somebody looked last.
#[derive(Debug, Clone, Default)]
pub struct Watch(Rc<Cell<bool>>);

impl Watch {
    /// Looks, and forgets it.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.take()
    }

    fn note(&self) {
        self.0.set(true);
    }
}

/// A stream and the watch over it.
#[derive(Debug)]
pub struct Watched<T> {
    stream: T,
    watch: Watch,
    intake: Option<Box<Intake>>,
}

impl<T> Watched<T> {
    /// Watches over a stream.
    #[must_use]
    pub const fn new(stream: T, watch: Watch) -> Self {
        Self { stream, watch, intake: None }
    }

    /// The same over one of requests of HTTP/1.
    #[must_use]
    pub fn paced(self) -> Self {
        Self { intake: Some(Box::default()), ..self }
    }

    /// Where to say which requests are answered, if the stream asks for it.
    #[must_use]
    pub fn pace(&self) -> Option<Pace> {
        self.intake.as_ref().map(|intake| intake.pace().clone())
    }

    fn note_taken(&self, taken: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if taken.is_ready() {
            self.watch.note();
        }
        taken
    }
}

/// Nobody watches over it any more, and nothing is held of it: all that comes behind an upgrade is given.
impl<T: Into<Stream>> From<Watched<T>> for Stream {
    fn from(watched: Watched<T>) -> Self {
        watched.stream.into()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.watch.note();
        let Self { stream, intake, .. } = &mut *self;
        let Some(intake) = intake else { return Pin::new(stream).poll_read(cx, buffer) };
        if intake.has_more() {
            return intake.give(cx, buffer);
        }
        let before = buffer.filled().len();
        match Pin::new(stream).poll_read(cx, buffer) {
            Poll::Pending => intake.wait(cx),
            read => {
                ready!(read)?;
                intake.take_in(cx, buffer, before)
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_taken(taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.note_taken(taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
