//! `/api/v1/audit`: what people did, for admins.

use actix::Addr;
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig, to};
use serde::{Deserialize, Serialize};

use super::super::extract::Query;
use super::super::paging::{Listed, PageQuery};
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::ReadProblems;
use crate::admin::{Audit, ListDeeds, NOTE_TIMEOUT, Note};
use crate::auth::Principal;
use crate::domain::audit::{Action, Deed};
use crate::domain::grant::Permission;
use crate::domain::problem::Problem;
use crate::domain::time::Timestamp;
use crate::store::audit::{AuditFilter, Entry};

/// The longest search, in characters.
const SEARCH_MAX: usize = 100;

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods("/audit", [(Method::GET, to(list_deeds))]));
}

/// Which deeds to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Deeds on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// Only this kind.
    #[param(inline, value_type = Option<Action>)]
    action: Option<String>,
    /// Part of the subject, the address, or the actor's name or email.
    #[param(max_length = 100)]
    search: Option<String>,
}

/// A deed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Its number; later deeds have higher ones.
    id: i64,
    /// When it was done.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who did it.
    actor: Person,
    /// What was done.
    action: Action,
    /// To whom or what, such as `user:<id>`, `modules:<id>` (that person's modules) or `module:<moduleId>`.
    subject: String,
    /// What the subject is called now, if it is a person who is still there.
    subject_name: Option<String>,
    /// Where the actor came from; empty if that was not known.
    address: String,
}

/// A person, perhaps gone.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Person {
    /// The account.
    id: String,
    /// What they are called now; none if the account is gone.
    name: Option<String>,
}

impl From<Entry> for AuditRecord {
    fn from(entry: Entry) -> Self {
        let Entry { id, at, actor, actor_name, action, subject, subject_name, address } = entry;
        Self { id, at, actor: Person { id: actor, name: actor_name }, action, subject, subject_name, address }
    }
}

/// Lists what people did, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "admin",
    params(AuditQuery),
    responses((status = 200, description = "One page of the deeds", body = Listed<AuditRecord>), ReadProblems)
)]
pub async fn list_deeds(
    caller: Principal,
    query: Query<AuditQuery>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<web::Json<Listed<AuditRecord>>> {
    caller.require(Permission::AuditRead)?;
    let Query(AuditQuery { page, per_page, action, search }) = query;
    let page = PageQuery { page, per_page }.check()?;
    let filter = AuditFilter {
        action: action.filter(|action| !action.is_empty()).as_deref().map(action_of).transpose()?,
        search: search.filter(|search| !search.is_empty()).map(check_search).transpose()?,
        skip: i64::try_from(page.offset()).unwrap_or(i64::MAX),
        limit: page.size.into(),
    };
    let found = audit.send(ListDeeds(filter)).timeout(NOTE_TIMEOUT).await?.map_err(|error| {
        tracing::error!(%error, "the audit cannot be read");
        ApiError::unavailable()
    })?;
    Ok(web::Json(Listed::new(found.entries.into_iter().map(AuditRecord::from).collect(), page, found.total)))
}

/// Writes down what has just been done; the log keeps what the audit cannot take.
pub async fn note(audit: &Addr<Audit>, deed: Deed) {
    let (actor, action, subject) = (deed.actor.clone(), deed.action, deed.subject.clone());
    let noted = audit.send(Note(deed)).timeout(NOTE_TIMEOUT).await;
    if !matches!(noted, Ok(Ok(()))) {
        tracing::error!(audit.actor = %actor, audit.action = %action, audit.subject = subject, "a deed is not in the audit");
    }
}

fn action_of(text: &str) -> ApiResult<Action> {
    text.parse().map_err(|error: crate::domain::audit::ActionError| invalid("/action", &error.to_string()))
}

fn check_search(search: String) -> ApiResult<String> {
    let is_short = search.chars().count() <= SEARCH_MAX;
    if is_short { Ok(search) } else { Err(invalid("/search", "search for at most 100 characters")) }
}

fn invalid(pointer: &str, detail: &str) -> ApiError {
    let problem = Problem::new("invalid-query", 422, "the query of the address is not as it must be");
    problem.with_error(pointer, detail).into()
}
