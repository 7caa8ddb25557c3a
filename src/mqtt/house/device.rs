//! A module behind a connection.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{ConnectAckReason, LastWill, PublishAckReason, SubscribeAckReason};

use super::ear::{Deaf, Ear, Told};
use super::intake::Intake;
use super::payload::{Heading, own_heading, read_readings, topic_of};
use super::turns::Turns;
use super::{STRANGER, busy};
use crate::domain::command::CommandResult;
use crate::domain::document::MergePatch;
use crate::domain::problem::{Problem, read_json};
use crate::module::{
    Attach, ConnectionId, Detach, Identified, Module, ModuleError, Registry, Repeat, Report, TakeResult, attach,
    identify, new_connection,
};
use crate::mqtt::bridge::{Granted, Opened, Refusal, Refused};
use crate::mqtt::gate::ADMIT_TIMEOUT;
use crate::mqtt::places::HAND_OVER;
use crate::mqtt::session::Subscription;

/// How long a module may take to answer; longer than its own time-outs together.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);
/// How long a newer connection may take to come in where it takes over from another; longer than its time-outs together.
const TAKE_OVER: Duration = HAND_OVER.saturating_add(ADMIT_TIMEOUT).saturating_add(Duration::from_secs(1));

/// How long a module may take to tell again what waits for it; shorter than a subscription may take.
const REPEAT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a module is told that reaches beyond itself.
const OWN_ONLY: &str = "a module publishes to topics of its own only, such as `carillon/<moduleId>/telemetry`";

/// A module that has shown its token.
pub struct Device {
    identified: Identified,
    connection: ConnectionId,
    module: Option<Addr<Module>>,
    ear: Option<Addr<Ear>>,
    /// The state that people want, as it was told last.
    desired: Rc<RefCell<Option<Told>>>,
    /// The order of its readings.
    turns: Rc<Turns>,
}

impl Device {
    /// Finds out which module comes.
    pub async fn identify(registry: &Addr<Registry>, name: &str, token: &str) -> Result<Self, Refusal> {
        let identified = identify(registry, Some(name), token).await.map_err(|error| refusal_of(&error))?;
        let (connection, desired, turns) = (new_connection(), Rc::default(), Rc::default());
        Ok(Self { identified, connection, module: None, ear: None, desired, turns })
    }

    /// Whose session it is: the module's, whatever it calls itself.
    pub fn owner(&self) -> String {
        format!("module:{}", self.identified.module_id)
    }

    /// Makes sure that what is published when the module is lost is something it may publish.
    pub fn check_will(&self, will: Option<&LastWill>) -> Result<(), Refusal> {
        let heading = will.map(|will| own_heading(&self.identified.module_id, &will.topic));
        match heading {
            None | Some(Some(Heading::Telemetry | Heading::Value(_))) => Ok(()),
            Some(_) => Err(Refusal::new(ConnectAckReason::NotAuthorized, OWN_ONLY)),
        }
    }

    /// Makes the module online; an older connection of it ends.
    pub async fn attach(&mut self, registry: &Addr<Registry>, opened: Opened<'_>) -> Result<(), Refusal> {
        let ear = Ear::new(&self.identified.module_id, opened.words.clone(), Rc::clone(&self.desired)).start();
        let (end, deliver) = (ear.clone().recipient(), ear.clone().recipient());
        let asked = Attach { connection: self.connection, end, deliver, token: self.identified.token };
        self.ear = Some(ear);
        let module = attach(registry, &self.identified.module_id, asked).await.map_err(|error| refusal_of(&error))?;
        self.module = Some(module);
        Ok(())
    }

    /// The connection is gone: the module is offline, unless another has taken over.
    pub fn detach(&self) {
        if let Some(module) = &self.module {
            // One per connection; a module that is gone needs no word.
            module.do_send(Detach(self.connection));
        }
        self.deafen();
    }

