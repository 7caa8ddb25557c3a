//! `/api/v1/users`: everybody's accounts, for admins.

use std::collections::HashSet;

use actix::Addr;
use actix_web::http::{Method, header};
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use serde::{Deserialize, Serialize};

use super::super::extract::{Json, Path, Query};
use super::super::paging::{Listed, PageQuery};
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::audit::note;
use super::auth::ACCOUNTS_TIMEOUT;
use super::{ReadProblems, UserSummary, WriteProblems};
use crate::admin::Audit;
use crate::auth::{
    Accounts, CreateUser, DeleteUser, FindUser, ListUsers, NewPassword, NewUser, Principal, UpdateUser, UserChanges,
};
use crate::domain::account::{Email, PersonName};
use crate::domain::audit::Action;
use crate::domain::grant::{Permission, Role};
use crate::domain::ids::UserId;
use crate::domain::problem::Problem;
use crate::domain::time::Timestamp;
use crate::domain::topic::Topic;
use crate::session::{OnlineUsers, Registry};
use crate::store::users::{User, UserFilter, UserSort, UserSortKey};

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods("/users", [(Method::GET, to(list_users)), (Method::POST, to(create_user))])).service(
        methods(
            "/users/{id}",
            [(Method::GET, to(tell_user)), (Method::PATCH, to(change_user)), (Method::DELETE, to(delete_user))],
        ),
    );
}

/// An account as admins see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserRecord {
    #[serde(flatten)]
    summary: UserSummary,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The last login.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_login_at: Option<Timestamp>,
    /// Whether the person has an open connection.
    online: bool,
    /// Whether the person is kept out.
    disabled: bool,
}

/// Which accounts to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Accounts on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// Part of the name or address.
    search: Option<String>,
    /// Only people with this role.
    role: Option<Role>,
    /// `name`, `email`, `createdAt` or `lastLoginAt`, after a `-` for descending; D `name`.
    #[param(pattern = "^-?(name|email|createdAt|lastLoginAt)$")]
    sort: Option<String>,
}

/// An account to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    /// The address.
    #[schema(value_type = String, max_length = 254, pattern = r"^[!-?A-~]+@[!-\-/-?A-~][!-?A-~]*$", example = "ada@example.org")]
    email: Email,
    /// What the person is called.
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$", example = "Ada")]
    name: PersonName,
    /// At least 10 characters, at most 72 bytes.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 72, pattern = r"^([ -~]{10,72}|[^\x00-\x1f\x7f-\x9f]{10,18})$")]
    password: NewPassword,
    /// D `["user"]`.
    #[schema(min_items = 1)]
    roles: Option<Vec<Role>>,
}

/// What changes in an account; what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// What the person is called.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$", example = "Ada")]
    name: Option<PersonName>,
    /// The address.
    #[schema(value_type = Option<String>, max_length = 254, pattern = r"^[!-?A-~]+@[!-\-/-?A-~][!-?A-~]*$", example = "ada@example.org")]
    email: Option<Email>,
    /// All roles from now on.
    #[schema(min_items = 1)]
    roles: Option<Vec<Role>>,
    /// At least 10 characters, at most 72 bytes; ends the account's logins.
    #[schema(value_type = Option<String>, format = Password, min_length = 10, max_length = 72, pattern = r"^([ -~]{10,72}|[^\x00-\x1f\x7f-\x9f]{10,18})$")]
    password: Option<NewPassword>,
    /// Whether the person is kept out; ends the account's logins.
    disabled: Option<bool>,
}

/// Lists accounts.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "users",
    params(UserQuery),
    responses((status = 200, description = "One page of the accounts", body = Listed<UserRecord>), ReadProblems)
)]
pub async fn list_users(
    caller: Principal,
    query: Query<UserQuery>,
    accounts: Data<Addr<Accounts>>,
    sessions: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::UsersManage)?;
    let Query(query) = query;
    let page = PageQuery { page: query.page, per_page: query.per_page }.check()?;
    let filter = UserFilter {
        sort: query.sort.as_deref().map(sort_of).transpose()?.unwrap_or_default(),
        search: query.search.filter(|search| !search.is_empty()),
        role: query.role,
        skip: i64::try_from(page.offset()).unwrap_or(i64::MAX),
        limit: page.size.into(),
    };
    let found = accounts.send(ListUsers(filter)).timeout(ACCOUNTS_TIMEOUT).await??;
    let online = who_is_online(&sessions).await;
    let items = found.users.iter().map(|user| UserRecord::of(user, &online)).collect();
    Ok(web::Json(Listed::new(items, page, found.total)))
}

