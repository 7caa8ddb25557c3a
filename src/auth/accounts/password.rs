//! Changing one's own password.

use actix::prelude::*;

use super::{Accounts, Desk};
use crate::auth::{AccountChanged, AuthError, NewPassword, Principal};
use crate::domain::time::Timestamp;
use crate::store::{logins, users};

/// Changes the password of a person and ends their other logins.
#[derive(Message)]
#[rtype(result = "Result<(), AuthError>")]
pub struct ChangePassword {
    /// Who.
    pub who: Principal,
    /// The password until now.
    pub current: String,
    /// The password from now on.
    pub new: NewPassword,
}

impl Handler<ChangePassword> for Accounts {
    type Result = ResponseFuture<Result<(), AuthError>>;

    fn handle(&mut self, message: ChangePassword, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move { desk.change_password(message).await })
    }
}

impl Desk {
    async fn change_password(&self, ChangePassword { who, current, new }: ChangePassword) -> Result<(), AuthError> {
        self.throttle.check_account(&who.email)?;
        let id = who.user_id.clone();
        let user = self.store.read(move |conn| users::find(conn, &id)).await?;
        if !self.hasher.verify(current, Some(user.password_hash.clone())).await? {
            return Err(AuthError::WrongPassword);
        }
        let password_hash = self.hasher.hash(new).await?;
        let (now, login_id) = (Timestamp::now(), who.login_id.clone());
        let ended = self.write(move |conn| {
            let mut now_stored = users::find(conn, &user.id)?;
            if now_stored.password_hash != user.password_hash {
                return Err(AuthError::WrongPassword);
            }
            now_stored.password_hash = password_hash;
            now_stored.updated_at = now;
            users::update(conn, &now_stored)?;
            Ok(logins::revoke_all(conn, &user.id, Some(&login_id), now)?)
        });
        let logins = ended.await?;
        self.tell(AccountChanged::Revoked { user_id: who.user_id, logins });
        Ok(())
    }
}
