//! Who is connected: ends sessions whose login ended, and tells admins who comes and goes.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use actix::WeakAddr;
use actix::prelude::*;
use futures_util::FutureExt;
use futures_util::future::join_all;

use super::actor::Session;
use super::crossings::{Crossings, KEPT};
use super::messages::{
    AdminsWatch, CountSessions, Drain, End, NotAdmitted, OnlineUsers, Opened, SessionCounts, SessionEnded, Watches,
    Withdraw,
};
use crate::auth::{AccountChanged, ModuleWithdrawn};
use crate::broker::Announce;
use crate::domain::ids::{LoginId, SessionId, UserId};
use crate::domain::moments::Moments;
use crate::domain::topic::Topic;
use crate::observe::Metrics;
use crate::store::announcements::Announced;

/// How long a session may take to leave a topic.
const WITHDRAW_TIMEOUT: Duration = Duration::from_secs(3);

/// Publishing an event may take this long.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(10);

/// Knows every session of this node.
///
/// Invariant: a session never begins that `crossings` do not let in; so a logout or a change of roles during a handshake
/// is not missed. None begins once the hub stops.
pub struct Registry {
    sessions: HashMap<SessionId, Known>,
    users: HashMap<UserId, usize>,
    crossings: Crossings,
    counts: SessionCounts,
    max_per_user: usize,
    /// When those come back who are sent away, once the hub stops.
    stopping: Option<Moments>,
    announce: Recipient<Announce>,
    admin_room: Option<Recipient<AdminsWatch>>,
    metrics: Metrics,
}

struct Known {
    user_id: UserId,
    login_id: LoginId,
    sees_all: bool,
    opened_at: Instant,
    /// Weak, as a strong one costs a session 130 bytes and keeps it from nothing: whoever carries its frames has one.
    addr: WeakAddr<Session>,
    pages: Vec<Topic>,
}

impl Known {
    /// Says what is rare and must come, and a session's mailbox holds little else; one that is gone needs no word.
    fn tell(&self, end: End) {
        if let Some(addr) = self.addr.upgrade() {
            addr.do_send(end);
        }
    }
}

/// Joins the admin room to the registry.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct JoinAdminRoom(pub Recipient<AdminsWatch>);

impl Registry {
    /// A registry without sessions.
    #[must_use]
    pub fn new(max_per_user: usize, announce: Recipient<Announce>, metrics: Metrics) -> Self {
        Self {
            sessions: HashMap::new(),
            users: HashMap::new(),
            crossings: Crossings::default(),
            counts: SessionCounts::default(),
            max_per_user,
            stopping: None,
            announce,
            admin_room: None,
            metrics,
        }
    }

    fn announce(&self, announced: Announced, ctx: &mut Context<Self>) {
        let told = self.announce.send(Announce(vec![announced])).timeout(ANNOUNCE_TIMEOUT).into_actor(self);
        ctx.spawn(told.map(|answer, _, _| {
            if !matches!(answer, Ok(Ok(()))) {
                tracing::warn!("an event about an account is told later");
            }
        }));
    }

    /// A session that is open, and when it began.
    pub(super) fn known(&self, id: &SessionId) -> Option<(Addr<Session>, Instant)> {
        self.sessions.get(id).and_then(|known| Some((known.addr.upgrade()?, known.opened_at)))
    }

    fn end_where(&self, end: &End, is_over: impl Fn(&Known) -> bool) {
        for session in self.sessions.values().filter(|known| is_over(known)) {
            session.tell(end.clone());
        }
    }

    fn end_login(&mut self, login_id: &LoginId) {
        self.crossings.login_ended(login_id.clone());
        self.end_where(&End::LOGIN_ENDED, |known| known.login_id == *login_id);
    }

    fn count_page(&mut self, topic: &Topic, begins: bool) {
        let (page, count) = match topic {
            Topic::Modules => ("modules", &mut self.counts.on_modules),
            Topic::Admin => ("admin", &mut self.counts.on_admin),
            Topic::Dashboard => ("dashboard", &mut self.counts.on_dashboard),
            _ => return,
        };
        if begins {
            *count += 1;
            self.metrics.page_entered(page);
        } else {
            *count = count.saturating_sub(1);
            self.metrics.page_left(page);
        }
        let is_edge = *topic == Topic::Admin && self.counts.on_admin == usize::from(begins);
        if let Some(room) = self.admin_room.as_ref().filter(|_| is_edge) {
            room.do_send(AdminsWatch(begins));
        }
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(4096);
        ctx.run_interval(KEPT, |registry, _| registry.crossings.forget_old());
    }
}

impl Handler<JoinAdminRoom> for Registry {
    type Result = ();

    fn handle(&mut self, JoinAdminRoom(room): JoinAdminRoom, _: &mut Self::Context) {
        self.admin_room = Some(room);
    }
}

impl Handler<Opened> for Registry {
    type Result = Result<(), NotAdmitted>;

