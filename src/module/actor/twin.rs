//! The twin: the state that people want of the module, and the one it says it has; one change after the other.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::Mutex;

use super::super::command::{ChangeDesired, Desired, ReadTwin, Report, ToDevice};
use super::super::entry::Entry;
use super::super::error::ModuleError;
use super::{ANSWER_TIMEOUT, Module};
use crate::broker::{BrokerError, Publish};
use crate::domain::event::NewEvent;
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;
use crate::store::twins::{self, Twin};
use crate::store::{Store, StoreError};

/// How many changes of one twin may wait for their turn.
const WAITING_MAX: usize = 64;
/// How often, and how soon, the broker is asked again when too much waits for it.
const RETRIES: usize = 5;
const RETRY_AFTER: Duration = Duration::from_millis(200);

type Changed = Result<Arc<Twin>, ModuleError>;

/// The newest twin that is stored, once it was read.
///
/// Invariant: whoever changes the twin holds the lock until the change is stored and published, so that versions are told
/// in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct TwinCell(Arc<Mutex<Option<Arc<Twin>>>>);

impl TwinCell {
    /// The twin as it is.
    pub(super) async fn read(&self, store: &Store, id: &ModuleId) -> Result<Arc<Twin>, StoreError> {
        let mut known = self.0.lock().await;
        load(&mut known, store, id).await
    }

    async fn change(
        self,
        store: Store,
        entry: Arc<Entry>,
        publish: Recipient<Publish>,
        change: impl FnOnce(&Twin) -> Result<Option<Twin>, ModuleError>,
    ) -> Changed {
        let mut known = self.0.lock().await;
        let id = entry.id.clone();
        let before = load(&mut known, &store, &id).await?;
        let Some(after) = change(&before)? else { return Ok(before) };
        let after = Arc::new(after);
        let (stored, module) = (Arc::clone(&after), id.clone());
        // After an error it may be stored all the same: whoever comes next reads it again.
        *known = None;
        store.write(move |conn| twins::save(conn, &module, &stored)).await?;
        *known = Some(Arc::clone(&after));
        tell(&publish, &entry, &after).await;
        Ok(after)
    }

    /// Tells the twin again, to who owns the module now.
    async fn tell_again(self, store: Store, entry: Arc<Entry>, publish: Recipient<Publish>) {
        let mut known = self.0.lock().await;
        match load(&mut known, &store, &entry.id).await {
            Ok(twin) if twin.desired_version + twin.reported_version > 0 => tell(&publish, &entry, &twin).await,
            Ok(_) => {}
            Err(error) => tracing::warn!(module.id = %entry.id, %error, "a twin is told with its next change only"),
        }
    }
}

async fn load(known: &mut Option<Arc<Twin>>, store: &Store, id: &ModuleId) -> Result<Arc<Twin>, StoreError> {
    if let Some(twin) = known {
        return Ok(Arc::clone(twin));
    }
    let module = id.clone();
    let twin = Arc::new(store.read(move |conn| twins::find(conn, &module)).await?);
    *known = Some(Arc::clone(&twin));
    Ok(twin)
}

async fn tell(publish: &Recipient<Publish>, entry: &Entry, twin: &Twin) {
    let event = NewEvent::twin_updated(&entry.id, entry.meta.load().owner.as_ref(), twin);
    for _ in 0..RETRIES {
        match publish.send(Publish(event.clone())).timeout(ANSWER_TIMEOUT).await {
            Ok(Err(BrokerError::Full)) => tokio::time::sleep(RETRY_AFTER).await,
            Ok(_) => return,
            Err(_) => break,
        }
    }
    tracing::warn!("a change of a twin is told with the next one only");
}

