//! The actor that stores latest states, many in one commit.

use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::batch::{Answers, Batch};
use crate::config;
use crate::store::latest::{Commit, CommitError};
use crate::store::{Store, StoreError, modules};

/// Answered when all that was asked before is stored, or has failed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Flush;

/// Gathers latest states and stores them together.
///
/// Invariant: one commit at a time; what comes meanwhile gathers for the next, the newest state per module.
/// Invariant: whoever asked is answered exactly once, after the commit that held their state or a newer one.
pub struct Collector {
    store: Store,
    options: config::Telemetry,
    batch: Batch,
    flushes: Vec<oneshot::Sender<()>>,
    turn: Option<SpawnHandle>,
    is_committing: bool,
}

impl Collector {
    /// A collector with nothing gathered.
    #[must_use]
    pub fn new(store: Store, options: config::Telemetry) -> Self {
        Self { store, options, batch: Batch::default(), flushes: Vec::new(), turn: None, is_committing: false }
    }

    /// Commits at once what must not wait, and in a moment what may gather company.
    fn begin_turn(&mut self, ctx: &mut Context<Self>) {
        if self.is_committing {
            return;
        }
        if self.batch.is_empty() {
            for flushed in self.flushes.drain(..) {
                // Who asked may have gone.
                let _ = flushed.send(());
            }
        } else if self.batch.len() >= self.options.max_batch || !self.flushes.is_empty() {
            self.commit(ctx);
        } else if self.turn.is_none() {
            self.turn = Some(ctx.run_later(self.options.commit_interval, Self::commit));
        }
    }

    fn commit(&mut self, ctx: &mut Context<Self>) {
        let (commits, answers) = self.batch.take(self.options.max_batch);
        self.is_committing = true;
        if let Some(turn) = self.turn.take() {
            ctx.cancel_future(turn);
        }
        let store = self.store.clone();
        let stored = async move { store.write(move |conn| modules::save_states(conn, &commits)).await };
        ctx.spawn(stored.into_actor(self).map(|result, collector, ctx| {
            collector.is_committing = false;
            answer(answers, result);
            collector.begin_turn(ctx);
        }));
    }
}

fn answer(answers: Answers, result: Result<(), StoreError>) {
    let result = result.map_err(|error| {
        tracing::error!(%error, waiting = answers.len(), "readings were not stored");
        CommitError::Store(Arc::new(error))
    });
    for waiting in answers {
        // Who asked may have gone.
        let _ = waiting.send(result.clone());
    }
}

impl Actor for Collector {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.options.max_waiting);
    }
}

impl Handler<Commit> for Collector {
    type Result = ResponseFuture<Result<(), CommitError>>;

    fn handle(&mut self, commit: Commit, ctx: &mut Self::Context) -> Self::Result {
        if self.batch.waiting() >= self.options.max_waiting {
            return Box::pin(std::future::ready(Err(CommitError::Busy)));
        }
        let (answer, answered) = oneshot::channel();
        self.batch.add(commit, answer);
        self.begin_turn(ctx);
        Box::pin(async move { answered.await.unwrap_or(Err(CommitError::Busy)) })
    }
}

impl Handler<Flush> for Collector {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) -> Self::Result {
        let (flushed, has_flushed) = oneshot::channel();
        self.flushes.push(flushed);
        self.begin_turn(ctx);
        // A collector that is gone has nothing left to store.
        Box::pin(async move { has_flushed.await.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;
    use crate::domain::module::TokenHash;
    use crate::domain::telemetry::LatestState;
    use crate::domain::time::Timestamp;
    use crate::store::modules::{ModuleRecord, load_all};
    use crate::store::testing::Scratch;

    async fn store_with(scratch: &Scratch, ids: &[&'static str]) -> Store {
        let store = scratch.store();
        for id in ids {
            let record = ModuleRecord {
                id: id.parse().unwrap(),
                name: id.parse().unwrap(),
                kind: "Station".parse().unwrap(),
                owner: None,
                token_hash: TokenHash::of(id),
                created_at: Timestamp::from_millis(1),
                updated_at: Timestamp::from_millis(1),
            };
            store.write(move |conn| modules::insert(conn, &record)).await.unwrap();
        }
        store
    }

    fn commit(id: &str, speed: u64) -> Commit {
        let values = serde_json::from_str(&format!(r#"{{"speed":{speed}}}"#)).unwrap();
        let state = Some(Arc::new(LatestState::new(values)));
        Commit { module_id: id.parse().unwrap(), state, seen_at: Timestamp::from_millis(5) }
    }

    #[actix::test]
    async fn many_share_few_commits_and_the_newest_state_wins() {
        let scratch = Scratch::new();
        let store = store_with(&scratch, &["MC-1", "MC-2"]).await;
        let writes_before = store.counts().writes;
        let collector = Collector::new(store.clone(), config::Telemetry::default()).start();

        let asked = (0..100).map(|speed| collector.send(commit(if speed % 2 == 0 { "MC-1" } else { "MC-2" }, speed)));
        let answers = join_all(asked).await;

        assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
        assert!(store.counts().writes - writes_before <= 3);
        let stored = store.read(load_all).await.unwrap();
        let texts: Vec<_> = stored.iter().map(|one| serde_json::to_string(&one.telemetry).unwrap()).collect();
        assert_eq!(texts, [r#"{"speed":98}"#, r#"{"speed":99}"#]);
    }

    #[actix::test]
    async fn a_full_waiting_line_refuses_and_a_flush_stores_what_waits() {
        let scratch = Scratch::new();
        let store = store_with(&scratch, &["MC-1"]).await;
        let options = config::Telemetry {
            max_waiting: 2,
            max_batch: 2,
            commit_interval: Duration::from_secs(1000),
            ..config::Telemetry::default()
        };
        let collector = Collector::new(store.clone(), options).start();

        let (first, second) = (collector.send(commit("MC-1", 1)), collector.send(commit("MC-1", 2)));
        let refused = collector.send(commit("MC-1", 3));
        let (first, second, refused) = {
            let waiting = tokio::spawn(async { tokio::join!(first, second) });
            let refused = refused.await.unwrap();
            collector.send(Flush).await.unwrap();
            let (first, second) = waiting.await.unwrap();
            (first.unwrap(), second.unwrap(), refused)
        };

        assert!(first.is_ok() && second.is_ok());
        assert!(matches!(refused, Err(CommitError::Busy)));
    }
}
