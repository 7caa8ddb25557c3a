//! Wrong tokens of modules, by whatever door they are shown.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::Quota;

use crate::auth::{Counters, network_of};

/// Wrong tokens that one address may show the hub in a minute before it is answered slowly.
const FAILURES: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// How long an address that shows more waits for its answer.
const SLOW_ANSWER: Duration = Duration::from_secs(2);

/// Counts wrong tokens by where they come from; clones share the count. Right ones have nothing to do with it: others may
/// come from there too.
#[derive(Debug, Clone)]
pub struct WrongTokens(Arc<Counters>);

impl Default for WrongTokens {
    fn default() -> Self {
        Self(Arc::new(Counters::new(Quota::per_minute(FAILURES))))
    }
}

impl WrongTokens {
    /// Counts a wrong token; keeps an address waiting that shows many.
    ///
    /// # Errors
    /// How long until it may show another, when it has shown too many.
    pub async fn count(&self, from: IpAddr) -> Result<(), Duration> {
        let counted = self.0.check(&network_of(from));
        if counted.is_err() {
            tokio::time::sleep(SLOW_ANSWER).await;
        }
        counted
    }
}
