//! `/api/v1/auth/me` and `/api/v1/auth/password`: one's own account.

use actix::Addr;
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;

use super::super::extract::Json;
use super::super::problem::ApiResult;
use super::super::table::methods;
use super::auth::ACCOUNTS_TIMEOUT;
use super::{ReadProblems, UserSummary, WriteProblems};
use crate::auth::{Accounts, ChangePassword, NewPassword, Principal, UpdateUser, UserChanges};
use crate::domain::account::{Email, PersonName};

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(methods("/auth/me", [(Method::GET, to(tell_profile)), (Method::PATCH, to(change_profile))]))
        .service(methods("/auth/password", [(Method::POST, to(change_password))]));
}

/// What changes in one's own account; what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChanges {
    /// What the person is called.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$", example = "Ada")]
    name: Option<PersonName>,
    /// The address.
    #[schema(value_type = Option<String>, max_length = 254, pattern = r"^[!-?A-~]+@[!-\-/-?A-~][!-?A-~]*$", example = "ada@example.org")]
    email: Option<Email>,
}

/// A change of one's own password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    /// The password until now.
    #[schema(format = Password)]
    current_password: String,
    /// At least 10 characters, at most 72 bytes.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 72, pattern = r"^([ -~]{10,72}|[^\x00-\x1f\x7f-\x9f]{10,18})$")]
    new_password: NewPassword,
}

/// Tells who is calling.
#[utoipa::path(
    get,
    path = "/api/v1/auth/me",
    tag = "auth",
    responses((status = 200, description = "The account", body = UserSummary), ReadProblems)
)]
pub async fn tell_profile(caller: Principal) -> impl Responder {
    web::Json(UserSummary::from(&caller))
}

/// Changes one's own name or address.
#[utoipa::path(
    patch,
    path = "/api/v1/auth/me",
    tag = "auth",
    request_body = ProfileChanges,
    responses((status = 200, description = "The account as it is now", body = UserSummary), WriteProblems)
)]
pub async fn change_profile(
    caller: Principal,
    body: Json<ProfileChanges>,
    accounts: Data<Addr<Accounts>>,
) -> ApiResult<web::Json<UserSummary>> {
    let ProfileChanges { name, email } = body.into_inner();
    let changes = UserChanges { name, email, ..UserChanges::default() };
    let message = UpdateUser { id: caller.user_id, changes, by: caller.login_id };
    let user = accounts.send(message).timeout(ACCOUNTS_TIMEOUT).await??;
    Ok(web::Json(UserSummary::from(&user)))
}

/// Changes one's own password; the other logins end.
#[utoipa::path(
    post,
    path = "/api/v1/auth/password",
    tag = "auth",
    request_body = PasswordChange,
    responses((status = 204, description = "Changed"), WriteProblems)
)]
pub async fn change_password(
    caller: Principal,
    body: Json<PasswordChange>,
    accounts: Data<Addr<Accounts>>,
) -> ApiResult<HttpResponse> {
    let PasswordChange { current_password, new_password } = body.into_inner();
    let message = ChangePassword { who: caller, current: current_password, new: new_password };
    accounts.send(message).timeout(ACCOUNTS_TIMEOUT).await??;
    Ok(HttpResponse::NoContent().finish())
}
