//! One connected client of a person: who it is, what it listens to, and its timers.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::messages::{CommandModule, End, NotAdmitted, Opened, SessionEnded, TakeSnapshots, Watches, Withdraw};
use super::registry::Registry;
use super::speech::{Request, Speech, Word};
use super::topics::Listened;
use crate::auth::{Authenticator, Principal};
use crate::broker::{Gapped, LocalRelay, Seat, SeatOptions};
use crate::domain::event::Dialect;
use crate::domain::grant::Permission;
use crate::domain::ids::SessionId;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;
use crate::observe::Metrics;
use crate::pipe::{Closed, Outbox};

/// How long the first frame may take before the welcome goes out without it.
const HELLO_GRACE: Duration = Duration::from_millis(500);
/// How long a question to another actor may take.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Too many connections or frames.
const TOO_MANY: u16 = 4029;

/// The bounds of every session.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// How often an idle client is pinged; one that is silent for two of these is gone.
    pub heartbeat: Duration,
    /// How long a client may read nothing while something waits.
    pub slow_timeout: Duration,
    /// How many topics a client may have.
    pub max_topics: usize,
    /// How long a browser waits before it opens a stream of server-sent events again.
    pub retry: Duration,
    /// What clients are told of reconnecting, a finished JSON object.
    pub reconnect: Box<RawValue>,
}

/// What all sessions of a thread share.
pub struct House {
    /// The bounds.
    pub options: SessionOptions,
    /// The relay of this thread.
    pub relay: LocalRelay,
    /// Who knows all sessions.
    pub registry: Addr<Registry>,
    /// Who tells the state behind topics.
    pub snapshots: Recipient<TakeSnapshots>,
    /// Who sends commands to modules; none at doors that have no word for them.
    pub commands: Option<Recipient<CommandModule>>,
    /// Who judges newer access tokens.
    pub authenticator: Authenticator,
    /// The counters.
    pub metrics: Metrics,
}

/// A session beside its socket.
///
/// Invariant: a plain `Context` actor; its timers run whatever its peer does or does not read.
/// Invariant: `topics` are those the seat listens to, each checked against `principal`.
/// Invariant: while `is_busy`, one flow holds the seat; what would begin another waits until it has ended.
/// Invariant: no cursor goes out that is past events which are lost, and no pong, before the client was told of the gap.
/// Invariant: the seat is held, and no event goes out, until the welcome has.
pub struct Session {
    pub(super) id: SessionId,
    pub(super) principal: Arc<Principal>,
    speech: Box<dyn Speech>,
    pub(super) outbox: Outbox,
    pub(super) house: Rc<House>,
    pub(super) seat: Option<Seat>,
    pub(super) topics: Vec<Listened>,
    pub(super) is_greeted: bool,
    /// How many commands wait for what comes of them.
    pub(super) commanding: usize,
    /// It was told the state of a topic since it came.
    pub(super) has_state: bool,
    pub(super) is_busy: bool,
    /// What was taken away while a flow asked whether it may be had.
    pub(super) withdrawn: Vec<Topic>,
    pub(super) when_idle: Vec<oneshot::Sender<()>>,
    pub(super) expiry: Option<SpawnHandle>,
}

impl Session {
    /// A session for a known person behind an open connection.
    #[must_use]
    pub fn new(principal: Principal, speech: Box<dyn Speech>, outbox: Outbox, house: Rc<House>) -> Self {
        Self {
            id: SessionId::generate(),
            principal: Arc::new(principal),
            speech,
            outbox,
            house,
            seat: None,
            topics: Vec::new(),
            is_greeted: false,
            commanding: 0,
            has_state: false,
            is_busy: false,
            withdrawn: Vec::new(),
            when_idle: Vec::new(),
            expiry: None,
        }
    }

    /// Says goodbye and closes.
    pub(super) fn end(&mut self, end: &End, ctx: &mut Context<Self>) {
        self.say(&Word::Bye { code: end.code, reason: end.reason, retry_after: end.retry_after });
        self.outbox.close(end.code, end.reason);
        ctx.stop();
    }

