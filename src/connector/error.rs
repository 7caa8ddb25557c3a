//! Why a webhook is not as somebody wants it.

use crate::store::StoreError;
use crate::store::webhooks::WEBHOOKS_MAX;

/// Why a webhook is not as somebody wants it.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is none of that id.
    #[error("there is no such webhook")]
    NotFound,
    /// There are as many as there may be.
    #[error("there are {WEBHOOKS_MAX} webhooks; remove one that is not needed")]
    TooMany,
    /// Others are being tried.
    #[error("other webhooks are being tried; try again in a moment")]
    Busy,
    /// The database does not do it.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for WebhookError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            error => Self::Store(error),
        }
    }
}
