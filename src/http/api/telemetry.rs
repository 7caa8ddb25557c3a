//! `/api/v1/modules/{moduleId}/telemetry`: what modules report over HTTP.

use actix_web::http::Method;
use actix_web::web::{self, Data, Payload, ServiceConfig, to};
use actix_web::{HttpMessage, HttpRequest, Responder};
use serde::{Deserialize, Serialize};

use super::super::address::ClientAddress;
use super::super::credential;
use super::super::extract::read_body;
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::WriteProblems;
use super::history::read_history;
use crate::domain::problem::Problem;
use crate::domain::telemetry::{Reading, check_count};
use crate::module::{Directory, ModuleError};

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods(
        "/modules/{moduleId}/telemetry",
        [(Method::GET, to(read_history)), (Method::POST, to(report_telemetry))],
    ));
}

/// How many readings are stored now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// All that the request brought.
    accepted: usize,
}

/// One reading, or several, oldest first; only describes the body, which `Readings` reads.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum ReadingsBody {
    /// One.
    One(Reading),
    /// Up to 10,000.
    Several(Vec<Reading>),
}

/// Takes readings of a module, all or none; answered when they are stored.
#[utoipa::path(
    post,
    path = "/api/v1/modules/{moduleId}/telemetry",
    tag = "telemetry",
    params(("moduleId" = String, Path, description = "Which module")),
    request_body(
        content((ReadingsBody = "application/json"), (String = "application/x-ndjson")),
        description = "One reading, an array of them, or one a line; at most 10,000 and 1 MiB",
    ),
    responses((status = 200, description = "Stored", body = Accepted), WriteProblems),
    security(("bearer" = []))
)]
pub async fn report_telemetry(
    request: HttpRequest,
    payload: Payload,
    directory: Data<Directory>,
) -> ApiResult<impl Responder> {
    let (id, token) = credential::module_of(&request)?;
    // Nobody else has the hub read, let alone parse, a body, nor learns what is wrong with readings.
    let token = directory.verify(&id, &token, ClientAddress::of(&request).ip()).await?;
    let form = Form::of(request.content_type());
    let body = read_body(&request, &mut payload.into_inner()).await?;
    let readings = Readings::read(form, &body)?;
    let Readings { form, readings, lines } = readings;
    let accepted = directory.ingest(&id, readings.into(), token).await;
    let accepted = accepted.map_err(|error| place(error, form, &lines))?;
    Ok(web::Json(Accepted { accepted }))
}

/// How the readings of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `application/json`: an object or an array.
    Json,
    /// An array of objects.
    Array,
    /// `application/x-ndjson`: an object a line.
    Lines,
    /// Anything else.
    Unknown,
}

impl Form {
    fn of(content_type: &str) -> Self {
        if content_type.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if content_type.eq_ignore_ascii_case("application/x-ndjson") {
            Self::Lines
        } else {
            Self::Unknown
        }
    }
}

/// The readings of a body.
#[derive(Debug)]
struct Readings {
    form: Form,
    readings: Vec<Reading>,
    /// The line of each reading, where they stand in lines.
    lines: Vec<usize>,
}

impl Readings {
    fn read(form: Form, body: &[u8]) -> Result<Self, Problem> {
        let read = match form {
            Form::Lines => Self::read_lines(body)?,
            Form::Json | Form::Array if body.trim_ascii_start().starts_with(b"[") => {
                Self { form: Form::Array, readings: Reading::read_list(body)?, lines: vec![] }
            }
            Form::Json | Form::Array => Self { form, readings: vec![Reading::read(body)?], lines: vec![] },
            Form::Unknown => {
                let detail = "send the readings as `application/json` or `application/x-ndjson`";
                return Err(Problem::new("unsupported-media-type", 415, detail));
            }
        };
        check_count(&read.readings)?;
        Ok(read)
    }

    fn read_lines(body: &[u8]) -> Result<Self, Problem> {
        let (mut readings, mut lines) = (Vec::new(), Vec::new());
        for (line, text) in body.split(|byte| *byte == b'\n').enumerate() {
            if text.trim_ascii().is_empty() {
                continue;
            }
            readings.push(Reading::read(text).map_err(|problem| on_line(line + 1, problem))?);
            lines.push(line + 1);
        }
        Ok(Self { form: Form::Lines, readings, lines })
    }
}

fn on_line(line: usize, fault: Problem) -> Problem {
    let mut problem = Problem::new("invalid-fields", 422, format!("line {line}: {}", fault.detail));
    problem.errors = fault.errors;
    problem
}

/// Tells which of the readings a module did not take.
fn place(error: ModuleError, form: Form, lines: &[usize]) -> ApiError {
    let mut problem = error.problem();
    if let Some(reading) = error.reading() {
        match (form, lines.get(reading)) {
            (Form::Lines, Some(line)) => problem = on_line(*line, problem),
            (Form::Array, _) => {
                for fault in &mut problem.errors {
                    fault.pointer = format!("/{reading}{}", fault.pointer);
                }
            }
            _ => {}
        }
    }
    problem.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::telemetry::READINGS_MAX;

    fn fault(form: Form, body: &str) -> (u16, String, String) {
        let problem = Readings::read(form, body.as_bytes()).unwrap_err();
        let pointer = problem.errors.first().map_or_else(String::new, |error| error.pointer.clone());
        (problem.status, pointer, problem.detail)
    }

    #[test]
    fn one_several_and_lines_are_read() {
        let one = r#"{"telemetry":{"a":1}}"#;
        for (form, body, count) in [
            (Form::Json, one.to_owned(), 1),
            (Form::Json, format!(" [{one},{one}]"), 2),
            (Form::Json, "[]".to_owned(), 0),
            (Form::Lines, format!("{one}\n\n{one}\r\n{one}"), 3),
            (Form::Lines, String::new(), 0),
        ] {
            assert_eq!(Readings::read(form, body.as_bytes()).unwrap().readings.len(), count, "{body}");
        }
    }

    #[test]
    fn the_bad_reading_is_named() {
        let (good, bad) = (r#"{"telemetry":{"a":1}}"#, r#"{"telemetry":{"a":{}}}"#);
        let (status, pointer, _) = fault(Form::Json, bad);
        assert_eq!((status, pointer.as_str()), (422, "/telemetry/a"));
        let (status, pointer, _) = fault(Form::Json, &format!("[{good},{good},{good},{bad}]"));
        assert_eq!((status, pointer.as_str()), (422, "/3/telemetry/a"));
        let (status, pointer, detail) = fault(Form::Lines, &format!("{good}\n\n{bad}\n"));
        assert_eq!((status, pointer.as_str()), (422, "/telemetry/a"));
        assert!(detail.starts_with("line 3: "), "{detail}");
        let (status, _, detail) = fault(Form::Lines, &format!("{good}\n{{\n"));
        assert_eq!(status, 422);
        assert!(detail.starts_with("line 2: "), "{detail}");
        let control = r#"{"telemetry":{"\u0000":1}}"#;
        for (form, body) in [
            (Form::Json, control.to_owned()),
            (Form::Json, format!("[{good},{control}]")),
            (Form::Lines, format!("{good}\n{control}\n")),
        ] {
            assert_eq!(fault(form, &body).0, 422, "{body}");
        }
        assert_eq!(fault(Form::Json, "[{").0, 400);
        assert_eq!(fault(Form::Json, "").0, 400);
        assert_eq!(fault(Form::Unknown, good).0, 415);
        assert_eq!(fault(Form::Json, &format!("[{}{good}]", format!("{good},").repeat(READINGS_MAX))).0, 422);
    }
}
