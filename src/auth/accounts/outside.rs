//! Noticing what another process, such as `carillon user`, changed beside the hub.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;

use super::{Accounts, Desk};
use crate::auth::{AccountChanged, AuthError};
use crate::domain::time::Timestamp;
use crate::store::logins;

/// How often the database is asked whether somebody else wrote to it.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// For how long logins are looked at again after such a change, longer than any handshake takes: one that was let in
/// just before the change may open its socket after the first look.
const LOOK_AGAIN: Duration = Duration::from_secs(12);

/// What is known of writers beside the hub.
#[derive(Debug, Default)]
pub(super) struct Outside {
    version: Option<i64>,
    look_until: Option<Instant>,
    is_looking: bool,
}

impl Accounts {
    /// Looks around from now on.
    pub(super) fn watch_outside(ctx: &mut Context<Self>) {
        ctx.run_interval(LOOK_INTERVAL, |accounts, ctx| {
            if accounts.outside.is_looking {
                return;
            }
            accounts.outside.is_looking = true;
            let (desk, known, look_until) =
                (accounts.desk.clone(), accounts.outside.version, accounts.outside.look_until);
            let looking = async move { desk.look_outside(known, look_until).await }.into_actor(accounts);
            ctx.spawn(looking.map(|seen, accounts, _| accounts.outside.remember(seen)));
        });
    }
}

impl Outside {
    fn remember(&mut self, seen: Result<i64, AuthError>) {
        self.is_looking = false;
        match seen {
            Ok(version) if self.version != Some(version) => {
                *self =
                    Self { version: Some(version), look_until: Some(Instant::now() + LOOK_AGAIN), ..Self::default() };
            }
            Ok(_) => {}
            // The store says the same to everybody who asks, and readiness tells it.
            Err(error) => tracing::debug!(%error, "cannot see whether another process changed accounts"),
        }
    }
}

impl Desk {
    /// Tells which logins are alive if somebody else wrote lately; answers the version of the database.
    async fn look_outside(&self, known: Option<i64>, look_until: Option<Instant>) -> Result<i64, AuthError> {
        let version = self.store.version_by_others().await?;
        let is_settled = look_until.is_none_or(|until| until < Instant::now());
        if known == Some(version) && is_settled {
            return Ok(version);
        }
        let (looked_at, now) = (Instant::now(), Timestamp::now());
        let alive: HashSet<_> = self.store.read(move |conn| logins::alive(conn, now)).await?.into_iter().collect();
        self.tell(AccountChanged::Outside { alive: Arc::new(alive), looked_at });
        Ok(version)
    }
}
