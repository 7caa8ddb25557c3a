//! `/api/v1/retention`: how long the history is kept, what is in it, and what other rules would delete; for admins.

use std::time::Duration;

use actix::Addr;
use actix_web::http::{Method, header};
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::{Deserialize, Serialize};

use super::super::extract::Json;
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::audit::note;
use super::{ReadProblems, WriteProblems};
use crate::admin::Audit;
use crate::auth::Principal;
use crate::domain::audit::Action;
use crate::domain::grant::Permission;
use crate::domain::problem::{Faults, Problem};
use crate::domain::retention::{Change, Policy, Rule, Scope, Span, Tier};
use crate::store::retention::Kept;
use crate::telemetry::{Archivist, Loss, PreviewRules, ReadPolicy, ReadUsage, RetentionError, SetRules, Usage};

/// How long looking at everything may take; longer than the archivist's own bound.
const LOOK_TIMEOUT: Duration = Duration::from_secs(40);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(methods("/retention", [(Method::GET, to(tell_retention)), (Method::PUT, to(set_retention))]))
        .service(methods("/retention/preview", [(Method::POST, to(preview_retention))]));
}

/// How long each tier is kept: lengths such as `30d`, or `0s` for ever; null where nothing is said of it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Samples as they were measured.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,6}[smhd]$", example = "30d")]
    raw: Option<Span>,
    /// What each minute comes to.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,6}[smhd]$")]
    minutes: Option<Span>,
    /// What each quarter of an hour comes to.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,6}[smhd]$")]
    quarters: Option<Span>,
    /// What each hour comes to.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,6}[smhd]$")]
    hours: Option<Span>,
    /// What each day comes to.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,6}[smhd]$")]
    days: Option<Span>,
}

/// A rule: for all modules, those of a type, or one. That of a module counts before that of its type.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleView {
    /// What it is about.
    scope: ScopeView,
    /// Which type or which module; null for all.
    #[serde(default)]
    name: Option<String>,
    /// How long.
    keep: Lengths,
}

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeView {
    /// All modules.
    All,
    /// Those of a type.
    Type,
    /// One module.
    Module,
}

/// All rules.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesBody {
    /// They take the place of those that are there; at most 1000.
    rules: Vec<RuleView>,
}

/// How long the history is kept, and what is in it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// The version of lengths and rules, as in `ETag`.
    version: String,
    /// What holds where no rule says otherwise, from the configuration.
    defaults: Lengths,
    /// The rules.
    rules: Vec<RuleView>,
    /// What is kept.
    usage: UsageView,
}

/// What is kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    /// All of it.
    all: KeptView,
    /// By type of module.
    types: Vec<NamedKept>,
    /// The modules that take most.
    modules: Vec<NamedKept>,
    /// Bytes that come on a day, by the last days; null as long as nobody can tell, a while after the first reading.
    growth_per_day: Option<i64>,
    /// How many bytes there will be in thirty days; no more than the rules keep, and no more than `history.max_bytes`. Null as
    /// long as nobody can tell.
    in_a_month: Option<i64>,
}

/// What is kept of something.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeptView {
    /// How many samples.
    samples: i64,
    /// How many bytes of the database, about: what is counted is the data itself, and a quarter more for what is around it.
    bytes: i64,
    /// How many bytes of each tier: samples, minutes, quarters of an hour, hours, days.
    tiers: [i64; 5],
}

/// What is kept of a type or a module.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NamedKept {
    /// Which type or module.
    name: String,
    /// What is kept of it.
    kept: KeptView,
}

/// What rules would delete if they held now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// Of each tier.
    losses: Vec<Loss>,
}

/// Tells how long the history is kept, and what is in it.
#[utoipa::path(
    get,
    path = "/api/v1/retention",
    tag = "telemetry",
    responses(
        (status = 200, description = "The rules, and what is kept", body = Retention, headers(("etag" = String, description = "The version of the rules"))),
        ReadProblems
    )
)]
pub async fn tell_retention(caller: Principal, archivist: Data<Addr<Archivist>>) -> ApiResult<impl Responder> {
    caller.require(Permission::RetentionManage)?;
    let policy = archivist.send(ReadPolicy).timeout(LOOK_TIMEOUT).await?;
    told(&archivist, &policy).await
}

/// Sets the rules in the place of those that are there; with `If-Match` only if those are still the ones that were looked
/// at. What they no longer keep is deleted.
#[utoipa::path(
    put,
    path = "/api/v1/retention",
    tag = "telemetry",
    params(("if-match" = Option<String>, Header, description = "The version whose place they take, as in `ETag`")),
    request_body = RulesBody,
    responses(
        (status = 200, description = "What holds now", body = Retention, headers(("etag" = String, description = "The version of the rules"))),
        (status = 412, description = "Somebody else changed them first", body = Problem, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub async fn set_retention(
    caller: Principal,
    request: HttpRequest,
    body: Json<RulesBody>,
    archivist: Data<Addr<Archivist>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::RetentionManage)?;
    let (rules, expected) = (rules_of(body.into_inner())?, expected(&request)?);
    let policy = archivist.send(SetRules { rules, expected }).timeout(LOOK_TIMEOUT).await??;
    note(&audit, caller.deed(Action::RetentionChange, "retention")).await;
    told(&archivist, &policy).await
}

/// Tells what rules would delete if they held now; changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/retention/preview",
    tag = "telemetry",
    request_body = RulesBody,
    responses((status = 200, description = "What would go", body = Preview), WriteProblems)
)]
pub async fn preview_retention(
    caller: Principal,
    body: Json<RulesBody>,
    archivist: Data<Addr<Archivist>>,
) -> ApiResult<web::Json<Preview>> {
    caller.require(Permission::RetentionManage)?;
    let rules = rules_of(body.into_inner())?;
    let losses = archivist.send(PreviewRules(rules)).timeout(LOOK_TIMEOUT).await??;
    Ok(web::Json(Preview { losses }))
}

