//! How readings come in: judged, merged into the newest state, and on their way to broker and store.

use std::sync::Arc;

use actix::prelude::*;
use tokio::time::Instant;

use super::super::clock::{Bounds, Clock};
use super::super::entry::Live;
use super::super::error::ModuleError;
use super::super::house::Shared;
use super::{Ingest, Module};
use crate::domain::module::TokenHash;
use crate::domain::retention::Tier;
use crate::domain::telemetry::{LatestState, Newest, Reading};
use crate::domain::time::Timestamp;
use crate::reply::Reply;
use crate::store::latest::NewReading;

/// What readings come to that may be taken.
struct Judged {
    /// When each was measured.
    times: Vec<Timestamp>,
    /// The state after them.
    newest: Newest,
    /// Whether any value of it is another one.
    has_changed: bool,
    /// The clock after them.
    clock: Clock,
}

impl Module {
    pub(super) fn ingest(
        &mut self,
        mut ingest: Ingest,
        ctx: &mut Context<Self>,
    ) -> Result<Reply<usize, ModuleError>, ModuleError> {
        self.check(ingest.token)?;
        self.progress.check_room(ingest.readings.len(), &self.shared)?;
        if ingest.offer.is_withdrawn() {
            return Err(ModuleError::Busy);
        }
        let now = Timestamp::now();
        let judged = self.judge_all_or_good(&mut ingest, now)?;
        let new = lined_up(&ingest, &judged.times, now);
        let last = ingest.readings.last().zip(new.last());
        let whole = last.filter(|(reading, _)| reading.telemetry() == judged.newest.values());
        let whole = whole.map(|(_, stored)| Arc::clone(&stored.body));
        let weight = new.iter().map(NewReading::weight).sum();
        self.progress.check_room(weight, &self.shared)?;
        self.last_work = Instant::now();
        self.shared.metrics.readings_accepted(ingest.readings.len() as u64);
        if ingest.token.is_some() {
            self.hear_over_http(ctx);
        }
        self.unsent.extend(new);
        let count = self.let_in(&mut ingest, judged, whole, now);
        let reply = if self.progress.is_settled() {
            Reply::now(Ok(count))
        } else {
            self.progress.wait(count, weight, ingest.offer, &self.shared)
        };
        self.wants_commit |= self.progress.needs_storing();
        // Also when nothing changed: that the module came online may have to be told.
        self.pump(ctx);
        Ok(reply)
    }

    /// Makes the state after readings, which may be written already, the live one, and has all who look at them do so;
    /// answers how many they are.
    fn let_in(&mut self, ingest: &mut Ingest, judged: Judged, text: Option<Arc<str>>, now: Timestamp) -> usize {
        let Judged { times, newest, has_changed, clock } = judged;
        let count = times.len();
        self.keep((newest, text), clock, now);
        if has_changed {
            self.shared.changed();
        }
        if count > 0 {
            let Shared { warden, metrics, .. } = &*self.shared;
            self.entry.watch.see(&self.entry.id, (&ingest.readings, &times), now, warden, metrics);
            self.progress.advance(has_changed);
        }
        if let Some(admitted) = ingest.admitted.take() {
            // Who asked may have gone.
            let _ = admitted.send(times);
        }
        if self.progress.needs_publishing() {
            self.outgoing.push_telemetry();
        }
        count
    }

    pub(super) fn check(&self, token: Option<TokenHash>) -> Result<(), ModuleError> {
        if self.farewell.is_some() {
            return Err(ModuleError::NotFound(self.entry.id.clone()));
        }
        match token {
            Some(token) if self.entry.meta.load().token_hash != token => Err(ModuleError::WrongToken),
            _ => Ok(()),
        }
    }

    /// What readings come to; what is refused leaves no trace.
    fn judge(&self, ingest: &Ingest, now: Timestamp) -> Result<Judged, ModuleError> {
        let mut clock = self.entry.live.load().clock;
        let times = clock.times(&ingest.readings, self.bounds(), (now, ingest.received))?;
        let (newest, has_changed) = self.merge(&ingest.readings, &times, now)?;
        Ok(Judged { times, newest, has_changed, clock })
    }

    /// The same, without the readings that are refused by themselves where somebody is told which they are.
    fn judge_all_or_good(&self, ingest: &mut Ingest, now: Timestamp) -> Result<Judged, ModuleError> {
        match (self.judge(ingest, now), ingest.left_out.take()) {
            (Err(error), Some(told)) if error.reading().is_some() => {
                // Who asked may have gone.
                let _ = told.send(self.leave_out(ingest, now));
                self.judge(ingest, now)
            }
            (judged, _) => judged,
        }
    }

    /// Leaves out the readings that are refused by themselves; answers their places, and why.
    fn leave_out(&self, ingest: &mut Ingest, now: Timestamp) -> Vec<(usize, ModuleError)> {
        let (bounds, received) = (self.bounds(), ingest.received);
        let mut newest = self.entry.live.load().telemetry.newest().clone();
        let mut judge = |(place, reading): (usize, &Reading)| {
            bounds.check(reading, now).map_err(|fault| ModuleError::BadTime { reading: place, fault })?;
            let taken = newest.take(reading.telemetry(), reading.ts.unwrap_or(received), now);
            taken.map(drop).map_err(|fault| ModuleError::TooManyKeys { reading: place, fault })
        };
        let mut left_out = Vec::new();
        let is_good = |(place, reading): &(usize, &Reading)| {
            judge((*place, reading)).map_err(|error| left_out.push((*place, error))).is_ok()
        };
        let good = ingest.readings.iter().enumerate().filter(is_good).map(|(_, reading)| reading.clone()).collect();
        ingest.readings = good;
        left_out
    }

    fn bounds(&self) -> Bounds {
        let kept = self.shared.policy.load().of(&self.entry.meta.load().kind, &self.entry.id);
        Bounds { ahead: self.shared.options.max_ahead, behind: kept.of(Tier::Raw) }
    }

    /// The state after the readings, and whether any value of it is another one.
    fn merge(&self, readings: &[Reading], times: &[Timestamp], now: Timestamp) -> Result<(Newest, bool), ModuleError> {
        let mut newest = self.entry.live.load().telemetry.newest().clone();
        let mut has_changed = false;
        for (place, (reading, ts)) in readings.iter().zip(times).enumerate() {
            let taken = newest.take(reading.telemetry(), *ts, now);
            let changes = taken.map_err(|fault| ModuleError::TooManyKeys { reading: place, fault })?;
            if !changes {
                self.shared.metrics.reading_unchanged();
            }
            has_changed |= changes;
        }
        Ok((newest, has_changed))
    }

    /// Makes a state the live one.
    fn keep(&self, (newest, text): (Newest, Option<Arc<str>>), clock: Clock, now: Timestamp) {
        let mut live = Live::clone(&self.entry.live.load());
        live.last_seen = Some(now);
        live.clock = clock;
        if *live.telemetry.newest() != newest {
            live.telemetry = Arc::new(match text {
                Some(text) => LatestState::written(newest, text),
                None => LatestState::new(newest),
            });
        }
        self.entry.live.store(Arc::new(live));
    }
}

/// Readings as they are stored.
fn lined_up(ingest: &Ingest, times: &[Timestamp], now: Timestamp) -> Vec<NewReading> {
    let new = |(reading, ts): (&Reading, &Timestamp)| NewReading {
        ts: *ts,
        received_at: now,
        body: reading.json(),
        offer: ingest.offer.clone(),
    };
    ingest.readings.iter().zip(times).map(new).collect()
}
