//! The actor that tells how the hub fares right now.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix::prelude::*;
use futures_util::FutureExt;
use futures_util::future::{Shared, join_all};

use super::relayed::Relayed;
use super::report::{self, Monitored};
use crate::broker::{Inspect, Relay, RelayReport};
use crate::observe::Metrics;
use crate::session::{Describe, SessionFacts};

/// How long a question to another actor may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);
/// An answer younger than this is given again, so that many who watch cost no more than one.
const FRESH: Duration = Duration::from_millis(900);

/// Asks how the hub fares right now.
#[derive(Debug, Message)]
#[rtype(result = "Monitored")]
pub struct ReadMonitor;

/// Whom the monitor asks.
pub struct MonitorSources {
    /// The relays of all worker threads.
    pub relays: Box<dyn Fn() -> Vec<Addr<Relay>> + Send>,
    /// The registry of sessions.
    pub sessions: Recipient<Describe>,
    /// How many connections wait for the moment they were given.
    pub waiting: Box<dyn Fn() -> u64 + Send>,
    /// How many connections may begin each second.
    pub accept_rate: u32,
    /// The counters.
    pub metrics: Metrics,
}

/// Tells how the hub fares: nothing is gathered while nobody asks.
pub struct Monitor {
    sources: MonitorSources,
    told: Option<(Instant, Answer)>,
}

type Answer = Shared<futures_util::future::LocalBoxFuture<'static, Monitored>>;

impl Monitor {
    /// A monitor that has told nothing yet.
    #[must_use]
    pub const fn new(sources: MonitorSources) -> Self {
        Self { sources, told: None }
    }

    fn gather(&self) -> impl Future<Output = Monitored> + 'static {
        let relays = (self.sources.relays)();
        let (sessions, metrics) = (self.sources.sessions.clone(), self.sources.metrics.clone());
        let (waiting, rate) = ((self.sources.waiting)(), self.sources.accept_rate);
        async move {
            let asked = relays.iter().map(|relay| relay.send(Inspect { most: report::MOST }).timeout(ASK_TIMEOUT));
            // A relay that does not answer in time is left out; readiness tells which one.
            let reports: Vec<RelayReport> = join_all(asked).await.into_iter().flatten().collect();
            let relayed = Relayed::of(reports);
            let ids = relayed.slowest.iter().map(|client| client.session.clone()).collect();
            let facts = sessions.send(Describe(ids)).timeout(ASK_TIMEOUT).await.unwrap_or_default();
            let facts: HashMap<_, SessionFacts> =
                facts.into_iter().map(|facts| (facts.session.clone(), facts)).collect();
            Monitored::new(&metrics, (rate, waiting), relayed, &facts)
        }
    }
}

impl Actor for Monitor {
    type Context = Context<Self>;
}

impl Handler<ReadMonitor> for Monitor {
    type Result = ResponseFuture<Monitored>;

    fn handle(&mut self, _: ReadMonitor, _: &mut Self::Context) -> Self::Result {
        if let Some((at, answer)) = self.told.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            tracing::trace!(age_ms = at.elapsed().as_millis(), "the monitor tells what it told before");
            return Box::pin(answer.clone());
        }
        let answer = self.gather().boxed_local().shared();
        self.told = Some((Instant::now(), answer.clone()));
        Box::pin(answer)
    }
}
