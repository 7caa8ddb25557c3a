//! What happens to every request, whatever it asks for.

mod access;
mod cross_origin;
mod headers;
mod request_id;

pub use access::measure;
pub use cross_origin::cross_origin;
pub use headers::{DOCS_POLICY, SecurityHeaders};
