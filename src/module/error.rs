//! What can go wrong with modules, and how it is told at every door.

use std::time::Duration;

use super::clock::TimeFault;
use crate::domain::document::DocumentError;
use crate::domain::ids::{ModuleId, StopId};
use crate::domain::problem::Problem;
use crate::domain::telemetry::TooManyKeys;
use crate::store::StoreError;
use crate::store::latest::CommitError;
use crate::store::offer::Offer;

/// Why a module did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ModuleError {
    /// There is none, or the caller may not see it.
    #[error("there is no module `{0}`, or you may not see it")]
    NotFound(ModuleId),
    /// The id is taken.
    #[error("module `{0}` already exists; choose another id")]
    Exists(ModuleId),
    /// Not the token of that module.
    #[error("the token is not that of a module; send the one shown when the module was registered")]
    WrongToken,
    /// Only admins give modules to others, or to nobody, when they register them.
    #[error("only admins may register a module for somebody else")]
    ForeignOwner,
    /// No account has that id.
    #[error("no account has that id")]
    UnknownOwner,
    /// A reading would give the module too many keys.
    #[error("{fault}")]
    TooManyKeys {
        /// Which reading of the request, from 0.
        reading: usize,
        /// How many.
        fault: TooManyKeys,
    },
    /// The device has no connection by which it could be told something.
    #[error("module `{0}` is offline; send the command when it is back")]
    Offline(ModuleId),
    /// The module must stand still.
    #[error(
        "module `{0}` takes no commands and no desired state while the emergency stop `{1}` is in force; clear the stop first"
    )]
    Stopped(ModuleId, StopId),
    /// With another type the module would go on, though its type must stand still.
    #[error(
        "module `{0}` keeps its type while the emergency stop `{1}` of that type is in force; have an admin clear the stop first"
    )]
    HeldByType(ModuleId, StopId),
    /// So many commands wait for the device's answer.
    #[error("{0} commands wait for the module's answer already; send this one when some are answered")]
    TooManyCommands(usize),
    /// The device did not answer in time.
    #[error("the module did not answer in time; ask for its commands later, it may still answer")]
    NoAnswer,
    /// The device answered a command that it was not given.
    #[error("no such command waits for a result")]
    NoSuchCommand,
    /// The device answered when nobody waited any more.
    #[error("the result came too late, and is kept as such")]
    LateResult,
    /// The device answered at too great length.
    #[error("the result is longer than {0} bytes; answer less")]
    LongResult(usize),
    /// A state cannot become what a patch makes of it.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Somebody else changed the desired state first.
    #[error("the desired state has the version {0} by now; read it, and patch that")]
    VersionChanged(i64),
    /// Only admins may do this.
    #[error("only admins may do this")]
    AdminsOnly,
    /// There is no such stop, or the caller may not see it.
    #[error("there is no such emergency stop, or you may not see it")]
    NoSuchStop,
    /// There is no such rule, or the caller may not see it.
    #[error("there is no such rule, or you may not see it")]
    NoSuchRule,
    /// There is no such alarm, or the caller may not see it.
    #[error("there is no such alarm, or you may not see it")]
    NoSuchAlarm,
    /// The alarm is over.
    #[error("the alarm was cleared already")]
    AlarmCleared,
    /// A rule cannot be so: at which field, and what to write there.
    #[error("{1}")]
    BadRule(String, &'static str),
    /// There are too many rules.
    #[error("there are {1} rules of {0} already; remove one first")]
    TooManyRules(&'static str, usize),
    /// The code is no claim code, has expired, was used or was replaced; which of these is nobody's business.
    #[error("this claim code does not work; look at it again, or ask for a new one")]
    WrongCode,
    /// Somebody tried too many codes.
    #[error("too many attempts; try again in {} s", .0.as_secs() + 1)]
    Throttled(Duration),
    /// A reading has a time that cannot be.
    #[error("{fault}")]
    BadTime {
        /// Which reading of the request, from 0.
        reading: usize,
        /// What is wrong with its time.
        fault: TimeFault,
    },
    /// More readings without a time come than there are milliseconds.
    #[error(
        "more readings of this module come without `ts` than there are milliseconds; send `ts` with them, or fewer"
    )]
    NoTimeLeft,
    /// More readings come than can be stored.
    #[error("too many readings wait to be stored; send again in a moment, and fewer at a time")]
    Overloaded,
    /// More readings of one module come than its history takes in; those of others are taken.
    #[error("too many readings of this module wait for its history; send again in a moment, and fewer at a time")]
    Behind,
    /// Too much waits.
    #[error("the hub is busy; send again in a moment")]
    Busy,
    /// It was being stored when the hub waited no longer.
    #[error("the hub does not know yet whether this was stored; what is sent again with the same `ts` counts once")]
    OutcomeUnknown,
    /// The store failed; the cause has been logged.
    #[error("the hub cannot store this now; send again in a moment")]
    Unavailable,
}

