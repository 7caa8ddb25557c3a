//! The hub's figures, as Prometheus reads them.

use std::sync::Arc;

use prometheus_client::{
    encoding::text,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Metric, Registry, Unit},
};

use super::clients::Clients;
use super::process::Process;
use labels::{ByAlarm, ByDelivery, ByDoor, ByOutcome, ByPage, ByRoute, BySeverity};

pub mod labels;

/// The hub's figures; cloning is cheap and all clones count together.
///
/// Every name begins with `carillon_` and ends with its unit; [`Metrics::encode`] writes them in the OpenMetrics
/// text format. The methods that count are in `count.rs`.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    figures: Figures,
    clients: Clients,
    registry: Registry,
}

impl Default for Shared {
    fn default() -> Self {
        let (figures, clients) = (Figures::default(), Clients::default());
        let mut registry = Registry::with_prefix("carillon");
        figures.register(&mut registry);
        clients.register(&mut registry);
        registry.register_collector(Box::new(Process));
        Self { figures, clients, registry }
    }
}

impl Metrics {
    /// What `Content-Type` the encoded figures have.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Writes all figures in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(8192);
        match text::encode(&mut out, &self.0.registry) {
            Ok(()) => out,
            // Writing to a string fails only if a figure does, which leaves nothing worth answering.
            Err(_) => "# EOF\n".to_owned(),
        }
    }

    pub(super) fn figures(&self) -> &Figures {
        &self.0.figures
    }

    pub(super) fn clients(&self) -> &Clients {
        &self.0.clients
    }
}

/// Every figure; what each means stands in [`Figures::register`].
#[derive(Debug)]
pub(super) struct Figures {
    pub sockets_open: Family<ByDoor, Gauge>,
    pub sessions: Family<ByPage, Gauge>,
    pub events: Family<ByDelivery, Counter>,
    pub events_each: Counter,
    pub events_latest: Counter,
    pub deliveries: Counter,
    pub readings: Counter,
    pub unchanged: Counter,
    pub sealed: Counter,
    pub unsealed: Gauge,
    pub dropped: Counter,
    pub paced: Counter,
    pub pages: Counter,
    pub behind: Counter,
    pub gaps: Counter,
    pub resyncs: Counter,
    pub relay_full: Counter,
    pub journal: JournalFigures,
    pub outbox_bytes: Gauge,
    pub logins: Family<ByOutcome, Counter>,
    pub store_busy: Counter,
    pub store_errors: Counter,
    pub store_runs: Histogram,
    pub requests: Family<ByRoute, Counter>,
    pub request_seconds: Histogram,
    pub commands: Family<ByOutcome, Counter>,
    pub stops: StopFigures,
    pub alarms_raised: Family<ByAlarm, Counter>,
    pub alarms_open: Family<BySeverity, Gauge>,
    pub alarm_readings_lost: Counter,
    pub mqtt_packets: Counter,
    pub webhook_attempts: Family<ByOutcome, Counter>,
    pub webhooks_waiting: Gauge,
    pub modules_active: Gauge,
    pub modules_online: Gauge,
    pub modules_passivated: Counter,
}

/// What is told of the journal.
#[derive(Debug)]
pub(super) struct JournalFigures {
    pub commits: Histogram,
    pub events: Gauge,
    pub pruned: Counter,
    pub refused: Counter,
}

/// What is told of emergency stops.
#[derive(Debug, Default)]
pub(super) struct StopFigures {
    pub active: Gauge,
    pub unstored: Gauge,
}

impl Default for JournalFigures {
    fn default() -> Self {
        Self {
            commits: Histogram::new(exponential_buckets(0.000_1, 4.0, 9)),
            events: Gauge::default(),
            pruned: Counter::default(),
            refused: Counter::default(),
        }
    }
}

impl Default for Figures {
    fn default() -> Self {
        let events = Family::<ByDelivery, Counter>::default();
        Self {
            events_each: events.get_or_create_owned(&ByDelivery { delivery: "each" }),
            events_latest: events.get_or_create_owned(&ByDelivery { delivery: "latest" }),
            events,
            store_runs: Histogram::new(exponential_buckets(0.000_1, 4.0, 9)),
            request_seconds: Histogram::new(exponential_buckets(0.000_5, 3.0, 10)),
            sockets_open: Family::default(),
            sessions: Family::default(),
            deliveries: Counter::default(),
            readings: Counter::default(),
            unchanged: Counter::default(),
            sealed: Counter::default(),
            unsealed: Gauge::default(),
            dropped: Counter::default(),
            paced: Counter::default(),
            pages: Counter::default(),
            behind: Counter::default(),
            gaps: Counter::default(),
            resyncs: Counter::default(),
            relay_full: Counter::default(),
            journal: JournalFigures::default(),
            outbox_bytes: Gauge::default(),
            logins: Family::default(),
            store_busy: Counter::default(),
            store_errors: Counter::default(),
            requests: Family::default(),
            commands: Family::default(),
            stops: StopFigures::default(),
            alarms_raised: Family::default(),
            alarms_open: Family::default(),
            alarm_readings_lost: Counter::default(),
            mqtt_packets: Counter::default(),
            webhook_attempts: Family::default(),
            webhooks_waiting: Gauge::default(),
            modules_active: Gauge::default(),
            modules_online: Gauge::default(),
            modules_passivated: Counter::default(),
        }
    }
}

