//! What a device sends, and how it is answered: readings that come together go to the module together.

use std::collections::BTreeMap;
use std::rc::Rc;

use actix::prelude::*;
use tokio::sync::{Notify, oneshot};

use super::{Drained, Link, refusal};
use crate::domain::telemetry::Reading;
use crate::module::actor::{EndLink, Ingest, Module};
use crate::module::directory::ANSWER_TIMEOUT;
use crate::module::error::ModuleError;
use crate::module::frame::{DeviceFrame, HubFrame};
use crate::store::offer::Offer;

impl Link {
    /// Takes frames that wait, as far as more may wait for an answer and the device reads its answers. Readings that come
    /// one after the other go to the module together.
    fn take_waiting(&mut self, ctx: &mut Context<Self>) {
        let mut gathered = Vec::new();
        let takes_more = |link: &Self, gathered: usize| {
            let has_room = link.answers.waiting() + gathered < link.house.options.in_flight;
            has_room && !link.outbox.is_high() && !link.outbox.is_ending()
        };
        while takes_more(self, gathered.len()) {
            let Some(text) = self.texts.pop_front() else { break };
            match (DeviceFrame::read(&text), self.module.clone()) {
                (Ok((id, DeviceFrame::Telemetry(reading))), Some(_)) => gathered.push((id, reading)),
                (read, module) => {
                    self.report(std::mem::take(&mut gathered), ctx);
                    let is_new = module.is_none();
                    self.take(read, module, ctx);
                    if is_new {
                        // What comes behind is taken when it is known who it is.
                        break;
                    }
                }
            }
        }
        self.report(gathered, ctx);
    }

    /// Hands readings over, each with the id of its frame. One bad reading refuses itself only, and the others keep their
    /// order, also before what comes behind them.
    pub(super) fn report(&mut self, frames: Vec<(Option<u64>, Reading)>, ctx: &mut Context<Self>) {
        let Some(module) = self.module.clone().filter(|_| !frames.is_empty()) else { return };
        let (ids, readings): (Vec<_>, Vec<_>) = frames.into_iter().unzip();
        let places: Vec<_> = ids.iter().map(|_| self.answers.reserve()).collect();
        let (told, mut left_out) = oneshot::channel();
        let readings = Ingest {
            received: self.received,
            left_out: Some(told),
            ..Ingest::now(readings.into(), None, Offer::default())
        };
        ctx.spawn(ingest(&module, readings, Rc::clone(&self.given_up)).into_actor(self).map(
            move |answer, link, ctx| {
                // Nothing was told where nothing was left out.
                let mut left_out: BTreeMap<_, _> = left_out.try_recv().unwrap_or_default().into_iter().collect();
                let frames_of = |answer: Result<(), ModuleError>| {
                    let mut of = |place| left_out.remove(&place).map_or_else(|| answer.clone(), Err);
                    ids.iter().enumerate().map(|(place, id)| acknowledgement(*id, of(place))).collect()
                };
                link.answered(&places, answer, frames_of, ctx);
            },
        ));
    }

    /// Answers a frame in its turn once the module has, if there is anything to say.
    pub(super) fn answer<T: 'static>(
        &mut self,
        asked: impl Future<Output = Result<Result<T, ModuleError>, MailboxError>> + 'static,
        ctx: &mut Context<Self>,
        frame_of: impl FnOnce(Result<T, ModuleError>) -> Option<String> + 'static,
    ) {
        let place = self.answers.reserve();
        ctx.spawn(unless_given_up(Rc::clone(&self.given_up), asked).into_actor(self).map(move |answer, link, ctx| {
            link.answered(&[place], answer, |answer| vec![frame_of(answer)], ctx);
        }));
    }

    /// Answers the frames of these places.
    fn answered<T>(
        &mut self,
        places: &[u64],
        answer: Result<Result<T, ModuleError>, MailboxError>,
        frames_of: impl FnOnce(Result<T, ModuleError>) -> Vec<Option<String>>,
        ctx: &mut Context<Self>,
    ) {
        let is_gone = matches!(answer, Err(MailboxError::Closed));
        let frames = frames_of(answer.unwrap_or(Err(ModuleError::Busy)));
        for (place, frame) in places.iter().zip(frames) {
            for frame in self.answers.answer(*place, frame) {
                self.outbox.send_text(&frame);
            }
        }
        if is_gone {
            self.outbox.close(EndLink::RESTART.code, EndLink::RESTART.reason);
        }
        self.read_on(ctx);
    }

    /// Takes what waits and lets the socket read on, unless enough waits for the device already. Where the hub stops,
    /// nothing more is taken, and the link ends when all is answered.
    pub(super) fn read_on(&mut self, ctx: &mut Context<Self>) {
        if let Some(end) = self.leaving {
            if self.answers.waiting() == 0 {
                self.part(end);
            }
            return;
        }
        self.take_waiting(ctx);
        if self.outbox.is_high() && !self.outbox.is_ending() {
            let link = ctx.address();
            return self.outbox.when_low(move || link.do_send(Drained));
        }
        let is_full = !self.texts.is_empty() || self.answers.waiting() >= self.house.options.in_flight;
        if is_full && !self.outbox.is_ending() {
            return;
        }
        for reader in self.reads_on.drain(..) {
            // A socket that is gone reads nothing more.
            let _ = reader.send(());
        }
    }
}

/// Hands readings to the module; whoever waits in vain takes them back.
fn ingest(
    module: &Addr<Module>,
    readings: Ingest,
    given_up: Rc<Notify>,
) -> impl Future<Output = Result<Result<(), ModuleError>, MailboxError>> + use<> {
    let offer = readings.offer.clone();
    let asked = unless_given_up(given_up, module.send(readings).timeout(ANSWER_TIMEOUT));
    async move {
        match asked.await {
            Err(MailboxError::Timeout) => Ok(Err(ModuleError::given_up(&offer))),
            answer => answer.map(|taken| taken.map(drop)),
        }
    }
}

/// Waits for an answer; who gives up has waited too long for it.
async fn unless_given_up<T>(
    given_up: Rc<Notify>,
    asked: impl Future<Output = Result<T, MailboxError>>,
) -> Result<T, MailboxError> {
    tokio::select! {
        biased;
        answer = asked => answer,
        () = given_up.notified() => Err(MailboxError::Timeout),
    }
}

/// `ack` for what is stored, if the frame wants one.
pub(super) fn acknowledgement(id: Option<u64>, answer: Result<(), ModuleError>) -> Option<String> {
    match answer {
        Ok(()) => id.map(|id| HubFrame::Ack { id }.to_text()),
        Err(error) => Some(refusal((id, error))),
    }
}