impl ModuleError {
    /// The reading of a request that is at fault, from 0.
    #[must_use]
    pub const fn reading(&self) -> Option<usize> {
        match self {
            Self::TooManyKeys { reading, .. } | Self::BadTime { reading, .. } => Some(*reading),
            _ => None,
        }
    }

    /// The problem as it is told outside; nothing of a store's cause is in it. Pointers begin at the reading.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound(_) => Problem::new("not-found", 404, "there is nothing here, or you may not see it"),
            Self::Exists(_) => Problem::new("module-exists", 409, detail),
            Self::WrongToken => Problem::new("wrong-token", 401, detail),
            Self::ForeignOwner => Problem::new("not-allowed", 403, detail),
            Self::UnknownOwner => invalid_fields().with_error("/userId", detail),
            Self::TooManyKeys { .. } => invalid_fields().with_error("/telemetry", detail),
            Self::Offline(_) => Problem::new("module-offline", 409, detail),
            Self::Stopped(..) | Self::HeldByType(..) => Problem::new("module-stopped", 409, detail),
            Self::TooManyCommands(_) => Problem::new("too-many-commands", 429, detail),
            Self::NoAnswer => Problem::new("no-answer", 504, detail),
            Self::NoSuchCommand => Problem::new("no-such-command", 404, detail),
            Self::LateResult => Problem::new("late-result", 409, detail),
            Self::LongResult(_) => invalid_fields().with_error("/result", detail),
            Self::Document(_) => invalid_fields().with_error("", detail),
            Self::VersionChanged(_) => Problem::new("version-changed", 412, detail),
            Self::AdminsOnly => Problem::new("not-allowed", 403, detail),
            Self::NoSuchStop => Problem::new("not-found", 404, detail),
            Self::NoSuchRule | Self::NoSuchAlarm => Problem::new("not-found", 404, detail),
            Self::AlarmCleared => Problem::new("alarm-cleared", 409, detail),
            Self::BadRule(pointer, _) => invalid_fields().with_error(pointer.clone(), detail),
            Self::TooManyRules(..) => Problem::new("too-many-rules", 409, detail),
            Self::WrongCode => Problem::new("wrong-claim-code", 404, detail),
            Self::Throttled(_) => Problem::new("too-many-attempts", 429, detail),
            Self::BadTime { .. } => invalid_fields().with_error("/ts", detail),
            Self::Overloaded => Problem::new("overloaded", 429, detail),
            Self::Behind | Self::NoTimeLeft => Problem::new("module-overloaded", 429, detail),
            Self::Busy => Problem::new("busy", 503, detail),
            Self::OutcomeUnknown => Problem::new("outcome-unknown", 503, detail),
            Self::Unavailable => Problem::new("unavailable", 503, detail),
        }
    }
}

impl ModuleError {
    /// What whoever waited for readings in vain is told: they are taken back, unless they are being stored.
    #[must_use]
    pub fn given_up(offer: &Offer) -> Self {
        if offer.withdraw() { Self::Busy } else { Self::OutcomeUnknown }
    }

    /// When the caller may try again, if that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        if let Self::Throttled(after) = self { Some(*after) } else { None }
    }
}

fn invalid_fields() -> Problem {
    Problem::new("invalid-fields", 422, "some fields are not as they must be")
}

impl From<CommitError> for ModuleError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Busy => Self::Overloaded,
            CommitError::ModuleBehind => Self::Behind,
            CommitError::Store(error) if matches!(*error, StoreError::Lost(_)) => Self::OutcomeUnknown,
            CommitError::Stuck | CommitError::Store(_) => Self::Unavailable,
        }
    }
}

impl From<StoreError> for ModuleError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a change of a module was not stored");
        Self::Unavailable
    }
}

impl From<actix::MailboxError> for ModuleError {
    fn from(_: actix::MailboxError) -> Self {
        Self::Busy
    }
}
