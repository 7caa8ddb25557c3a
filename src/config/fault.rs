//! What is wrong with a configuration, and what to do about it.

use std::fmt::{Display, Formatter, Result as Written};

/// One fault of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, as `section.key`, or the path of the file for a fault of the whole file.
    pub key: String,
    /// The given value; none for a secret.
    pub given: Option<String>,
    /// Where the value came from: a file, an environment variable, the command line.
    pub from: Option<String>,
    /// What is wrong and what to do.
    pub advice: String,
}

impl Display for Fault {
    fn fmt(&self, out: &mut Formatter<'_>) -> Written {
        write!(out, "`{}`", self.key)?;
        if let Some(given) = &self.given {
            write!(out, " is `{given}`")?;
        }
        if let Some(from) = &self.from {
            write!(out, " (from {from})")?;
        }
        write!(out, ": {}", self.advice)
    }
}

/// Every fault of a configuration, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order of the sections; never empty.
    pub faults: Vec<Fault>,
}

impl ConfigError {
    /// An error only if there is a fault.
    pub(super) fn none_of(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self { faults }) }
    }
}

impl Display for ConfigError {
    fn fmt(&self, out: &mut Formatter<'_>) -> Written {
        let count = self.faults.len();
        let noun = if count == 1 { "fault" } else { "faults" };
        write!(out, "the configuration has {count} {noun}; every key is described in `config/carillon.toml`")?;
        self.faults.iter().try_for_each(|fault| write!(out, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigError {}