    fn register(&self, ctx: &mut Context<Self>) {
        let opened = Opened {
            session: self.id.clone(),
            user_id: self.principal.user_id.clone(),
            login_id: self.principal.login_id.clone(),
            sees_all: self.principal.may(Permission::ModulesAll),
            read_at: self.principal.read_at,
            addr: ctx.address().downgrade(),
        };
        let asked = self.house.registry.send(opened).timeout(ASK_TIMEOUT).into_actor(self);
        ctx.wait(asked.map(|answer, session, ctx| {
            let retry_after = Some(Duration::from_secs(5));
            match answer {
                Ok(Ok(())) => {}
                Ok(Err(NotAdmitted::LoginEnded)) => session.end(&End::LOGIN_ENDED, ctx),
                Ok(Err(NotAdmitted::RolesChanged)) => session.end(&End::ROLES_CHANGED, ctx),
                Ok(Err(NotAdmitted::Stopping(after))) => session.end(&End::restart(after), ctx),
                Ok(Err(NotAdmitted::TooMany)) => {
                    session.end(&End { code: TOO_MANY, reason: "too many connections", retry_after }, ctx);
                }
                Err(_) => session.end(&End { code: 1012, reason: "the hub is busy", retry_after }, ctx),
            }
        }));
    }

    /// How its events are written.
    pub(super) fn events(&self) -> &'static Dialect {
        self.speech.events()
    }

    pub(super) fn say(&self, word: &Word<'_>) {
        self.speech.say(word, &self.outbox);
    }

    pub(super) fn tell_speech(&self) {
        self.speech.listens(&mut self.topics.iter().map(|listened| (&listened.topic, listened.wanted.pace)));
    }

    pub(super) fn read_request(&self, text: &str) -> Result<Request, (Option<u64>, Problem)> {
        self.speech.read(text)
    }

    /// Answers a request with what is wrong with it.
    pub(super) fn refuse(&self, id: Option<u64>, problem: &Problem) {
        self.house.metrics.refused("frame");
        self.say(&Word::Refusal { id, problem });
    }

    pub(super) fn tell_watching(&self, topic: &Topic, begins: bool) {
        if matches!(topic, Topic::Modules | Topic::Admin | Topic::Dashboard) {
            // Rare: once per page that somebody opens.
            self.house.registry.do_send(Watches { session: self.id.clone(), topic: topic.clone(), begins });
        }
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let sees_all = self.principal.may(Permission::ModulesAll);
        let seat = self.house.relay.join(SeatOptions {
            id: self.id.clone(),
            outbox: self.outbox.clone(),
            dialect: self.speech.events(),
            owner: (!sees_all).then(|| self.principal.user_id.clone()),
            session: ctx.address().downgrade().recipient(),
        });
        // Where its events begin; they wait there for the welcome.
        let _ = seat.hold();
        self.seat = Some(seat);
        self.register(ctx);
        self.watch_expiry(ctx);
        self.watch_client(ctx);
        ctx.run_later(HELLO_GRACE, |session, _| {
            if !session.is_busy {
                session.greet_if_new();
            }
        });
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.seat = None;
        if self.speech.is_connection() {
            self.outbox.close(1001, "the session has ended");
        }
        // One per session; a registry that is gone needs no word.
        self.house.registry.do_send(SessionEnded(self.id.clone()));
    }
}

impl Handler<Closed> for Session {
    type Result = ();

    fn handle(&mut self, _: Closed, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<End> for Session {
    type Result = ();

    fn handle(&mut self, end: End, ctx: &mut Self::Context) {
        self.end(&end, ctx);
    }
}

impl Handler<Gapped> for Session {
    type Result = ();

    fn handle(&mut self, _: Gapped, ctx: &mut Self::Context) {
        // A flow mends it when it ends, and may have done so already.
        if !self.is_busy && self.is_lost() {
            let flow = self.mend_gap();
            ctx.spawn(flow);
        }
    }
}

impl Handler<Withdraw> for Session {
    type Result = ();

    fn handle(&mut self, Withdraw { module, is_removed }: Withdraw, _: &mut Self::Context) {
        if is_removed || !self.principal.may(Permission::ModulesAll) {
            self.withdraw(Topic::Module(module));
        }
    }
}
