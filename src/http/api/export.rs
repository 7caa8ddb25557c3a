//! `/api/v1/modules/{moduleId}/telemetry/export`: what a module has reported as one file, sent as it is read.

use std::fmt::Write;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::web::{Bytes, Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse, Responder};
use futures_util::stream;
use serde::Serialize;

use super::super::caller::{Gate, authenticate};
use super::super::extract::{Path, Query};
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::ReadProblems;
use super::history::Asked;
use crate::auth::Principal;
use crate::config;
use crate::domain::grant::Permission;
use crate::domain::ids::ModuleId;
use crate::domain::problem::Problem;
use crate::domain::telemetry::Value;
use crate::domain::time::Timestamp;
use crate::module::Directory;
use crate::store::readings::ModuleNumber;
use crate::telemetry::{self, History, HistoryError, Page, Sample};

/// Samples read at once; no more of them wait for a caller that reads slowly.
const SAMPLES_AT_ONCE: usize = 5000;
/// How often a page is asked for again while too much is asked of the history.
const ATTEMPTS: usize = 10;
/// How long after that.
const PAUSE: Duration = Duration::from_secs(2);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods("/modules/{moduleId}/telemetry/export", [(Method::GET, to(export_history))]));
}

/// Sends what a module has reported as one file. It is read while it is sent: where that fails, the module is removed, or the
/// caller may see it no more or is logged out, the connection breaks off, so that nobody takes a part for the whole. It
/// ends with what was there when it was asked for, and what clocks ahead of the hub's had sent.
#[utoipa::path(
    get,
    path = "/api/v1/modules/{moduleId}/telemetry/export",
    tag = "telemetry",
    params(
        ("moduleId" = String, Path, description = "Which module"),
        ("format" = Option<String>, Query, pattern = "^(csv|ndjson)$", description = "`csv`, with the columns ts, key and value (RFC 4180; texts and keys that begin with `=`, `+`, `-`, `@`, a tab or a line break have `'` in front, so that no spreadsheet takes them for formulas), or `ndjson`, an object a line, as it was reported; D `csv`"),
        ("key" = Option<Vec<String>>, Query, description = "Which keys, the parameter repeated for each; all of them if left out", style = Form, explode),
        ("from" = Option<String>, Query, description = "Not measured before this time; D a day before `to`"),
        ("to" = Option<String>, Query, description = "Measured before this time; D now, with what clocks ahead of the hub's have sent"),
        ("order" = Option<String>, Query, pattern = "^(asc|desc)$", description = "`asc`, the oldest first, or `desc`; D `asc`"),
    ),
    responses(
        (status = 200, description = "The file", content((String = "text/csv"), (String = "application/x-ndjson"))),
        ReadProblems
    )
)]
pub async fn export_history(
    request: HttpRequest,
    id: Path<ModuleId>,
    query: Query<Vec<(String, String)>>,
    gate: Data<Gate>,
    directory: Data<Directory>,
    history: Data<History>,
    limits: Data<config::Telemetry>,
) -> ApiResult<impl Responder> {
    let (Path(id), Query(parameters)) = (id, query);
    let door = ExportDoor { request, gate, directory };
    let caller = door.require(&id).await?;
    let (format, asked) = read(parameters)?;
    let name = format!("attachment; filename=\"{id}.{}\"", format.ending());
    let mut query = telemetry::Query { limit: SAMPLES_AT_ONCE, ..asked.samples(id) };
    // What comes while it is sent is in the next file: else one that is read slowly would never end.
    query.to = query.to.min(Timestamp::now().plus(limits.max_ahead)).max(query.from);
    // What cannot be read at all is told as a problem.
    let module = history.number_of(&query.module).await?;
    let first = history.samples_of(&caller.user_id, module, query.clone()).await?;
    let history = history.get_ref().clone();
    let pages = Pages { door, history, module, query, format, state: State::First(first) };
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(stream::try_unfold(pages, Pages::next)))
}

fn read(parameters: Vec<(String, String)>) -> ApiResult<(Format, Asked)> {
    let (formats, others): (Vec<_>, Vec<_>) = parameters.into_iter().partition(|(name, _)| name == "format");
    let format = match formats.last().map(|(_, value)| value.as_str()) {
        None | Some("csv") => Format::Csv,
        Some("ndjson") => Format::Lines,
        Some(_) => return Err(fault("/format", "use `csv` or `ndjson`")),
    };
    let pages = ["limit", "cursor", "interval", "agg"];
    if let Some((name, _)) = others.iter().find(|(name, _)| pages.contains(&name.as_str())) {
        return Err(fault(&format!("/{name}"), "leave it out: a file holds all samples"));
    }
    Ok((format, Asked::read(others)?))
}

fn fault(pointer: &str, detail: &str) -> ApiError {
    let problem = Problem::new("invalid-query", 422, "the query of the address is not as it must be");
    problem.with_error(pointer, detail).into()
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// RFC 4180.
    Csv,
    /// A JSON object a line.
    Lines,
}

