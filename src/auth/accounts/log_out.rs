//! Logging out.

use actix::prelude::*;

use super::Accounts;
use crate::auth::{AccountChanged, AuthError, Principal};
use crate::domain::event::NewEvent;
use crate::domain::time::Timestamp;
use crate::store::{announcements, logins};

/// Ends the login of a person; ending it again changes nothing.
#[derive(Message)]
#[rtype(result = "Result<(), AuthError>")]
pub struct LogOut(pub Principal);

impl Handler<LogOut> for Accounts {
    type Result = ResponseFuture<Result<(), AuthError>>;

    fn handle(&mut self, LogOut(who): LogOut, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move {
            let (login_id, at) = (who.login_id.clone(), Timestamp::now());
            let event = NewEvent::user_logged_out(&who.user_id, &who.name, at);
            let ended = desk.write(move |conn| {
                let was_alive = logins::revoke(conn, &login_id, at)?;
                Ok(was_alive.then(|| announcements::add(conn, event)).transpose()?)
            });
            if let Some(announced) = ended.await? {
                let Principal { user_id, login_id, .. } = who;
                desk.tell(AccountChanged::LoggedOut { user_id, login_id, announced });
            }
            Ok(())
        })
    }
}
