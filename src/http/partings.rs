//! How many are being sent away: they have heard why, and get a moment to read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::observe::Metrics;

/// So many may take their moment at once; each holds a connection of its worker.
const MOST: usize = 1024;

/// The count of those being sent away on all threads; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Partings(Arc<AtomicUsize>);

/// One that is being sent away; dropping it counts it out.
#[derive(Debug)]
pub struct Parting {
    all: Partings,
    metrics: Metrics,
}

impl Partings {
    /// Counts one in; none when so many are being sent away that it gets a short answer only.
    #[must_use]
    pub fn begin(&self, metrics: &Metrics) -> Option<Parting> {
        let more = |count: usize| (count < MOST).then_some(count + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        metrics.parting_began();
        Some(Parting { all: self.clone(), metrics: metrics.clone() })
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        self.all.0.fetch_sub(1, Ordering::AcqRel);
        self.metrics.parting_ended();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_everybody_gets_a_moment_to_part() {
        let (partings, metrics) = (Partings::default(), Metrics::default());
        let all: Vec<_> = (0..MOST).map_while(|_| partings.begin(&metrics)).collect();
        assert_eq!(all.len(), MOST);
        assert!(partings.begin(&metrics).is_none());
        assert!(metrics.encode().contains("carillon_sockets_parting 1024"));
        drop(all);
        assert!(partings.begin(&metrics).is_some());
    }
}
