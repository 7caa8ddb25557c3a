//! From a credential to a person, at every door.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Recipient;

use super::known::Key;
use super::{AccessTokens, AuthError, Credential, Known, Principal, ShowTicket, opaque};
use crate::domain::ids::LoginId;
use crate::domain::time::Timestamp;
use crate::store::logins::{self, Holder};
use crate::store::{Connection, Store, StoreError};

/// How long redeeming a ticket may take.
const REDEEM_TIMEOUT: Duration = Duration::from_secs(5);

/// Judges credentials; clones share everything.
///
/// Login and account are read each time, unless they were a moment ago and this process has changed nothing since: what is
/// revoked, disabled or changed counts at once, by another process within a second.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    tokens: Arc<AccessTokens>,
    known: Known,
    tickets: Recipient<ShowTicket>,
}

impl Authenticator {
    /// Reads from the store, with the tokens and tickets of `Accounts`, which forgets who is known when something changes.
    #[must_use]
    pub const fn new(store: Store, tokens: Arc<AccessTokens>, known: Known, tickets: Recipient<ShowTicket>) -> Self {
        Self { store, tokens, known, tickets }
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
                let key = Key::Cookie(hash.clone());
                self.principal(key, None, move |conn| logins::find_by_cookie(conn, &hash)).await
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
        self.principal(Key::Login(id.clone()), Some(expires_at), move |conn| logins::find(conn, &id)).await
    }

    /// Whose login it is, until its credential ends at the latest.
    async fn principal(
        &self,
        key: Key,
        expires_at: Option<Timestamp>,
        find: impl FnOnce(&mut Connection) -> Result<Option<Holder>, StoreError> + Send + 'static,
    ) -> Result<Principal, AuthError> {
        let now = Timestamp::now();
        let known = self.known.get(&key, Instant::now()).filter(|known| known.expires_at > now);
        let principal = match known {
            Some(principal) => principal,
            None => self.look_up(key, find).await?,
        };
        let expires_at = expires_at.map_or(principal.expires_at, |at| at.min(principal.expires_at));
        if expires_at <= Timestamp::now() {
            return Err(AuthError::Unknown);
        }
        Ok(Principal { expires_at, ..principal })
    }

    /// Reads whose login it is, which ends with it.
    async fn look_up(
        &self,
        key: Key,
        find: impl FnOnce(&mut Connection) -> Result<Option<Holder>, StoreError> + Send + 'static,
    ) -> Result<Principal, AuthError> {
        let (moment, read_at) = (self.known.moment(), Instant::now());
        let holder = self.store.read(find).await?.ok_or(AuthError::Unknown)?;
        if !holder.is_let_in(Timestamp::now()) {
            return Err(AuthError::Unknown);
        }
        let principal = Principal {
            user_id: holder.user_id,
            login_id: holder.login_id,
            name: holder.name,
            email: holder.email,
            roles: holder.roles,
            expires_at: holder.expires_at,
            read_at,
            address: None,
        };
        self.known.keep(key, &principal, moment);

        Ok(principal)
    }
}
