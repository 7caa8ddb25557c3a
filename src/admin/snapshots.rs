//! Tells the state behind topics, as far as a person may see it.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures_util::future::join_all;
use serde::Serialize;

use super::audit::Note;
use super::room::{AdminRoom, ReadStats};
use crate::auth::Principal;
use crate::domain::audit::Action;
use crate::domain::event::json;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;
use crate::module;
use crate::session::{Snapshot, TakeSnapshots};

/// How long a question to another actor may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// Asks whoever holds the state behind a topic; holds none itself.
pub struct Snapshots {
    modules: Addr<module::Registry>,
    room: Addr<AdminRoom>,
    audit: Recipient<Note>,
}

impl Snapshots {
    /// A teller of what the first two hold; who begins a tap is written down by the third.
    #[must_use]
    pub const fn new(modules: Addr<module::Registry>, room: Addr<AdminRoom>, audit: Recipient<Note>) -> Self {
        Self { modules, room, audit }
    }
}

impl Actor for Snapshots {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(4096);
    }
}

impl Handler<TakeSnapshots> for Snapshots {
    type Result = ResponseFuture<Vec<Result<Snapshot, Problem>>>;

    fn handle(&mut self, asked: TakeSnapshots, _: &mut Self::Context) -> Self::Result {
        let TakeSnapshots { principal, topics } = asked;
        let answers = topics.into_iter().map({
            let (modules, room, audit) = (self.modules.clone(), self.room.clone(), self.audit.clone());
            move |topic| take(topic, Arc::clone(&principal), modules.clone(), room.clone(), audit.clone())
        });
        Box::pin(join_all(answers))
    }
}

async fn take(
    topic: Topic,
    principal: Arc<Principal>,
    modules: Addr<module::Registry>,
    room: Addr<AdminRoom>,
    audit: Recipient<Note>,
) -> Result<Snapshot, Problem> {
    match topic {
        Topic::Modules => {
            let asked = module::TakeSnapshot { by: Principal::clone(&principal) };
            modules.send(asked).timeout(ASK_TIMEOUT).await.map_err(|_| Problem::busy())
        }
        Topic::Module(id) => {
            let asked = module::GetModule { by: Principal::clone(&principal), id };
            let found = modules.send(asked).timeout(ASK_TIMEOUT).await.map_err(|_| Problem::busy())?;
            let module = found.map_err(|error| error.problem())?;
            Ok(object("module", &module))
        }
        Topic::Admin => {
            let stats = room.send(ReadStats).timeout(ASK_TIMEOUT).await.map_err(|_| Problem::busy())?;
            Ok(object("stats", &stats))
        }
        Topic::Tap(channel) => {
            let deed = principal.deed(Action::TapBegin, channel);
            // Nobody listens to it before it is written down.
            match audit.send(Note(deed)).timeout(ASK_TIMEOUT).await {
                Ok(Ok(())) => Ok(nothing()),
                _ => Err(Problem::busy()),
            }
        }
        // Nothing stands behind these: their events are all there is.
        Topic::User(_) | Topic::Alarms | Topic::Dashboard | Topic::Custom(_) => Ok(nothing()),
    }
}

fn object(key: &str, value: &impl Serialize) -> Snapshot {
    json(&std::collections::BTreeMap::from([(key, value)])).into()
}

fn nothing() -> Snapshot {
    json(&serde_json::Map::new()).into()
}
