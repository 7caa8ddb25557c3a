//! What happens to every request, whatever it asks for.

mod access;
mod headers;
mod request_id;

pub use access::measure;
pub use headers::{DOCS_POLICY, security_headers};
