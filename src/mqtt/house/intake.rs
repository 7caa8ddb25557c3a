//! Readings on their way from a connection to the module: those of messages that came together go together.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use futures_util::future::join_all;
use rmqtt_codec::v5::PublishAckReason;

use super::device::{ANSWER_TIMEOUT, unfit};
use crate::domain::telemetry::Reading;
use crate::module::{Ingest, Module, ModuleError};
use crate::mqtt::bridge::Refused;
use crate::store::offer::Offer;

/// How often readings are offered again while the hub is busy; their sender waits meanwhile.
const ATTEMPTS: u32 = 6;
/// How long after the first attempt the second comes; the span doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Readings that their sender sends again where it is not told that they are stored: who waits no longer takes them back.
struct Brought(Offer);

impl Drop for Brought {
    fn drop(&mut self) {
        // What is being stored stays so.
        let _ = self.0.withdraw();
    }
}

/// Hands over the readings of messages that came together; answers each message, also those that are refused already.
///
/// One bad reading refuses its own message only.
pub async fn take_all(
    module: Addr<Module>,
    messages: Vec<Result<Vec<Reading>, Refused>>,
    is_sent_again: bool,
) -> Vec<Result<(), Refused>> {
    let mut readings = Vec::new();
    let mut put = |mut own: Vec<Reading>| {
        let from = readings.len();
        readings.append(&mut own);
        from..readings.len()
    };
    let places: Vec<Result<Range<usize>, Refused>> =
        messages.into_iter().map(|message| message.map(&mut put)).collect();
    let readings: Arc<[Reading]> = readings.into();
    let together = offer(&module, Arc::clone(&readings), is_sent_again).await;
    if together.as_ref().is_err_and(|error| error.reading().is_some()) {
        let one_by_one = places.into_iter().map(|place| {
            let (module, readings) = (module.clone(), &readings);
            async move { take(module, Arc::from(&readings[place?]), is_sent_again).await }
        });
        return join_all(one_by_one).await;
    }
    let answer = |_: Range<usize>| together.as_ref().copied().map_err(refused_of);
    places.into_iter().map(|place| place.and_then(answer)).collect()
}

/// Hands over the readings of one message.
pub async fn take(module: Addr<Module>, readings: Arc<[Reading]>, is_sent_again: bool) -> Result<(), Refused> {
    offer(&module, readings, is_sent_again).await.map_err(|error| refused_of(&error))
}

/// Offers readings to the module; while the hub is busy they are offered again, and their sender waits.
async fn offer(module: &Addr<Module>, readings: Arc<[Reading]>, is_sent_again: bool) -> Result<(), ModuleError> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        let offer = Offer::default();
        let _brought = is_sent_again.then(|| Brought(offer.clone()));
        let asked = Ingest { readings: Arc::clone(&readings), token: None, offer: offer.clone() };
        let answered = module.send(asked).timeout(ANSWER_TIMEOUT).await;
        match answered.unwrap_or_else(|_| Err(ModuleError::given_up(&offer))) {
            Ok(_) => break,
            Err(ModuleError::Busy | ModuleError::Overloaded | ModuleError::Behind)
                if attempt < ATTEMPTS && module.connected() =>
            {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn refused_of(error: &ModuleError) -> Refused {
    match error {
        ModuleError::OutcomeUnknown => {
            let reason = PublishAckReason::UnspecifiedError;
            Refused { reason, detail: error.to_string().into(), is_grave: false }
        }
        error => unfit(&error.problem()),
    }
}
