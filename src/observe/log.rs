//! Where log lines go: the standard error stream and, as JSON, a file a day.

use std::{
    io::{self, IsTerminal},
    mem, panic,
    path::Path,
};

use serde::Serialize;
use tracing::{
    Subscriber, error,
    field::{Field, Visit},
    span,
};
use tracing_appender::{
    non_blocking::{NonBlocking, WorkerGuard},
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::RecordFields,
    fmt::{self, FormatFields, FormattedFields, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::config::{Log, LogFormat, make_private_folder};

/// The HTTP library tells of every request that it cannot read as of an error: any stranger could fill the log.
const CALM: &str = "actix_http::h1::dispatcher=off";

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
    let filter = EnvFilter::try_new(filter_of(&config.level))?;
    let (file, guard) = config.file.then(|| log_file(config, &data_folder.join("logs"))).transpose()?.unzip();
    let file = file.map(|writer| fmt::layer().json().flatten_event(true).fmt_fields(SpanFields).with_writer(writer));
    tracing_subscriber::registry().with(filter).with(to_stderr(config.format)).with(file).try_init()?;
    panic::set_hook(Box::new(log_panic));
    Ok(LogGuard(guard))
}

/// What is told: who asks for more of the HTTP library than others gets all of it.
fn filter_of(level: &str) -> String {
    if level.contains("actix_http") { level.to_owned() } else { format!("{level},{CALM}") }
}

fn to_stderr<S: Subscriber + for<'a> LookupSpan<'a>>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync> {
    let lines = fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Pretty => lines.with_ansi(io::stderr().is_terminal()).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).fmt_fields(SpanFields).boxed(),
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

/// Writes the fields of a span as a JSON object, one after the other: every request has a span, and most are told of in no
/// line. The library's own way makes a tree of them first.
#[derive(Debug)]
struct SpanFields;

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> std::fmt::Result {
        let mut members = Members::default();
        fields.record(&mut members);
        write!(writer, "{{{}}}", members.0)
    }

    fn add_fields(&self, known: &'writer mut FormattedFields<Self>, fields: &span::Record<'_>) -> std::fmt::Result {
        let object = mem::take(&mut known.fields);
        let inside = object.strip_prefix('{').and_then(|object| object.strip_suffix('}'));
        let mut members = Members(inside.unwrap_or_default().to_owned());
        fields.record(&mut members);
        write!(known.as_writer(), "{{{}}}", members.0)
    }
}

/// `"name":value,…`.
#[derive(Debug, Default)]
struct Members(String);

impl Members {
    fn put(&mut self, field: &Field, value: impl Serialize) {
        // Texts, numbers and booleans; writing them cannot fail.
        let Ok(value) = serde_json::to_string(&value) else { return };
        let comma = if self.0.is_empty() { "" } else { "," };
        self.0.extend([comma, "\"", field.name(), "\":", &value]);
    }
}

impl Visit for Members {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{info, info_span, subscriber::with_default};
    use tracing_subscriber::{Registry, fmt::format::JsonFields};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged within a span, with the fields written in a way.
    fn line<F: for<'writer> FormatFields<'writer> + Send + Sync + 'static>(fields: F) -> Value {
        let written = Lines::default();
        let writer = written.clone();
        let lines = fmt::layer::<Registry>().json().flatten_event(true).without_time().fmt_fields(fields);
        let lines = lines.with_writer(move || writer.clone());
        with_default(tracing_subscriber::registry().with(lines), || {
            let of = "a \"quoted\" {text}\n";
            let span = info_span!("request", id = %of, debug = ?of, of, count = 7_u64, less = -7, half = 0.5, is_so = true, later = tracing::field::Empty);
            span.record("later", "{known}");
            span.in_scope(|| info!(known = 1, "something"));
        });
        serde_json::from_slice(&written.0.lock().unwrap()).unwrap()
    }

    #[test]
    fn spans_stand_in_a_line_as_the_library_writes_them() {
        let line = line(SpanFields);
        assert_eq!(line["span"]["half"], 0.5);
        assert_eq!(line, self::line(JsonFields::new()));
    }
}
