//! Keeps the history in order beside other work: seals what has waited long enough.

use std::time::Duration;

use actix::{Addr, MailboxError};

use super::collector::{Collector, Due, Sealed};
use super::seal::prepare;
use crate::observe::Metrics;
use crate::store::{Store, StoreError};

/// How often is looked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the collector may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Seals readings module by module, in small slices.
///
/// Invariant: chunks and windows are changed here only, one slice after the other.
pub struct Keeper {
    store: Store,
    collector: Addr<Collector>,
    metrics: Metrics,
}

/// Why a round was broken off.
#[derive(Debug, thiserror::Error)]
enum KeeperError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the collector does not answer: {0}")]
    Collector(#[from] MailboxError),
}

impl Keeper {
    /// A keeper of what a store holds and a collector adds.
    #[must_use]
    pub const fn new(store: Store, collector: Addr<Collector>, metrics: Metrics) -> Self {
        Self { store, collector, metrics }
    }

    /// Looks again and again.
    pub async fn run(self) {
        loop {
            match self.round().await {
                Ok(()) => {}
                Err(KeeperError::Collector(MailboxError::Closed)) => return,
                Err(error) => tracing::warn!(%error, "readings could not be sealed; trying again in a moment"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn round(&self) -> Result<(), KeeperError> {
        for (module, rows) in self.collector.send(Due).timeout(ANSWER_TIMEOUT).await? {
            let sealing = self.store.snapshot(move |conn| prepare(conn, module, &rows)).await?;
            let (until, readings) = (sealing.until, sealing.readings);
            self.store.write(move |conn| sealing.store(conn)).await?;
            self.collector.send(Sealed { module, until }).timeout(ANSWER_TIMEOUT).await?;
            self.metrics.readings_sealed(readings as u64);
        }
        Ok(())
    }
}