/// Makes an account.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "users",
    request_body = UserBody,
    responses(
        (status = 201, description = "Made", body = UserRecord, headers(("location" = String, description = "Where it is"))),
        WriteProblems
    )
)]
pub async fn create_user(
    caller: Principal,
    body: Json<UserBody>,
    accounts: Data<Addr<Accounts>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::UsersManage)?;
    let UserBody { email, name, password, roles } = body.into_inner();
    let roles = roles.unwrap_or_else(|| vec![Role::User]);
    require_a_role(&roles)?;
    let new = NewUser { email, name, password, roles };
    let user = accounts.send(CreateUser(new)).timeout(ACCOUNTS_TIMEOUT).await??;
    note(&audit, caller.deed(Action::UserCreate, Topic::User(user.id.clone()))).await;
    let location = format!("/api/v1/users/{}", user.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(UserRecord::of(&user, &HashSet::new())))
}

/// Tells an account.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = String, Path, description = "Which account")),
    responses((status = 200, description = "The account", body = UserRecord), ReadProblems)
)]
pub async fn tell_user(
    caller: Principal,
    id: Path<UserId>,
    accounts: Data<Addr<Accounts>>,
    sessions: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::UsersManage)?;
    let user = accounts.send(FindUser(id.0)).timeout(ACCOUNTS_TIMEOUT).await??;
    Ok(web::Json(UserRecord::of(&user, &who_is_online(&sessions).await)))
}

/// Changes an account.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = String, Path, description = "Which account")),
    request_body = UserPatch,
    responses((status = 200, description = "The account as it is now", body = UserRecord), WriteProblems)
)]
pub async fn change_user(
    caller: Principal,
    id: Path<UserId>,
    body: Json<UserPatch>,
    accounts: Data<Addr<Accounts>>,
    sessions: Data<Addr<Registry>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::UsersManage)?;
    let UserPatch { name, email, roles, password, disabled } = body.into_inner();
    roles.as_deref().map(require_a_role).transpose()?;
    let changes = UserChanges { name, email, roles, password, disabled };
    let message = UpdateUser { id: id.0, changes, by: caller.login_id.clone() };
    let user = accounts.send(message).timeout(ACCOUNTS_TIMEOUT).await??;
    note(&audit, caller.deed(Action::UserUpdate, Topic::User(user.id.clone()))).await;
    Ok(web::Json(UserRecord::of(&user, &who_is_online(&sessions).await)))
}

/// Removes an account; its modules stay, without an owner.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = String, Path, description = "Which account")),
    responses((status = 204, description = "Removed"), ReadProblems)
)]
pub async fn delete_user(
    caller: Principal,
    id: Path<UserId>,
    accounts: Data<Addr<Accounts>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<HttpResponse> {
    caller.require(Permission::UsersManage)?;
    accounts.send(DeleteUser(id.0.clone())).timeout(ACCOUNTS_TIMEOUT).await??;
    note(&audit, caller.deed(Action::UserDelete, Topic::User(id.0))).await;
    Ok(HttpResponse::NoContent().finish())
}

impl UserRecord {
    fn of(user: &User, online: &HashSet<UserId>) -> Self {
        Self {
            summary: UserSummary::from(user),
            created_at: user.created_at,
            last_login_at: user.last_login_at,
            online: online.contains(&user.id),
            disabled: user.disabled,
        }
    }
}

/// A list without this is better than none.
async fn who_is_online(sessions: &Addr<Registry>) -> HashSet<UserId> {
    sessions.send(OnlineUsers).timeout(ACCOUNTS_TIMEOUT).await.unwrap_or_default()
}

fn require_a_role(roles: &[Role]) -> ApiResult<()> {
    if !roles.is_empty() {
        return Ok(());
    }
    let problem = Problem::new("invalid-fields", 422, "some fields are not as they must be");
    Err(problem.with_error("/roles", "must name at least one role").into())
}

fn sort_of(text: &str) -> Result<UserSort, ApiError> {
    let (key, descending) = text.strip_prefix('-').map_or((text, false), |key| (key, true));
    let key = match key {
        "name" => UserSortKey::Name,
        "email" => UserSortKey::Email,
        "createdAt" => UserSortKey::CreatedAt,
        "lastLoginAt" => UserSortKey::LastLoginAt,
        _ => {
            let problem = Problem::new("invalid-query", 422, "the query of the address is not as it must be");
            let detail = "sort by `name`, `email`, `createdAt` or `lastLoginAt`, after a `-` for descending";
            return Err(problem.with_error("/sort", detail).into());
        }
    };
    Ok(UserSort { key, descending })
}
