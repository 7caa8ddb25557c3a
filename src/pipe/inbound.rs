//! What a socket tells the actor beside it.

use actix::Message;

/// A whole text message of the peer.
///
/// The socket reads on only when the answer is there: an actor that waits makes its peer wait.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Received(pub String);

/// Whole text messages of the peer that came together, for those who take them so; the same holds for its answer.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ReceivedTexts(pub Vec<String>);

/// A whole binary message of the peer, for those who take such; the same holds for its answer.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ReceivedBinary(pub Vec<u8>);

/// The connection is gone; nothing follows.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Closed;
