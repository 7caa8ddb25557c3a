//! `GET /api/v1/modules/{moduleId}/telemetry`: what a module has reported.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::Responder;
use actix_web::web::{self, Data};
use serde::Serialize;

use super::super::extract::{Path, Query};
use super::super::problem::{ApiError, ApiResult};
use super::ReadProblems;
use crate::auth::Principal;
use crate::domain::grant::Permission;
use crate::domain::ids::ModuleId;
use crate::domain::problem::Problem;
use crate::domain::telemetry::Value;
use crate::domain::time::Timestamp;
use crate::module::Directory;
use crate::telemetry::{self, History, HistoryError, KeyWindow, Order, Position, Sample, WindowQuery};

/// Samples on a page when nobody says how many.
const LIMIT: usize = 1000;
/// The most samples on a page.
const LIMIT_MAX: usize = 10_000;
/// The longest window, in milliseconds.
const INTERVAL_MAX: i64 = 366 * 86_400_000;
/// How far a question reaches back when nobody says how far.
const SPAN: Duration = Duration::from_secs(86_400);

/// What was measured.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HistoryPage {
    /// The samples in the order that was asked for, or the windows that are not empty.
    items: Vec<HistoryItem>,
    /// Give it as `cursor` to get those after them; null if these are all.
    next: Option<String>,
}

/// One sample with its value, or one window with what was asked of it.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct HistoryItem {
    /// When it was measured, or when the window begins.
    #[schema(value_type = String, format = DateTime)]
    ts: Option<Timestamp>,
    /// Which key.
    #[schema(value_type = String)]
    key: Arc<str>,
    /// What was measured: a number, a boolean, a text or null; not of a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = serde_json::Value, nullable)]
    value: Option<Value>,
    /// The least number; switches count as 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    /// The greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    /// The mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    /// All together; the greatest or the least number there is where that would be beyond it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<f64>,
    /// The earliest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<f64>,
    /// The latest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<f64>,
    /// How many numbers there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl HistoryItem {
    fn of_window(KeyWindow { ts, key, window }: KeyWindow, asked: &[Aggregate]) -> Self {
        let mut item = Self { ts: Some(ts), key, ..Self::default() };
        for aggregate in asked {
            match aggregate {
                Aggregate::Min => item.min = Some(window.min),
                Aggregate::Max => item.max = Some(window.max),
                Aggregate::Mean => item.mean = Some(window.mean()),
                Aggregate::Sum => item.sum = Some(window.sum),
                Aggregate::First => item.first = Some(window.first),
                Aggregate::Last => item.last = Some(window.last),
                Aggregate::Count => item.count = Some(window.count),
            }
        }
        item
    }
}

impl From<Sample> for HistoryItem {
    fn from(Sample { ts, key, value }: Sample) -> Self {
        Self { ts: Some(ts), key, value: Some(value), ..Self::default() }
    }
}

/// Tells what a module has reported, a page at a time.
#[utoipa::path(
    get,
    path = "/api/v1/modules/{moduleId}/telemetry",
    tag = "telemetry",
    params(
        ("moduleId" = String, Path, description = "Which module"),
        ("key" = Option<Vec<String>>, Query, description = "Which keys, the parameter repeated for each; all of them if left out", style = Form, explode),
        ("from" = Option<String>, Query, description = "Not measured before this time; D a day before `to`"),
        ("to" = Option<String>, Query, description = "Measured before this time; D now, with what clocks ahead of the hub's have sent"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Samples on the page; D 1000"),
        ("interval" = Option<String>, Query, pattern = "^[0-9]{1,9}[smhd]$", description = "Windows of this length instead of samples, such as `1m`, `15m` or `1d`; the first and the last are whole, empty ones are left out. Texts and null do not count"),
        ("agg" = Option<Vec<String>>, Query, description = "What is told of a window: `min`, `max`, `mean`, `sum`, `first`, `last`, `count`, parted by commas; D all of them", style = Form, explode),
        ("order" = Option<String>, Query, pattern = "^(asc|desc)$", description = "`asc`, the oldest first, or `desc`; D `asc`"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "The samples", body = HistoryPage), ReadProblems)
)]
pub async fn read_history(
    caller: Principal,
    id: Path<ModuleId>,
    query: Query<Vec<(String, String)>>,
    directory: Data<Directory>,
    history: Data<History>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let Path(id) = id;
    directory.see(&caller, &id).await?;
    let asked = Asked::read(query.0)?;
    if let Some(interval) = asked.interval {
        let aggregates = asked.aggregates();
        let page = history.windows(asked.windows(id, interval)).await?;
        let items = page.items.into_iter().map(|window| HistoryItem::of_window(window, &aggregates)).collect();
        return Ok(web::Json(HistoryPage { items, next: page.next.map(|next| next.to_string()) }));
    }
    let page = history.samples(asked.samples(id)).await?;
    let items = page.items.into_iter().map(HistoryItem::from).collect();
    Ok(web::Json(HistoryPage { items, next: page.next.map(|next| next.to_string()) }))
}

/// What can be told of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Min,
    Max,
    Mean,
    Sum,
    First,
    Last,
    Count,
}

