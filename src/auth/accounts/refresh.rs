//! Renewing a login.

use actix::prelude::*;

use super::{Accounts, Desk, LoggedIn};
use crate::auth::{AccountChanged, AuthError, opaque};
use crate::domain::time::Timestamp;
use crate::store::logins::{self, Login};
use crate::store::users::User;
use crate::store::{Connection, StoreError};

/// Exchanges a refresh token for a new pair.
///
/// A token works once. One that comes again was stolen, by whoever came first or second: the login ends.
#[derive(Message)]
#[rtype(result = "Result<LoggedIn, AuthError>")]
pub struct Refresh(pub String);

/// What a refresh token turned out to be.
enum Found {
    Renewed(Box<(Login, User)>),
    Reused(Box<Login>),
    Refused,
}

impl Handler<Refresh> for Accounts {
    type Result = ResponseFuture<Result<LoggedIn, AuthError>>;

    fn handle(&mut self, Refresh(token): Refresh, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move { desk.refresh(&token).await })
    }
}

impl Desk {
    async fn refresh(&self, token: &str) -> Result<LoggedIn, AuthError> {
        let now = Timestamp::now();
        let (lifetime, refresh_token) = (self.login_lifetime, opaque::generate());
        let (old, new) = (opaque::fingerprint(token), opaque::fingerprint(&refresh_token));
        let found = self.write(move |conn| Ok(exchange(conn, &old, &new, now, now.plus(lifetime))?)).await?;
        let (login, user) = match found {
            Found::Renewed(both) => *both,
            Found::Reused(login) => {
                tracing::warn!(user.id = %login.user_id, "a refresh token came twice; its login has been ended");
                self.tell(AccountChanged::Revoked { user_id: login.user_id, logins: vec![login.id] });
                return Err(AuthError::RefreshRefused);
            }
            Found::Refused => return Err(AuthError::RefreshRefused),
        };
        let access_token = self.tokens.issue(&user.id, &login.id, now)?;
        let (expires_in, login_lifetime) = (self.tokens.lifetime(), self.login_lifetime);
        Ok(LoggedIn { user, access_token, expires_in, refresh_token, cookie: None, login_lifetime })
    }
}

fn exchange(
    conn: &mut Connection,
    old: &str,
    new: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Found, StoreError> {
    if let Some((login, user)) = logins::find_by_refresh(conn, old)? {
        if user.disabled || !login.is_alive(now) {
            return Ok(Found::Refused);
        }
        let login = Login { expires_at, ..login };
        logins::rotate(conn, &login, new, now)?;
        return Ok(Found::Renewed(Box::new((login, user))));
    }
    let Some((login, _)) = logins::find_by_spent_refresh(conn, old)? else { return Ok(Found::Refused) };
    let was_alive = logins::revoke(conn, &login.id, now)?;
    Ok(if was_alive { Found::Reused(Box::new(login)) } else { Found::Refused })
}
