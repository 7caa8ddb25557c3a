//! The section `log`: what the hub writes down.

use toml::Value;

use super::{
    keys::{Checks, Keys, Section},
    setting::Setting,
};

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How lines on the standard error stream look.
    pub format: LogFormat,
    /// What is logged, as a filter such as `info` or `info,carillon::auth=debug`.
    pub level: String,
    /// Whether logs are also kept, as JSON, in `logs` in the data folder, a file a day.
    pub file: bool,
    /// Days of log files kept.
    pub keep: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Pretty, level: "info".to_owned(), file: true, keep: 14 }
    }
}

impl Section for Log {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("format", &mut self.format);
        keys.key("level", &mut self.level);
        keys.key("file", &mut self.file);
        keys.key("keep", &mut self.keep);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(self.keep > 0, "keep", "must be at least 1 day");
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, in colour on a terminal.
    Pretty,
    /// For machines: one JSON object a line.
    Json,
}

impl Setting for LogFormat {
    const EXPECTED: &'static str = "`pretty` or `json`";

    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "pretty" => Some(Self::Pretty),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}
