//! Hands the events of stored changes to the broker.

use std::time::Duration;

use actix::Recipient;

use crate::broker::{Announce, BrokerError};
use crate::store::announcements::Announced;

/// How long the broker may take.
const TELL_TIMEOUT: Duration = Duration::from_secs(5);
/// How often, and how soon, the broker is asked again when too much waits for it.
const RETRIES: usize = 5;
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Has the events told of a change that memory knows. What the broker does not take it finds in the database.
pub async fn announce(to: &Recipient<Announce>, announced: Vec<Announced>) {
    let message = Announce(announced);
    for _ in 0..RETRIES {
        match to.send(message.clone()).timeout(TELL_TIMEOUT).await {
            Ok(Ok(())) => return,
            Ok(Err(BrokerError::Full)) => tokio::time::sleep(RETRY_AFTER).await,
            Ok(Err(_)) | Err(_) => break,
        }
    }
    tracing::warn!("a change of a module is told later");
}
