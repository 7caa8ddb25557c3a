//! The actor that says how long the history is kept, what is in it, and what another rule would delete.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use arc_swap::ArcSwap;
use serde::Serialize;

use super::expiry::cutoffs;
use crate::domain::ids::ModuleId;
use crate::domain::module::ModuleKind;
use crate::domain::retention::{Policy, Rule, SpansFault, Tier};
use crate::domain::time::Timestamp;
use crate::store::retention::{self, Kept, KnownModule};
use crate::store::{Connection, Store, StoreError, chunks, rollups, series};

/// How long looking at what would go may take.
const LOOK_MAX: Duration = Duration::from_secs(20);
/// Modules read at once.
const MODULES_AT_ONCE: i64 = 1000;
/// How many modules are named of those that take most.
const LARGEST: usize = 20;

/// How long everything is kept, shared with whoever judges by it.
pub type SharedPolicy = Arc<ArcSwap<Policy>>;

/// Asks how long everything is kept.
#[derive(Debug, Message)]
#[rtype(result = "Arc<Policy>")]
pub struct ReadPolicy;

/// Puts rules in the place of all others; answers what holds now.
#[derive(Debug, Message)]
#[rtype(result = "Result<Arc<Policy>, RetentionError>")]
pub struct SetRules(pub Vec<Rule>);

/// Asks what rules would delete if they held now.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<Loss>, RetentionError>")]
pub struct PreviewRules(pub Vec<Rule>);

/// Asks what is kept.
#[derive(Debug, Message)]
#[rtype(result = "Result<Usage, RetentionError>")]
pub struct ReadUsage;

/// What would go of one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Loss {
    /// Samples, or windows of which length.
    pub tier: Tier,
    /// How many samples or windows.
    pub rows: i64,
    /// How many bytes they take.
    pub bytes: i64,
    /// When the first of them was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// When the last of them was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
}

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// All of it.
    pub all: Kept,
    /// By type of module.
    pub types: BTreeMap<String, Kept>,
    /// The modules that take most, the largest first.
    pub modules: Vec<(String, Kept)>,
    /// Bytes that come on a day, by the last days.
    pub growth: i64,
    /// How many bytes there will be in a month.
    pub in_a_month: i64,
}

/// Why a rule cannot be set, or nothing told.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// A rule cannot be.
    #[error("{1}")]
    Rule(usize, SpansFault),
    /// There is too much to look at.
    #[error("there is too much to look at it all; ask with fewer rules")]
    TooMuch,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps the rules; what they say is done by the keeper.
///
/// Invariant: rules are in the database before they hold.
pub struct Archivist {
    store: Store,
    policy: SharedPolicy,
}

impl Archivist {
    /// An archivist of the policy that others share.
    #[must_use]
    pub const fn new(store: Store, policy: SharedPolicy) -> Self {
        Self { store, policy }
    }

    fn policy_with(&self, rules: Vec<Rule>) -> Result<Policy, RetentionError> {
        let policy = Policy::new(*self.policy.load().defaults(), rules);
        policy.map_err(|(place, fault)| RetentionError::Rule(place, fault))
    }
}

impl Actor for Archivist {
    type Context = Context<Self>;
}

impl Handler<ReadPolicy> for Archivist {
    type Result = Arc<Policy>;

    fn handle(&mut self, _: ReadPolicy, _: &mut Self::Context) -> Self::Result {
        self.policy.load_full()
    }
}

impl Handler<SetRules> for Archivist {
    type Result = ResponseFuture<Result<Arc<Policy>, RetentionError>>;

    fn handle(&mut self, SetRules(rules): SetRules, _: &mut Self::Context) -> Self::Result {
        let (policy, shared, store) = (self.policy_with(rules.clone()), Arc::clone(&self.policy), self.store.clone());
        Box::pin(async move {
            let policy = Arc::new(policy?);
            store.write(move |conn| retention::set_rules(conn, &rules)).await?;
            shared.store(Arc::clone(&policy));
            Ok(policy)
        })
    }
}

impl Handler<PreviewRules> for Archivist {
    type Result = ResponseFuture<Result<Vec<Loss>, RetentionError>>;

    fn handle(&mut self, PreviewRules(rules): PreviewRules, _: &mut Self::Context) -> Self::Result {
        let (policy, store) = (self.policy_with(rules), self.store.clone());
        Box::pin(async move {
            let policy = policy?;
            store.read(move |conn| Ok(losses(conn, &policy))).await?
        })
    }
}

impl Handler<ReadUsage> for Archivist {
    type Result = ResponseFuture<Result<Usage, RetentionError>>;

