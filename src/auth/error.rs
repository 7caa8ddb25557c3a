//! Why somebody is not let in, or an account not changed.

use std::time::Duration;

use super::KeyError;
use crate::domain::account::Email;
use crate::domain::ids::UserId;
use crate::domain::problem::Problem;
use crate::store::StoreError;

/// Why somebody is not let in, or an account not changed.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No credential, or one that is forged, expired or revoked; which of these is nobody's business.
    #[error("log in first, or again: there is no valid cookie, access token or ticket")]
    Unknown,
    /// No such account, a wrong password, or an account kept out; which of these is nobody's business.
    #[error("the address or the password is wrong")]
    WrongLogin,
    /// The present password given along with a change is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The refresh token is not known, has been used, or its login has ended.
    #[error("the refresh token does not work; log in again")]
    RefreshRefused,
    /// The setup token is not the one printed, or the first admin is there already.
    #[error("the setup address does not work any more; log in, or restart the hub while it has no accounts")]
    SetupRefused,
    /// Too many attempts from one address or for one account.
    #[error("too many attempts; try again in {} s", retry_after.as_secs() + 1)]
    Throttled {
        /// When the next attempt is let through.
        retry_after: Duration,
    },
    /// Too many people wait for their password to be checked.
    #[error("too many logins at once; try again in a moment")]
    Busy,
    /// No account under this id.
    #[error("there is no user `{0}`")]
    NoSuchUser(UserId),
    /// Another account has the address.
    #[error("the address `{0}` belongs to another account")]
    EmailTaken(Email),
    /// The change would leave nobody to manage accounts.
    #[error("this is the last admin; make another one first")]
    LastAdmin,
    /// The account named in the configuration cannot be made.
    #[error("the first admin cannot be made: {0}; change `CARILLON_ADMIN_EMAIL` or `CARILLON_ADMIN_PASSWORD`")]
    FirstAdmin(String),
    /// There is no key for tokens.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the hub did not answer.
    #[error("accounts do not answer: {0}")]
    Unavailable(String),
}

impl AuthError {
    /// What is told outside; the cause of an emergency is logged here and not told.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (kind, status) = match self {
            Self::Unknown => ("not-authenticated", 401),
            Self::WrongLogin => ("wrong-login", 401),
            Self::RefreshRefused => ("refresh-refused", 401),
            Self::WrongPassword => return wrong_password(),
            Self::SetupRefused => ("setup-refused", 403),
            Self::NoSuchUser(_) => ("not-found", 404),
            Self::EmailTaken(_) => ("email-taken", 409),
            Self::LastAdmin => ("last-admin", 409),
            Self::Throttled { .. } => ("too-many-attempts", 429),
            Self::Busy => ("too-many-logins", 503),
            Self::FirstAdmin(_) | Self::Key(_) | Self::Store(_) | Self::Unavailable(_) => return self.emergency(),
        };
        Problem::new(kind, status, self.to_string())
    }

    /// When the caller may try again, if that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        if let Self::Throttled { retry_after } = self { Some(*retry_after) } else { None }
    }

    fn emergency(&self) -> Problem {
        tracing::error!(error = %self, "accounts could not be served");
        Problem::new("unavailable", 503, "the hub cannot do this now; try again in a moment")
    }
}

fn wrong_password() -> Problem {
    Problem::new("wrong-password", 403, "the current password is wrong")
        .with_error("/currentPassword", "is not the current password")
}

impl From<actix::MailboxError> for AuthError {
    fn from(error: actix::MailboxError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
