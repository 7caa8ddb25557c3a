//! The actor that gathers statistics while somebody watches.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::stats::{ConnectionsByPage, Stats};
use crate::auth::CountUsers;
use crate::broker::Publish;
use crate::domain::event::NewEvent;
use crate::module::{CountModules, ModuleCounts};
use crate::observe::{Metrics, Totals};
use crate::session::{AdminsWatch, CountSessions, SessionCounts};

/// How often watching admins are told, if something changed.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long a question to another actor may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// Asks for the statistics as they are now.
#[derive(Debug, Message)]
#[rtype(result = "Stats")]
pub struct ReadStats;

/// Whom the room asks.
pub struct RoomSources {
    /// The registry of sessions.
    pub sessions: Recipient<CountSessions>,
    /// The registry of modules.
    pub modules: Recipient<CountModules>,
    /// The accounts.
    pub users: Recipient<CountUsers>,
    /// The broker.
    pub publish: Recipient<Publish>,
    /// The counters.
    pub metrics: Metrics,
}

/// Gathers what admins watch.
///
/// Invariant: publishes at most once per interval, only what changed, and nothing while no admin watches.
pub struct AdminRoom {
    sources: RoomSources,
    is_watched: bool,
    is_gathering: bool,
    told: Option<Stats>,
    before: (Instant, Totals),
    /// What the room itself caused, which is no news: else each telling would be a change to tell of.
    own: Own,
}

#[derive(Default)]
struct Own {
    events: u64,
    deliveries: u64,
}

impl AdminRoom {
    /// An empty room.
    #[must_use]
    pub fn new(sources: RoomSources) -> Self {
        let totals = sources.metrics.totals();
        Self {
            sources,
            is_watched: false,
            is_gathering: false,
            told: None,
            before: (Instant::now(), totals),
            own: Own::default(),
        }
    }

    fn gather(&self) -> ResponseActFuture<Self, Stats> {
        let sessions = self.sources.sessions.send(CountSessions).timeout(ASK_TIMEOUT);
        let modules = self.sources.modules.send(CountModules).timeout(ASK_TIMEOUT);
        let users = self.sources.users.send(CountUsers).timeout(ASK_TIMEOUT);
        let asked = async move { tokio::join!(sessions, modules, users) }.into_actor(self);
        Box::pin(asked.map(|(sessions, modules, users), room, _| {
            // Who does not answer in time is shown as nothing; readiness tells which one.
            room.sum_up(&sessions.unwrap_or_default(), &modules.unwrap_or_default(), users.unwrap_or_default())
        }))
    }

    fn sum_up(&mut self, sessions: &SessionCounts, modules: &ModuleCounts, users: u64) -> Stats {
        let mut stats = Stats {
            total_users: users,
            active_users: sessions.active_users as u64,
            total_modules: modules.total as u64,
            online_modules: modules.online as u64,
            connections: sessions.connections as u64,
            connections_by_page: ConnectionsByPage {
                modules: sessions.on_modules as u64,
                admin: sessions.on_admin as u64,
                dashboard: sessions.on_dashboard as u64,
            },
            ..Stats::default()
        };
        let mut now = self.sources.metrics.totals();
        now.events = now.events.saturating_sub(self.own.events);
        now.deliveries = now.deliveries.saturating_sub(self.own.deliveries);
        let (at, before) = &self.before;
        let seconds = at.elapsed().as_secs_f64();
        stats.count(&now, before, seconds);
        if at.elapsed() >= INTERVAL {
            self.before = (Instant::now(), now);
        }
        stats
    }

    fn tell(&mut self, ctx: &mut Context<Self>) {
        if !self.is_watched || self.is_gathering {
            return;
        }
        self.is_gathering = true;
        let gathered = self.gather();
        ctx.spawn(gathered.map(|stats, room, ctx| {
            room.is_gathering = false;
            if room.told.as_ref() != Some(&stats) {
                room.publish(&stats, ctx);
                room.told = Some(stats);
            }
        }));
    }

    fn publish(&mut self, stats: &Stats, ctx: &mut Context<Self>) {
        self.own.events += 1;
        self.own.deliveries += stats.connections_by_page.admin;
        let event = NewEvent::global_stats_updated(stats);
        let sent = self.sources.publish.send(Publish(event)).timeout(ASK_TIMEOUT).into_actor(self);
        ctx.spawn(sent.map(|answer, _, _| {
            if !matches!(answer, Ok(Ok(_))) {
                tracing::warn!("the statistics were not published");
            }
        }));
    }
}

impl Actor for AdminRoom {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(INTERVAL, Self::tell);
    }
}

impl Handler<AdminsWatch> for AdminRoom {
    type Result = ();

    fn handle(&mut self, AdminsWatch(is_watched): AdminsWatch, _: &mut Self::Context) {
        self.is_watched = is_watched;
        self.told = None;
    }
}

impl Handler<ReadStats> for AdminRoom {
    type Result = ResponseActFuture<Self, Stats>;

    fn handle(&mut self, _: ReadStats, _: &mut Self::Context) -> Self::Result {
        self.gather()
    }
}
