//! `/api/v1/auth`: logging in and out, tokens and tickets.

use std::time::Duration;

use actix::Addr;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::{Method, header};
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::{Deserialize, Serialize};

use super::super::address::ClientAddress;
use super::super::credential::COOKIE;
use super::super::extract::Json;
use super::super::problem::ApiResult;
use super::super::table::methods;
use super::{ReadProblems, UserSummary, WriteProblems};
use crate::auth::{
    Accounts, AuthError, LogIn, LogOut, LoggedIn, MakeTicket, NewPassword, NewUser, Principal, Refresh, SetUp, Visitor,
};
use crate::domain::account::{Email, PersonName};
use crate::domain::grant::Role;
use crate::observe::{LoginOutcome, Metrics};

/// How long the accounts may take: a login waits in line for its password to be checked.
pub const ACCOUNTS_TIMEOUT: Duration = Duration::from_secs(20);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(methods("/auth/login", [(Method::POST, to(log_in))]))
        .service(methods("/auth/refresh", [(Method::POST, to(refresh))]))
        .service(methods("/auth/logout", [(Method::POST, to(log_out))]))
        .service(methods("/auth/ticket", [(Method::POST, to(make_ticket))]))
        .service(methods("/auth/setup", [(Method::POST, to(set_up))]));
}

/// How the session cookie is set.
#[derive(Debug, Clone, Copy, Default)]
pub struct CookieOptions {
    /// Whether browsers may send it over TLS only; so when the hub itself speaks TLS.
    pub is_secure: bool,
}

/// Who wants to log in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The address.
    #[schema(example = "ada@example.org")]
    email: String,
    /// The password.
    #[schema(format = Password)]
    password: String,
}

/// The tokens of a login.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// For `Authorization: Bearer`.
    access_token: String,
    /// For `/auth/refresh`, once.
    refresh_token: String,
    /// How many seconds the access token is valid.
    expires_in: u64,
    /// The account.
    user: UserSummary,
}

/// The refresh token to exchange.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshRequest {
    /// As it was last told.
    refresh_token: String,
}

/// A ticket for the address of a socket.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Ticket {
    /// For `?ticket=`, once, within 30 seconds.
    ticket: String,
}

/// The first admin.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The token of the printed setup address.
    token: String,
    /// The address.
    #[schema(value_type = String, max_length = 254, pattern = r"^[!-?A-~]+@[!-\-/-?A-~][!-?A-~]*$", example = "ada@example.org")]
    email: Email,
    /// What the person is called.
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$", example = "Ada")]
    name: PersonName,
    /// At least 10 characters, at most 72 bytes.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 72, pattern = r"^([ -~]{10,72}|[^\x00-\x1f\x7f-\x9f]{10,18})$")]
    password: NewPassword,
}

/// Logs in by address and password; answers tokens and sets the session cookie.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    tag = "auth",
    security(()),
    request_body = Login,
    responses((status = 200, description = "Logged in", body = Tokens), WriteProblems)
)]
pub async fn log_in(
    request: HttpRequest,
    address: ClientAddress,
    body: Json<Login>,
    accounts: Data<Addr<Accounts>>,
    metrics: Data<Metrics>,
) -> ApiResult<HttpResponse> {
    let Login { email, password } = body.into_inner();
    let message = LogIn { email, password, visitor: visitor(&request, address) };
    let login = accounts.send(message).timeout(ACCOUNTS_TIMEOUT).await?;
    match &login {
        Ok(_) => metrics.login(LoginOutcome::Ok),
        Err(AuthError::WrongLogin) => metrics.login(LoginOutcome::Failed),
        Err(AuthError::Throttled { .. } | AuthError::Busy) => metrics.login(LoginOutcome::Throttled),
        // The store's own figures tell of emergencies.
        Err(_) => {}
    }
    Ok(logged_in(HttpResponse::Ok(), &request, login?))
}

/// Makes the first admin by the one-time setup token, and logs them in.
#[utoipa::path(
    post,
    path = "/api/v1/auth/setup",
    tag = "auth",
    security(()),
    request_body = Setup,
    responses((status = 201, description = "Made and logged in", body = Tokens), WriteProblems)
)]
pub async fn set_up(
    request: HttpRequest,
    address: ClientAddress,
    body: Json<Setup>,
    accounts: Data<Addr<Accounts>>,
) -> ApiResult<HttpResponse> {
    let Setup { token, email, name, password } = body.into_inner();
    let user = NewUser { email, name, password, roles: vec![Role::Admin] };
    let message = SetUp { token, user, visitor: visitor(&request, address) };
    let login = accounts.send(message).timeout(ACCOUNTS_TIMEOUT).await??;
    Ok(logged_in(HttpResponse::Created(), &request, login))
}

/// Exchanges a refresh token for a new pair; using one twice ends the login.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    tag = "auth",
    security(()),
    request_body = RefreshRequest,
    responses((status = 200, description = "The new pair", body = Tokens), WriteProblems)
)]
pub async fn refresh(
    request: HttpRequest,
    body: Json<RefreshRequest>,
    accounts: Data<Addr<Accounts>>,
) -> ApiResult<HttpResponse> {
    let message = Refresh(body.into_inner().refresh_token);
    let login = accounts.send(message).timeout(ACCOUNTS_TIMEOUT).await??;
    Ok(logged_in(HttpResponse::Ok(), &request, login))
}

/// Ends the login; its sockets close.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    tag = "auth",
    responses((status = 204, description = "Logged out"), ReadProblems)
)]
pub async fn log_out(
    caller: Principal,
    request: HttpRequest,
    accounts: Data<Addr<Accounts>>,
) -> ApiResult<HttpResponse> {
    accounts.send(LogOut(caller)).timeout(ACCOUNTS_TIMEOUT).await??;
    let mut cookie = session_cookie(&request, String::new());
    cookie.make_removal();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Makes a ticket for a WebSocket or SSE address of another origin.
#[utoipa::path(
    post,
    path = "/api/v1/auth/ticket",
    tag = "auth",
    responses((status = 200, description = "The ticket", body = Ticket), ReadProblems)
)]
pub async fn make_ticket(caller: Principal, accounts: Data<Addr<Accounts>>) -> ApiResult<impl Responder> {
    let ticket = accounts.send(MakeTicket(caller)).timeout(ACCOUNTS_TIMEOUT).await??;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Ticket { ticket }))
}

fn logged_in(mut answer: actix_web::HttpResponseBuilder, request: &HttpRequest, login: LoggedIn) -> HttpResponse {
    if let Some(value) = login.cookie {
        let mut cookie = session_cookie(request, value);
        cookie.set_max_age(actix_web::cookie::time::Duration::try_from(login.login_lifetime).ok());
        answer.cookie(cookie);
    }
    answer.insert_header((header::CACHE_CONTROL, "no-store")).json(Tokens {
        access_token: login.access_token,
        refresh_token: login.refresh_token,
        expires_in: login.expires_in.as_secs(),
        user: UserSummary::from(&login.user),
    })
}

fn session_cookie(request: &HttpRequest, value: String) -> Cookie<'static> {
    let options = request.app_data::<Data<CookieOptions>>().map(|options| ***options).unwrap_or_default();
    Cookie::build(COOKIE, value).path("/").http_only(true).same_site(SameSite::Lax).secure(options.is_secure).finish()
}

fn visitor(request: &HttpRequest, address: ClientAddress) -> Visitor {
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Visitor { address: address.ip(), user_agent: user_agent.unwrap_or_default().to_owned() }
}
