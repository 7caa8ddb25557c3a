//! A stream that gives one request after the other.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;
use super::intake::{Intake, Pace};
use super::rest::Rest;

/// A stream whose requests are given one after the other.
#[derive(Debug)]
pub struct Paced<T> {
    stream: T,
    intake: Option<Box<Intake>>,
    /// What comes of a stream that is shut down.
    rest: Option<Rest>,
}

impl<T> Paced<T> {
    /// A stream of HTTP/1, or one that is given as it comes.
    #[must_use]
    pub fn new(stream: T, is_http_1: bool) -> Self {
        Self { stream, intake: is_http_1.then(Box::default), rest: None }
    }

    /// Where to say which requests are answered, if the stream asks for it.
    #[must_use]
    pub fn pace(&self) -> Option<Pace> {
        self.intake.as_ref().map(|intake| intake.pace().clone())
    }
}

/// Nothing is held of it: all that comes behind an upgrade is given.
impl<T: Into<Stream>> From<Paced<T>> for Stream {
    fn from(paced: Paced<T>) -> Self {
        paced.stream.into()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
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

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// With something unread the system would cut off answers that are on their way when the stream is dropped.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, intake, rest } = &mut *self;
        if rest.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let holds = intake.as_ref().is_some_and(|intake| intake.holds());
        rest.get_or_insert_with(|| Rest::new(holds)).poll_discard(stream, cx).map(Ok)
    }
}
