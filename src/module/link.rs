//! The actor beside a device's socket: who the device is, what it sends, what it is answered.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::sync::{Notify, oneshot};

use super::actor::{Attach, ConnectionId, Detach, EndLink, Module};
use super::answers::Answers;
use super::command::{Report, TakeResult, ToDevice};
use super::directory::{ANSWER_TIMEOUT, ATTEMPTS, Identified, identify};
use super::error::ModuleError;
use super::frame::{BadFrame, DeviceFrame, HubFrame};
use super::house::House;
use super::messages::Locate;
use super::registry::Registry;
use crate::domain::ids::ModuleId;
use crate::domain::problem::Problem;
use crate::domain::time::Timestamp;
use crate::pipe::{Closed, Outbox, ReceivedTexts};

mod report;

/// The close code for whoever does not say, or prove, who they are (RFC 6455, 7.4.1: policy violation).
const NOT_IDENTIFIED: u16 = 1008;
/// The close code for a device that does not read.
const TOO_SLOW: u16 = 4008;
/// How much longer than two heartbeats a device may be silent.
const PATIENCE: Duration = Duration::from_secs(5);

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// One connection of a device.
///
/// Invariant: at most `in_flight` readings wait for their acknowledgement, and get it in the order in which they came; what the
/// socket has read beyond that waits in `texts`, and the socket waits. Once the hub stops nothing more is taken, and what is
/// under way is answered before the goodbye.
/// A bad frame is answered and changes nothing; only who is not identified is sent away.
pub struct Link {
    connection: ConnectionId,
    identified: Option<Identified>,
    module: Option<Addr<Module>>,
    outbox: Outbox,
    house: Rc<House>,
    answers: Answers,
    texts: VecDeque<String>,
    /// When what waits in `texts`, or was taken from there last, came.
    received: Timestamp,
    reads_on: Vec<oneshot::Sender<()>>,
    /// How it ends as soon as nothing is under way.
    leaving: Option<EndLink>,
    /// Nobody waits any more for what is under way.
    given_up: Rc<Notify>,
}

impl Link {
    /// A link to a device that is known from the handshake, or will say who it is.
    #[must_use]
    pub fn new(identified: Option<Identified>, outbox: Outbox, house: Rc<House>) -> Self {
        Self {
            connection: new_connection(),
            identified,
            module: None,
            outbox,
            house,
            answers: Answers::default(),
            texts: VecDeque::new(),
            received: Timestamp::now(),
            reads_on: Vec::new(),
            leaving: None,
            given_up: Rc::default(),
        }
    }

    /// Takes one frame.
    fn take(
        &mut self,
        read: Result<(Option<u64>, DeviceFrame), BadFrame>,
        module: Option<Addr<Module>>,
        ctx: &mut Context<Self>,
    ) {
        match (read, module) {
            (Ok((id, DeviceFrame::Telemetry(reading))), Some(_)) => self.report(vec![(id, reading)], ctx),
            (Ok((_, DeviceFrame::Identify(shown))), None) => {
                let registry = self.house.registry.clone();
                let known = async move { identify(&registry, Some(shown.module_id.as_str()), &shown.token).await };
                self.join(known, ctx);
            }
            (Ok((id, DeviceFrame::Result(told))), Some(module)) => {
                let asked = module.send(TakeResult(told)).timeout(ANSWER_TIMEOUT);
                self.answer(asked, ctx, move |answer| answer.err().map(|error| (id, error)).map(refusal));
            }
            (Ok((id, DeviceFrame::Reported(patch))), Some(module)) => {
                let asked = module.send(Report { patch, token: None }).timeout(ANSWER_TIMEOUT);
                self.answer(asked, ctx, move |answer| report::acknowledgement(id, answer.map(drop)));
            }
            (Ok((id, DeviceFrame::Identify(_))), Some(_)) => {
                self.tell(id, &Problem::new("already-identified", 409, "the module has said who it is already"));
            }
            (Err(BadFrame { id, problem }), Some(_)) => self.tell(id, &problem),
            (Ok((id, _)), None) => self.refuse(id, &first_identify()),
            (Err(BadFrame { id, problem }), None) => self.refuse(id, &problem),
        }
    }

    /// Attaches to the module that the device turns out to be; no frame is taken meanwhile.
    fn join(
        &mut self,
        known: impl Future<Output = Result<Identified, ModuleError>> + 'static,
        ctx: &mut Context<Self>,
    ) {
        let (registry, connection) = (self.house.registry.clone(), self.connection);
        let (end, deliver) = (ctx.address().recipient(), ctx.address().recipient());
        let joined = async move {
            let Identified { module_id, token } = known.await?;
            let module = attach(&registry, &module_id, Attach { connection, end, deliver, token }).await?;
            Ok((module_id, module))
        };
        ctx.wait(joined.into_actor(self).map(|joined: Result<_, ModuleError>, link, ctx| match joined {
            Ok((id, module)) => {
                link.module = Some(module);
                link.outbox.send_text(&HubFrame::Welcome { module_id: &id }.to_text());
                link.read_on(ctx);
            }
            Err(error) => link.refuse(None, &error.problem()),
        }));
    }

