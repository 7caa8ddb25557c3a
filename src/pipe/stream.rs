//! A socket's bytes, plain or under TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use rustix::net::SendFlags;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// The two kinds of stream a socket can own.
pub enum Stream {
    /// Bytes as they are.
    Plain(TcpStream),
    /// Bytes under TLS; boxed, as most sockets of a process are of one kind.
    Tls(Box<TlsStream<TcpStream>>),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }
}

impl From<TlsStream<TcpStream>> for Stream {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

/// What the system keeps to for an accepted connection.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long written bytes may stay unacknowledged (`TCP_USER_TIMEOUT`), as when the peer's machine is gone or its
    /// program reads nothing; the connection ends then.
    pub user_timeout: Duration,
    /// How many written bytes the system holds for a peer that does not take them (`SO_SNDBUF`); left to itself it would
    /// hold megabytes of what is out of date by the time it is read.
    pub send_buffer: usize,
}

impl Bounds {
    /// Sets them, and that every write goes out at once: writes are gathered already, and one held back until the peer
    /// acknowledges the last would wait for up to 40 ms (RFC 1122, 4.2.3.2). A system that does not know them goes
    /// without.
    pub fn set(self, stream: &TcpStream) {
        let socket = SockRef::from(stream);
        let set = [
            socket.set_tcp_nodelay(true),
            socket.set_tcp_user_timeout(Some(self.user_timeout)),
            socket.set_send_buffer_size(self.send_buffer),
        ];
        for error in set.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "a socket takes no bounds");
        }
    }
}

impl Stream {
    /// Lets this thread's runtime drive the stream, which may come from another thread.
    ///
    /// A stream under TLS stays with the runtime it came from, and ends with it; that is a worker's own, which lives as
    /// long as the server.
    ///
    /// # Errors
    /// When the runtime takes no more streams.
    pub fn moved_here(self) -> io::Result<Self> {
        match self {
            Self::Plain(stream) => TcpStream::from_std(stream.into_std()?).map(Self::Plain),
            tls @ Self::Tls(_) => Ok(tls),
        }
    }

    /// Reads what is there into the buffer.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }

    /// Writes as much as goes of several pieces; answers how many bytes went.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => poll_send(stream, cx, pieces),
            Self::Tls(stream) => {
                let mut stream = Pin::new(stream.as_mut());
                let written = ready!(stream.as_mut().poll_write_vectored(cx, pieces));
                // What TLS still holds goes out now or with the next write.
                let _ = stream.poll_flush(cx)?;
                Poll::Ready(written)
            }
        }
    }

    /// Sends what TLS still holds.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    /// Ends our side.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// Sends at once, and asks to be woken only if the socket takes nothing: that costs half as much as to ask first, as by far
/// the most writes go through.
fn poll_send(stream: &TcpStream, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
    loop {
        match stream.try_io(Interest::WRITABLE, || send(stream, pieces)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(stream.poll_write_ready(cx))?,
            sent => return Poll::Ready(sent),
        }
    }
}

/// A peer that is gone is an error, never a signal: Rust's programs ignore that of a broken pipe.
fn send(stream: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let sent = match pieces {
        [piece] => rustix::net::send(stream, piece, SendFlags::NOSIGNAL),
        _ => rustix::io::writev(stream, pieces),
    };
    Ok(sent?)
}
