//! Carillon, a realtime event hub in one binary.

pub mod admin;
pub mod app;
pub mod auth;
pub mod broker;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod module;
pub mod observe;
pub mod pipe;
pub mod session;
pub mod store;
pub mod telemetry;