    fn tell(&self, id: Option<u64>, problem: &Problem) {
        self.outbox.send_text(&HubFrame::Error { id, problem }.to_text());
    }

    fn refuse(&self, id: Option<u64>, problem: &Problem) {
        self.tell(id, problem);
        self.outbox.close(NOT_IDENTIFIED, "say who you are first");
    }

    /// Says what is left to say, and closes.
    fn part(&self, EndLink { code, reason, retry_after, .. }: EndLink) {
        if let Some(after) = retry_after {
            let retry_after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            self.outbox.send_text(&HubFrame::Bye { code, reason, retry_after_ms }.to_text());
        }
        self.outbox.close(code, reason);
    }

    fn beat(&mut self, _: &mut Context<Self>) {
        let options = &self.house.options;
        if self.outbox.stalled_for() > options.slow_timeout {
            self.outbox.close(TOO_SLOW, "too slow");
            self.outbox.abort();
        } else if self.outbox.silent_for() > options.heartbeat * 2 + PATIENCE {
            self.outbox.give_up();
        } else if self.outbox.waiting() == 0 {
            self.outbox.send_ping();
        }
    }
}

/// A number that no other connection of a device has, by whatever door.
#[must_use]
pub fn new_connection() -> ConnectionId {
    CONNECTIONS.fetch_add(1, Ordering::Relaxed)
}

/// Finds the module's actor and attaches to it, also when it goes to rest at this very moment.
///
/// # Errors
/// [`ModuleError::WrongToken`] when the token was replaced since it was shown, [`ModuleError::Busy`].
pub async fn attach(registry: &Addr<Registry>, id: &ModuleId, attach: Attach) -> Result<Addr<Module>, ModuleError> {
    for _ in 0..ATTEMPTS {
        let module = registry.send(Locate(id.clone())).timeout(ANSWER_TIMEOUT).await??.actor;
        let Attach { connection, end, deliver, token } = &attach;
        let again = Attach { connection: *connection, end: end.clone(), deliver: deliver.clone(), token: *token };
        match module.send(again).timeout(ANSWER_TIMEOUT).await {
            Ok(attached) => return attached.map(|()| module),
            Err(MailboxError::Timeout) => return Err(ModuleError::Busy),
            Err(MailboxError::Closed) => tokio::task::yield_now().await,
        }
    }
    Err(ModuleError::Busy)
}

fn refusal((id, error): (Option<u64>, ModuleError)) -> String {
    HubFrame::Error { id, problem: &error.problem() }.to_text()
}

fn first_identify() -> Problem {
    Problem::new("not-identified", 401, "say who you are first, by a frame `identify` with `moduleId` and `token`")
}

impl Actor for Link {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(identified) = self.identified.take() {
            self.join(std::future::ready(Ok(identified)), ctx);
        } else {
            ctx.run_later(self.house.options.identify_timeout, |link, _| {
                if link.module.is_none() {
                    link.refuse(None, &first_identify());
                }
            });
        }
        let heartbeat = self.house.options.heartbeat;
        // Spread, so that devices that came together are not asked together.
        ctx.run_later(heartbeat.mul_f64(rand::random_range(0.5..1.0)), move |link, ctx| {
            link.beat(ctx);
            ctx.run_interval(heartbeat, Self::beat);
        });
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(module) = &self.module {
            // One per connection; a module that is gone needs no word.
            module.do_send(Detach(self.connection));
        }
    }
}

impl Handler<ReceivedTexts> for Link {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, ReceivedTexts(texts): ReceivedTexts, ctx: &mut Self::Context) -> Self::Result {
        // One at a time: the socket reads on when all before is taken.
        self.texts.extend(texts);
        self.received = Timestamp::now();
        let (reads_on, may_read_on) = oneshot::channel();
        self.reads_on.push(reads_on);
        self.read_on(ctx);
        Box::pin(async move { may_read_on.await.unwrap_or_default() })
    }
}

/// The device has read enough to be read from again.
#[derive(Message)]
#[rtype(result = "()")]
struct Drained;

impl Handler<Drained> for Link {
    type Result = ();

    fn handle(&mut self, _: Drained, ctx: &mut Self::Context) {
        self.read_on(ctx);
    }
}

impl Handler<ToDevice> for Link {
    type Result = ();

    fn handle(&mut self, word: ToDevice, _: &mut Self::Context) {
        self.outbox.send_text(&HubFrame::from(&word).to_text());
    }
}

impl Handler<EndLink> for Link {
    type Result = ();

    fn handle(&mut self, end: EndLink, ctx: &mut Self::Context) {
        let Some(until) = end.answers_until else { return self.part(end) };
        self.leaving = Some(end);
        let left = until.saturating_duration_since(Instant::now());
        ctx.run_later(left, |link, _| link.given_up.notify_waiters());
        self.read_on(ctx);
    }
}

impl Handler<Closed> for Link {
    type Result = ();

    fn handle(&mut self, _: Closed, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
