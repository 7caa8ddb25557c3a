//! What those hear who must come back later: a handshake, a goodbye with their moment, a close. No session begins.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::pipe::frame;
use crate::session::End;
use crate::session::dialect::native::bye;

/// How long the peer may take to close after our goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// How much a peer may say that nobody reads.
const UNREAD: u64 = 64 * 1024;

/// Says the handshake's answer, then goodbye: a page cannot read a refused handshake, but it can read a frame.
///
/// # Errors
/// When the stream breaks.
pub async fn turn_away<T>(stream: &mut T, head: &str, retry_after: Duration) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let End { code, reason, retry_after } = End::come_back(retry_after);
    let mut said = head.as_bytes().to_vec();
    said.extend_from_slice(&frame::text(bye(code, reason, retry_after).as_bytes()));
    said.extend_from_slice(&frame::close(code, reason));
    say_and_part(stream, &said).await
}

/// Says the last words and gives the peer a moment to read them.
///
/// # Errors
/// When the stream breaks.
pub async fn say_and_part<T>(stream: &mut T, said: &[u8]) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(said).await?;
    stream.shutdown().await?;
    // To close over unread bytes would be a reset, and the goodbye could be lost with it.
    let mut rest = stream.take(UNREAD);
    let heard = tokio::time::timeout(GOODBYE, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    heard.map_or(Ok(()), |copied| copied.map(drop))
}
