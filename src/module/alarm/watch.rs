//! What a module's actor and the warden share: what the rules look at, and when the module was last heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use actix::{Message, Recipient};
use arc_swap::ArcSwapOption;

use crate::domain::ids::ModuleId;
use crate::domain::telemetry::{Reading, Telemetry};
use crate::domain::time::Timestamp;
use crate::observe::Metrics;

/// Tells the warden what a module has measured of what its rules look at, or only that it was heard.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Observed {
    /// Which module.
    pub module_id: ModuleId,
    /// When the hub got it.
    pub came: Timestamp,
    /// What was measured, in the order in which it came.
    pub samples: Vec<Sample>,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Under which key.
    pub key: Arc<str>,
    /// When it was measured.
    pub measured: Timestamp,
    /// The number; a switch is 0 or 1.
    pub value: f64,
}

/// What the rules of a module look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Which values.
    pub keys: Vec<Arc<str>>,
    /// Whether any reading ends an alarm.
    pub any: bool,
}

/// One module's share; `wanted` is replaced by the warden alone, `heard` by the module's actor alone, and `has_missed`
/// is set by the one and taken by the other.
#[derive(Debug, Default)]
pub struct Watch {
    /// What to tell the warden; none for nothing.
    wanted: ArcSwapOption<Wanted>,
    /// When a reading last came, in Unix milliseconds; 0 if none did since the start.
    heard: AtomicI64,
    /// The warden was not told of something.
    has_missed: AtomicBool,
}

impl Watch {
    /// Readings have come: notes when, and tells the warden what its rules look at.
    pub fn see(
        &self,
        id: &ModuleId,
        (readings, measured): (&[Reading], &[Timestamp]),
        came: Timestamp,
        warden: &Recipient<Observed>,
        metrics: &Metrics,
    ) {
        self.heard.store(came.as_millis(), Ordering::Relaxed);
        let wanted = self.wanted.load();
        let Some(wanted) = &*wanted else { return };
        let timed = readings.iter().zip(measured);
        let samples: Vec<_> = timed.flat_map(|(reading, at)| wanted.samples(reading.telemetry(), *at)).collect();
        if samples.is_empty() && !wanted.any {
            return;
        }
        // Nothing waits for the warden: what it is not told it looks up.
        let values = samples.len();
        if warden.try_send(Observed { module_id: id.clone(), came, samples }).is_err() {
            self.has_missed.store(true, Ordering::Relaxed);
            metrics.alarm_readings_lost(values.max(1));
        }
    }

    /// Whether the warden was not told of something since this was last asked.
    pub fn take_missed(&self) -> bool {
        self.has_missed.load(Ordering::Relaxed) && self.has_missed.swap(false, Ordering::Relaxed)
    }

    /// When a reading last came since the start, if one did.
    pub fn heard(&self) -> Option<Timestamp> {
        Some(self.heard.load(Ordering::Relaxed)).filter(|heard| *heard > 0).map(Timestamp::from_millis)
    }

    /// Says what to tell from now on.
    pub fn want(&self, wanted: Wanted) {
        let is_any = wanted.any || !wanted.keys.is_empty();
        self.wanted.store(is_any.then(|| Arc::new(wanted)));
    }
}

impl Wanted {
    /// The values of some telemetry that the rules look at.
    pub fn samples(&self, telemetry: &Telemetry, measured: Timestamp) -> impl Iterator<Item = Sample> {
        self.keys.iter().filter_map(move |key| {
            let value = telemetry.get(key)?;
            // A switch is 0 or 1, which is the same number in every type.
            let value =
                value.as_number().or_else(|| value.as_switch().map(|is_on| if is_on == 0 { 0.0 } else { 1.0 }))?;
            Some(Sample { key: Arc::clone(key), measured, value })
        })
    }
}