impl Figures {
    fn register(&self, to: &mut Registry) {
        self.register_realtime(to);
        self.register_modules(to);
        self.register_store(to);
        add(to, "logins", "Login attempts by outcome", &self.logins);
        add(to, "http_requests", "HTTP requests by route and status", &self.requests);
        seconds(
            to,
            "http_request_duration",
            "Time from a request's head to the end of its answer",
            &self.request_seconds,
        );
    }

    fn register_realtime(&self, to: &mut Registry) {
        add(to, "sockets_open", "Open connections by door", &self.sockets_open);
        add(to, "sessions", "Sessions that watch a page, by page", &self.sessions);
        add(to, "events_published", "Events published by kind of delivery", &self.events);
        add(to, "deliveries", "Frames handed to clients' outboxes", &self.deliveries);
        add(to, "events_dropped", "Events replaced by a newer one while a client was behind", &self.dropped);
        add(to, "clients_behind", "Times a client's outbox passed its high-water mark", &self.behind);
        add(to, "events_paced", "Events replaced by a newer one because the client asked for a `maxRate`", &self.paced);
        add(to, "journal_pages", "Pages of the journal read for clients that catch up", &self.pages);
        add(to, "gaps", "Times a client was told that it missed events", &self.gaps);
        add(to, "relay_resyncs", "Times a relay asked the broker for what it missed", &self.resyncs);
        add(to, "relay_mailbox_full", "Batches a relay's full mailbox refused", &self.relay_full);
        bytes(to, "outbox", "Bytes waiting in all outboxes", &self.outbox_bytes);
    }

    fn register_modules(&self, to: &mut Registry) {
        add(to, "telemetry_readings", "Telemetry readings accepted", &self.readings);
        add(
            to,
            "telemetry_unchanged",
            "Telemetry readings that changed nothing and were not published",
            &self.unchanged,
        );
        add(to, "emergency_stops_active", "Emergency stops in force", &self.stops.active);
        add(to, "emergency_stops_unstored", "Emergency stops in force that are not stored yet", &self.stops.unstored);
        add(to, "commands", "Commands to modules by what came of them", &self.commands);
        add(to, "alarms_raised", "Alarms raised by kind of rule and severity", &self.alarms_raised);
        add(to, "alarms_open", "Alarms that are not cleared, by severity", &self.alarms_open);
        add(
            to,
            "alarm_readings_lost",
            "Values that not all rules for alarms judged, as too many waited",
            &self.alarm_readings_lost,
        );
        add(to, "mqtt_packets", "Packets of MQTT received", &self.mqtt_packets);
        add(to, "webhook_deliveries", "Deliveries to webhooks by what came of them", &self.webhook_attempts);
        add(
            to,
            "webhook_deliveries_waiting",
            "Deliveries to webhooks that waited when last looked at",
            &self.webhooks_waiting,
        );
        add(to, "telemetry_sealed", "Telemetry readings sealed into the history", &self.sealed);
        add(to, "telemetry_unsealed", "Telemetry readings stored and not sealed yet", &self.unsealed);
        add(to, "modules_online", "Modules online", &self.modules_online);
        add(to, "module_actors_active", "Module actors in memory", &self.modules_active);
        add(to, "module_actors_passivated", "Module actors stopped for idleness", &self.modules_passivated);
    }

    fn register_store(&self, to: &mut Registry) {
        add(to, "store_busy", "Store runs that found the database locked for too long", &self.store_busy);
        add(to, "store_errors", "Store runs that failed", &self.store_errors);
        add(to, "journal_events", "Events in the journal when it was last looked at", &self.journal.events);
        add(to, "journal_events_pruned", "Events removed from the journal", &self.journal.pruned);
        add(to, "journal_events_refused", "Events that could not be made durable", &self.journal.refused);
        seconds(to, "journal_commit_duration", "Time until a batch of events was durable", &self.journal.commits);
        seconds(to, "store_run_duration", "Time of a store run on its blocking thread", &self.store_runs);
    }
}

fn add(to: &mut Registry, name: &str, help: &str, figure: &(impl Metric + Clone)) {
    to.register(name, help, figure.clone());
}

fn seconds(to: &mut Registry, name: &str, help: &str, figure: &Histogram) {
    to.register_with_unit(name, help, Unit::Seconds, figure.clone());
}

fn bytes(to: &mut Registry, name: &str, help: &str, figure: &Gauge) {
    to.register_with_unit(name, help, Unit::Bytes, figure.clone());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::Door, *};

    #[test]
    fn clones_count_together_and_names_carry_units() {
        let metrics = Metrics::default();
        let clone = metrics.clone();
        metrics.event_published(true);
        clone.event_published(false);
        clone.delivered(7);
        clone.refused("unknown-topic");
        metrics.socket_opened(Door::Native);
        metrics.http_request("/api/v1/modules/{moduleId}", 200, Duration::from_millis(3));

        let text = metrics.encode();

        for line in [
            "carillon_events_published_total{delivery=\"each\"} 1",
            "carillon_events_published_total{delivery=\"latest\"} 1",
            "carillon_deliveries_total 7",
            "carillon_refused_total{reason=\"unknown-topic\"} 1",
            "carillon_sockets_open{door=\"ws\"} 1",
            "carillon_outbox_bytes 0",
            "carillon_http_requests_total{route=\"/api/v1/modules/{moduleId}\",status=\"200\"} 1",
            "carillon_http_request_duration_seconds_count 1",
        ] {
            assert!(text.contains(line), "no `{line}` in:\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        let totals = metrics.totals();
        assert_eq!((totals.events, totals.deliveries, totals.refused), (2, 7, 1));
    }
}
