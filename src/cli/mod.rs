//! The commands: one file or folder each, an `Args` with its documentation and a `run` that does it.
//!
//! `simulate`, `demo` and `bench` are clients of the contract like any other: they come in by the hub's real doors.

mod arguments;
pub mod backup;
pub mod bench;
pub mod client;
pub mod demo;
mod duration;
mod hub_args;
pub mod migrate;
pub mod module;
mod password;
mod rate;
pub mod restore;
pub mod serve;
mod signal;
pub mod simulate;
mod table;
pub mod user;

use std::io;

pub use arguments::Arguments;
pub use hub_args::HubArgs;

use crate::app::StartError;
use crate::auth::AuthError;
use crate::config::ConfigError;
use crate::observe::log::LogError;
use crate::store::StoreError;
use client::{AddressError, ClientError};

/// Why a command ended without doing its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The arguments do not make sense together.
    #[error("{0}")]
    Usage(String),
    /// The address of the hub cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The hub did not do what was asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Logging cannot begin.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The hub does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The change goes against the accounts.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file, a terminal or a process of this machine failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried, with its path.
        what: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The command ran to its end and what it found is not in order.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// Says what was tried when the system failed.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }

    /// The exit code of the process: 2 for what the caller can mend by other arguments or settings, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Address(_) | Self::Config(_) => 2,
            Self::Log(LogError::Filter(_)) | Self::Start(StartError::Tls(_)) => 2,
            Self::Client(_) | Self::Log(_) | Self::Start(_) | Self::Auth(_) | Self::Store(_) => 1,
            Self::Io { .. } | Self::Failed(_) => 1,
        }
    }
}
