//! Logging out.

use actix::prelude::*;

use super::Accounts;
use crate::auth::{AccountChanged, AuthError, Principal};
use crate::domain::time::Timestamp;
use crate::store::logins;

/// Ends the login of a person; ending it again changes nothing.
#[derive(Message)]
#[rtype(result = "Result<(), AuthError>")]
pub struct LogOut(pub Principal);

impl Handler<LogOut> for Accounts {
    type Result = ResponseFuture<Result<(), AuthError>>;

    fn handle(&mut self, LogOut(who): LogOut, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move {
            let (login_id, at) = (who.login_id.clone(), Timestamp::now());
            if desk.store.write(move |conn| logins::revoke(conn, &login_id, at)).await? {
                let Principal { user_id, login_id, name, .. } = who;
                desk.tell(AccountChanged::LoggedOut { user_id, login_id, name, at });
            }
            Ok(())
        })
    }
}
