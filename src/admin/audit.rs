//! The actor that writes down what people did, and tells it to whoever may ask.

use std::time::Duration;

use actix::prelude::*;

use crate::domain::audit::Deed;
use crate::domain::time::Timestamp;
use crate::store::audit::{self, AuditFilter, Entry};
use crate::store::{Store, StoreError};

/// How long writing a deed down may take, for those who wait for it.
pub const NOTE_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes a deed down; answered after the commit.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Note(pub Deed);

/// Asks for one page of the deeds, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<AuditPage, StoreError>")]
pub struct ListDeeds(pub AuditFilter);

/// One page of the deeds.
#[derive(Debug)]
pub struct AuditPage {
    /// The deeds of the page.
    pub entries: Vec<Entry>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Keeps the audit.
pub struct Audit {
    store: Store,
}

impl Audit {
    /// An audit in the store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Actor for Audit {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
    }
}

impl Handler<Note> for Audit {
    type Result = ResponseFuture<Result<(), StoreError>>;

    fn handle(&mut self, Note(deed): Note, _: &mut Self::Context) -> Self::Result {
        let store = self.store.clone();
        Box::pin(async move { store.write(move |conn| audit::insert(conn, &deed, Timestamp::now())).await })
    }
}

impl Handler<ListDeeds> for Audit {
    type Result = ResponseFuture<Result<AuditPage, StoreError>>;

    fn handle(&mut self, ListDeeds(filter): ListDeeds, _: &mut Self::Context) -> Self::Result {
        let store = self.store.clone();
        Box::pin(async move {
            let (entries, total) = store.read(move |conn| audit::list(conn, &filter)).await?;
            Ok(AuditPage { entries, total: total.unsigned_abs() })
        })
    }
}