/// The version that `If-Match` names; none without one, or for `*`.
fn expected(request: &HttpRequest) -> ApiResult<Option<u64>> {
    let Some(given) = request.headers().get(header::IF_MATCH) else { return Ok(None) };
    let text = given.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    version.and_then(|version| u64::from_str_radix(version, 16).ok()).map(Some).ok_or_else(|| {
        let problem = Problem::new("invalid-header", 422, "`If-Match` is not as it must be");
        problem.with_error("", "send a version with its quotes, as `ETag` told it").into()
    })
}

async fn told(archivist: &Addr<Archivist>, policy: &Policy) -> ApiResult<HttpResponse> {
    let usage = archivist.send(ReadUsage).timeout(LOOK_TIMEOUT).await??;
    let defaults = Lengths::of(|tier| Some(policy.defaults().of(tier).unwrap_or_default()));
    let rules = policy.rules().iter().map(RuleView::from).collect();
    let version = format!("{:016x}", policy.version());
    let tag = (header::ETAG, format!("\"{version}\""));
    let retention = Retention { version, defaults, rules, usage: usage.into() };
    Ok(HttpResponse::Ok().insert_header(tag).json(retention))
}

fn rules_of(body: RulesBody) -> ApiResult<Vec<Rule>> {
    let mut faults = Faults::default();
    let mut rules = Vec::new();
    for (place, rule) in body.rules.into_iter().enumerate() {
        match rule.read() {
            Ok(rule) => rules.push(rule),
            Err(fault) => faults.add(format!("/rules/{place}/name"), fault),
        }
    }
    if faults.is_empty() {
        return Ok(rules);
    }
    Err(faults.into_problem("invalid-fields", 422, "some fields are not as they must be").into())
}

impl RuleView {
    fn read(self) -> Result<Rule, String> {
        let scope = match (self.scope, self.name) {
            (ScopeView::All, None) => Scope::All,
            (ScopeView::All, Some(_)) => return Err("leave it out: the rule is for all".to_owned()),
            (_, None) => return Err("say which one".to_owned()),
            (ScopeView::Type, Some(name)) => Scope::Type(parsed(&name)?),
            (ScopeView::Module, Some(name)) => Scope::Module(parsed(&name)?),
        };
        let Lengths { raw, minutes, quarters, hours, days } = self.keep;
        let said = [raw, minutes, quarters, hours, days].map(|span| span.map(|Span(span)| span));
        Ok(Rule { scope, change: Change::new(said) })
    }
}

fn parsed<T: std::str::FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

impl Lengths {
    fn of(length: impl Fn(Tier) -> Option<Duration>) -> Self {
        let span = |tier| length(tier).map(Span);
        Self {
            raw: span(Tier::Raw),
            minutes: span(Tier::Minutes),
            quarters: span(Tier::Quarters),
            hours: span(Tier::Hours),
            days: span(Tier::Days),
        }
    }
}

impl From<&Rule> for RuleView {
    fn from(rule: &Rule) -> Self {
        let (scope, name) = match &rule.scope {
            Scope::All => (ScopeView::All, None),
            Scope::Type(kind) => (ScopeView::Type, Some(kind.to_string())),
            Scope::Module(id) => (ScopeView::Module, Some(id.to_string())),
        };
        Self { scope, name, keep: Lengths::of(|tier| rule.change.of(tier)) }
    }
}

impl From<Kept> for KeptView {
    fn from(kept: Kept) -> Self {
        Self { samples: kept.samples, bytes: kept.total(), tiers: kept.bytes }
    }
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        let named = |(name, kept): (String, Kept)| NamedKept { name, kept: kept.into() };
        Self {
            all: usage.all.into(),
            types: usage.types.into_iter().map(named).collect(),
            modules: usage.modules.into_iter().map(named).collect(),
            growth_per_day: usage.growth,
            in_a_month: usage.in_a_month,
        }
    }
}

impl From<RetentionError> for ApiError {
    fn from(error: RetentionError) -> Self {
        match &error {
            RetentionError::Rule(place, _) => {
                let problem = Problem::new("invalid-fields", 422, "some fields are not as they must be");
                problem.with_error(format!("/rules/{place}/keep"), error.to_string()).into()
            }
            RetentionError::Changed => Self::new("version-changed", 412, error.to_string()),
            RetentionError::TooMuch => Self::new("too-much", 422, error.to_string()),
            RetentionError::Busy => Self::new("busy", 503, error.to_string()),
            RetentionError::Store(cause) => {
                tracing::error!(error = %cause, "the retention of the history could not be read or set");
                Self::unavailable()
            }
        }
    }
}