/// What is still to be sent.
struct Pages {
    door: ExportDoor,
    history: History,
    /// The same one for the whole file: another module may take the name.
    module: ModuleNumber,
    query: telemetry::Query,
    format: Format,
    state: State,
}

/// Who asks, and who judges whether they may; as long as a file is sent, again for each piece of it.
struct ExportDoor {
    request: HttpRequest,
    gate: Data<Gate>,
    directory: Data<Directory>,
}

impl ExportDoor {
    /// Makes sure that the caller is known and may see the module now.
    async fn require(&self, module: &ModuleId) -> ApiResult<Principal> {
        let caller = authenticate(&self.request, &self.gate).await?;
        caller.require(Permission::ModulesRead)?;
        self.directory.see(&caller, module).await?;
        Ok(caller)
    }
}

enum State {
    First(Page),
    Later,
    Done,
}

impl Pages {
    /// The next piece of the file; asked for when there is room for it. After an error the connection breaks off.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, HistoryError> {
        let (mut text, page) = match std::mem::replace(&mut self.state, State::Later) {
            State::First(page) => (self.format.head().to_owned(), page),
            State::Later => (String::new(), self.later().await?),
            State::Done => return Ok(None),
        };
        page.items.iter().for_each(|sample| self.format.add(&mut text, sample));
        match page.next {
            Some(next) => self.query.after = Some(next),
            None => self.state = State::Done,
        }
        Ok(Some((text.into(), self)))
    }

    async fn later(&self) -> Result<Page, HistoryError> {
        self.patiently()
            .await
            .inspect_err(|error| tracing::warn!(%error, module.id = %self.query.module, "an export broke off"))
    }

    /// A file that has begun waits longer for its turn than a question.
    async fn patiently(&self) -> Result<Page, HistoryError> {
        for _ in 1..ATTEMPTS {
            match self.judged().await {
                Err(HistoryError::Crowded | HistoryError::Busy) => tokio::time::sleep(PAUSE).await,
                page => return page,
            }
        }
        self.judged().await
    }

    async fn judged(&self) -> Result<Page, HistoryError> {
        let caller = self.door.require(&self.query.module).await.map_err(|_| HistoryError::Gone)?;
        self.history.samples_of(&caller.user_id, self.module, self.query.clone()).await
    }
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Lines => "ndjson",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Lines => "application/x-ndjson",
        }
    }

    const fn head(self) -> &'static str {
        match self {
            Self::Csv => "ts,key,value\r\n",
            Self::Lines => "",
        }
    }

    fn add(self, text: &mut String, sample: &Sample) {
        // Writing to a text cannot fail.
        let _ = match self {
            Self::Csv => write!(text, "{},{},{}\r\n", sample.ts, quoted(&sample.key), cell(&sample.value)),
            Self::Lines => writeln!(text, "{}", json(sample)),
        };
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => quoted(text),
        value => json(value),
    }
}

/// A text in quotes. What a spreadsheet would take for a formula gets an apostrophe in front, as one writes a text there.
fn quoted(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

fn json(value: &impl Serialize) -> String {
    // Plain values; writing them cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn cells_are_written_so_that_they_come_back() {
        let mut text = String::new();
        for value in [r#""a \"b\", c""#, "1.5", "null", "true", "\"\""] {
            let value = serde_json::from_str(value).unwrap();
            Format::Csv.add(&mut text, &Sample { ts: Timestamp::from_millis(0), key: "k,1".into(), value });
        }
        let lines: Vec<_> = text.lines().map(|line| line.trim_start_matches("1970-01-01T00:00:00.000Z,")).collect();
        assert_eq!(lines, [r#""k,1","a ""b"", c""#, r#""k,1",1.5"#, r#""k,1","#, r#""k,1",true"#, r#""k,1","""#]);
        assert!(text.ends_with("\r\n"));
    }

    #[test]
    fn no_text_is_a_formula_for_a_spreadsheet_and_numbers_stay_as_they_are() {
        let mut text = String::new();
        for (key, value) in [
            ("=k", r#""=1+2""#),
            ("+k", r#""+1""#),
            ("-k", r#""-1""#),
            ("@k", r#""@SUM(A1)""#),
            ("k", r#""\t=1""#),
            ("k", r#""\r=1""#),
            ("k", r#""a=1""#),
            ("k", "-1.5"),
        ] {
            let value = serde_json::from_str(value).unwrap();
            Format::Csv.add(&mut text, &Sample { ts: Timestamp::from_millis(0), key: key.into(), value });
        }
        let lines: Vec<_> =
            text.split("\r\n").map(|line| line.trim_start_matches("1970-01-01T00:00:00.000Z,")).collect();
        let expected = [
            r#""'=k","'=1+2""#,
            r#""'+k","'+1""#,
            r#""'-k","'-1""#,
            r#""'@k","'@SUM(A1)""#,
            "\"k\",\"'\t=1\"",
            "\"k\",\"'\r=1\"",
            r#""k","a=1""#,
            r#""k",-1.5"#,
            "",
        ];
        assert_eq!(lines, expected);
    }
}
