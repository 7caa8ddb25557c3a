//! What is counted, in the words of those who count it.

use std::time::Duration;

use super::metrics::Metrics;
use super::metrics::labels::{ByAlarm, ByDoor, ByOutcome, ByPage, ByRoute, BySeverity};

/// The kind of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// The native WebSocket of people.
    Native,
    /// Server-sent events for people.
    ServerSent,
    /// Socket.IO for people.
    SocketIo,
    /// The WebSocket of modules.
    Module,
    /// MQTT, for modules and people.
    Mqtt,
}

impl Door {
    /// Every door.
    pub const ALL: [Self; 5] = [Self::Native, Self::ServerSent, Self::SocketIo, Self::Module, Self::Mqtt];

    pub(super) fn label(self) -> ByDoor {
        let door = match self {
            Self::Native => "ws",
            Self::ServerSent => "sse",
            Self::SocketIo => "socketio",
            Self::Module => "module",
            Self::Mqtt => "mqtt",
        };
        ByDoor { door }
    }
}

/// What a connection that wanted to begin was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admitted {
    /// It may.
    Now,
    /// It got a moment of its own to come back.
    Later,
    /// So many wait that it got none.
    Never,
}

/// How a login attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginOutcome {
    /// Logged in.
    Ok,
    /// A wrong address or password, or an account that is kept out.
    Failed,
    /// Turned away: too many attempts, or too many at once.
    Throttled,
}

/// Sums since the start, for the admin page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Events published.
    pub events: u64,
    /// Frames handed to clients' outboxes.
    pub deliveries: u64,
    /// Telemetry readings accepted.
    pub readings: u64,
    /// Readings that changed nothing.
    pub unchanged: u64,
    /// Requests and frames refused.
    pub refused: u64,
    /// Events that a newer one replaced before a client got them.
    pub dropped: u64,
    /// Times a client's outbox passed its high-water mark.
    pub behind: u64,
    /// Times a client was told that it missed events.
    pub gaps: u64,
    /// Connections of modules open now.
    pub module_sockets: u64,
}

impl Metrics {
    /// Counts events removed from the journal.
    pub fn events_pruned(&self, events: u64) {
        self.figures().journal.pruned.inc_by(events);
    }

    /// Says how many events the journal holds.
    pub fn events_kept(&self, events: u64) {
        self.figures().journal.events.set(i64::try_from(events).unwrap_or(i64::MAX));
    }

    /// Counts a commit of the journal.
    pub fn journal_committed(&self, took: Duration) {
        self.figures().journal.commits.observe(took.as_secs_f64());
    }

    /// Counts events that the journal did not take.
    pub fn journal_refused(&self, events: u64) {
        self.figures().journal.refused.inc_by(events);
    }

    /// Counts an open connection.
    pub fn socket_opened(&self, door: Door) {
        self.figures().sockets_open.get_or_create(&door.label()).inc();
    }

    /// Takes a closed connection off.
    pub fn socket_closed(&self, door: Door) {
        self.figures().sockets_open.get_or_create(&door.label()).dec();
    }

    /// Counts a session that begins to watch a page.
    pub fn page_entered(&self, page: &'static str) {
        self.figures().sessions.get_or_create(&ByPage { page }).inc();
    }

    /// Takes off a session that stops watching a page.
    pub fn page_left(&self, page: &'static str) {
        self.figures().sessions.get_or_create(&ByPage { page }).dec();
    }

    /// Counts a published event by delivery.
    pub fn event_published(&self, is_each: bool) {
        let figures = self.figures();
        if is_each {
            figures.events_each.inc()
        } else {
            figures.events_latest.inc()
        };
    }

    /// Counts frames handed to outboxes.
    pub fn delivered(&self, count: u64) {
        self.figures().deliveries.inc_by(count);
    }

    /// Counts events that a newer one replaced before a client got them.
    pub fn dropped(&self, count: u64) {
        self.figures().dropped.inc_by(count);
    }

    /// Counts values that a newer one replaced because the client wants them less often than they come.
    pub fn paced(&self, count: u64) {
        self.figures().paced.inc_by(count);
    }

    /// Counts a page of the journal read for clients that catch up.
    pub fn page_read(&self) {
        self.figures().pages.inc();
    }

    /// Counts a relay whose mailbox was full.
    pub fn relay_full(&self) {
        self.figures().relay_full.inc();
    }

    /// Counts a relay that asked for what it missed.
    pub fn relay_resynchronised(&self) {
        self.figures().resyncs.inc();
    }

    /// Counts a client whose outbox passed its high-water mark.
    pub fn fell_behind(&self) {
        self.figures().behind.inc();
    }

    /// Counts a client that missed events.
    pub fn gap(&self) {
        self.figures().gaps.inc();
    }

    /// Adds to the bytes waiting in outboxes; a negative number takes off.
    pub fn outbox_bytes(&self, change: i64) {
        self.figures().outbox_bytes.inc_by(change);
    }

