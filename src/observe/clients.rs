//! How clients fare: how they begin, come back and end, and what is refused them.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::metrics::Metrics;
use super::metrics::labels::{ByCode, ByStart, ByTold, Reason};
use super::{Admitted, Door};

/// How many reconnections are remembered for their middle and their longest.
const RECENT: usize = 512;
/// A client that was away for longer had no need of the hub; it counts as this.
const LONGEST: Duration = Duration::from_secs(3600);

/// How a session begins to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Began {
    /// It had seen nothing, and got snapshots.
    Fresh,
    /// It went on behind its cursor.
    Resumed,
    /// What lies behind its cursor is not known any more, and it got snapshots.
    Gapped,
}

impl Began {
    fn label(self) -> ByStart {
        let start = match self {
            Self::Fresh => "fresh",
            Self::Resumed => "resumed",
            Self::Gapped => "gapped",
        };
        ByStart { start }
    }
}

/// How clients have fared since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientTotals {
    /// Sessions that went on behind their cursor.
    pub resumed: u64,
    /// Sessions that began with snapshots, having seen nothing.
    pub fresh: u64,
    /// Sessions whose cursor could not be used.
    pub gapped: u64,
    /// Clients that told how long they were away.
    pub reconnections: u64,
    /// Of the last of them: half were away for no longer.
    pub away_p50: Duration,
    /// Of the last of them: nineteen in twenty were away for no longer.
    pub away_p95: Duration,
    /// Of the last of them: the longest away.
    pub away_max: Duration,
    /// Connections ended by the hub, by close code.
    pub ended: Vec<(u16, u64)>,
    /// Requests and frames refused, by reason.
    pub refused: Vec<(Cow<'static, str>, u64)>,
    /// People's connections that were let in.
    pub admitted: u64,
    /// People's connections that were told their moment to come back.
    pub sent_away: u64,
    /// People's connections that were refused without one.
    pub turned_down: u64,
}

/// The figures of this file.
#[derive(Debug)]
pub(super) struct Clients {
    admissions: Family<ByTold, Counter>,
    begun: Family<ByStart, Counter>,
    ended: Family<ByCode, Counter>,
    refused: Family<Reason, Counter>,
    parting: Gauge,
    away: Histogram,
    attempts: Counter,
    recent: Mutex<VecDeque<Duration>>,
    reconnections: Counter,
    reasons: Mutex<BTreeMap<Cow<'static, str>, u64>>,
    /// Only the hub's own codes, which are few.
    codes: Mutex<BTreeMap<u16, u64>>,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            admissions: Family::default(),
            begun: Family::default(),
            ended: Family::default(),
            refused: Family::default(),
            parting: Gauge::default(),
            away: Histogram::new([0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0]),
            attempts: Counter::default(),
            recent: Mutex::default(),
            reconnections: Counter::default(),
            reasons: Mutex::default(),
            codes: Mutex::default(),
        }
    }
}

