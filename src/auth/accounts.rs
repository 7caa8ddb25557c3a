//! The actor that keeps accounts: logs people in and out, and changes what is known of them.
//!
//! One concern a file; each message stands beside its handler.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::throttle::Throttle;
use super::tickets::Tickets;
use super::{AccessTokens, AccountChanged, AuthError, Hasher, Known};
use crate::config::Auth as AuthConfig;
use crate::domain::time::Timestamp;
use crate::store::{Connection, Store, logins};

mod log_in;
mod log_out;
mod outside;
mod password;
mod refresh;
mod set_up;
mod ticket;
mod users;

pub use log_in::{LogIn, LoggedIn, Visitor};
pub use log_out::LogOut;
pub use password::ChangePassword;
pub use refresh::Refresh;
pub use set_up::SetUp;
pub use ticket::{MakeTicket, ShowTicket};
pub use users::{CountUsers, CreateUser, DeleteUser, FindUser, ListUsers, UpdateUser, UserChanges, UserPage};

/// How many messages may wait; more make their senders wait.
const MAILBOX: usize = 1024;
/// How often counters of attempts are given back.
const THROTTLE_INTERVAL: Duration = Duration::from_secs(60);
/// How often ended logins are forgotten.
const FORGET_INTERVAL: Duration = Duration::from_secs(3600);
/// How long an ended login is remembered, so that reuse of its tokens is still noticed.
const REMEMBER_ENDED: Duration = Duration::from_secs(86_400);

/// What the accounts work with.
pub struct AccountsOptions {
    /// The database.
    pub store: Store,
    /// Who hashes passwords.
    pub hasher: Hasher,
    /// Who makes access tokens.
    pub tokens: Arc<AccessTokens>,
    /// Who was looked up lately, to be forgotten when something changes.
    pub known: Known,
    /// The bounds of attempts, and how long a login lasts.
    pub config: AuthConfig,
    /// The token that makes the first admin, if nobody is there yet.
    pub setup_token: Option<String>,
    /// Who is told what happened, after it is committed.
    pub listeners: Vec<Recipient<AccountChanged>>,
}

/// Keeps accounts.
///
/// Invariant: nothing here blocks; work goes to the store's and the hasher's threads, whose waiting lines are bounded
/// in length and time.
pub struct Accounts {
    desk: Desk,
    tickets: Tickets,
    outside: outside::Outside,
    setup: Option<set_up::Expected>,
}

/// What a piece of work takes along while the actor does the next one.
#[derive(Clone)]
struct Desk {
    store: Store,
    hasher: Hasher,
    tokens: Arc<AccessTokens>,
    known: Known,
    throttle: Arc<Throttle>,
    login_lifetime: Duration,
    listeners: Arc<[Recipient<AccountChanged>]>,
}

impl Accounts {
    /// An actor to be started.
    #[must_use]
    pub fn new(options: AccountsOptions) -> Self {
        let desk = Desk {
            store: options.store,
            hasher: options.hasher,
            tokens: options.tokens,
            known: options.known,
            throttle: Arc::new(Throttle::new(&options.config)),
            login_lifetime: options.config.refresh_lifetime,
            listeners: options.listeners.into(),
        };
        let setup = options.setup_token.as_deref().map(set_up::Expected::of);
        Self { desk, tickets: Tickets::default(), outside: outside::Outside::default(), setup }
    }

    /// Does work that outlives this turn of the actor.
    fn work<T, F>(&self, work: impl FnOnce(Desk) -> F) -> ResponseFuture<Result<T, AuthError>>
    where
        F: Future<Output = Result<T, AuthError>> + 'static,
    {
        Box::pin(work(self.desk.clone()))
    }
}

impl Actor for Accounts {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        Self::watch_outside(ctx);
        ctx.run_interval(THROTTLE_INTERVAL, |accounts, _| accounts.desk.throttle.forget_old());
        ctx.run_interval(FORGET_INTERVAL, |accounts, ctx| {
            let desk = accounts.desk.clone();
            ctx.spawn(async move { desk.forget_ended_logins().await }.into_actor(accounts));
        });
    }
}

impl Desk {
    /// Writes in one transaction. What the work finds wrong it must find before it changes anything: only errors of
    /// the store take changes back.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let written = self.store.write(move |conn| match work(conn) {
            Err(AuthError::Store(error)) => Err(error),
            result => Ok(result),
        });
        let written = written.await;
        self.known.forget_all();
        written?
    }

    /// Tells what is committed now.
    fn tell(&self, change: AccountChanged) {
        self.known.forget_all();
        for listener in self.listeners.iter() {
            listener.do_send(change.clone());
        }
    }

    async fn forget_ended_logins(&self) {
        let before = Timestamp::from_millis(Timestamp::now().as_millis() - REMEMBER_ENDED.as_millis() as i64);
        match self.store.write(move |conn| logins::forget_ended(conn, before)).await {
            Ok(forgotten) => tracing::debug!(logins.forgotten = forgotten, "ended logins are forgotten"),
            Err(error) => tracing::warn!(%error, "ended logins could not be forgotten; trying again in an hour"),
        }
    }
}

#[cfg(test)]
mod tests;
