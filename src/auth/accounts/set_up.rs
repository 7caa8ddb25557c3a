//! Making the first admin by the one-time token.

use actix::prelude::*;

use super::{Accounts, Desk, LoggedIn, Visitor};
use crate::auth::first_admin::{insert_first, user_of};
use crate::auth::{AuthError, NewUser, opaque};

/// Makes the first account, an admin, and logs them in.
#[derive(Message)]
#[rtype(result = "Result<LoggedIn, AuthError>")]
pub struct SetUp {
    /// The token that was printed.
    pub token: String,
    /// The account to make; its roles are given.
    pub user: NewUser,
    /// Where it comes from.
    pub visitor: Visitor,
}

/// What the token must be; only its hash is kept.
#[derive(Clone)]
pub struct Expected(String);

impl Expected {
    /// Of the token.
    pub fn of(token: &str) -> Self {
        Self(opaque::fingerprint(token))
    }
}

impl Handler<SetUp> for Accounts {
    type Result = ResponseFuture<Result<LoggedIn, AuthError>>;

    fn handle(&mut self, message: SetUp, _: &mut Self::Context) -> Self::Result {
        let expected = self.setup.clone();
        self.work(|desk| async move { desk.set_up(message, expected).await })
    }
}

impl Desk {
    async fn set_up(&self, message: SetUp, expected: Option<Expected>) -> Result<LoggedIn, AuthError> {
        self.throttle.check_address(message.visitor.address)?;
        let Some(Expected(fingerprint)) = expected else { return Err(AuthError::SetupRefused) };
        if !opaque::is_of(&message.token, &fingerprint) {
            return Err(AuthError::SetupRefused);
        }
        let password_hash = self.hasher.hash(message.user.password.clone()).await?;
        let user = user_of(message.user, password_hash);
        let first = user.clone();
        // The token is spent by there being an account, also one made by another way meanwhile.
        if !self.store.write(move |conn| insert_first(conn, &first)).await? {
            return Err(AuthError::SetupRefused);
        }
        self.begin_login(user, message.visitor).await
    }
}