    fn handle(&mut self, opened: Opened, _: &mut Self::Context) -> Self::Result {
        if let Some(moments) = self.stopping {
            return Err(NotAdmitted::Stopping(moments.any()));
        }
        self.crossings.judge(&opened.user_id, &opened.login_id, opened.read_at)?;
        let count = self.users.entry(opened.user_id.clone()).or_default();
        if *count >= self.max_per_user {
            return Err(NotAdmitted::TooMany);
        }
        *count += 1;
        let Opened { session, user_id, login_id, sees_all, addr, .. } = opened;
        self.sessions
            .insert(session, Known { user_id, login_id, sees_all, opened_at: Instant::now(), addr, pages: Vec::new() });
        Ok(())
    }
}

impl Handler<SessionEnded> for Registry {
    type Result = ();

    fn handle(&mut self, SessionEnded(id): SessionEnded, _: &mut Self::Context) {
        let Some(known) = self.sessions.remove(&id) else { return };
        if let Some(count) = self.users.get_mut(&known.user_id) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(&known.user_id);
            }
        }
        for page in known.pages {
            self.count_page(&page, false);
        }
    }
}

impl Handler<Watches> for Registry {
    type Result = ();

    fn handle(&mut self, watches: Watches, _: &mut Self::Context) {
        let Some(known) = self.sessions.get_mut(&watches.session) else { return };
        let place = known.pages.iter().position(|page| *page == watches.topic);
        match (watches.begins, place) {
            (true, None) => {
                // Most have one.
                known.pages.reserve_exact(1);
                known.pages.push(watches.topic.clone());
            }
            (false, Some(place)) => drop(known.pages.swap_remove(place)),
            _ => return,
        }
        self.count_page(&watches.topic, watches.begins);
    }
}

impl Handler<CountSessions> for Registry {
    type Result = SessionCounts;

    fn handle(&mut self, _: CountSessions, _: &mut Self::Context) -> Self::Result {
        SessionCounts { connections: self.sessions.len(), active_users: self.users.len(), ..self.counts.clone() }
    }
}

impl Handler<OnlineUsers> for Registry {
    type Result = MessageResult<OnlineUsers>;

    fn handle(&mut self, _: OnlineUsers, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.users.keys().cloned().collect::<HashSet<_>>())
    }
}

impl Handler<Drain> for Registry {
    type Result = ();

    fn handle(&mut self, Drain(moments): Drain, _: &mut Self::Context) {
        // Whoever is at the door still would keep the hub from stopping.
        self.stopping = Some(moments);
        let count = self.sessions.len();
        // The map is in no order, so that nobody is always the last.
        for (place, session) in self.sessions.values().enumerate() {
            session.tell(End::restart(moments.moment(place, count)));
        }
    }
}

impl Handler<ModuleWithdrawn> for Registry {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, withdrawn: ModuleWithdrawn, _: &mut Self::Context) -> Self::Result {
        let ModuleWithdrawn { module_id: module, from, is_removed } = withdrawn;
        let sessions = self.sessions.values();
        let sessions = sessions.filter(|known| from.as_ref() == Some(&known.user_id) || (is_removed && known.sees_all));
        let withdraw = Withdraw { module, is_removed };
        let sessions = sessions.filter_map(|known| known.addr.upgrade());
        let told: Vec<_> = sessions.map(|session| session.send(withdraw.clone()).timeout(WITHDRAW_TIMEOUT)).collect();
        // A session that is gone listens to nothing any more.
        Box::pin(join_all(told).map(drop))
    }
}

impl Handler<AccountChanged> for Registry {
    type Result = ();

    fn handle(&mut self, change: AccountChanged, ctx: &mut Self::Context) {
        match change {
            AccountChanged::LoggedIn { announced, .. } => self.announce(announced, ctx),
            AccountChanged::LoggedOut { login_id, announced, .. } => {
                self.end_login(&login_id);
                self.announce(announced, ctx);
            }
            AccountChanged::Revoked { logins, .. } => logins.iter().for_each(|login| self.end_login(login)),
            AccountChanged::ProfileUpdated { announced, .. } => self.announce(announced, ctx),
            AccountChanged::RolesChanged { user_id, changed_at, announced, .. } => {
                self.end_where(&End::ROLES_CHANGED, |known| known.user_id == user_id);
                self.crossings.roles_changed(user_id, changed_at);
                self.announce(announced, ctx);
            }
            AccountChanged::Outside { alive, looked_at } => {
                self.end_where(&End::LOGIN_ENDED, |known| {
                    known.opened_at < looked_at && !alive.contains(&known.login_id)
                });
            }
            AccountChanged::Removed { user_id, .. } => {
                self.crossings.user_ended(user_id.clone());
                let end = End { code: 4001, reason: "the account has ended", retry_after: None };
                self.end_where(&end, |known| known.user_id == user_id);
            }
        }
    }
}