    fn handle(&mut self, _: ReadUsage, _: &mut Self::Context) -> Self::Result {
        let store = self.store.clone();
        let keeps_raw = self.policy.load().defaults().of(Tier::Raw);
        Box::pin(async move { Ok(store.read(move |conn| usage(conn, keeps_raw)).await?) })
    }
}

fn losses(conn: &mut Connection, policy: &Policy) -> Result<Vec<Loss>, RetentionError> {
    let (started, now) = (Instant::now(), Timestamp::now());
    let mut losses = Tier::ALL.map(|tier| Loss { tier, rows: 0, bytes: 0, from: None, to: None });
    let mut after = 0;
    loop {
        let modules = retention::modules_after(conn, after, MODULES_AT_ONCE)?;
        let Some(last) = modules.last() else { return Ok(losses.into()) };
        after = last.number;
        for module in modules {
            let cutoffs = cutoffs(&policy.of(&module.kind, &module.id), now, Duration::ZERO);
            for one in series::of_module(conn, module.number)? {
                if started.elapsed() > LOOK_MAX {
                    return Err(RetentionError::TooMuch);
                }
                for (loss, cutoff) in losses.iter_mut().zip(cutoffs) {
                    let Some(cutoff) = cutoff else { continue };
                    loss.look(conn, one.id, cutoff)?;
                }
            }
        }
    }
}

impl Loss {
    fn look(&mut self, conn: &mut Connection, series: series::SeriesId, cutoff: i64) -> Result<(), StoreError> {
        match self.tier.level() {
            None => {
                if let Some(chunk) = chunks::outline_of_all(conn, series, cutoff)? {
                    self.add(chunk.samples, chunk.bytes, chunk.first_ts, chunk.last_ts);
                }
            }
            Some(level) => {
                let length = super::block::length_of(level);
                let before = cutoff.saturating_sub(length);
                if let Some((block, last)) = rollups::outline_of_all(conn, series, level, before)? {
                    self.add(block.windows, block.bytes, block.start, last + length - 1);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, rows: i64, bytes: i64, from: i64, to: i64) {
        self.rows += rows;
        self.bytes += bytes;
        let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
        self.from = Some(self.from.map_or(from, |known| known.min(from)));
        self.to = Some(self.to.map_or(to, |known| known.max(to)));
    }
}

fn usage(conn: &mut Connection, keeps_raw: Option<Duration>) -> Result<Usage, StoreError> {
    let mut known: BTreeMap<i64, (ModuleId, ModuleKind)> = BTreeMap::new();
    let mut after = 0;
    loop {
        let modules = retention::modules_after(conn, after, MODULES_AT_ONCE)?;
        let Some(last) = modules.last() else { break };
        after = last.number;
        known.extend(modules.into_iter().map(|KnownModule { number, id, kind }| (number, (id, kind))));
    }
    let mut usage = Usage::default();
    let mut modules: BTreeMap<ModuleId, Kept> = BTreeMap::new();
    for (number, kept) in retention::kept(conn)? {
        usage.all.add(&kept);
        if let Some((id, kind)) = known.get(&number) {
            usage.types.entry(kind.to_string()).or_default().add(&kept);
            modules.entry(id.clone()).or_default().add(&kept);
        }
    }
    let mut modules: Vec<_> = modules.into_iter().map(|(id, kept)| (id.to_string(), kept)).collect();
    modules.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.total()));
    modules.truncate(LARGEST);
    usage.modules = modules;
    usage.growth = growth(conn)?;
    usage.in_a_month = in_a_month(&usage, keeps_raw);
    Ok(usage)
}

/// The mean of the last whole days, or what today comes to if there are none.
fn growth(conn: &mut Connection) -> Result<i64, StoreError> {
    let now = Timestamp::now().as_millis();
    let days = retention::growth_before(conn, now)?;
    if let Some(count) = i64::try_from(days.len()).ok().filter(|count| *count > 0) {
        return Ok(days.iter().sum::<i64>() / count);
    }
    let so_far = now.rem_euclid(86_400_000).max(60_000);
    let today = retention::growth_on(conn, now)?;
    Ok(i64::try_from(i128::from(today) * 86_400_000 / i128::from(so_far)).unwrap_or(i64::MAX))
}

/// What there is and what comes in thirty days, but of samples no more than are kept.
fn in_a_month(usage: &Usage, keeps_raw: Option<Duration>) -> i64 {
    let grown = usage.all.total().saturating_add(usage.growth.saturating_mul(30));
    let Some(keeps_raw) = keeps_raw else { return grown };
    let days = i64::try_from(keeps_raw.as_secs() / 86_400).unwrap_or(i64::MAX);
    let windows = usage.all.total() - usage.all.bytes[0];
    let full = usage.growth.saturating_mul(days).saturating_add(windows);
    grown.min(full.max(usage.all.total()))
}

#[cfg(test)]
mod tests;
