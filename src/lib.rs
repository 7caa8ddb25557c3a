//! Carillon, a realtime event hub in one binary.

pub mod auth;
pub mod domain;
pub mod pipe;
