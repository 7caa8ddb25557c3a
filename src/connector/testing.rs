//! What tests of this folder share.

use std::time::Duration;

use super::judgement::Patience;
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::time::Timestamp;
use crate::store::deliveries::Delivery;

/// Ten seconds at first, a minute at most.
pub const PATIENCE: Patience = Patience {
    delay: Duration::from_secs(10),
    max_delay: Duration::from_secs(60),
    max_attempts: 5,
    max_refusals: 3,
    max_age: Duration::from_secs(1000),
};

/// One that was tried so often, written down and due at a time.
pub fn delivery(attempts: i64, at: i64) -> Delivery {
    let (id, webhook) = (DeliveryId::generate(), WebhookId::generate());
    let delivery = Delivery::new(id, webhook, "alarm.raised", "{}".into(), Timestamp::from_millis(at));
    Delivery { attempts, ..delivery }
}