    /// A newer connection takes over, which keeps the module online; should it break off, the module is offline then.
    pub fn detach_later(&self) {
        let (module, connection) = (self.module.clone(), self.connection);
        self.deafen();
        actix_rt::spawn(async move {
            tokio::time::sleep(TAKE_OVER).await;
            if let Some(module) = module {
                // To a module with a newer connection this says nothing.
                module.do_send(Detach(connection));
            }
        });
    }

    fn deafen(&self) {
        if let Some(ear) = &self.ear {
            // One per connection.
            ear.do_send(Deaf);
        }
    }

    /// Takes what the module publishes, in its order; answers when all is stored or refused. Readings that came together go
    /// to the module together.
    pub fn publish_all(&self, publishes: &[Publish]) -> LocalBoxFuture<'static, Vec<Result<(), Refused>>> {
        let mut runs = Vec::new();
        let mut rest = publishes;
        while let [first, ..] = rest {
            let with_first =
                |one: &&Publish| self.has_readings(one) && one.packet_id.is_some() == first.packet_id.is_some();
            let length = rest.iter().take_while(with_first).count();
            let (run, left) = rest.split_at(length.max(1));
            runs.push(if length > 1 { self.report(run) } else { Box::pin(self.publish(first).map(|one| vec![one])) });
            rest = left;
        }
        match runs.pop() {
            Some(only) if runs.is_empty() => only,
            last => Box::pin(join_all(runs.into_iter().chain(last)).map(|runs| runs.into_iter().flatten().collect())),
        }
    }

    /// Nobody waits any more for what is under way.
    pub fn give_up(&self) {
        self.turns.give_up();
    }

    fn has_readings(&self, publish: &Publish) -> bool {
        let heading = own_heading(&self.identified.module_id, &publish.topic);
        self.module.is_some() && matches!(heading, Some(Heading::Telemetry | Heading::Value(_)))
    }

    /// Takes readings, all of them sent again where they are not acknowledged, or none.
    fn report(&self, publishes: &[Publish]) -> LocalBoxFuture<'static, Vec<Result<(), Refused>>> {
        let id = &self.identified.module_id;
        let read = |publish: &Publish| {
            let heading = own_heading(id, &publish.topic).ok_or_else(not_own)?;
            read_readings(heading, publish).map_err(|problem| unfit(&problem))
        };
        let messages = publishes.iter().map(read).collect();
        match self.module.clone() {
            Some(module) => Box::pin(self.intake(module, &publishes[0]).take_all(messages)),
            None => Box::pin(std::future::ready(publishes.iter().map(|_| Err(not_own())).collect())),
        }
    }

    fn intake(&self, module: Addr<Module>, publish: &Publish) -> Intake {
        Intake { module, turn: self.turns.take(), is_sent_again: publish.packet_id.is_some() }
    }

    /// Takes what the module publishes; answers when it is stored.
    pub fn publish(&self, publish: &Publish) -> LocalBoxFuture<'static, Result<(), Refused>> {
        let heading = own_heading(&self.identified.module_id, &publish.topic);
        let (Some(heading), Some(module)) = (heading, self.module.clone()) else { return refused(not_own()) };
        match heading {
            Heading::Telemetry | Heading::Value(_) => match read_readings(heading, publish) {
                Ok(readings) => Box::pin(self.intake(module, publish).take(readings.into())),
                Err(problem) => refused(unfit(&problem)),
            },
            Heading::Result => match read_json::<CommandResult>(&publish.payload) {
                Ok(told) => self.unless_given_up(take_result(module, told)),
                Err(problem) => refused(unfit(&problem)),
            },
            Heading::Reported => match read_json::<MergePatch>(&publish.payload) {
                Ok(patch) => self.unless_given_up(report_state(module, patch)),
                Err(problem) => refused(unfit(&problem)),
            },
            Heading::Command | Heading::Desired => refused(not_own()),
        }
    }

    /// What may be done twice is answered as not done where nobody waits for it.
    fn unless_given_up(
        &self,
        done: impl Future<Output = Result<(), Refused>> + 'static,
    ) -> LocalBoxFuture<'static, Result<(), Refused>> {
        let turns = Rc::clone(&self.turns);
        Box::pin(async move {
            tokio::select! {
                biased;
                result = done => result,
                () = turns.given_up() => Err(unfit(&ModuleError::Busy.problem())),
            }
        })
    }

    /// Lets the module listen to what is meant for it.
    pub async fn subscribe(&self, subscription: &Subscription, is_new: bool) -> Result<Granted, SubscribeAckReason> {
        let id = &self.identified.module_id;
        let is_for_it = |what| subscription.filter.matches(&topic_of(id, what));
        // The first two levels name the module itself: wildcards there would be a question about others.
        let is_own = subscription
            .filter
            .as_str()
            .strip_prefix("carillon/")
            .is_some_and(|rest| rest.split_once('/').is_some_and(|(owner, _)| owner == id.as_str()));
        if !is_own || !(is_for_it("command") || is_for_it("desired")) {
            return Err(SubscribeAckReason::NotAuthorized);
        }
        if let (Some(module), true) = (&self.module, is_new) {
            // What was told while it heard nothing is told again. Else nobody would: a subscription that could miss it is none.
            let repeated = module.send(Repeat(self.connection)).timeout(REPEAT_TIMEOUT).await;
            repeated.map_err(|_| SubscribeAckReason::UnspecifiedError)?;
        }
        let kept = self.desired.borrow().as_ref().filter(|_| is_for_it("desired")).map(|told| told.message.clone());
        Ok(Granted { qos: QoS::ExactlyOnce, kept: kept.into_iter().collect() })
    }
}

