//! Tells what the database announces and nobody told: left behind by a crash, or by a command beside the running hub.

use std::time::Duration;

use actix::prelude::*;

use super::actor::Announce;
use crate::domain::time::Timestamp;
use crate::store::{Store, StoreError, announcements};

/// How often is looked.
const INTERVAL: Duration = Duration::from_secs(2);
/// What another process changed is on its way that long: memory is told of it before it is published. Of the hub's own
/// changes the announcements say themselves when they are left behind.
const YOUNG: Duration = Duration::from_secs(4);
/// How many are told at once.
const MOST: usize = 256;
/// How long the broker may take; it waits while the journal takes nothing.
const TELL_TIMEOUT: Duration = Duration::from_secs(60);

/// Looks for announcements that are left.
pub struct Sweeper {
    store: Store,
    announce: Recipient<Announce>,
    is_sweeping: bool,
}

impl Sweeper {
    /// A sweeper of a database.
    #[must_use]
    pub const fn new(store: Store, announce: Recipient<Announce>) -> Self {
        Self { store, announce, is_sweeping: false }
    }

    fn sweep(&mut self, ctx: &mut Context<Self>) {
        if self.is_sweeping {
            return;
        }
        self.is_sweeping = true;
        let swept = sweep(self.store.clone(), self.announce.clone()).into_actor(self);
        ctx.spawn(swept.map(|result, sweeper, _| {
            sweeper.is_sweeping = false;
            if let Err(error) = result {
                tracing::warn!(%error, "cannot see which changes are still to be told; looking again in a moment");
            }
        }));
    }
}

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(INTERVAL, Self::sweep);
    }
}

async fn sweep(store: Store, announce: Recipient<Announce>) -> Result<(), StoreError> {
    let old = Timestamp::from_millis(Timestamp::now().as_millis() - YOUNG.as_millis() as i64);
    let mut behind = None;
    loop {
        let left = store.read(move |conn| announcements::left(conn, old, behind.as_ref(), MOST)).await?;
        let changes = left.announced.len();
        if changes > 0 {
            let told = announce.send(Announce(left.announced)).timeout(TELL_TIMEOUT).await;
            if !matches!(told, Ok(Ok(()))) {
                // They stay where they are; the broker has said why.
                return Ok(());
            }
            tracing::info!(changes, "told of changes that nobody had told of");
        }
        if !left.unreadable.is_empty() {
            store.write(move |conn| announcements::set_aside(conn, &left.unreadable)).await?;
        }
        match left.next {
            Some(next) => behind = Some(next),
            None => return Ok(()),
        }
    }
}
