//! What ended or changed a moment ago, so that a handshake which crosses it is not let in; pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::messages::NotAdmitted;
use crate::domain::ids::{LoginId, UserId};

/// For how long it is remembered, longer than any handshake takes.
pub const KEPT: Duration = Duration::from_secs(60);

/// The ends and changes of the last while.
#[derive(Debug, Default)]
pub struct Crossings {
    ended_logins: HashMap<LoginId, Instant>,
    ended_users: HashMap<UserId, Instant>,
    changed_roles: HashMap<UserId, Instant>,
}

impl Crossings {
    /// The login has ended.
    pub fn login_ended(&mut self, login: LoginId) {
        self.ended_logins.insert(login, Instant::now());
    }

    /// The account has ended.
    pub fn user_ended(&mut self, user: UserId) {
        self.ended_users.insert(user, Instant::now());
    }

    /// The roles of the account are others since then.
    pub fn roles_changed(&mut self, user: UserId, changed_at: Instant) {
        self.changed_roles.insert(user, changed_at);
    }

    /// Whether a session may begin whose login and account were looked at in that moment.
    pub fn judge(&self, user: &UserId, login: &LoginId, read_at: Instant) -> Result<(), NotAdmitted> {
        if self.ended_logins.contains_key(login) || self.ended_users.contains_key(user) {
            return Err(NotAdmitted::LoginEnded);
        }
        match self.changed_roles.get(user) {
            Some(changed_at) if read_at <= *changed_at => Err(NotAdmitted::RolesChanged),
            _ => Ok(()),
        }
    }

    /// Forgets what is older than [`KEPT`].
    pub fn forget_old(&mut self) {
        self.ended_logins.retain(|_, at| at.elapsed() < KEPT);
        self.ended_users.retain(|_, at| at.elapsed() < KEPT);
        self.changed_roles.retain(|_, at| at.elapsed() < KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_looked_at_before_an_end_or_a_change_is_not_let_in() {
        let (user, login) = (UserId::generate(), LoginId::generate());
        let mut crossings = Crossings::default();
        let before = Instant::now();
        assert_eq!(crossings.judge(&user, &login, before), Ok(()));

        crossings.roles_changed(user.clone(), Instant::now());
        assert_eq!(crossings.judge(&user, &login, before), Err(NotAdmitted::RolesChanged));
        let later = before + KEPT;
        assert_eq!(crossings.judge(&user, &login, later), Ok(()), "who comes back has the new roles");
        assert_eq!(crossings.judge(&UserId::generate(), &login, before), Ok(()));

        crossings.login_ended(login.clone());
        assert_eq!(crossings.judge(&user, &login, later), Err(NotAdmitted::LoginEnded));
        crossings.user_ended(user.clone());
        assert_eq!(crossings.judge(&user, &LoginId::generate(), later), Err(NotAdmitted::LoginEnded));
    }
}
