//! How a worker thread finds module actors without asking the registry each time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Addr, Handler, MailboxError, Message};

use super::actor::{Ingest, Module};
use super::error::ModuleError;
use super::messages::{ByToken, GetModule, Locate, Located};
use super::registry::Registry;
use super::strangers::WrongTokens;
use crate::auth::Principal;
use crate::domain::ids::ModuleId;
use crate::domain::module::TokenHash;
use crate::domain::telemetry::Reading;
use crate::store::offer::Offer;

/// How long registry and modules may take; longer than their own time-outs together.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);
/// How often a module that went to rest meanwhile is located again.
pub(super) const ATTEMPTS: usize = 10;
/// Modules kept before those whose actors have stopped are looked for.
const SWEEP_FROM: usize = 1024;

/// A module that has shown its token.
#[derive(Debug, Clone)]
pub struct Identified {
    /// Which module.
    pub module_id: ModuleId,
    /// The token it has shown.
    pub token: TokenHash,
}

/// Finds which module a token belongs to; `named` is the module the caller says it is.
///
/// # Errors
/// [`ModuleError::WrongToken`], the same for an unknown module and a wrong token.
pub async fn identify(registry: &Addr<Registry>, named: Option<&str>, token: &str) -> Result<Identified, ModuleError> {
    let token = TokenHash::of(token);
    let found = registry.send(ByToken(token)).timeout(ANSWER_TIMEOUT).await?;
    let module_id = found.filter(|id| named.is_none_or(|named| named == id.as_str())).ok_or(ModuleError::WrongToken)?;
    Ok(Identified { module_id, token })
}

/// The module actors a worker thread has spoken to.
pub struct Directory {
    registry: Addr<Registry>,
    wrong_tokens: WrongTokens,
    known: RefCell<Known>,
}

#[derive(Default)]
struct Known {
    modules: HashMap<ModuleId, Located>,
    sweep_at: usize,
}

impl Directory {
    /// Knows nobody yet; counts wrong tokens with all who share the count.
    #[must_use]
    pub fn new(registry: Addr<Registry>, wrong_tokens: WrongTokens) -> Self {
        Self { registry, wrong_tokens, known: RefCell::default() }
    }

    /// Hands readings to a module; answers how many, once they are published and stored.
    ///
    /// # Errors
    /// [`ModuleError::WrongToken`] also for a module that is not there.
    pub async fn ingest(
        &self,
        id: &ModuleId,
        readings: Arc<[Reading]>,
        token: TokenHash,
    ) -> Result<usize, ModuleError> {
        for _ in 0..ATTEMPTS {
            let module = self.locate(id).await.map_err(as_stranger)?;
            let offer = Offer::default();
            let ingest = Ingest::now(Arc::clone(&readings), Some(token), offer.clone());
            match module.send(ingest).timeout(ANSWER_TIMEOUT).await {
                Ok(result) => return result.map_err(as_stranger),
                Err(MailboxError::Timeout) => return Err(ModuleError::given_up(&offer)),
                // It went to rest before it read this; the next one reads it.
                Err(MailboxError::Closed) => self.forget(id),
            }
            tokio::task::yield_now().await;
        }
        Err(ModuleError::Busy)
    }

    /// Makes sure that a token is that of a module, and answers its hash: in memory, before any of its body is read and its
    /// actor starts; of a module this thread has spoken to without asking another one. Whoever comes from an address that
    /// shows many wrong ones is refused slowly; a right one is let in all the same.
    ///
    /// # Errors
    /// [`ModuleError::WrongToken`] also for a module that is not there, [`ModuleError::Throttled`].
    pub async fn verify(&self, id: &ModuleId, token: &str, from: IpAddr) -> Result<TokenHash, ModuleError> {
        if let Some(hash) = self.recognise(id, token) {
            return Ok(hash);
        }
        let known = identify(&self.registry, Some(id.as_str()), token).await.map(|identified| identified.token);
        if matches!(known, Err(ModuleError::WrongToken)) {
            self.wrong_tokens.count(from).await.map_err(ModuleError::Throttled)?;
        }
        known
    }

    /// Makes sure that a person may see a module.
    ///
    /// # Errors
    /// [`ModuleError::NotFound`] when they may not, or there is none.
    pub async fn see(&self, by: &Principal, id: &ModuleId) -> Result<(), ModuleError> {
        let asked = GetModule { by: by.clone(), id: id.clone() };
        self.registry.send(asked).timeout(ANSWER_TIMEOUT).await?.map(drop)
    }

    /// Says something to a module, also when it goes to rest at this very moment; who may is for the caller to know.
    ///
    /// # Errors
    /// What the module answers; [`ModuleError::Busy`] when it does not within the patience.
    pub async fn ask<M, T>(&self, id: &ModuleId, message: M, patience: Duration) -> Result<T, ModuleError>
    where
        M: Message<Result = Result<T, ModuleError>> + Clone + Send + 'static,
        T: Send + 'static,
        Module: Handler<M>,
        <Module as actix::Actor>::Context: ToEnvelope<Module, M>,
    {
        for _ in 0..ATTEMPTS {
            let module = self.locate(id).await?;
            match module.send(message.clone()).timeout(patience).await {
                Ok(result) => return result,
                Err(MailboxError::Timeout) => return Err(ModuleError::Busy),
                Err(MailboxError::Closed) => self.forget(id),
            }
            tokio::task::yield_now().await;
        }
        Err(ModuleError::Busy)
    }

    /// The hash of a token, if it is that of a module whose actor runs; one that was removed is no longer running, or
    /// refuses what comes.
    fn recognise(&self, id: &ModuleId, token: &str) -> Option<TokenHash> {
        let known = self.known.borrow();
        let module = known.modules.get(id).filter(|module| module.actor.connected())?;
        let hash = TokenHash::of(token);
        (module.entry.meta.load().token_hash == hash).then_some(hash)
    }

    async fn locate(&self, id: &ModuleId) -> Result<Addr<Module>, ModuleError> {
        let known = self.known.borrow().modules.get(id).map(|module| module.actor.clone());
        if let Some(module) = known.filter(Addr::connected) {
            return Ok(module);
        }
        let module = self.registry.send(Locate(id.clone())).timeout(ANSWER_TIMEOUT).await??;
        let actor = module.actor.clone();
        self.known.borrow_mut().add(id, module);
        Ok(actor)
    }

    fn forget(&self, id: &ModuleId) {
        self.known.borrow_mut().modules.remove(id);
    }
}

impl Known {
    fn add(&mut self, id: &ModuleId, module: Located) {
        if self.modules.len() >= self.sweep_at.max(SWEEP_FROM) {
            self.modules.retain(|_, module| module.actor.connected());
            self.sweep_at = 2 * self.modules.len();
        }
        self.modules.insert(id.clone(), module);
    }
}

/// Nobody learns by a token which modules there are.
fn as_stranger(error: ModuleError) -> ModuleError {
    if matches!(error, ModuleError::NotFound(_)) { ModuleError::WrongToken } else { error }
}
