//! Readings on their way from a connection to the module: those of messages that came together go together.

use std::cell::Cell;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use futures_util::future::join_all;
use rmqtt_codec::v5::PublishAckReason;
use tokio::sync::oneshot;

use super::device::{ANSWER_TIMEOUT, unfit};
use super::turns::Turn;
use crate::domain::telemetry::Reading;
use crate::domain::time::Timestamp;
use crate::module::{Ingest, Module, ModuleError};
use crate::mqtt::bridge::Refused;
use crate::store::offer::Offer;

/// How long readings are offered again while the hub is busy; their sender waits meanwhile.
const PATIENCE: Duration = Duration::from_millis(1600);
/// How long after the first attempt the second comes; the span doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Readings that their sender sends again where it is not told that they are stored: who waits no longer takes them back.
struct Brought(Offer);

impl Drop for Brought {
    fn drop(&mut self) {
        // What is being stored stays so; who asks after the end is told that nobody knows, see `Intake::offer`.
        let _ = self.0.withdraw();
    }
}

/// Readings on their way.
pub struct Intake {
    /// Whose they are.
    pub module: Addr<Module>,
    /// Their place among those of the connection.
    pub turn: Turn,
    /// Whether their sender sends them again where they are not acknowledged.
    pub is_sent_again: bool,
}

impl Intake {
    /// Hands over the readings of messages that came together; answers each message, also those that are refused already.
    ///
    /// One bad reading refuses its own message only.
    pub async fn take_all(self, messages: Vec<Result<Vec<Reading>, Refused>>) -> Vec<Result<(), Refused>> {
        let mut readings = Vec::new();
        let mut put = |mut own: Vec<Reading>| {
            let from = readings.len();
            readings.append(&mut own);
            from..readings.len()
        };
        let places: Vec<Result<Range<usize>, Refused>> =
            messages.into_iter().map(|message| message.map(&mut put)).collect();
        let readings: Arc<[Reading]> = readings.into();
        let together = self.offer(Arc::clone(&readings)).await;
        if together.as_ref().is_err_and(|error| error.reading().is_some()) {
            let parts = self.split(places.len());
            let one_by_one = parts.into_iter().zip(places).map(|(part, place)| {
                let readings = &readings;
                async move { part.take(Arc::from(&readings[place?])).await }
            });
            return join_all(one_by_one).await;
        }
        let answer = |_: Range<usize>| together.as_ref().copied().map_err(refused_of);
        places.into_iter().map(|place| place.and_then(answer)).collect()
    }

    /// Hands over the readings of one message.
    pub async fn take(self, readings: Arc<[Reading]>) -> Result<(), Refused> {
        self.offer(readings).await.map_err(|error| refused_of(&error))
    }

    fn split(self, count: usize) -> Vec<Self> {
        let Self { module, turn, is_sent_again } = self;
        turn.split(count).into_iter().map(|turn| Self { module: module.clone(), turn, is_sent_again }).collect()
    }

    /// Offers readings to the module in their turn, until nobody waits any more: then they are taken back, unless they are
    /// being stored.
    async fn offer(&self, readings: Arc<[Reading]>) -> Result<(), ModuleError> {
        let offered = Cell::default();
        let answer = tokio::select! {
            biased;
            answer = self.offer_again(readings, &offered) => Some(answer),
            () = self.turn.given_up() => None,
        };
        // Those that are not sent again are stored all the same.
        let is_unknown = |offer: &Offer| self.is_sent_again && !offer.withdraw();
        answer.unwrap_or_else(|| match offered.take() {
            Some(offer) if is_unknown(&offer) => Err(ModuleError::OutcomeUnknown),
            _ => Err(ModuleError::Busy),
        })
    }

    /// Offers readings; while the hub is busy they are offered again, and their sender and all that it sent behind them
    /// wait. The last offer is `offered`.
    async fn offer_again(
        &self,
        mut readings: Arc<[Reading]>,
        offered: &Cell<Option<Offer>>,
    ) -> Result<(), ModuleError> {
        let mut pause = FIRST_PAUSE;
        loop {
            self.turn.come().await;
            let offer = Offer::default();
            offered.set(Some(offer.clone()));
            let (answer, times) = self.attempt(Arc::clone(&readings), offer).await;
            match answer {
                Ok(_) => return Ok(()),
                Err(ModuleError::Busy | ModuleError::Overloaded | ModuleError::Behind | ModuleError::NoTimeLeft)
                    if self.turn.age() + pause <= PATIENCE && self.module.connected() =>
                {
                    self.turn.stand_again();
                    if let Some(times) = times {
                        readings = dated(&readings, &times);
                    }
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Offers readings once; lets those behind them go as soon as the module has let these in. Answers the times they were
    /// given then, too.
    async fn attempt(
        &self,
        readings: Arc<[Reading]>,
        offer: Offer,
    ) -> (Result<usize, ModuleError>, Option<Vec<Timestamp>>) {
        let _brought = self.is_sent_again.then(|| Brought(offer.clone()));
        let (admitted, mut times) = oneshot::channel();
        let (received, admitted) = (self.turn.received, Some(admitted));
        let asked = Ingest { readings, token: None, offer: offer.clone(), received, admitted, left_out: None };
        let mut answered = pin!(self.module.send(asked).timeout(ANSWER_TIMEOUT));
        let given_up = |_| Err(ModuleError::given_up(&offer));
        tokio::select! {
            biased;
            Ok(times) = &mut times => {
                self.turn.pass();
                (answered.await.unwrap_or_else(given_up), Some(times))
            }
            answer = &mut answered => (answer.unwrap_or_else(given_up), None),
        }
    }
}

/// Readings with the times that they were given: what is offered again is no newer for that.
fn dated(readings: &[Reading], times: &[Timestamp]) -> Arc<[Reading]> {
    readings.iter().zip(times).map(|(reading, ts)| reading.clone().at(Some(*ts))).collect()
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
