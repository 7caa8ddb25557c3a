//! What can go wrong between the hub and its database.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such row.
    #[error("nothing is there under that key")]
    NotFound,
    /// The change goes against what is already there: a key taken twice, or a row that others need.
    #[error("the change conflicts with what is stored: {0}")]
    Conflict(String),
    /// Somebody else held the database, or all connections were in use, for too long.
    #[error("the database is busy; try again")]
    Busy,
    /// The file or its disk cannot be written.
    #[error("the database is read-only; make its file and folder writable")]
    ReadOnly,
    /// The disk is full.
    #[error("the disk of the database is full; free some space")]
    Full,
    /// Another hub works on the database.
    #[error("another hub uses this database; stop it, or give this one a database of its own")]
    InUse,
    /// The connection to the database broke; what was under way may be done or not.
    #[error("the connection to the database was lost: {0}")]
    Lost(String),
    /// The database was written by a newer version.
    #[error(
        "the database has the migration `{found}`, newer than the last one this version knows, `{known}`; start the newer version, or restore a backup"
    )]
    Newer {
        /// The unknown migration.
        found: String,
        /// The last known one.
        known: String,
    },
    /// A row breaks its own rules, such as a role that does not exist.
    #[error("{0} cannot be read")]
    Unreadable(String),
    /// The work itself broke off.
    #[error("the work on the database broke off: {0}")]
    BrokenOff(String),
    /// Anything else.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// A row that breaks its own rules.
    #[must_use]
    pub fn unreadable(table: &str, key: &str) -> Self {
        Self::Unreadable(format!("row `{key}` of `{table}`"))
    }

    /// Whether the work itself is the reason, so that trying again cannot help.
    #[must_use]
    pub const fn is_of_the_work(&self) -> bool {
        matches!(self, Self::NotFound | Self::Conflict(_) | Self::Unreadable(_) | Self::BrokenOff(_))
    }

    /// Whether trying again later, perhaps after the operator has acted, can help.
    #[must_use]
    pub const fn is_emergency(&self) -> bool {
        !matches!(self, Self::NotFound | Self::Conflict(_))
    }

    /// Judges by the message of the database, which is all that diesel hands on of a result code without a kind.
    pub(super) fn from_message(message: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
        if says(&["another hub uses"]) {
            Self::InUse
        } else if says(&["is locked", "due to lock timeout", "due to statement timeout"]) {
            Self::Busy
        } else if says(&["readonly database", "read-only transaction"]) {
            Self::ReadOnly
        } else if says(&["disk is full", "No space left on device"]) {
            Self::Full
        } else {
            Self::Unavailable(message.to_owned())
        }
    }
}

impl StoreError {
    /// Why a pool has no connection, as its last attempt was told.
    pub(super) fn from_pool(error: &diesel::r2d2::PoolError) -> Self {
        let text = error.to_string();
        let cause = text.split_once(": ").map_or(&*text, |(_, cause)| cause);
        Self::from_message(cause.strip_prefix("the database does not answer: ").unwrap_or(cause))
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::NotNullViolation,
                information,
            ) => Self::Conflict(information.message().to_owned()),
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, information) => {
                Self::Lost(information.message().trim_end().to_owned())
            }
            DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => Self::ReadOnly,
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Busy,
            DieselError::DatabaseError(_, information) => Self::from_message(information.message()),
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<diesel::ConnectionError> for StoreError {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::from_message(&error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_database_are_understood() {
        assert!(matches!(StoreError::from_message("database is locked"), StoreError::Busy));
        assert!(matches!(StoreError::from_message("attempt to write a readonly database"), StoreError::ReadOnly));
        assert!(matches!(StoreError::from_message("database or disk is full"), StoreError::Full));
        let canceled = "canceling statement due to lock timeout";
        assert!(matches!(StoreError::from_message(canceled), StoreError::Busy));
        assert!(matches!(StoreError::from_message("disk I/O error"), StoreError::Unavailable(_)));
    }

    #[test]
    fn what_may_be_the_state_of_the_database_is_not_blamed_on_the_work() {
        for message in ["disk I/O error", "the database system is starting up", "database or disk is full"] {
            assert!(!StoreError::from_message(message).is_of_the_work(), "{message}");
        }
        assert!(StoreError::unreadable("alarms", "7").is_of_the_work());
    }
}
