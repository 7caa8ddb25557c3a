//! What an operator relies on: health, figures, headers, pages, TLS, the API's description.

mod description;
mod headers;
mod health;
mod metrics;
mod monitor;
mod pages;
mod pipelining;
mod tls;
