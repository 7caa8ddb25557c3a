//! The hub's own events by name, payload, audience and delivery, each in one place.

use serde::Serialize;

use super::{Delivery, EventName, LatestKey, NewEvent, json};
use crate::domain::command::CommandName;
use crate::domain::ids::{CommandId, ModuleId, UserId};
use crate::domain::stop::EmergencyStop;
use crate::domain::time::Timestamp;
use crate::domain::topic::Channel;

/// The roles of a person are others now.
const ROLES_CHANGED: &str = "rt_user_roles_changed";

/// A module as far as its events go.
#[derive(Debug, Clone, Copy)]
pub struct ModuleFacts<'a> {
    /// Which module.
    pub id: &'a ModuleId,
    /// What people call it.
    pub name: &'a str,
    /// What kind it is.
    pub kind: &'a str,
    /// Whose it is; none for a module that only admins see.
    pub owner: Option<&'a UserId>,
}

/// Whether a module is there, as far as its events go; by default it is not and never was.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presence {
    /// Whether it is online.
    pub is_online: bool,
    /// When it last connected or said something.
    pub last_seen: Option<Timestamp>,
}

/// What became of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmStep {
    /// There is one.
    Raised,
    /// Somebody has seen to it.
    Acknowledged,
    /// It is over.
    Cleared,
}

impl AlarmStep {
    /// The event that tells of it.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Raised => "rt_alarm_raised",
            Self::Acknowledged => "rt_alarm_acknowledged",
            Self::Cleared => "rt_alarm_cleared",
        }
    }
}

/// A person as far as their events go.
#[derive(Debug, Clone, Copy)]
pub struct UserFacts<'a> {
    /// Which account.
    pub id: &'a UserId,
    /// What they are called.
    pub name: &'a str,
    /// Their address.
    pub email: &'a str,
    /// Whether they hold the role `admin`.
    pub is_admin: bool,
}

impl NewEvent {
    /// `rt_module_online {moduleId, name, type, lastSeen}`.
    #[must_use]
    pub fn module_online(module: ModuleFacts<'_>, last_seen: Timestamp) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            module_id: &'a ModuleId,
            name: &'a str,
            r#type: &'a str,
            last_seen: Timestamp,
        }
        let data = Data { module_id: module.id, name: module.name, r#type: module.kind, last_seen };
        own("rt_module_online", Delivery::Each, module_audience(module), &data)
    }

