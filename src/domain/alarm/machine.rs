//! Whether there is an alarm, reading by reading; time is what the caller says it is.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::time::{Timestamp, supersedes};
use super::condition::{Condition, Limit, Place};

/// How much longer than it must hold a value is waited for that says otherwise.
const GRACE: Duration = Duration::from_secs(2);
/// How often is looked whether a silent module was heard after all.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Into how many steps the window of a rate is parted; twice as many points are remembered at most, and two more.
const STEPS: u32 = 32;

/// What is known of an alarm when a machine begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Normal,
    /// There is one.
    Raised,
    /// Somebody cleared it, and what it told of may not be over.
    Muted,
}

/// What changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// There is an alarm from now on.
    Raised {
        /// Since when it is so.
        since: Timestamp,
        /// The value, or how fast it changes; none for silence.
        value: Option<f64>,
    },
    /// There is none any more.
    Cleared,
}

/// Judges the readings of one module by one condition.
///
/// Invariant: a reading that was measured before the newest one changes nothing.
/// Invariant: between two changes to [`Change::Raised`] lies one to [`Change::Cleared`], or a person who cleared it.
#[derive(Debug, Clone)]
pub struct Machine {
    condition: Condition,
    phase: Phase,
    last: Option<Timestamp>,
    points: VecDeque<(Timestamp, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Normal,
    /// It is so and must hold: since a reading's time, which came at another.
    Pending {
        since: Timestamp,
        came: Timestamp,
        value: f64,
    },
    Raised,
    Muted,
}

impl Machine {
    /// A machine that has seen nothing yet.
    #[must_use]
    pub const fn new(condition: Condition, standing: Standing) -> Self {
        let phase = match standing {
            Standing::Normal => Phase::Normal,
            Standing::Raised => Phase::Raised,
            Standing::Muted => Phase::Muted,
        };
        Self { condition, phase, last: None, points: VecDeque::new() }
    }

    /// What it judges by.
    #[must_use]
    pub const fn condition(&self) -> &Condition {
        &self.condition
    }

    /// What is known of the alarm.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match self.phase {
            Phase::Normal | Phase::Pending { .. } => Standing::Normal,
            Phase::Raised => Standing::Raised,
            Phase::Muted => Standing::Muted,
        }
    }

    /// Somebody cleared the alarm: there is none until what it told of is over and comes again.
    pub fn mute(&mut self) {
        if self.phase == Phase::Raised {
            self.phase = Phase::Muted;
        }
    }

    /// Takes a value that was measured at a time and came at another, by the hub's clock.
    pub fn observe(&mut self, measured: Timestamp, came: Timestamp, value: f64) -> Option<Change> {
        if let Some(last) = self.last.filter(|last| measured < *last) {
            if !supersedes(last, measured, came) {
                return None;
            }
            self.forget_times();
        }
        self.last = Some(measured);
        let (limit, number) = match self.condition {
            Condition::Threshold { limit, .. } => (limit, value),
            Condition::Rate { limit, window, .. } => (limit, self.rate(measured, value, window)?),
            Condition::Silence { .. } => return None,
        };
        self.judge(limit, number, measured, came)
    }

    /// The module was heard.
    pub fn hear(&mut self) -> Option<Change> {
        if !matches!(self.condition, Condition::Silence { .. }) {
            return None;
        }
        let was_raised = self.phase == Phase::Raised;
        self.phase = Phase::Normal;
        was_raised.then_some(Change::Cleared)
    }

    /// When something may change though nothing comes; `heard` is when the module was last heard, and no silence is
    /// told before `earliest`.
    #[must_use]
    pub fn due(&self, heard: Timestamp, earliest: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match (&self.condition, self.phase) {
            (Condition::Silence { span }, Phase::Normal) => Some(heard.plus(*span).max(earliest)),
            (Condition::Silence { .. }, _) => Some(now.plus(LOOK_AGAIN)),
            (Condition::Threshold { limit, .. } | Condition::Rate { limit, .. }, Phase::Pending { came, .. }) => {
                Some(came.plus(limit.hold()).plus(GRACE))
            }
            _ => None,
        }
    }

    /// Looks what time has changed.
    pub fn tick(&mut self, heard: Timestamp, earliest: Timestamp, now: Timestamp) -> Option<Change> {
        match (&self.condition, self.phase) {
            (Condition::Silence { span }, Phase::Normal) if heard.plus(*span).max(earliest) <= now => {
                self.phase = Phase::Raised;
                Some(Change::Raised { since: heard, value: None })
            }
            (Condition::Silence { span }, Phase::Raised | Phase::Muted) if heard.plus(*span) > now => self.hear(),
            (_, Phase::Pending { since, value, .. })
                if self.due(heard, earliest, now).is_some_and(|due| due <= now) =>
            {
                self.phase = Phase::Raised;
                Some(Change::Raised { since, value: Some(value) })
            }
            _ => None,
        }
    }

    fn judge(&mut self, limit: Limit, number: f64, measured: Timestamp, came: Timestamp) -> Option<Change> {
        let place = limit.place_of(number);
        let (phase, change) = match (self.phase, place) {
            (Phase::Normal, Place::Beyond) if limit.hold().is_zero() => {
                (Phase::Raised, Some(Change::Raised { since: measured, value: Some(number) }))
            }
            (Phase::Normal, Place::Beyond) => (Phase::Pending { since: measured, came, value: number }, None),
            (Phase::Pending { since, .. }, Place::Beyond) if since.plus(limit.hold()) <= measured => {
                (Phase::Raised, Some(Change::Raised { since, value: Some(number) }))
            }
            (Phase::Pending { since, came, .. }, Place::Beyond) => {
                (Phase::Pending { since, came, value: number }, None)
            }
            (Phase::Pending { .. }, Place::Between | Place::Within) => (Phase::Normal, None),
            (Phase::Raised, Place::Within) => (Phase::Normal, Some(Change::Cleared)),
            (Phase::Muted, Place::Within) => (Phase::Normal, None),
            (same, _) => (same, None),
        };
        self.phase = phase;
        change
    }

    /// The clock that they were measured by was put right: nothing that is to hold for so long can be counted from them.
    fn forget_times(&mut self) {
        self.points.clear();
        if let Phase::Pending { .. } = self.phase {
            self.phase = Phase::Normal;
        }
    }

    /// By how much the value changes in a second: from the oldest point of the window, if that is at least half of it away.
    fn rate(&mut self, measured: Timestamp, value: f64, window: Duration) -> Option<f64> {
        let begin = measured.minus(window);
        while self.points.front().is_some_and(|(at, _)| *at < begin) {
            self.points.pop_front();
        }
        self.remember(measured, value, window / STEPS);
        let (at, first) = *self.points.front()?;
        let span = measured.since(at);
        (span >= window / 2).then(|| (value - first) / span.as_secs_f64())
    }

    /// Adds a point; of points that lie nearer to each other than a step the newest replaces the one before.
    fn remember(&mut self, measured: Timestamp, value: f64, step: Duration) {
        let before = self.points.len().checked_sub(2).map(|place| self.points[place].0);
        let is_near = before.is_some_and(|before| measured.since(before) < step);
        let is_same = self.points.back().is_some_and(|(at, _)| *at == measured);
        if is_near || is_same {
            self.points.pop_back();
        }
        self.points.push_back((measured, value));
    }

    /// How many points it remembers.
    #[cfg(test)]
    pub(super) fn points(&self) -> usize {
        self.points.len()
    }
}
