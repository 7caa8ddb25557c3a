//! What comes of a stream after its own side is shut down.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long it is read on, and how much at most.
const TIME: Duration = Duration::from_secs(2);
const BYTES: usize = 4 << 20;
/// How much is read at once.
const PIECE: usize = 16 << 10;

/// What is read and thrown away, so that the other side has the time to read what it was sent.
#[derive(Debug)]
pub struct Rest {
    left: usize,
    /// Until when; none as long as nothing has come.
    until: Option<Pin<Box<Sleep>>>,
}

impl Rest {
    /// What comes of a stream of which something has come already, or not.
    pub fn new(has_begun: bool) -> Self {
        Self { left: BYTES, until: has_begun.then(|| Box::pin(sleep(TIME))) }
    }

    /// Reads until the other side has closed too, or it is enough; at once where nothing comes.
    pub fn poll_discard<T: AsyncRead + Unpin>(&mut self, stream: &mut T, cx: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; PIECE];
        while self.left > 0 {
            let mut buffer = ReadBuf::new(&mut piece);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.left = self.left.saturating_sub(buffer.filled().len());
                    self.until.get_or_insert_with(|| Box::pin(sleep(TIME)));
                }
                // It has closed, or is gone.
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    return self.until.as_mut().map_or(Poll::Ready(()), |until| until.as_mut().poll(cx));
                }
            }
        }
        Poll::Ready(())
    }
}
