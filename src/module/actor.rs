//! The actor of one module: takes its readings, knows whether it is there.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::entry::{Entry, Status};
use super::error::ModuleError;
use super::house::Shared;
use super::outgoing::OutgoingLine;
use super::progress::Progress;
use crate::domain::event::NewEvent;
use crate::domain::time::Timestamp;
use crate::reply::Reply;
use crate::store::latest::NewReading;

mod command;
mod ingest;
mod messages;
mod presence;
mod pump;
mod result;
mod stop;
#[cfg(test)]
mod tests;
mod twin;

use messages::Look;
pub use messages::{Attach, ConnectionId, Detach, EndLink, Ingest};
pub(super) use messages::{CloseLink, Removed, Republish};

/// How many messages may wait for one module.
const MAILBOX: usize = 256;
/// How soon a refused event is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the broker or the collector may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// One module that does something.
///
/// Invariant: the shared live state is replaced before its event is published, so that no snapshot is older than an event.
/// Invariant: one event is on its way to the broker and one state to the store at a time; what comes meanwhile waits,
/// telemetry as the newest state only, with every reading since. Events and states of a module therefore never overtake
/// each other.
/// Invariant: a reading is stored before its answer says so; what the store refused, or did not begin to write in time, is
/// refused to who sent it, and not stored later.
/// Invariant: it stops only when nobody waits, no link is attached and all is published and stored; a message that
/// meets a stopped actor is answered `Closed` unread, and whoever sent it locates the module again.
pub struct Module {
    entry: Arc<Entry>,
    shared: Arc<Shared>,
    link: Option<(ConnectionId, Recipient<EndLink>)>,
    last_reading: Option<Instant>,
    last_work: Instant,
    began: Timestamp,
    timer: Option<JoinHandle<()>>,
    progress: Progress,
    unsent: Vec<NewReading>,
    outgoing: OutgoingLine,
    is_publishing: bool,
    is_committing: bool,
    wants_commit: bool,
    commanding: command::Commanding,
    farewell: Option<Vec<oneshot::Sender<()>>>,
    is_passivated: bool,
}

impl Module {
    /// The actor of an entry; nothing is attached yet.
    pub(super) fn new(entry: Arc<Entry>, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            // An actor before this one may have broken off while the module was online.
            last_reading: (entry.live.load().status == Status::Online).then_some(now),
            entry,
            shared,
            link: None,
            last_work: now,
            began: Timestamp::now(),
            timer: None,
            progress: Progress::default(),
            unsent: Vec::new(),
            outgoing: OutgoingLine::default(),
            is_publishing: false,
            is_committing: false,
            wants_commit: false,
            commanding: command::Commanding::default(),
            farewell: None,
            is_passivated: false,
        }
    }

    fn push_event(&mut self, event: NewEvent) {
        if self.outgoing.push_event(event) {
            tracing::warn!(module.id = %self.entry.id, "an event of a module was lost, the broker takes none");
        }
    }

    fn is_idle(&self) -> bool {
        let is_done = self.progress.is_idle() && self.progress.is_settled();
        let is_silent = self.outgoing.is_empty() && self.commanding.is_idle();
        self.link.is_none() && is_done && self.is_quiet() && is_silent
    }

    /// Whether nothing is on its way.
    const fn is_quiet(&self) -> bool {
        !self.is_publishing && !self.is_committing && self.commanding.is_quiet()
    }
}

impl Actor for Module {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.shared.metrics.module_started();
        self.set_timer(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.shared.metrics.module_stopped(self.is_passivated);
    }
}

/// Whoever waits for an actor that breaks off, as by a panic, learns what became of their readings.
impl Drop for Module {
    fn drop(&mut self) {
        self.stop_timer();
        self.progress.give_up(&self.shared);
    }
}

impl Handler<Ingest> for Module {
    type Result = Reply<usize, ModuleError>;

    fn handle(&mut self, ingest: Ingest, ctx: &mut Self::Context) -> Self::Result {
        self.ingest(ingest, ctx).unwrap_or_else(|error| Reply::now(Err(error)))
    }
}

impl Handler<Attach> for Module {
    type Result = Result<(), ModuleError>;

    fn handle(&mut self, attach: Attach, ctx: &mut Self::Context) -> Self::Result {
        self.check(Some(attach.token))?;
        self.attach(attach, ctx);
        Ok(())
    }
}

impl Handler<Detach> for Module {
    type Result = ();

    fn handle(&mut self, Detach(connection): Detach, ctx: &mut Self::Context) {
        self.detach(connection, ctx);
    }
}

impl Handler<CloseLink> for Module {
    type Result = ();

    fn handle(&mut self, CloseLink(end): CloseLink, _: &mut Self::Context) {
        if let Some((_, link)) = &self.link {
            link.do_send(end);
        }
    }
}

impl Handler<Republish> for Module {
    type Result = ();

    fn handle(&mut self, Republish { told_online }: Republish, ctx: &mut Self::Context) {
        self.retell_presence(told_online, ctx);
        self.retell_twin(ctx);
        if !self.entry.live.load().telemetry.values().is_empty() {
            self.outgoing.push_telemetry();
            self.pump(ctx);
        }
    }
}

impl Handler<Removed> for Module {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Removed, ctx: &mut Self::Context) -> Self::Result {
        let (gone, is_gone) = oneshot::channel();
        self.farewell.get_or_insert_default().push(gone);
        self.outgoing.clear();
        self.wants_commit = false;
        self.unsent.clear();
        let error = ModuleError::NotFound(self.entry.id.clone());
        self.progress.fail_all(&error, &self.shared);
        self.commanding.fail_all(&error);
        if let Some((_, link)) = self.link.take() {
            link.do_send(EndLink::REMOVED);
        }
        self.forget_presence();
        self.leave_if_removed(ctx);
        Box::pin(async move { is_gone.await.unwrap_or_default() })
    }
}

impl Module {
    /// Stops a removed module's actor once nothing is on its way.
    fn leave_if_removed(&mut self, ctx: &mut Context<Self>) {
        if !self.is_quiet() {
            return;
        }
        let Some(farewell) = self.farewell.as_mut() else { return };
        for gone in farewell.drain(..) {
            // Who asked may have gone.
            let _ = gone.send(());
        }
        ctx.stop();
    }
}
