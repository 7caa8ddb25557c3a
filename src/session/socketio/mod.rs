//! Socket.IO 5 on top of Engine.IO.

pub mod attachments;
pub mod packet;
