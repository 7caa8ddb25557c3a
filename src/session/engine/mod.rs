//! Engine.IO 4: sessions over polls and WebSockets.

pub mod packet;

pub use packet::Message;
