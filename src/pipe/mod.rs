//! What stands between a socket and the actor beside it: finished frames one way, whole messages the other.

mod inbound;

pub use inbound::{Closed, Received};
