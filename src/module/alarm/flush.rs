//! Changes of alarms on their way: into the database with the events that tell of them, then to the broker.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::super::announce::announce;
use super::super::error::ModuleError;
use super::desk::Desk;
use crate::auth::Principal;
use crate::domain::alarm::{Alarm, AlarmRule, AlarmState, ClearCause, Severity};
use crate::domain::event::NewEvent;
use crate::domain::event::payload::{AlarmStep, ModuleFacts};
use crate::domain::ids::{AlarmId, ModuleId, RuleId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::WebhookEvent;
use crate::store::alarms::{self, Cleared};
use crate::store::announcements::{self, Announced};
use crate::store::modules::{self, ModuleRecord};
use crate::store::{Connection, StoreError, alarm_rules, webhooks};

/// How many changes share a transaction.
const AT_ONCE: usize = 256;
/// How long others may write before more is stored.
const REST: Duration = Duration::from_millis(20);
/// How soon is tried again what the database did not take.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often changes are tried together before each is tried alone.
const TRIES_TOGETHER: u32 = 3;

/// What is to become of the alarm of a rule and a module.
#[derive(Debug, Clone)]
pub struct Transition {
    /// Which module.
    pub module: ModuleId,
    /// Which rule.
    pub rule: RuleId,
    /// What.
    pub what: What,
    /// When it happened.
    pub at: Timestamp,
}

/// What is to become of an alarm.
#[derive(Debug, Clone)]
pub enum What {
    /// There is one.
    Raise {
        /// What its rule says.
        rule: Arc<AlarmRule>,
        /// Since when.
        since: Timestamp,
        /// The value.
        value: Option<f64>,
    },
    /// There is none any more.
    Clear(ClearCause),
}

/// A change that is in the database.
struct Told {
    alarm: Alarm,
    step: AlarmStep,
    announced: Announced,
}

impl Desk {
    /// Has somebody store what waits, unless somebody does already.
    pub fn kick(self: &Rc<Self>) {
        if self.transitions.borrow().is_empty() || self.is_flushing.replace(true) {
            return;
        }
        let desk = Rc::clone(self);
        actix::spawn(async move { desk.flush().await });
    }

    async fn flush(self: &Rc<Self>) {
        let mut failures = 0_u32;
        loop {
            let turn = self.line.turn_to_follow().await;
            let batch: Arc<[Transition]> = self.transitions.borrow().batch(AT_ONCE).into();
            if batch.is_empty() {
                self.is_flushing.set(false);
                return;
            }
            let stored = Arc::clone(&batch);
            match self.store.write(move |conn| store_all(conn, &stored)).await {
                Ok(told) => {
                    failures = 0;
                    self.take_off(&batch);
                    self.tell(told).await;
                    drop(turn);
                    if self.forgetting.is_due() {
                        self.forget();
                    }
                    self.rest().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "changes of alarms wait until the database takes them");
                    failures = failures.saturating_add(1);
                    if failures >= TRIES_TOGETHER {
                        self.store_singly(&batch).await;
                    }
                    drop(turn);
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// Takes off what is stored; modules that had to stop are judged again.
    fn take_off(&self, stored: &[Transition]) {
        let done = self.transitions.borrow_mut().take_off(stored);
        self.resume(done);
    }

    /// Lets others write, unless this was all: whose alarms come and go without end has only so many of them told in a second.
    async fn rest(&self) {
        if !self.transitions.borrow().is_empty() {
            tokio::time::sleep(REST).await;
        }
    }

    /// Stores one by one what does not go in together, until the database takes nothing; what alone stands in the way of the
    /// others is set aside.
    async fn store_singly(&self, batch: &[Transition]) {
        for transition in batch {
            let one = transition.clone();
            let told = match self.store.write(move |conn| store(conn, &one)).await {
                Ok(told) => told,
                Err(error) if error.is_of_the_work() => {
                    let Transition { module, rule, .. } = transition;
                    tracing::error!(
                        module.id = %module, rule.id = %rule, %error,
                        "a change of an alarm cannot be stored and is set aside"
                    );
                    None
                }
                Err(_) => return,
            };
            self.take_off(std::slice::from_ref(transition));
            self.tell(Vec::from_iter(told)).await;
        }
    }

    async fn tell(&self, told: Vec<Told>) {
        let mut announced = Vec::new();
        for Told { alarm, step, announced: one } in told {
            let (kind, severity) = (alarm.condition.kind.name(), alarm.severity.name());
            match step {
                AlarmStep::Raised => {
                    self.metrics.alarm_raised(kind, severity);
                    self.metrics.alarm_open(severity, 1);
                }
                AlarmStep::Cleared => {
                    self.metrics.alarm_open(severity, -1);
                    self.forgetting.note(&alarm.module_id);
                }
                AlarmStep::Acknowledged => {}
            }
            announced.push(one);
        }
        if !announced.is_empty() {
            announce(&self.announce, announced).await;
        }
    }

    /// Somebody has seen to an alarm; answers also whether that is new.
    pub async fn acknowledge(&self, by: &Principal, id: &AlarmId) -> Result<(Alarm, bool), ModuleError> {
        self.find(by, id).await?;
        let _turn = self.line.turn().await?;
        self.find(by, id).await?;
        let (wanted, who, now) = (id.clone(), by.user_id.clone(), Timestamp::now());
        let told = self.store.write(move |conn| {
            let Some(alarm) = alarms::find(conn, &wanted)?.filter(|alarm| alarm.state == AlarmState::Active) else {
                return Ok(None);
            };
            alarms::acknowledge(conn, &wanted, now, &who)?;
            let state = AlarmState::Acknowledged;
            let alarm = Alarm { state, acknowledged_at: Some(now), acknowledged_by: Some(who), ..alarm };
            told(conn, alarm, AlarmStep::Acknowledged)
        });
        match told.await? {
            Some(told) => self.told(told).await,
            None => match self.find(by, id).await? {
                alarm if alarm.state == AlarmState::Acknowledged => Ok((alarm, false)),
                _ => Err(ModuleError::AlarmCleared),
            },
        }
    }

    /// Somebody says that an alarm is over; answers also whether that is new.
    pub async fn clear(&self, by: &Principal, id: &AlarmId) -> Result<(Alarm, bool), ModuleError> {
        self.find(by, id).await?;
        let _turn = self.line.turn().await?;
        self.find(by, id).await?;
        let (wanted, who, at) = (id.clone(), by.user_id.clone(), Timestamp::now());
        let told = self.store.write(move |conn| {
            let Some(alarm) = alarms::find(conn, &wanted)?.filter(|alarm| alarm.state != AlarmState::Cleared) else {
                return Ok(None);
            };
            clear(conn, alarm, Cleared { at, by: Some(&who), cause: ClearCause::Person })
        });
        let Some(told) = told.await? else { return Ok((self.find(by, id).await?, false)) };
        // What waits has ended it already, and says what the rule says of the module now.
        let is_over = self.transitions.borrow().holds(&told.alarm.rule_id, &told.alarm.module_id);
        if !is_over && let Some(ward) = self.wards.borrow_mut().get_mut(&told.alarm.module_id) {
            ward.mute(&told.alarm.rule_id);
        }
        self.told(told).await
    }

    async fn told(&self, told: Told) -> Result<(Alarm, bool), ModuleError> {
        let alarm = told.alarm.clone();
        self.tell(vec![told]).await;
        Ok((alarm, true))
    }
}

fn store_all(conn: &mut Connection, transitions: &[Transition]) -> Result<Vec<Told>, StoreError> {
    let mut all = Vec::new();
    for transition in transitions {
        all.extend(store(conn, transition)?);
    }
    Ok(all)
}

fn store(conn: &mut Connection, transition: &Transition) -> Result<Option<Told>, StoreError> {
    let Transition { module, rule: rule_id, what, at } = transition;
    match what {
        What::Clear(cause) => match alarms::find_open(conn, rule_id, module)? {
            Some(alarm) => clear(conn, alarm, Cleared { at: *at, by: None, cause: *cause }),
            None => Ok(None),
        },
        What::Raise { rule, since, value } => {
            // Both may have gone while this waited.
            let Some(record) = modules::find(conn, module)? else { return Ok(None) };
            if !alarm_rules::is_enabled(conn, rule_id)? {
                return Ok(None);
            }
            let alarm = raised(rule, record, *since, *value, *at);
            if !alarms::insert(conn, &alarm)? {
                return Ok(None);
            }
            told(conn, alarm, AlarmStep::Raised)
        }
    }
}

fn raised(rule: &AlarmRule, module: ModuleRecord, since: Timestamp, value: Option<f64>, at: Timestamp) -> Alarm {
    Alarm {
        alarm_id: AlarmId::generate(),
        rule_id: rule.id.clone(),
        rule_name: rule.name.clone(),
        module_id: module.id,
        module_name: module.name,
        severity: rule.severity,
        state: AlarmState::Active,
        condition: rule.condition.words(),
        value: value.filter(|value| value.is_finite()),
        since,
        raised_at: at,
        acknowledged_at: None,
        acknowledged_by: None,
        cleared_at: None,
        cleared_by: None,
        clear_cause: None,
    }
}

fn clear(conn: &mut Connection, alarm: Alarm, cleared: Cleared<'_>) -> Result<Option<Told>, StoreError> {
    alarms::clear(conn, &alarm.alarm_id, cleared)?;
    let alarm = Alarm {
        state: AlarmState::Cleared,
        cleared_at: Some(cleared.at),
        cleared_by: cleared.by.cloned(),
        clear_cause: Some(cleared.cause),
        ..alarm
    };
    told(conn, alarm, AlarmStep::Cleared)
}

/// Clears the open alarms of a module that is about to go; answers how bad each was, with the event that tells of it.
pub fn clear_all_of(
    conn: &mut Connection,
    module: &ModuleId,
    at: Timestamp,
) -> Result<Vec<(Severity, Announced)>, StoreError> {
    let mut all = Vec::new();
    for alarm in alarms::open_of(conn, module)? {
        let told = clear(conn, alarm, Cleared { at, by: None, cause: ClearCause::Rule })?;
        all.extend(told.map(|told| (told.alarm.severity, told.announced)));
    }
    Ok(all)
}

/// What webhooks are told of a change.
const fn outside(step: AlarmStep) -> WebhookEvent {
    match step {
        AlarmStep::Raised => WebhookEvent::AlarmRaised,
        AlarmStep::Acknowledged => WebhookEvent::AlarmAcknowledged,
        AlarmStep::Cleared => WebhookEvent::AlarmCleared,
    }
}

/// Adds the event of a change that was just stored, for whoever may see the module by what the database says, and for
/// webhooks.
fn told(conn: &mut Connection, alarm: Alarm, step: AlarmStep) -> Result<Option<Told>, StoreError> {
    let Some(module) = modules::find(conn, &alarm.module_id)? else { return Ok(None) };
    let (name, kind) = (module.name.as_str(), module.kind.as_str());
    let facts = ModuleFacts { id: &module.id, name, kind, owner: module.owner.as_ref() };
    let event = NewEvent::alarm(step, facts, &alarm);
    webhooks::enqueue(conn, &module.id, outside(step), &event.data, event.at)?;
    let announced = announcements::add(conn, event)?;
    Ok(Some(Told { alarm, step, announced }))
}

#[cfg(test)]
mod tests;
