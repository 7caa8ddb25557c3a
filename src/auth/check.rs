//! From a credential to a person, at every door.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Recipient;

use super::{AccessTokens, AuthError, Credential, Principal, ShowTicket, opaque};
use crate::domain::ids::LoginId;
use crate::domain::time::Timestamp;
use crate::store::logins::{self, Login};
use crate::store::users::User;
use crate::store::{Connection, Store, StoreError};

/// How long redeeming a ticket may take.
const REDEEM_TIMEOUT: Duration = Duration::from_secs(5);

/// Judges credentials; clones share everything.
///
/// Login and account are read each time, so that what was revoked, disabled or changed counts at once.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    tokens: Arc<AccessTokens>,
    tickets: Recipient<ShowTicket>,
}

impl Authenticator {
    /// Reads from the store, with the tokens and tickets of `Accounts`.
    #[must_use]
    pub const fn new(store: Store, tokens: Arc<AccessTokens>, tickets: Recipient<ShowTicket>) -> Self {
        Self { store, tokens, tickets }
    }

    /// The login of a credential that the hub has made, as far as that can be told without asking anybody: it may have
    /// ended meanwhile.
    #[must_use]
    pub fn login_of(&self, credential: &Credential) -> Option<LoginId> {
        let Credential::Bearer(token) = credential else { return None };
        self.tokens.read(token).ok().map(|facts| facts.login_id)
    }

    /// Answers who shows the credential.
    ///
    /// # Errors
    /// [`AuthError::Unknown`] when nobody does; [`AuthError::Store`] when that cannot be found out.
    pub async fn authenticate(&self, credential: Credential) -> Result<Principal, AuthError> {
        match credential {
            Credential::Cookie(value) => {
                let hash = opaque::fingerprint(&value);
                self.principal(None, move |conn| logins::find_by_cookie(conn, &hash)).await
            }
            Credential::Bearer(token) => {
                let facts = self.tokens.read(&token)?;
                self.of_login(facts.login_id, facts.expires_at).await
            }
            Credential::Ticket(ticket) => self.of_ticket(ShowTicket::Redeem(ticket)).await,
        }
    }

    /// Answers who shows the credential, and leaves a ticket good.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub async fn look_at(&self, credential: &Credential) -> Result<Principal, AuthError> {
        match credential.clone() {
            Credential::Ticket(ticket) => self.of_ticket(ShowTicket::LookAt(ticket)).await,
            other => self.authenticate(other).await,
        }
    }

    async fn of_ticket(&self, shown: ShowTicket) -> Result<Principal, AuthError> {
        let bearer = self.tickets.send(shown).timeout(REDEEM_TIMEOUT).await??;
        self.of_login(bearer.login_id, bearer.expires_at).await
    }

    async fn of_login(&self, id: LoginId, expires_at: Timestamp) -> Result<Principal, AuthError> {
        self.principal(Some(expires_at), move |conn| logins::find(conn, &id)).await
    }

    async fn principal(
        &self,
        expires_at: Option<Timestamp>,
        find: impl FnOnce(&mut Connection) -> Result<Option<(Login, User)>, StoreError> + Send + 'static,
    ) -> Result<Principal, AuthError> {
        let read_at = Instant::now();
        let (login, user) = self.store.read(find).await?.ok_or(AuthError::Unknown)?;
        let now = Timestamp::now();
        let expires_at = expires_at.unwrap_or(login.expires_at).min(login.expires_at);
        if user.disabled || !login.is_alive(now) || expires_at <= now {
            return Err(AuthError::Unknown);
        }
        Ok(Principal {
            user_id: user.id,
            login_id: login.id,
            name: user.name.to_string(),
            email: user.email.to_string(),
            roles: user.roles,
            expires_at,
            read_at,
            address: None,
        })
    }
}
