//! The actor that says how long the history is kept, what is in it, and what another rule would delete.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use arc_swap::ArcSwap;
use serde::Serialize;

use super::expiry::{MODULES_AT_ONCE, beginnings, cutoffs};
use super::forecast::{Holding, growth, in_a_month};
use super::turns::Turns;
use crate::domain::ids::ModuleId;
use crate::domain::module::ModuleKind;
use crate::domain::retention::{Policy, Rule, SpansFault, Tier};
use crate::domain::time::Timestamp;
use crate::store::expiry::{self, Cutoff};
use crate::store::growth;
use crate::store::readings::ModuleNumber;
use crate::store::retention::{self, Kept, KnownModule};
use crate::store::{Connection, Store, StoreError};

/// How long looking at what would go may take.
const LOOK_MAX: Duration = Duration::from_secs(20);
/// Modules read at once.
const MODULES_READ_AT_ONCE: i64 = 1000;
/// The length of a day, in milliseconds.
const DAY: i64 = 86_400_000;
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
pub struct SetRules {
    /// The rules.
    pub rules: Vec<Rule>,
    /// The version whose place they take, see [`Policy::version`]; none for whichever holds.
    pub expected: Option<u64>,
}

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
    /// How many bytes of the database they take, about.
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
    /// Bytes that come on a day, by the last days; none if that is not known yet.
    pub growth: Option<i64>,
    /// How many bytes there will be in a month: no more than the rules keep, and no more than there may be; none if nobody
    /// knows yet how fast it grows.
    pub in_a_month: Option<i64>,
}

/// Why a rule cannot be set, or nothing told.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// A rule cannot be.
    #[error("{1}")]
    Rule(usize, SpansFault),
    /// Other rules hold than those that were to be replaced.
    #[error("somebody else has changed the rules; read them again, and look again at what yours would delete")]
    Changed,
    /// There is too much to look at.
    #[error("there is too much to look at it all; ask with fewer rules")]
    TooMuch,
    /// Too much is asked of the history at the same time.
    #[error("much of the history is looked at already; try again in a moment")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps the rules; what they say is done by the keeper.
///
/// Invariant: rules are in the database before they hold, and no two changes are under way at the same time.
pub struct Archivist {
    store: Store,
    policy: SharedPolicy,
    max_bytes: Option<i64>,
    turns: Turns,
}

impl Archivist {
    /// An archivist of the policy that others share, and of a history of so many bytes at most; none for no such bound.
    #[must_use]
    pub const fn new(store: Store, policy: SharedPolicy, max_bytes: Option<i64>, turns: Turns) -> Self {
        Self { store, policy, max_bytes, turns }
    }

    /// Reads much in a turn of the house.
    fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, RetentionError> + Send + 'static,
    ) -> impl Future<Output = Result<T, RetentionError>> + 'static {
        let (store, turns) = (self.store.clone(), self.turns.clone());
        async move {
            let turn = turns.turn(None).await.map_err(|_| RetentionError::Busy)?;
            let looking = move |conn: &mut Connection| {
                let result = work(conn);
                // It lasts as long as the connection is in use.
                drop(turn);
                Ok(result)
            };
            store.read(looking).await?
        }
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
    type Result = AtomicResponse<Self, Result<Arc<Policy>, RetentionError>>;

    fn handle(&mut self, SetRules { rules, expected }: SetRules, _: &mut Self::Context) -> Self::Result {
        let holds = self.policy.load().version();
        let is_expected = expected.is_none_or(|expected| expected == holds);
        let policy = if is_expected { self.policy_with(rules.clone()) } else { Err(RetentionError::Changed) };
        let (shared, store) = (Arc::clone(&self.policy), self.store.clone());
        let setting = async move {
            let policy = Arc::new(policy?);
            store.write(move |conn| retention::set_rules(conn, &rules)).await?;
            shared.store(Arc::clone(&policy));
            Ok(policy)
        };
        AtomicResponse::new(Box::pin(setting.into_actor(self)))
    }
}

impl Handler<PreviewRules> for Archivist {
    type Result = ResponseFuture<Result<Vec<Loss>, RetentionError>>;

    fn handle(&mut self, PreviewRules(rules): PreviewRules, _: &mut Self::Context) -> Self::Result {
        let policy = match self.policy_with(rules) {
            Ok(policy) => policy,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        Box::pin(self.look(move |conn| losses(conn, &policy)))
    }
}

impl Handler<ReadUsage> for Archivist {
    type Result = ResponseFuture<Result<Usage, RetentionError>>;

