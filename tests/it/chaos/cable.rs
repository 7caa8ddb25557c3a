//! A connection that breaks after so many bytes, wherever in a frame that is.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// What a stalled client's kernel may take before the hub feels it, in bytes.
const NARROW: u32 = 4096;
const PIECE: usize = 4096;

/// When one client's connections break; shared by all that it has at a time.
#[derive(Debug, Clone, Default)]
pub struct Fuse(Rc<State>);

#[derive(Debug, Default)]
struct State {
    /// Bytes that may still come in.
    read: Cell<Option<u64>>,
    /// Bytes that may still go out.
    write: Cell<Option<u64>>,
    /// The peer gets a reset instead of an end.
    is_rude: bool,
    has_burnt: Cell<bool>,
}

impl Fuse {
    /// A fuse for somewhere between the handshake and a long way into the events, evenly over the magnitudes; one in
    /// eight burns while the client speaks.
    pub fn random(dice: &mut StdRng) -> Self {
        let bytes = Cell::new(Some(dice.random_range(4.0_f64..11.0).exp() as u64));
        let is_rude = dice.random();
        let state = if dice.random_ratio(1, 8) {
            State { write: Cell::new(Some(dice.random_range(1..500))), is_rude, ..State::default() }
        } else {
            State { read: bytes, is_rude, ..State::default() }
        };
        Self(Rc::new(state))
    }

    /// Whether the connection was broken on purpose.
    pub fn has_burnt(&self) -> bool {
        self.0.has_burnt.get()
    }

    /// Breaks the connection for whoever reads or writes next, or drops it.
    pub fn burn(&self) {
        self.0.has_burnt.set(true);
    }

    fn broken(&self) -> io::Error {
        self.burn();
        io::ErrorKind::ConnectionReset.into()
    }
}

/// One connection to the hub.
#[derive(Debug)]
pub struct Cable {
    stream: TcpStream,
    fuse: Fuse,
}

impl Cable {
    /// Connects; a hub that is not there is an error like any other.
    pub async fn connect(authority: &str, fuse: &Fuse) -> io::Result<Self> {
        let address: SocketAddr = authority.parse().map_err(io::Error::other)?;
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(NARROW)?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, fuse: fuse.clone() })
    }
}

impl AsyncRead for Cable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.fuse.0.read.get().unwrap_or(u64::MAX);
        let most = PIECE.min(buffer.remaining()).min(usize::try_from(left).unwrap_or(usize::MAX));
        if most == 0 {
            return Poll::Ready(Err(self.fuse.broken()));
        }
        let mut piece = [0; PIECE];
        let mut part = ReadBuf::new(&mut piece[..most]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        buffer.put_slice(part.filled());
        let read = part.filled().len() as u64;
        self.fuse.0.read.set(self.fuse.0.read.get().map(|left| left - read));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Cable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.fuse.0.write.get().unwrap_or(u64::MAX);
        let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if most == 0 {
            return Poll::Ready(Err(self.fuse.broken()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..most]))?;
        self.fuse.0.write.set(self.fuse.0.write.get().map(|left| left - written as u64));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        if self.fuse.has_burnt() && self.fuse.0.is_rude {
            // A peer that is gone already needs no reset.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}
