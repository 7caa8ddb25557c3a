//! `GET /api/v1/modules/{moduleId}/telemetry`: what a module has reported.

use std::sync::Arc;

use actix_web::Responder;
use actix_web::web::{self, Data};
use serde::Serialize;

use super::super::extract::{Path, Query};
use super::super::problem::{ApiError, ApiResult};
use super::ReadProblems;
use crate::auth::Principal;
use crate::domain::grant::Permission;
use crate::domain::ids::ModuleId;
use crate::domain::telemetry::Value;
use crate::domain::time::Timestamp;
use crate::module::Directory;
use crate::telemetry::{History, HistoryError, KeyWindow, Sample};

mod asked;

use asked::Aggregate;
pub use asked::Asked;

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
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Samples on the page, D 1000, or windows, D 10000"),
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
        let page = history.windows(&caller.user_id, asked.windows(id, interval)).await?;
        let items = page.items.into_iter().map(|window| HistoryItem::of_window(window, &aggregates)).collect();
        return Ok(web::Json(HistoryPage { items, next: page.next.map(|next| next.to_string()) }));
    }
    let page = history.samples(&caller.user_id, asked.samples(id)).await?;
    let items = page.items.into_iter().map(HistoryItem::from).collect();
    Ok(web::Json(HistoryPage { items, next: page.next.map(|next| next.to_string()) }))
}

impl From<HistoryError> for ApiError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::TooMuch => Self::new("too-much", 422, error.to_string()),
            HistoryError::Crowded => Self::new("too-many-questions", 429, error.to_string()),
            HistoryError::Busy => Self::new("busy", 503, error.to_string()),
            HistoryError::Gone => Self::new("not-found", 404, error.to_string()),
            HistoryError::Store(_) | HistoryError::Collector(_) => {
                tracing::error!(%error, "the history could not be read");
                Self::unavailable()
            }
        }
    }
}