    fn handle(&mut self, _: ReadUsage, _: &mut Self::Context) -> Self::Result {
        let (policy, max_bytes) = (self.policy.load_full(), self.max_bytes);
        Box::pin(self.look(move |conn| Ok(usage(conn, &policy, max_bytes)?)))
    }
}

fn losses(conn: &mut Connection, policy: &Policy) -> Result<Vec<Loss>, RetentionError> {
    let (started, now) = (Instant::now(), Timestamp::now());
    let mut losses = Tier::ALL.map(|tier| Loss { tier, rows: 0, bytes: 0, from: None, to: None });
    let mut after = ModuleNumber::MIN;
    loop {
        let modules = retention::modules_after(conn, after, MODULES_AT_ONCE)?;
        let Some(last) = modules.last() else { return Ok(losses.into()) };
        after = last.number;
        let cutoffs: Vec<_> = modules
            .iter()
            .map(|module| (module.number, cutoffs(&policy.of(&module.kind, &module.id), now, Duration::ZERO)))
            .collect();
        for (place, loss) in losses.iter_mut().enumerate() {
            if started.elapsed() > LOOK_MAX {
                return Err(RetentionError::TooMuch);
            }
            let of_tier = |(module, cutoffs): &(ModuleNumber, [Option<i64>; 5])| Some((*module, cutoffs[place]?));
            loss.look(conn, &cutoffs.iter().filter_map(of_tier).collect::<Vec<_>>())?;
        }
    }
}

impl Loss {
    fn look(&mut self, conn: &mut Connection, cutoffs: &[Cutoff]) -> Result<(), StoreError> {
        if cutoffs.is_empty() {
            return Ok(());
        }
        let sum = expiry::sum_before(conn, self.tier, &beginnings(self.tier, cutoffs))?;
        self.rows += sum.count;
        self.bytes += retention::on_disk(sum.bytes);
        let rest = self.tier.level().map_or(0, |level| super::block::length_of(level) - 1);
        let (from, to) = (sum.first, sum.last.map(|last| last.saturating_add(rest)));
        self.from = self.from.into_iter().chain(from.map(Timestamp::from_millis)).min();
        self.to = self.to.into_iter().chain(to.map(Timestamp::from_millis)).max();
        Ok(())
    }
}

fn usage(conn: &mut Connection, policy: &Policy, max_bytes: Option<i64>) -> Result<Usage, StoreError> {
    let known = known_modules(conn)?;
    let mut usage = Usage::default();
    let (mut modules, mut holdings) = (Vec::new(), Vec::new());
    let kept = retention::kept(conn)?;
    let mut firsts = Vec::new();
    for tier in Tier::ALL {
        firsts.push(expiry::first_of_modules(conn, tier)?);
    }
    for (number, kept) in kept {
        usage.all.add(&kept);
        let Some((id, kind)) = known.get(&number) else { continue };
        usage.types.entry(kind.to_string()).or_default().add(&kept);
        modules.push((id.to_string(), kept));
        let spans = policy.of(kind, id);
        for ((tier, firsts), bytes) in Tier::ALL.into_iter().zip(&firsts).zip(kept.bytes) {
            let first = firsts.get(&number).copied().map(Timestamp::from_millis);
            let age = first.map_or(Duration::ZERO, |first| Timestamp::now().since(first));
            holdings.push(Holding { bytes, age, kept_for: spans.of(tier) });
        }
    }
    modules.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.total()));
    modules.truncate(LARGEST);
    usage.modules = modules;
    let mut days = growth::days(conn)?;
    days.iter_mut().for_each(|grown| grown.bytes = retention::on_disk(grown.bytes));
    usage.growth = growth(&days, Timestamp::now().as_millis().div_euclid(DAY));
    usage.in_a_month = usage.growth.map(|growth| in_a_month(&holdings, growth, max_bytes));
    Ok(usage)
}

fn known_modules(conn: &mut Connection) -> Result<BTreeMap<ModuleNumber, (ModuleId, ModuleKind)>, StoreError> {
    let (mut known, mut after) = (BTreeMap::new(), ModuleNumber::MIN);
    loop {
        let modules = retention::modules_after(conn, after, MODULES_READ_AT_ONCE)?;
        let Some(last) = modules.last() else { return Ok(known) };
        after = last.number;
        known.extend(modules.into_iter().map(|KnownModule { number, id, kind }| (number, (id, kind))));
    }
}

#[cfg(test)]
mod tests;
