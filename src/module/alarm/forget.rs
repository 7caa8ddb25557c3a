//! How cleared alarms are forgotten: of a module, and of all.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::desk::Desk;
use crate::config::Alarms;
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::alarms::{self, Kept};

/// How many alarms are cleared before it is looked whether there are too many, though the time for that has not come.
const NOTED: usize = 1000;
/// How many alarms of one module are cleared before it is looked whether there are too many of its own.
const NOTED_OF_MODULE: usize = 50;
/// How many alarms are looked at in one transaction.
const AT_ONCE: i64 = 500;
/// How long others may write before more is forgotten.
const REST: Duration = Duration::from_millis(20);

/// What has been cleared since it was last looked whether there is too much.
#[derive(Debug, Default)]
pub struct Forgetting {
    noted: RefCell<HashMap<ModuleId, usize>>,
    count: Cell<usize>,
    is_under_way: Cell<bool>,
}

impl Forgetting {
    /// An alarm of a module was cleared.
    pub fn note(&self, module: &ModuleId) {
        *self.noted.borrow_mut().entry(module.clone()).or_default() += 1;
        self.count.set(self.count.get() + 1);
    }

    /// Whether so many were cleared that it is to be looked now.
    pub const fn is_due(&self) -> bool {
        self.count.get() >= NOTED
    }

    /// The modules of which many alarms were cleared; nothing is noted after that.
    fn take(&self) -> Vec<ModuleId> {
        self.count.set(0);
        let noted = self.noted.take();
        noted.into_iter().filter(|(_, cleared)| *cleared >= NOTED_OF_MODULE).map(|(module, _)| module).collect()
    }
}

impl Desk {
    /// Forgets alarms that were cleared long ago or are too many, unless somebody does already.
    pub fn forget(self: &Rc<Self>) {
        if self.forgetting.is_under_way.replace(true) {
            return;
        }
        let desk = Rc::clone(self);
        actix::spawn(async move {
            if let Err(error) = desk.forget_all().await {
                tracing::warn!(%error, "old alarms are forgotten later");
            }
            desk.forgetting.is_under_way.set(false);
        });
    }

    async fn forget_all(&self) -> Result<(), StoreError> {
        let Alarms { keep, keep_each, max_age, .. } = self.options;
        for module in self.forgetting.take() {
            self.forget_while(Kept::OfModule { module, newest: keep_each }).await?;
        }
        self.forget_while(Kept::Since(Timestamp::now().minus(max_age))).await?;
        self.forget_while(Kept::Newest(keep)).await
    }

    async fn forget_while(&self, kept: Kept) -> Result<(), StoreError> {
        let mut spared = 0;
        loop {
            let kept = kept.clone();
            let seen = self.store.write(move |conn| alarms::forget(conn, &kept, spared, AT_ONCE)).await?;
            if seen.all() < AT_ONCE {
                return Ok(());
            }
            spared += seen.spared;
            tokio::time::sleep(REST).await;
        }
    }
}
