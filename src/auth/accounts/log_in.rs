//! Logging in.

use std::net::IpAddr;
use std::time::Duration;

use actix::prelude::*;

use super::{Accounts, Desk};
use crate::auth::{AccountChanged, AuthError, opaque};
use crate::domain::account::Email;
use crate::domain::event::NewEvent;
use crate::domain::ids::LoginId;
use crate::domain::time::Timestamp;
use crate::store::announcements::{self, Announced};
use crate::store::logins::{self, Login};
use crate::store::users::{self, User};
use crate::store::{Connection, StoreError};

/// The longest description of a program that is kept, in characters.
const USER_AGENT_MAX: usize = 200;

/// Logs somebody in by address and password.
///
/// An unknown address, a wrong password and a disabled account take the same work and get the same answer.
#[derive(Message)]
#[rtype(result = "Result<LoggedIn, AuthError>")]
pub struct LogIn {
    /// The address, as typed.
    pub email: String,
    /// The password, as typed.
    pub password: String,
    /// Where it comes from.
    pub visitor: Visitor,
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The network address.
    pub address: IpAddr,
    /// What program it is, as it says itself.
    pub user_agent: String,
}

/// A login that has begun or been renewed, with its secrets, which are told only here.
pub struct LoggedIn {
    /// The account.
    pub user: User,
    /// The access token.
    pub access_token: String,
    /// How long the access token is valid.
    pub expires_in: Duration,
    /// The refresh token.
    pub refresh_token: String,
    /// The value of the session cookie; none when the login is only renewed.
    pub cookie: Option<String>,
    /// How long the login lasts unless it is renewed.
    pub login_lifetime: Duration,
}

impl Handler<LogIn> for Accounts {
    type Result = ResponseFuture<Result<LoggedIn, AuthError>>;

    fn handle(&mut self, message: LogIn, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move { desk.log_in(message).await })
    }
}

impl Desk {
    async fn log_in(&self, LogIn { email, password, visitor }: LogIn) -> Result<LoggedIn, AuthError> {
        self.throttle.check_address(visitor.address)?;
        self.throttle.check_account(&email)?;
        let known = self.find_by_typed_email(&email).await?;
        let hash = known.as_ref().map(|user| user.password_hash.clone());
        let is_right = self.hasher.verify(password, hash).await?;
        let user = known.filter(|user| is_right && !user.disabled).ok_or(AuthError::WrongLogin)?;
        self.begin_login(user, visitor).await
    }

    /// Begins a login of somebody who has proved to be the person.
    pub(super) async fn begin_login(&self, user: User, visitor: Visitor) -> Result<LoggedIn, AuthError> {
        let now = Timestamp::now();
        let (cookie, refresh_token) = (opaque::generate(), opaque::generate());
        let login = Login {
            id: LoginId::generate(),
            user_id: user.id.clone(),
            cookie_hash: opaque::fingerprint(&cookie),
            refresh_hash: opaque::fingerprint(&refresh_token),
            created_at: now,
            expires_at: now.plus(self.login_lifetime),
            last_used_at: now,
            revoked_at: None,
            address: visitor.address.to_string(),
            user_agent: visitor.user_agent.chars().take(USER_AGENT_MAX).collect(),
        };
        let access_token = self.tokens.issue(&user.id, &login.id, now)?;
        let (user, announced) = self.write(move |conn| insert(conn, &login, &user)).await?;
        self.tell(AccountChanged::LoggedIn { user_id: user.id.clone(), announced });
        let (expires_in, login_lifetime) = (self.tokens.lifetime(), self.login_lifetime);
        Ok(LoggedIn { user, access_token, expires_in, refresh_token, cookie: Some(cookie), login_lifetime })
    }

    /// What is no address at all belongs to nobody.
    async fn find_by_typed_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        match email.parse::<Email>() {
            Ok(email) => self.store.read(move |conn| users::find_by_email(conn, &email)).await,
            Err(_) => self.store.read(|conn| users::count(conn).map(|_| None)).await,
        }
    }
}

/// Stores the login unless the account has changed since its password was checked.
fn insert(conn: &mut Connection, login: &Login, checked: &User) -> Result<(User, Announced), AuthError> {
    let mut user = users::find(conn, &checked.id)?;
    if user.disabled || user.password_hash != checked.password_hash {
        return Err(AuthError::WrongLogin);
    }
    user.last_login_at = Some(login.created_at);
    users::update(conn, &user)?;
    logins::insert(conn, login)?;
    let announced = announcements::add(conn, NewEvent::user_logged_in(user.facts()))?;
    Ok((user, announced))
}