    /// `rt_module_offline {moduleId, name, disconnectedAt, lastSeen}`.
    #[must_use]
    pub fn module_offline(module: ModuleFacts<'_>, disconnected_at: Timestamp, last_seen: Option<Timestamp>) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            module_id: &'a ModuleId,
            name: &'a str,
            disconnected_at: Timestamp,
            last_seen: Option<Timestamp>,
        }
        let data = Data { module_id: module.id, name: module.name, disconnected_at, last_seen };
        own("rt_module_offline", Delivery::Each, module_audience(module), &data)
    }

    /// `rt_module_added {moduleId, name, type, userId, status, lastSeen}`.
    #[must_use]
    pub fn module_added(module: ModuleFacts<'_>, presence: Presence) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            #[serde(flatten)]
            module: ModuleData<'a>,
            status: &'static str,
            last_seen: Option<Timestamp>,
        }
        let status = if presence.is_online { "online" } else { "offline" };
        let data = Data { module: ModuleData::of(module), status, last_seen: presence.last_seen };
        own("rt_module_added", Delivery::Each, module_audience(module), &data)
    }

    /// `rt_module_updated {moduleId, name, type, userId}`; see [`Self::module_changed`] for a change of owner.
    #[must_use]
    pub fn module_updated(module: ModuleFacts<'_>) -> Self {
        own("rt_module_updated", Delivery::Each, module_audience(module), &ModuleData::of(module))
    }

    /// Everything that is told of a changed module, in this order: to its former owner that it is gone, to a new one
    /// that it is there and how, to all what it is like now.
    #[must_use]
    pub fn module_changed(former_owner: Option<&UserId>, module: ModuleFacts<'_>, presence: Presence) -> Vec<Self> {
        let mut events = Vec::new();
        if former_owner != module.owner {
            events.extend(former_owner.map(|former| Self::module_withdrawn(module.id, former)));
            events.extend(module.owner.map(|owner| {
                let audience = vec![Channel::ModulesOf(owner.clone())];
                Self { audience, ..Self::module_added(module, presence) }
            }));
        }
        events.push(Self::module_updated(module));
        events
    }

    /// `rt_module_removed {moduleId, userId}`; ends the module's latest telemetry.
    #[must_use]
    pub fn module_removed(module: ModuleFacts<'_>) -> Self {
        let delivery = Delivery::EachEnding(LatestKey::Telemetry(module.id.clone()));
        own("rt_module_removed", delivery, module_audience(module), &Removed::of(module))
    }

    /// `rt_module_removed {moduleId, userId}` for one person only, who no longer owns the module.
    #[must_use]
    pub fn module_withdrawn(module: &ModuleId, former_owner: &UserId) -> Self {
        let audience = vec![Channel::ModulesOf(former_owner.clone())];
        // Who has it now is none of their business.
        own("rt_module_removed", Delivery::Each, audience, &Removed { module_id: module, user_id: Some(former_owner) })
    }

    /// `rt_telemetry_updated {moduleId, telemetry}` with the whole latest telemetry.
    #[must_use]
    pub fn telemetry_updated(module: ModuleFacts<'_>, telemetry: &impl Serialize) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a, T> {
            module_id: &'a ModuleId,
            telemetry: &'a T,
        }
        let delivery = Delivery::Latest(LatestKey::Telemetry(module.id.clone()));
        let mut audience = module_audience(module);
        audience.retain(|channel| *channel != Channel::Admin);
        own("rt_telemetry_updated", delivery, audience, &Data { module_id: module.id, telemetry })
    }

    /// `rt_twin_updated {moduleId, desired, desiredVersion, …}` with the whole twin, to who listens to this module.
    #[must_use]
    pub fn twin_updated(module: &ModuleId, owner: Option<&UserId>, twin: &impl Serialize) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a, T> {
            module_id: &'a ModuleId,
            #[serde(flatten)]
            twin: &'a T,
        }
        let delivery = Delivery::Latest(LatestKey::Twin(module.clone()));
        let data = Data { module_id: module, twin };
        let audience = [Channel::Module(module.clone())].into_iter().chain(owner.cloned().map(Channel::OwnedBy));
        own("rt_twin_updated", delivery, audience.collect(), &data)
    }

    /// `rt_command_updated {moduleId, commandId, command, status, ok}`, to who listens to this module.
    #[must_use]
    pub fn command_updated(
        module: &ModuleId,
        id: &CommandId,
        name: &CommandName,
        status: &'static str,
        ok: Option<bool>,
    ) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            module_id: &'a ModuleId,
            command_id: &'a CommandId,
            command: &'a CommandName,
            status: &'static str,
            ok: Option<bool>,
        }
        let data = Data { module_id: module, command_id: id, command: name, status, ok };
        own("rt_command_updated", Delivery::Each, vec![Channel::Module(module.clone())], &data)
    }

    /// `rt_emergency_stop_updated {stopId, scope, target, reason, state, moduleId}`: how far a stop has come with a module,
    /// or, with the module null and for admins only, that it was made or cleared; the owner hears it on every page.
    #[must_use]
    pub fn emergency_stop_updated(
        stop: &EmergencyStop,
        module: Option<ModuleFacts<'_>>,
        state: impl Serialize,
    ) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a, S> {
            stop_id: &'a str,
            scope: &'static str,
            target: &'a str,
            reason: &'a str,
            state: S,
            module_id: Option<&'a ModuleId>,
        }
        let data = Data {
            stop_id: stop.id.as_str(),
            scope: stop.scope.name(),
            target: stop.scope.target(),
            reason: stop.reason.as_str(),
            state,
            module_id: module.map(|module| module.id),
        };
        let audience = module.map_or_else(|| vec![Channel::Admin, Channel::Alarms], heard_everywhere);
        own("rt_emergency_stop_updated", Delivery::Each, audience, &data)
    }

    /// `rt_alarm_raised`, `rt_alarm_acknowledged` or `rt_alarm_cleared` with the whole alarm; the owner hears it on every
    /// page.
    #[must_use]
    pub fn alarm(step: AlarmStep, module: ModuleFacts<'_>, alarm: &impl Serialize) -> Self {
        own(step.event(), Delivery::Each, heard_everywhere(module), alarm)
    }

    /// `rt_user_logged_in {id, name, email, isAdmin}`.
    #[must_use]
    pub fn user_logged_in(user: UserFacts<'_>) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            id: &'a UserId,
            name: &'a str,
            email: &'a str,
            is_admin: bool,
        }
        let data = Data { id: user.id, name: user.name, email: user.email, is_admin: user.is_admin };
        own("rt_user_logged_in", Delivery::Each, vec![Channel::Admin], &data)
    }

    /// `rt_user_logged_out {id, name, logoutTime}`.
    #[must_use]
    pub fn user_logged_out(id: &UserId, name: &str, logout_time: Timestamp) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            id: &'a UserId,
            name: &'a str,
            logout_time: Timestamp,
        }
        own("rt_user_logged_out", Delivery::Each, vec![Channel::Admin], &Data { id, name, logout_time })
    }

    /// `rt_user_profile_updated {id, name, email}`, to admins and the person.
    #[must_use]
    pub fn user_profile_updated(user: UserFacts<'_>) -> Self {
        #[derive(Serialize)]
        struct Data<'a> {
            id: &'a UserId,
            name: &'a str,
            email: &'a str,
        }
        let audience = vec![Channel::Admin, Channel::User(user.id.clone())];
        let data = Data { id: user.id, name: user.name, email: user.email };
        own("rt_user_profile_updated", Delivery::Each, audience, &data)
    }

    /// `rt_user_roles_changed {id}`, a boundary in what the person hears, see [`NewEvent::is_boundary`].
    #[must_use]
    pub fn user_roles_changed(id: &UserId) -> Self {
        #[derive(Serialize)]
        struct Data<'a> {
            id: &'a UserId,
        }
        own(ROLES_CHANGED, Delivery::Each, vec![Channel::User(id.clone())], &Data { id })
    }

    /// Whether what was heard before was judged by other rules than what comes behind, so that nobody who hears of it can
    /// go on: it is never told itself, they get a gap and snapshots instead.
    #[must_use]
    pub fn is_boundary(&self) -> bool {
        self.name.as_str() == ROLES_CHANGED
    }

    /// `rt_global_stats_updated {stats}`.
    #[must_use]
    pub fn global_stats_updated(stats: &impl Serialize) -> Self {
        #[derive(Serialize)]
        struct Data<'a, T> {
            stats: &'a T,
        }
        let delivery = Delivery::Latest(LatestKey::Stats);
        own("rt_global_stats_updated", delivery, vec![Channel::Admin], &Data { stats })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModuleData<'a> {
    module_id: &'a ModuleId,
    name: &'a str,
    r#type: &'a str,
    user_id: Option<&'a UserId>,
}

