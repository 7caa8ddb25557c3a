//! Where log lines go: the standard error stream and, as JSON, a file a day.

use std::{
    io::{self, IsTerminal},
    panic,
    path::Path,
};

use tracing::{Subscriber, error};
use tracing_appender::{
    non_blocking::{NonBlocking, WorkerGuard},
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt};

use crate::config::{Log, LogFormat, make_private_folder};

/// Writes what still waits for the log file when it is dropped; keep it until the end.
#[derive(Debug)]
#[must_use]
pub struct LogGuard(#[expect(dead_code, reason = "held for what its drop does")] Option<WorkerGuard>);

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is malformed.
    #[error("`log.level` is not a filter: {0}; use one such as `info` or `info,carillon::auth=debug`")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The folder for log files cannot be used.
    #[error("log files cannot be written in `{folder}`: {cause}; make it writable or set `log.file` to `false`")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system said.
        cause: String,
    },
    /// There is a logger already.
    #[error("logging was started twice: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging as configured; files go to `logs` in the data folder. Panics are logged from now on.
///
/// # Errors
/// [`LogError`] when the filter is malformed, the folder cannot be written or logging was started before.
pub fn start(config: &Log, data_folder: &Path) -> Result<LogGuard, LogError> {
    let filter = EnvFilter::try_new(&config.level)?;
    let (file, guard) = config.file.then(|| log_file(config, &data_folder.join("logs"))).transpose()?.unzip();
    let file = file.map(|writer| fmt::layer().json().flatten_event(true).with_writer(writer));
    tracing_subscriber::registry().with(filter).with(to_stderr(config.format)).with(file).try_init()?;
    panic::set_hook(Box::new(log_panic));
    Ok(LogGuard(guard))
}

fn to_stderr<S: Subscriber + for<'a> LookupSpan<'a>>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync> {
    let lines = fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Pretty => lines.with_ansi(io::stderr().is_terminal()).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// A file a day, written by a thread of its own: a slow disk loses lines, not time.
fn log_file(config: &Log, folder: &Path) -> Result<(NonBlocking, WorkerGuard), LogError> {
    let unusable = |cause: String| LogError::Folder { folder: folder.display().to_string(), cause };
    // Made here, and with it the data folder: only their owner reads them.
    make_private_folder(folder).map_err(|error| unusable(error.to_string()))?;
    let rolling = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("carillon")
        .filename_suffix("log")
        .max_log_files(usize::try_from(config.keep).unwrap_or(usize::MAX))
        .build(folder)
        .map_err(|error| unusable(error.to_string()))?;
    Ok(tracing_appender::non_blocking(rolling))
}

fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    error!(panic.place = place, panic.message = message, "a part panicked");
}
