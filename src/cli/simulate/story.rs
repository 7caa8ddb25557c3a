use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Map, Value, json};

use super::{
    faults::{Fate, Faults},
    model::SimulatedModule,
};

/// After so many reports everything is said once more, also what did not change.
const WHOLE_EVERY: u64 = 60;

/// What a module measured at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When, by the module's own clock, in Unix milliseconds.
    pub ts: i64,
    /// What.
    pub telemetry: Map<String, Value>,
    /// What it turns out to be later, if that is something else.
    pub revision: Option<Map<String, Value>>,
}

/// What a module does at one report.
#[derive(Debug, Default, PartialEq)]
pub struct Chapter {
    /// What it has to send, in this order.
    pub readings: Vec<Reading>,
    /// How many readings were lost.
    pub lost: u64,
    /// Whether its connection breaks off then.
    pub breaks_off: bool,
}

/// All that a module reports, with what goes wrong: the same for the same seed, whatever happens on the way to the hub.
#[derive(Debug)]
pub struct Story {
    module: SimulatedModule,
    faults: Faults,
    pace: Duration,
    /// How far the module's clock is ahead, in milliseconds.
    skew: i64,
    told: u64,
    /// Readings that are held back, with the report behind which they are sent.
    held: Vec<(u64, Reading)>,
    last_ts: i64,
    random: StdRng,
}

impl Reading {
    /// As every door takes it.
    pub fn json(&self) -> Value {
        json!({ "ts": crate::domain::time::Timestamp::from_millis(self.ts).to_string(), "telemetry": self.telemetry })
    }

    /// The same time with other values, if it is to be corrected.
    pub fn revised(&self) -> Option<Self> {
        let telemetry = self.revision.clone()?;
        Some(Self { ts: self.ts, telemetry, revision: None })
    }
}

impl Story {
    /// The story of a module that reports at this pace.
    pub fn new(module: SimulatedModule, faults: Faults, pace: Duration, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ module.number().wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let most = i64::try_from(faults.clock_skew.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
        let skew = random.random_range(-most..=most);
        Self { module, faults, pace, skew, told: 0, held: Vec::new(), last_ts: i64::MIN, random }
    }

    /// Who it is about.
    pub fn module(&self) -> &SimulatedModule {
        &self.module
    }

    /// How many reports there were.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// The next report, at a time in Unix milliseconds.
    pub fn next(&mut self, now: i64) -> Chapter {
        if self.told.is_multiple_of(WHOLE_EVERY) {
            self.module.forget();
        }
        let telemetry = self.module.report(self.pace);
        self.last_ts = now.saturating_add(self.skew).max(self.last_ts.saturating_add(1));
        let reading = Reading { ts: self.last_ts, telemetry, revision: None };
        let (fate, breaks_off) = self.faults.draw(&mut self.random);
        let mut chapter = Chapter { breaks_off, ..Chapter::default() };
        match fate {
            Fate::Sent => chapter.readings.push(reading),
            Fate::Lost => chapter.lost = 1,
            Fate::Twice => chapter.readings.extend([reading.clone(), reading]),
            Fate::Held(reports) => self.held.push((self.told + u64::from(reports), reading)),
            Fate::Revised => {
                let revision = Some(corrected(&reading.telemetry));
                chapter.readings.push(Reading { revision, ..reading });
            }
        }
        let due = self.held.extract_if(.., |(at, _)| *at <= self.told).map(|(_, reading)| reading);
        chapter.readings.extend(due);
        self.told += 1;
        chapter
    }

    /// What is still held back at the end.
    pub fn rest(&mut self) -> Vec<Reading> {
        self.held.drain(..).map(|(_, reading)| reading).collect()
    }
}

/// Other values of the same kinds.
fn corrected(telemetry: &Map<String, Value>) -> Map<String, Value> {
    let correct = |value: &Value| match value {
        Value::Bool(is_on) => json!(!is_on),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => json!(whole + 1),
            (None, number) => json!(number.unwrap_or_default() + 0.5),
        },
        other => other.clone(),
    };
    telemetry.iter().map(|(key, value)| (key.clone(), correct(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FAULTS: Faults = Faults {
        drop: 0.1,
        duplicate: 0.1,
        late: 0.1,
        out_of_order: 0.1,
        revise: 0.1,
        disconnect: 0.1,
        clock_skew: Some(Duration::from_secs(60)),
    };

    fn story(seed: u64, faults: Faults) -> Story {
        Story::new(SimulatedModule::new(8, seed), faults, SECOND, seed)
    }

    fn chapters(story: &mut Story) -> Vec<Chapter> {
        (0..500).map(|second| story.next(second * 1000)).collect()
    }

    #[test]
    fn one_seed_tells_the_same_readings_and_faults() {
        let one = chapters(&mut story(5, FAULTS));
        assert_eq!(one, chapters(&mut story(5, FAULTS)));
        assert_ne!(one, chapters(&mut story(6, FAULTS)));
        assert!(one.iter().any(|chapter| chapter.breaks_off) && one.iter().any(|chapter| chapter.lost > 0));
    }

    #[test]
    fn every_reading_that_is_not_lost_is_sent_and_no_two_have_one_time() {
        let faults = Faults { duplicate: 0.0, ..FAULTS };
        let mut story = story(1, faults);
        let mut chapters = chapters(&mut story);
        let lost: u64 = chapters.iter().map(|chapter| chapter.lost).sum();
        let mut times: Vec<_> =
            chapters.drain(..).flat_map(|chapter| chapter.readings).map(|reading| reading.ts).collect();
        assert!(!times.is_sorted(), "some are late");
        times.extend(story.rest().iter().map(|reading| reading.ts));
        times.sort_unstable();
        times.dedup();

        assert_eq!(times.len() as u64 + lost, 500);
        let skew = times[0].abs().max((times[times.len() - 1] - 499_000).abs());
        assert!(skew <= 60_000 + 20_000, "{skew}");
    }

    #[test]
    fn faults_do_not_change_what_is_measured() {
        let plain: Vec<_> = chapters(&mut story(1, Faults::default()));
        let faulty = chapters(&mut story(1, Faults { duplicate: 0.3, ..Faults::default() }));
        for (plain, faulty) in plain.iter().zip(&faulty) {
            assert_eq!(plain.readings[0], faulty.readings[0]);
        }
    }
}