impl Module {
    fn change_twin(
        &mut self,
        change: impl FnOnce(&Twin) -> Result<Option<Twin>, ModuleError> + 'static,
        ctx: &mut Context<Self>,
    ) -> ResponseFuture<Changed> {
        if self.commanding.at_work >= WAITING_MAX {
            return Box::pin(std::future::ready(Err(ModuleError::Busy)));
        }
        self.last_work = tokio::time::Instant::now();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let (store, entry, publish) = (self.shared.store.clone(), Arc::clone(&self.entry), self.shared.publish.clone());
        let changing = self.commanding.twin.clone().change(store, entry, publish, change);
        self.work(changing, ctx, move |changed, module, _| {
            if let Ok(twin) = &changed
                && module.note_desired(twin)
            {
                module.tell_desired();
            }
            // Who asked may have gone.
            let _ = answer.send(changed);
        });
        Box::pin(async move { answered.await.unwrap_or(Err(ModuleError::Busy)) })
    }

    /// Tells the twin to the module's new owner.
    pub(super) fn retell_twin(&mut self, ctx: &mut Context<Self>) {
        let (store, entry, publish) = (self.shared.store.clone(), Arc::clone(&self.entry), self.shared.publish.clone());
        let telling = self.commanding.twin.clone().tell_again(store, entry, publish);
        self.work(telling, ctx, |(), _, _| {});
    }

    /// Tells the device what people want, unless it must stand still: it is told when it need not any more.
    pub(super) fn tell_desired(&self) {
        if let Some(desired) = &self.commanding.desired
            && self.stop_in_force().is_none()
        {
            self.commanding.tell(ToDevice::Desired(desired.clone()));
        }
    }

    /// Remembers what the device is to be told; answers whether that is newer than what it was told.
    pub(super) fn note_desired(&mut self, twin: &Twin) -> bool {
        let told = self.commanding.desired.as_ref().map_or(0, |desired| desired.version);
        if twin.desired_version <= told {
            return false;
        }
        let desired = Arc::new(twin.desired.clone());
        self.commanding.desired = Some(Desired { desired, version: twin.desired_version });
        true
    }
}

impl Handler<ChangeDesired> for Module {
    type Result = ResponseFuture<Changed>;

    fn handle(&mut self, ChangeDesired { patch, expected }: ChangeDesired, ctx: &mut Self::Context) -> Self::Result {
        let may_change = match self.stop_in_force() {
            Some(stop) => Err(ModuleError::Stopped(self.entry.id.clone(), stop.id.clone())),
            None => Ok(()),
        };
        if let Err(error) = self.check(None).and(may_change) {
            return Box::pin(std::future::ready(Err(error)));
        }
        let change = move |before: &Twin| {
            if expected.is_some_and(|expected| expected != before.desired_version) {
                return Err(ModuleError::VersionChanged(before.desired_version));
            }
            let desired = before.desired.merged(&patch)?;
            let (desired_version, desired_at) = (before.desired_version + 1, Some(Timestamp::now()));
            let has_changed = desired != before.desired;
            Ok(has_changed.then(|| Twin { desired, desired_version, desired_at, ..before.clone() }))
        };
        self.change_twin(change, ctx)
    }
}

impl Handler<Report> for Module {
    type Result = ResponseFuture<Changed>;

    fn handle(&mut self, Report { patch, token }: Report, ctx: &mut Self::Context) -> Self::Result {
        if let Err(error) = self.check(token) {
            return Box::pin(std::future::ready(Err(error)));
        }
        if token.is_some() {
            self.hear_over_http(ctx);
            self.pump(ctx);
        }
        let change = move |before: &Twin| {
            let reported = before.reported.merged(&patch)?;
            let (reported_version, reported_at) = (before.reported_version + 1, Some(Timestamp::now()));
            let has_changed = reported != before.reported;
            Ok(has_changed.then(|| Twin { reported, reported_version, reported_at, ..before.clone() }))
        };
        self.change_twin(change, ctx)
    }
}

impl Handler<ReadTwin> for Module {
    type Result = ResponseFuture<Changed>;

    fn handle(&mut self, ReadTwin { token }: ReadTwin, _: &mut Self::Context) -> Self::Result {
        let (checked, cell) = (self.check(token), self.commanding.twin.clone());
        let (store, id) = (self.shared.store.clone(), self.entry.id.clone());
        Box::pin(async move {
            checked?;
            Ok(cell.read(&store, &id).await?)
        })
    }
}
