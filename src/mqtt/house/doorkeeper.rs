//! How often somebody may come: all together, one address of strangers, and one that shows wrong tokens.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use rmqtt_codec::v5::ConnectAckReason;

use crate::auth::{Counters, network_of};
use crate::config;
use crate::module::WrongTokens;
use crate::mqtt::bridge::Refusal;
use crate::observe::{Admitted, Door, Metrics};

/// Who wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comer {
    /// A module that has shown its token; a fleet may be behind one address.
    Module,
    /// Anybody else: one address gets half of the rate at most, so that it keeps nobody out.
    Stranger(IpAddr),
}

/// Lets connections begin; clones share the count.
#[derive(Debug, Clone)]
pub struct Doorkeeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bucket: DefaultDirectRateLimiter,
    strangers: Counters,
    wrong_tokens: WrongTokens,
    metrics: Metrics,
}

impl Doorkeeper {
    /// Lets in as many as `socket.accept_rate` and `socket.accept_burst` say; wrong tokens count with those of other doors.
    #[must_use]
    pub fn new(options: &config::Socket, wrong_tokens: WrongTokens, metrics: Metrics) -> Self {
        let (rate, burst) = (options.steady_rate(), options.accept_burst);
        let (bucket, strangers) = (RateLimiter::direct(quota(rate, burst)), Counters::new(quota(rate / 2, burst / 2)));
        Self(Arc::new(Inner { bucket, strangers, wrong_tokens, metrics }))
    }

    /// Lets a connection begin.
    ///
    /// # Errors
    /// When too many begin, or one address asks too often.
    pub fn begin(&self, comer: Comer) -> Result<(), Refusal> {
        let has_share = match comer {
            Comer::Module => true,
            Comer::Stranger(address) => self.0.strangers.check(&network_of(address)).is_ok(),
        };
        let is_let_in = has_share && self.0.bucket.check().is_ok();
        self.0.metrics.connection_asked(Door::Mqtt, if is_let_in { Admitted::Now } else { Admitted::Never });
        if is_let_in { Ok(()) } else { Err(too_often()) }
    }

    /// Answers a wrong token: slowly to an address that shows many. A right one is let in all the same: other clients
    /// may come from there too.
    pub async fn refuse(&self, refusal: Refusal, from: IpAddr) -> Refusal {
        if self.0.wrong_tokens.count(from).await.is_ok() { refusal } else { too_often() }
    }
}

/// So many each second, and so many at once; at least one.
fn quota(rate: u32, burst: u32) -> Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(rate)).allow_burst(at_least_one(burst))
}

fn too_often() -> Refusal {
    let detail = "too many connections begin; come back in a few seconds";
    Refusal::new(ConnectAckReason::ConnectionRateExceeded, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_strangers_keeps_no_module_and_no_other_address_out() {
        let options = config::Socket { accept_rate: 22, accept_burst: 20, ..config::Socket::default() };
        let doorkeeper = Doorkeeper::new(&options, WrongTokens::default(), Metrics::default());
        let stranger = |address: &str| Comer::Stranger(address.parse().unwrap());

        let entered = (0..1000).filter(|_| doorkeeper.begin(stranger("192.0.2.1")).is_ok()).count();

        assert!((10..=11).contains(&entered), "{entered}");
        assert!(doorkeeper.begin(Comer::Module).is_ok() && doorkeeper.begin(stranger("192.0.2.2")).is_ok());
        let modules = (0..100).filter(|_| doorkeeper.begin(Comer::Module).is_ok()).count();
        assert!((8..=10).contains(&modules), "the rate of all together holds: {modules}");
    }
}