impl<'a> ModuleData<'a> {
    const fn of(module: ModuleFacts<'a>) -> Self {
        Self { module_id: module.id, name: module.name, r#type: module.kind, user_id: module.owner }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed<'a> {
    module_id: &'a ModuleId,
    user_id: Option<&'a UserId>,
}

impl<'a> Removed<'a> {
    const fn of(module: ModuleFacts<'a>) -> Self {
        Self { module_id: module.id, user_id: module.owner }
    }
}

fn module_audience(module: ModuleFacts<'_>) -> Vec<Channel> {
    let mut audience = vec![Channel::AllModules, Channel::Module(module.id.clone()), Channel::Admin];
    audience.extend(module.owner.cloned().map(Channel::ModulesOf));
    audience
}

/// Those who listen to the module, and on every page its owner and those who see all modules.
fn heard_everywhere(module: ModuleFacts<'_>) -> Vec<Channel> {
    let mut audience = module_audience(module);
    audience.push(Channel::Alarms);
    audience.extend(module.owner.cloned().map(Channel::User));
    audience
}

#[expect(clippy::expect_used, reason = "the names are constants of this file, and a test reads them all")]
fn own(name: &str, delivery: Delivery, audience: Vec<Channel>, data: &impl Serialize) -> NewEvent {
    NewEvent {
        name: name.parse::<EventName>().expect("the hub's own names are event names"),
        delivery,
        audience,
        data: json(data),
        at: Timestamp::now(),
    }
}
