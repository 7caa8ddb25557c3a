//! How often somebody may come: all together, and one address that shows wrong tokens.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use rmqtt_codec::v5::ConnectAckReason;

use crate::auth::{Counters, network_of};
use crate::config;
use crate::mqtt::bridge::Refusal;
use crate::observe::{Admitted, Door, Metrics};

/// Wrong tokens that one address may show in a minute before it is answered slowly.
const FAILURES: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// How long an address that shows more waits for its answer.
const SLOW_ANSWER: Duration = Duration::from_secs(2);

/// Lets connections begin; clones share the count.
#[derive(Debug, Clone)]
pub struct Doorkeeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bucket: DefaultDirectRateLimiter,
    failures: Counters,
    metrics: Metrics,
}

impl Doorkeeper {
    /// Lets in as many as `socket.accept_rate` and `socket.accept_burst` say.
    #[must_use]
    pub fn new(options: &config::Socket, metrics: Metrics) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::per_second(at_least_one(options.steady_rate())).allow_burst(at_least_one(options.accept_burst));
        let (bucket, failures) = (RateLimiter::direct(quota), Counters::new(Quota::per_minute(FAILURES)));
        Self(Arc::new(Inner { bucket, failures, metrics }))
    }

    /// Lets a connection begin.
    ///
    /// # Errors
    /// When too many begin.
    pub fn begin(&self) -> Result<(), Refusal> {
        let is_let_in = self.0.bucket.check().is_ok();
        self.0.metrics.connection_asked(Door::Mqtt, if is_let_in { Admitted::Now } else { Admitted::Never });
        if is_let_in { Ok(()) } else { Err(too_often()) }
    }

    /// Answers a wrong token: slowly to an address that shows many. A right one is let in all the same: other clients
    /// may come from there too.
    pub async fn refuse(&self, refusal: Refusal, from: IpAddr) -> Refusal {
        if self.0.failures.check(&network_of(from)).is_ok() {
            return refusal;
        }
        tokio::time::sleep(SLOW_ANSWER).await;
        too_often()
    }
}

fn too_often() -> Refusal {
    let detail = "too many connections begin; come back in a few seconds";
    Refusal::new(ConnectAckReason::ConnectionRateExceeded, detail)
}