impl Clients {
    pub fn register(&self, to: &mut Registry) {
        let told = "Connections that wanted to begin, by what they were told";
        to.register("connections_asked", told, self.admissions.clone());
        to.register("sessions_begun", "Sessions by how they began to listen", self.begun.clone());
        to.register(
            "sessions_ended",
            "Connections that the hub ended, of people and of modules, by close code",
            self.ended.clone(),
        );
        to.register("refused", "Requests and frames refused, by reason", self.refused.clone());
        to.register("sockets_parting", "Sockets that are being sent away: they read why", self.parting.clone());
        let away = "How long clients that came back had been away, as they tell themselves";
        to.register_with_unit("reconnection", away, Unit::Seconds, self.away.clone());
        to.register("reconnection_attempts", "Attempts of clients that came back", self.attempts.clone());
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<Duration>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn codes(&self) -> MutexGuard<'_, BTreeMap<u16, u64>> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeMap<Cow<'static, str>, u64>> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Metrics {
    /// Counts a connection that wanted to begin by what it was told.
    pub fn connection_asked(&self, door: Door, told: Admitted) {
        self.clients().admissions.get_or_create(&ByTold::of(door, told)).inc();
    }

    /// Counts a session that begins to listen.
    pub fn session_began(&self, began: Began) {
        self.clients().begun.get_or_create(&began.label()).inc();
    }

    /// Counts a connection that the hub ends, by whatever door; 1006 is one that gave no sign of life.
    pub fn connection_ended(&self, code: u16) {
        *self.clients().codes().entry(code).or_default() += 1;
        self.clients().ended.get_or_create(&ByCode { code }).inc();
    }

    /// Counts one who is being sent away.
    pub fn parting_began(&self) {
        self.clients().parting.inc();
    }

    /// Takes one off who has been sent away.
    pub fn parting_ended(&self) {
        self.clients().parting.dec();
    }

    /// Counts a client that came back, by what it tells itself.
    pub fn reconnected(&self, away: Duration, attempts: u32) {
        let (clients, away) = (self.clients(), away.min(LONGEST));
        clients.away.observe(away.as_secs_f64());
        clients.reconnections.inc();
        clients.attempts.inc_by(attempts.into());
        let mut recent = clients.recent();
        if recent.len() >= RECENT {
            recent.pop_front();
        }
        recent.push_back(away);
    }

    /// Counts a refused request or frame; the reason is the kind of its problem.
    pub fn refused(&self, reason: impl Into<Cow<'static, str>>) {
        let reason = reason.into();
        *self.clients().reasons().entry(reason.clone()).or_default() += 1;
        self.clients().refused.get_or_create(&Reason { reason }).inc();
    }

    /// How clients have fared since the start.
    pub fn client_totals(&self) -> ClientTotals {
        let clients = self.clients();
        let began = |began: Began| clients.begun.get_or_create(&began.label()).get();
        let asked = |told| clients.admissions.get_or_create(&ByTold::of(Door::Native, told)).get();
        let mut recent: Vec<_> = clients.recent().iter().copied().collect();
        recent.sort_unstable();
        ClientTotals {
            resumed: began(Began::Resumed),
            fresh: began(Began::Fresh),
            gapped: began(Began::Gapped),
            reconnections: clients.reconnections.get(),
            away_p50: quantile(&recent, 50),
            away_p95: quantile(&recent, 95),
            away_max: quantile(&recent, 100),
            ended: clients.codes().iter().map(|(code, count)| (*code, *count)).collect(),
            refused: clients.reasons().iter().map(|(reason, count)| (reason.clone(), *count)).collect(),
            admitted: asked(Admitted::Now),
            sent_away: asked(Admitted::Later),
            turned_down: asked(Admitted::Never),
        }
    }

    /// How many connections are open, by door.
    pub fn open_by_door(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Door::ALL.into_iter().map(|door| (door.label().door, self.open(door)))
    }

    /// How many requests and frames were refused since the start.
    pub(super) fn refused_total(&self) -> u64 {
        self.clients().reasons().values().sum()
    }
}

/// The smallest value that so many in a hundred do not pass (nearest rank); zero of nothing.
fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reconnections_are_summed_up() {
        let metrics = Metrics::default();
        assert_eq!(metrics.client_totals(), ClientTotals::default());
        metrics.reconnected(Duration::from_secs(1_000_000), 3);
        for ms in 1..=RECENT as u64 {
            metrics.reconnected(Duration::from_millis(ms), 1);
        }

        let totals = metrics.client_totals();

        assert_eq!(totals.reconnections, RECENT as u64 + 1);
        let ms = |span: Duration| span.as_millis();
        assert_eq!((ms(totals.away_p50), ms(totals.away_p95), ms(totals.away_max)), (256, 487, 512));
    }

    #[test]
    fn what_is_refused_is_told_by_reason() {
        let metrics = Metrics::default();
        metrics.refused("frame");
        metrics.refused("not-found");
        metrics.refused("frame");
        metrics.connection_ended(4008);

        let totals = metrics.client_totals();

        assert_eq!(totals.refused, [("frame".into(), 2), ("not-found".into(), 1)]);
        assert_eq!((totals.ended, metrics.refused_total()), (vec![(4008, 1)], 3));
    }
}