fn refused(refused: Refused) -> LocalBoxFuture<'static, Result<(), Refused>> {
    Box::pin(std::future::ready(Err(refused)))
}

fn not_own() -> Refused {
    Refused { reason: PublishAckReason::NotAuthorized, detail: OWN_ONLY.into(), is_grave: true }
}

/// Hands an answer to a command over. Nobody may wait for it any more, which is no fault of the module.
async fn take_result(module: Addr<Module>, told: CommandResult) -> Result<(), Refused> {
    let answer = module.send(TakeResult(told)).timeout(ANSWER_TIMEOUT).await.unwrap_or(Err(ModuleError::Busy));
    answer.map_err(|error| match error.problem() {
        problem if matches!(problem.status, 404 | 409 | 410) => {
            Refused { reason: PublishAckReason::NoMatchingSubscribers, detail: problem.detail.into(), is_grave: false }
        }
        problem => unfit(&problem),
    })
}

/// Hands a change of the reported state over.
async fn report_state(module: Addr<Module>, patch: MergePatch) -> Result<(), Refused> {
    let asked = Report { patch, token: None };
    let answer = module.send(asked).timeout(ANSWER_TIMEOUT).await.unwrap_or(Err(ModuleError::Busy));
    answer.map(drop).map_err(|error| unfit(&error.problem()))
}

/// A problem as a client of MQTT is told it.
pub fn unfit(problem: &Problem) -> Refused {
    let (reason, is_grave) = match problem.status {
        401 | 403 | 404 => (PublishAckReason::NotAuthorized, true),
        429 | 503 => (PublishAckReason::QuotaExceeded, false),
        400..=499 => (PublishAckReason::PayloadFormatInvalid, false),
        _ => (PublishAckReason::ImplementationSpecificError, false),
    };
    let place = problem.errors.first().map(|error| format!(": `{}` {}", error.pointer, error.detail));
    Refused { reason, detail: format!("{}{}", problem.detail, place.unwrap_or_default()).into(), is_grave }
}

fn refusal_of(error: &ModuleError) -> Refusal {
    match error {
        ModuleError::WrongToken | ModuleError::NotFound(_) => {
            Refusal::new(ConnectAckReason::BadUserNameOrPassword, STRANGER)
        }
        _ => busy(),
    }
}
