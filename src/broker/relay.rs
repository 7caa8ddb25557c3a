//! The relay of one worker thread: follows the broker's order and feeds the thread's sessions.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::actor::{Broker, BrokerOptions, Follow, Followed, Resync};
use super::local::LocalRelay;
use super::replica::Replica;
use crate::domain::cursor::{Cursor, Epoch, Offset};
use crate::domain::event::Event;
use crate::observe::Metrics;

/// How long to wait before asking the broker again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How long the broker may take to let a relay follow.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(5);

/// The next events of the order, for a relay that has everything up to `after`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// The last event the relay must already have.
    pub after: Offset,
    /// Where the order stands behind these events.
    pub head: Cursor,
    /// The events, in order.
    pub events: Arc<[Arc<Event>]>,
    /// The broker has nothing between what the relay has and these: it starts anew with them, which are all that is
    /// kept behind `after` and the latest values, also older ones.
    pub is_gap: bool,
    /// More is being made durable now: what is written together with it costs its listeners one write less.
    pub has_more: bool,
}

/// Asks whether a relay still works; answers where it stands.
#[derive(Debug, Message)]
#[rtype(result = "Cursor")]
pub struct RelayCheck;

/// Follows the order for the sessions of one worker thread.
///
/// Invariant: the replica of `local` is a prefix of the broker's order; a batch that does not follow it is asked for again.
pub struct Relay {
    local: LocalRelay,
    broker: Addr<Broker>,
    is_behind: bool,
    is_asking: bool,
}

impl Relay {
    /// Starts the relay of this thread and joins it to the broker.
    ///
    /// # Errors
    /// When the broker is gone, or does not answer in time.
    pub async fn join(
        broker: Addr<Broker>,
        options: BrokerOptions,
        metrics: Metrics,
    ) -> Result<(Addr<Self>, LocalRelay), MailboxError> {
        let local = LocalRelay::new(Replica::new(Epoch::generate(), options.ring), metrics);
        let relay = Self { local: local.clone(), broker: broker.clone(), is_behind: false, is_asking: false };
        let addr = Self::create(|ctx| {
            ctx.set_mailbox_capacity(options.mailbox);
            relay
        });
        // A batch that overtakes this answer does not fit and is asked for again.
        let followed = broker.send(Follow(addr.clone().recipient())).timeout(FOLLOW_TIMEOUT).await?;
        let Followed { recent, archive, head } = followed;
        local.read_from(archive);
        local.see(head);
        if local.cursor().epoch != recent.head.epoch {
            local.reset(recent.after, &recent.events, recent.head);
        }
        Ok((addr, local))
    }

    /// What the sessions of this thread see of it.
    pub(super) const fn local(&self) -> &LocalRelay {
        &self.local
    }

    /// Asks for what is missing, until it comes.
    fn ask(&mut self, ctx: &mut Context<Self>) {
        if self.is_asking || !self.is_behind {
            return;
        }
        self.is_asking = true;
        let request = Resync { relay: ctx.address().recipient(), after: self.local.cursor().offset };
        // A full broker, or an answer that finds this mailbox full, is asked for again by the timer.
        let _ = self.broker.try_send(request);
        ctx.run_later(ASK_AGAIN, |relay, ctx| {
            relay.is_asking = false;
            relay.ask(ctx);
        });
    }
}

impl Actor for Relay {
    type Context = Context<Self>;
}

impl Handler<Deliver> for Relay {
    type Result = ();

    fn handle(&mut self, batch: Deliver, ctx: &mut Self::Context) {
        let known = self.local.cursor();
        self.local.expect_more(batch.has_more);
        if batch.is_gap {
            self.is_behind = false;
            self.local.reset(batch.after, &batch.events, batch.head);
        } else if batch.head.epoch == known.epoch && batch.after == known.offset {
            self.is_behind = false;
            let taken = self.local.deliver(&batch.events, batch.head.offset);
            if taken < batch.events.len() {
                let rest = self.local.clone().deliver_all(batch.events, taken, batch.head.offset);
                ctx.wait(rest.into_actor(self));
            }
        } else if batch.head.epoch != known.epoch || batch.head.offset > known.offset {
            self.is_behind = true;
            self.ask(ctx);
        }
    }
}

impl Handler<RelayCheck> for Relay {
    type Result = MessageResult<RelayCheck>;

    fn handle(&mut self, _: RelayCheck, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.local.cursor())
    }
}