impl Aggregate {
    const ALL: [(&'static str, Self); 7] = [
        ("min", Self::Min),
        ("max", Self::Max),
        ("mean", Self::Mean),
        ("sum", Self::Sum),
        ("first", Self::First),
        ("last", Self::Last),
        ("count", Self::Count),
    ];

    fn read(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, aggregate)| *aggregate);
        known.ok_or_else(|| "use `min`, `max`, `mean`, `sum`, `first`, `last` or `count`".to_owned())
    }
}

/// The parameters of a question about the history.
#[derive(Debug, Default)]
pub struct Asked {
    keys: Vec<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    limit: Option<usize>,
    order: Order,
    interval: Option<i64>,
    aggregates: Vec<Aggregate>,
    cursor: Option<Position>,
}

impl Asked {
    /// Reads them; every fault is named.
    ///
    /// # Errors
    /// 422 for what cannot be asked.
    pub fn read(parameters: Vec<(String, String)>) -> ApiResult<Self> {
        let mut asked = Self::default();
        let mut problem = Problem::new("invalid-query", 422, "the query of the address is not as it must be");
        for (name, value) in parameters {
            if let Err(fault) = asked.take(&name, value) {
                problem = problem.with_error(format!("/{name}"), fault);
            }
        }
        if asked.interval.is_none() && !asked.aggregates.is_empty() {
            problem = problem.with_error("/agg", "name an `interval` too");
        }
        if asked.interval.is_some() && asked.order == Order::Backward {
            problem = problem.with_error("/order", "windows are told the oldest first; leave it out");
        }
        if asked.from.zip(asked.to).is_some_and(|(from, to)| from > to) {
            problem =
                problem.with_error("/from", "lies after `to`; the earlier time comes first, also with `order=desc`");
        }
        if problem.errors.is_empty() { Ok(asked) } else { Err(problem.into()) }
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "key" if !value.is_empty() => self.keys.push(value),
            "key" => {}
            "from" => self.from = Some(parsed(&value)?),
            "to" => self.to = Some(parsed(&value)?),
            "limit" => self.limit = Some(limit(&value)?),
            "order" => self.order = order(&value)?,
            "interval" => self.interval = Some(interval(&value)?),
            "agg" => {
                let named: Result<Vec<_>, _> = value.split(',').map(Aggregate::read).collect();
                self.aggregates.extend(named?);
            }
            "cursor" => self.cursor = Some(parsed(&value)?),
            _ => return Err("there is no such parameter; leave it out".to_owned()),
        }
        Ok(())
    }

    /// From when to when. Clocks of devices may be ahead: what they have sent is the newest there is.
    fn span(&self) -> (Timestamp, Timestamp) {
        let to = self.to.unwrap_or_else(|| Timestamp::now().plus(SPAN));
        let from = self.from.unwrap_or_else(|| self.to.unwrap_or_else(Timestamp::now).minus(SPAN));
        (from, to)
    }

    fn aggregates(&self) -> Vec<Aggregate> {
        let all = || Aggregate::ALL.iter().map(|(_, aggregate)| *aggregate).collect();
        if self.aggregates.is_empty() { all() } else { self.aggregates.clone() }
    }

    /// The question for samples.
    pub fn samples(self, module: ModuleId) -> telemetry::Query {
        let ((from, to), limit) = (self.span(), self.limit.unwrap_or(LIMIT));
        telemetry::Query { module, keys: self.keys, from, to, order: self.order, limit, after: self.cursor }
    }

    fn windows(self, module: ModuleId, interval: i64) -> WindowQuery {
        let ((from, to), limit) = (self.span(), self.limit.unwrap_or(LIMIT_MAX));
        WindowQuery { module, keys: self.keys, from, to, interval, limit, after: self.cursor }
    }
}

fn parsed<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| format!("a page holds 1 to {LIMIT_MAX} samples"))
}

/// Reads a whole number and one unit, in milliseconds.
fn interval(text: &str) -> Result<i64, String> {
    let unit = match text.as_bytes().last() {
        Some(b's') => 1000,
        Some(b'm') => 60_000,
        Some(b'h') => 3_600_000,
        Some(b'd') => 86_400_000,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<i64>().ok());
    let length =
        number.and_then(|number| number.checked_mul(unit)).filter(|length| (1..=INTERVAL_MAX).contains(length));
    length.ok_or_else(|| "must be a length from `1s` to `366d`, such as `1m`, `15m` or `1d`".to_owned())
}

fn order(text: &str) -> Result<Order, String> {
    match text {
        "asc" => Ok(Order::Forward),
        "desc" => Ok(Order::Backward),
        _ => Err("use `asc` or `desc`".to_owned()),
    }
}

impl From<HistoryError> for ApiError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::TooMuch => Self::new("too-much", 422, error.to_string()),
            HistoryError::Gone => Self::new("not-found", 404, error.to_string()),
            HistoryError::Store(_) | HistoryError::Collector(_) => {
                tracing::error!(%error, "the history could not be read");
                Self::unavailable()
            }
        }
    }
}
