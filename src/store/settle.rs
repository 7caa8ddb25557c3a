//! What became of a transaction whose connection was lost at the commit.

use std::time::{Duration, Instant};

use super::connection::{Done, TransactionId, is_committed};
use super::{Connection, Store, StoreError};

/// How long a call waits to learn what became of a commit whose connection was lost, and how often it asks.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
const SETTLE_AGAIN: Duration = Duration::from_millis(100);
/// How soon is looked again for what nothing may follow before it is known.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Store {
    /// As [`Store::write`] for work that nothing may follow before it is known to be done or not: when the connection is
    /// lost at the commit, this looks for what the work wrote until the database answers, however long that takes. After
    /// an error nothing of it is there.
    ///
    /// Looking is exact where the number of the transaction is not quite: after a crash a server gives it once more if
    /// nothing of the first had reached the disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_surely<T, F, L>(&self, work: F, look: L) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
        L: Fn(&mut Connection) -> Result<Option<T>, StoreError> + Clone + Send + 'static,
    {
        let started = Instant::now();
        let result = match self.in_transaction(work).await {
            Ok(Done::Surely(done)) => Ok(done),
            Ok(Done::Perhaps(.., lost)) => self.look(look).await.ok_or(lost),
            Err(error) => Err(error),
        };
        self.counted(started, result)
    }

    /// Looks as one who writes: whatever the lost connection had begun has ended before this begins.
    async fn look<T, L>(&self, look: L) -> Option<T>
    where
        T: Send + 'static,
        L: Fn(&mut Connection) -> Result<Option<T>, StoreError> + Clone + Send + 'static,
    {
        loop {
            match self.in_transaction(look.clone()).await {
                Ok(Done::Surely(found) | Done::Perhaps(found, ..)) => return found,
                Err(error) => {
                    tracing::warn!(%error, "cannot see yet whether something was committed; looking again in a moment");
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    /// Asks what became of a transaction whose connection was lost, for as long as a caller can wait for that.
    pub(super) async fn settled(&self, id: TransactionId, lost: StoreError) -> Result<(), StoreError> {
        let until = Instant::now() + SETTLE_TIMEOUT;
        while Instant::now() < until {
            match self.writer.run(move |conn| is_committed(conn, id)).await {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) => return Err(lost),
                Ok(None) | Err(_) => tokio::time::sleep(SETTLE_AGAIN).await,
            }
        }
        Err(lost)
    }
}
