//! Whether the hub can do its work.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use tracing::warn;

type Answer = Pin<Box<dyn Future<Output = Result<(), String>>>>;
type Check = Arc<dyn Fn() -> Answer + Send + Sync>;

/// The checks that must hold for the hub to be ready; clones share them.
#[derive(Clone)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
    stopping: Arc<AtomicBool>,
    timeout: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self { checks: Vec::new(), stopping: Arc::default(), timeout: Self::TIMEOUT }
    }
}

/// Whether the hub is ready, and what each check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct HealthReport {
    /// `ready`, `failing` or `stopping`.
    pub status: &'static str,
    /// In the order they were named.
    pub checks: Vec<CheckReport>,
}

/// What one check found; the cause of a failure is in the log only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CheckReport {
    /// What was checked.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
}

impl HealthReport {
    /// Whether the hub can take work.
    pub fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

impl Health {
    /// How long a check may take before it counts as failed.
    pub const TIMEOUT: Duration = Duration::from_secs(2);

    /// The same health with one more check; it answers what is wrong.
    #[must_use]
    pub fn with<F, A>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// Marks the hub as stopping: from now on it is not ready.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Runs all checks side by side, each with [`Health::TIMEOUT`].
    pub async fn report(&self) -> HealthReport {
        let checks = self.checks.iter().map(|(name, check)| run(name, check(), self.timeout));
        let checks = futures_util::future::join_all(checks).await;
        let status = match checks.iter().all(|check| check.ok) {
            _ if self.stopping.load(Ordering::Relaxed) => "stopping",
            true => "ready",
            false => "failing",
        };
        HealthReport { status, checks }
    }
}

async fn run(name: &'static str, answer: Answer, timeout: Duration) -> CheckReport {
    let started = Instant::now();
    let outcome = tokio::time::timeout(timeout, answer).await;
    let fault = match outcome {
        Ok(Ok(())) => return CheckReport { name, ok: true },
        Ok(Err(fault)) => fault,
        Err(_) => format!("no answer within {timeout:?}"),
    };
    warn!(check = name, fault, duration_ms = started.elapsed().as_millis() as u64, "health check failed");
    CheckReport { name, ok: false }
}

impl fmt::Debug for Health {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checks.iter().map(|(name, _)| name).collect();
        out.debug_struct("Health").field("checks", &names).field("stopping", &self.stopping).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn ready_only_while_every_check_holds() {
        let health = Health::default().with("database", || async { Ok(()) });
        assert!(health.report().await.is_ready());

        let failing = health.clone().with("broker", || async { Err("it is gone".to_owned()) });
        let report = failing.report().await;
        assert_eq!(report.status, "failing");
        assert_eq!(report.checks[1], CheckReport { name: "broker", ok: false });

        failing.stop();
        assert_eq!(health.report().await.status, "stopping");
    }

    #[actix_rt::test]
    async fn a_check_that_does_not_answer_has_failed() {
        let health = Health { timeout: Duration::from_millis(1), ..Health::default() };
        let health = health.with("relays", std::future::pending);

        assert_eq!(health.report().await.status, "failing");
    }
}
