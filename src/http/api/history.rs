//! `GET /api/v1/modules/{moduleId}/telemetry`: what a module has reported.

use std::str::FromStr;
use std::time::Duration;

use actix::Addr;
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
use crate::domain::time::Timestamp;
use crate::module::{GetModule, Registry};
use crate::telemetry::{self, History, HistoryError, Order, Page};

/// How long the registry may take.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Samples on a page when nobody says how many.
const LIMIT: usize = 1000;
/// The most samples on a page.
const LIMIT_MAX: usize = 10_000;
/// How far a question reaches back when nobody says how far.
const SPAN: Duration = Duration::from_secs(86_400);

/// What was measured.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HistoryPage {
    /// The samples, in the order that was asked for.
    items: Vec<SampleView>,
    /// Give it as `cursor` to get those after them; null if these are all.
    next: Option<String>,
}

/// One sample.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Sample)]
pub struct SampleView {
    /// When it was measured.
    #[schema(value_type = String, format = DateTime)]
    ts: Timestamp,
    /// Which key.
    #[schema(value_type = String)]
    key: std::sync::Arc<str>,
    /// What was measured: a number, a boolean, a text or null.
    #[schema(value_type = serde_json::Value, nullable)]
    value: crate::domain::telemetry::Value,
}

impl From<Page> for HistoryPage {
    fn from(page: Page) -> Self {
        let view = |sample: telemetry::Sample| SampleView { ts: sample.ts, key: sample.key, value: sample.value };
        Self { items: page.items.into_iter().map(view).collect(), next: page.next.map(|next| next.to_string()) }
    }
}

/// Tells what a module has reported, a page at a time.
#[utoipa::path(
    get,
    path = "/api/v1/modules/{moduleId}/telemetry",
    tag = "telemetry",
    params(
        ("moduleId" = String, Path, description = "Which module"),
        ("key" = Option<Vec<String>>, Query, description = "Which keys, repeated or parted by commas; all of them if left out", style = Form, explode),
        ("from" = Option<String>, Query, description = "Not measured before this time; D a day before `to`"),
        ("to" = Option<String>, Query, description = "Measured before this time; D now, with what clocks ahead of the hub's have sent"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Samples on the page; D 1000"),
        ("order" = Option<String>, Query, pattern = "^(asc|desc)$", description = "`asc`, the oldest first, or `desc`; D `asc`"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "The samples", body = HistoryPage), ReadProblems)
)]
pub async fn read_history(
    caller: Principal,
    id: Path<ModuleId>,
    query: Query<Vec<(String, String)>>,
    registry: Data<Addr<Registry>>,
    history: Data<History>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let Path(id) = id;
    registry.send(GetModule { by: caller, id: id.clone() }).timeout(REGISTRY_TIMEOUT).await??;
    let asked = Asked::read(query.0)?.samples(id);
    let page = history.samples(asked).await?;
    Ok(web::Json(HistoryPage::from(page)))
}

/// The parameters of a question about the history.
#[derive(Debug, Default)]
struct Asked {
    keys: Vec<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    limit: Option<usize>,
    order: Order,
    cursor: Option<telemetry::Position>,
}

impl Asked {
    fn read(parameters: Vec<(String, String)>) -> ApiResult<Self> {
        let mut asked = Self::default();
        let mut problem = Problem::new("invalid-query", 422, "the query of the address is not as it must be");
        for (name, value) in parameters {
            if let Err(fault) = asked.take(&name, value) {
                problem = problem.with_error(format!("/{name}"), fault);
            }
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
            "cursor" => self.cursor = Some(parsed(&value)?),
            _ => return Err("there is no such parameter; leave it out".to_owned()),
        }
        Ok(())
    }

    fn samples(self, module: ModuleId) -> telemetry::Query {
        // Clocks of devices may be ahead: what they have sent is the newest there is.
        let to = self.to.unwrap_or_else(|| Timestamp::now().plus(SPAN));
        let from = self.from.unwrap_or_else(|| self.to.unwrap_or_else(Timestamp::now).minus(SPAN));
        let limit = self.limit.unwrap_or(LIMIT);
        telemetry::Query { module, keys: self.keys, from, to, order: self.order, limit, after: self.cursor }
    }
}

fn parsed<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| format!("a page holds 1 to {LIMIT_MAX} samples"))
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
            HistoryError::Store(_) | HistoryError::Collector(_) => {
                tracing::error!(%error, "the history could not be read");
                Self::unavailable()
            }
        }
    }
}