    /// Counts accepted telemetry readings.
    pub fn readings_accepted(&self, count: u64) {
        self.figures().readings.inc_by(count);
    }

    /// Counts a packet of MQTT.
    pub fn mqtt_packet(&self) {
        self.figures().mqtt_packets.inc();
    }

    /// Counts a reading that changed nothing.
    pub fn reading_unchanged(&self) {
        self.figures().unchanged.inc();
    }

    /// Counts readings that were sealed.
    pub fn readings_sealed(&self, count: u64) {
        self.figures().sealed.inc_by(count);
    }

    /// Tells how many readings are stored and not sealed yet.
    pub fn readings_unsealed(&self, count: usize) {
        self.figures().unsealed.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a login attempt.
    pub fn login(&self, outcome: LoginOutcome) {
        let outcome = match outcome {
            LoginOutcome::Ok => "ok",
            LoginOutcome::Failed => "failed",
            LoginOutcome::Throttled => "throttled",
        };
        self.figures().logins.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// Counts a command to a module: `sent`, `answered`, `expired`, `late`, `cancelled` or `refused`.
    pub fn command(&self, outcome: &'static str) {
        self.figures().commands.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// Counts an attempt to deliver to a webhook: `delivered`, `retried` or `failed`.
    pub fn webhook_attempted(&self, outcome: &'static str) {
        self.figures().webhook_attempts.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// Counts deliveries to webhooks that were given up as they waited for too long.
    pub fn webhooks_given_up(&self, count: u64) {
        self.figures().webhook_attempts.get_or_create(&ByOutcome { outcome: "failed" }).inc_by(count);
    }

    /// Counts deliveries to webhooks that were given up as too many waited.
    pub fn webhooks_dropped(&self, count: u64) {
        self.figures().webhook_attempts.get_or_create(&ByOutcome { outcome: "dropped" }).inc_by(count);
    }

    /// How many deliveries to webhooks wait.
    pub fn webhooks_waiting(&self, count: u64) {
        self.figures().webhooks_waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How many emergency stops are in force.
    pub fn stops_active(&self, count: usize) {
        self.figures().stops.active.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// So many emergency stops are in force and not stored.
    pub fn stops_unstored(&self, count: usize) {
        self.figures().stops.unstored.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts an alarm that was raised by a kind of rule.
    pub fn alarm_raised(&self, kind: &'static str, severity: &'static str) {
        self.figures().alarms_raised.get_or_create(&ByAlarm { kind, severity }).inc();
    }

    /// Adds to the alarms that are not cleared; a negative number takes off.
    pub fn alarm_open(&self, severity: &'static str, change: i64) {
        self.figures().alarms_open.get_or_create(&BySeverity { severity }).inc_by(change);
    }

    /// Counts readings that no rule judged.
    pub fn alarm_readings_lost(&self, values: usize) {
        self.figures().alarm_readings_lost.inc_by(values as u64);
    }

    /// Counts a store run that found the database locked for too long.
    pub fn store_busy(&self) {
        self.figures().store_busy.inc();
    }

    /// Counts a failed store run.
    pub fn store_failed(&self) {
        self.figures().store_errors.inc();
    }

    /// Notes how long a store run took.
    pub fn store_ran(&self, took: Duration) {
        self.figures().store_runs.observe(took.as_secs_f64());
    }

    /// Counts an answered request; `route` is the template, never the address itself.
    pub fn http_request(&self, route: &str, status: u16, took: Duration) {
        let label = ByRoute { route: route.to_owned(), status };
        self.figures().requests.get_or_create(&label).inc();
        self.figures().request_seconds.observe(took.as_secs_f64());
    }

    /// Counts a module that came online.
    pub fn module_online(&self) {
        self.figures().modules_online.inc();
    }

    /// Takes off a module that went offline.
    pub fn module_offline(&self) {
        self.figures().modules_online.dec();
    }

    /// Counts a module actor that started.
    pub fn module_started(&self) {
        self.figures().modules_active.inc();
    }

    /// Takes off a module actor that stopped, for idleness or not.
    pub fn module_stopped(&self, passivated: bool) {
        self.figures().modules_active.dec();
        if passivated {
            self.figures().modules_passivated.inc();
        }
    }

    /// How many connections of a door are open.
    pub(super) fn open(&self, door: Door) -> u64 {
        self.figures().sockets_open.get_or_create(&door.label()).get().try_into().unwrap_or_default()
    }

    /// The sums since the start.
    pub fn totals(&self) -> Totals {
        let figures = self.figures();
        Totals {
            events: figures.events_each.get() + figures.events_latest.get(),
            deliveries: figures.deliveries.get(),
            readings: figures.readings.get(),
            unchanged: figures.unchanged.get(),
            refused: self.refused_total(),
            dropped: figures.dropped.get(),
            behind: figures.behind.get(),
            gaps: figures.gaps.get(),
            module_sockets: self.open(Door::Module),
        }
    }
}
