//! How a peer can break the protocol, and what it is told.

/// How a peer broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A rule of RFC 6455 or 7692 was broken.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text message is not UTF-8.
    #[error("a text message is not UTF-8")]
    NotUtf8,
    /// A compressed message cannot be read.
    #[error("a compressed message is damaged")]
    Damaged,
    /// A message is longer than allowed.
    #[error("a message is longer than {0} bytes")]
    TooLong(usize),
}

impl FrameError {
    /// The close code of RFC 6455, 7.4.1.
    #[must_use]
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NotUtf8 | Self::Damaged => 1007,
            Self::TooLong(_) => 1009,
        }
    }
}
