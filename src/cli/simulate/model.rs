use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Map, Value};

use super::{gauge::Gauge, kind::Kind};
use crate::cli::client::NewModule;

/// The number of the module with index 0.
pub const FIRST_NUMBER: usize = 1001;
const PLACES: [&str; 12] = [
    "Harbour",
    "Old Town",
    "Hilltop",
    "Riverside",
    "Central",
    "North Gate",
    "Mill",
    "Quarry",
    "Lakeside",
    "Depot",
    "Market",
    "Viaduct",
];

/// A module that exists only as numbers which change in a believable way.
///
/// The same seed and index tell the same story at the same pace.
#[derive(Debug)]
pub struct SimulatedModule {
    index: usize,
    kind: Kind,
    gauges: Vec<(&'static str, Gauge)>,
    /// What was reported last. Invariant: holds nothing that the hub was not told on this connection.
    reported: Map<String, Value>,
    random: StdRng,
}

impl SimulatedModule {
    /// The module number `index` of the fleet that `seed` makes.
    pub fn new(index: usize, seed: u64) -> Self {
        let kind = Kind::ALL[index % Kind::ALL.len()];
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(index as u64));
        let mut gauges = kind.gauges();
        // An hour passes before the story begins, or all modules of a type would start alike.
        for (_, gauge) in &mut gauges {
            gauge.advance(random.random_range(10.0..60.0), &mut random);
        }

        Self { index, kind, gauges, reported: Map::new(), random }
    }

    /// The identity, for instance `MC-1001-STN`.
    pub fn id(&self) -> String {
        format!("MC-{}-{}", FIRST_NUMBER + self.index, self.kind.suffix())
    }

    /// The number of the module in its fleet.
    pub fn number(&self) -> u64 {
        self.index as u64
    }

    /// What the hub has to know to register it; `owner` is the account itself when absent.
    pub fn registration(&self, owner: Option<String>) -> NewModule {
        let place = PLACES[self.index % PLACES.len()];
        let round = self.index / (PLACES.len() * Kind::ALL.len());
        let number = if round == 0 { String::new() } else { format!(" {}", round + 1) };

        NewModule {
            module_id: self.id(),
            name: format!("{place} {}{number}", self.kind.noun()),
            kind: self.kind.type_name().to_owned(),
            user_id: owner,
        }
    }

    /// Lets `elapsed` pass and answers what changed since the last report.
    ///
    /// When nothing changed it reports everything once more, as real devices do; the hub drops and counts that.
    pub fn report(&mut self, elapsed: Duration) -> Map<String, Value> {
        let minutes = elapsed.as_secs_f64() / 60.0;
        for (_, gauge) in &mut self.gauges {
            gauge.advance(minutes, &mut self.random);
        }
        let now: Map<_, _> = self.gauges.iter().map(|(key, gauge)| ((*key).to_owned(), gauge.reading())).collect();
        let changed: Map<_, _> = now
            .iter()
            .filter(|(key, value)| self.reported.get(*key) != Some(*value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        self.reported = now;

        if changed.is_empty() { self.reported.clone() } else { changed }
    }

    /// Forgets what was reported: the next report says everything.
    pub fn forget(&mut self) {
        self.reported.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_module_is_a_station() {
        let module = SimulatedModule::new(0, 1);
        let registration = module.registration(None);

        assert_eq!(registration.module_id, "MC-1001-STN");
        assert_eq!(registration.name, "Harbour station");
        assert_eq!(registration.kind, "Station");
    }

    #[test]
    fn names_stay_apart_in_a_large_fleet() {
        let names: std::collections::HashSet<_> =
            (0..2000).map(|index| SimulatedModule::new(index, 1).registration(None).name).collect();

        assert!(names.len() > 950, "only {} names", names.len());
    }

    #[test]
    fn one_seed_tells_one_story() {
        let story = |seed| {
            let mut module = SimulatedModule::new(8, seed);
            (0..20).map(|_| module.report(SECOND)).collect::<Vec<_>>()
        };

        assert_eq!(story(5), story(5));
        assert_ne!(story(5), story(6));
    }

    #[test]
    fn the_first_report_says_everything_and_later_ones_what_changed() {
        let mut module = SimulatedModule::new(8, 1);
        let first = module.report(SECOND);
        let second = module.report(SECOND);

        assert_eq!(first.len(), Kind::WeatherMast.gauges().len());
        assert!(second.iter().all(|(key, value)| first[key] != *value) || second.len() == first.len());
    }

    #[test]
    fn after_forgetting_everything_is_said_again() {
        let mut module = SimulatedModule::new(8, 1);
        let first = module.report(SECOND);
        module.report(SECOND);

        module.forget();

        assert_eq!(module.report(SECOND).len(), first.len());
    }

    #[test]
    fn an_unchanged_module_repeats_itself() {
        let mut module = SimulatedModule::new(4, 1);
        let first = module.report(Duration::ZERO);

        assert_eq!(module.report(Duration::ZERO), first);
    }
}
