//! Tickets: what stands in an address where no header can be set. Each opens one socket, soon or never.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{AuthError, opaque};
use crate::domain::ids::LoginId;
use crate::domain::time::Timestamp;

/// How long a ticket is good.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// How many tickets may be waiting at once.
const TICKETS_MAX: usize = 10_000;

/// How many of these may be one login's.
const TICKETS_PER_LOGIN: usize = 32;

/// Whom a ticket lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The login that made the ticket.
    pub login_id: LoginId,
    /// When the credential ends that made the ticket.
    pub expires_at: Timestamp,
}

/// The tickets not used yet, by the hash of each.
///
/// Invariant: at most [`TICKETS_MAX`], and [`TICKETS_PER_LOGIN`] of one login.
#[derive(Debug, Default)]
pub struct Tickets {
    waiting: HashMap<String, (Bearer, Instant)>,
}

impl Tickets {
    /// Makes a ticket; a login that has too many loses its oldest.
    ///
    /// # Errors
    /// [`AuthError::Busy`] when too many wait.
    pub fn make(&mut self, bearer: Bearer) -> Result<String, AuthError> {
        let now = Instant::now();
        self.waiting.retain(|_, (_, made)| now - *made < TICKET_LIFETIME);
        self.make_room(&bearer.login_id);
        if self.waiting.len() >= TICKETS_MAX {
            return Err(AuthError::Busy);
        }
        let ticket = opaque::generate();
        self.waiting.insert(opaque::fingerprint(&ticket), (bearer, now));
        Ok(ticket)
    }

    fn make_room(&mut self, login_id: &LoginId) {
        let of_login = || self.waiting.iter().filter(|(_, (bearer, _))| bearer.login_id == *login_id);
        if of_login().count() < TICKETS_PER_LOGIN {
            return;
        }
        let oldest = of_login().min_by_key(|(_, (_, made))| *made).map(|(ticket, _)| ticket.clone());
        oldest.map(|ticket| self.waiting.remove(&ticket));
    }

    /// Takes a ticket; it is gone then.
    ///
    /// # Errors
    /// [`AuthError::Unknown`] when it was never made, is used, or is too old.
    pub fn redeem(&mut self, ticket: &str) -> Result<Bearer, AuthError> {
        let bearer = self.look_at(ticket);
        self.waiting.remove(&opaque::fingerprint(ticket));
        bearer
    }

    /// Whom a ticket would let in; it stays.
    ///
    /// # Errors
    /// As [`Self::redeem`].
    pub fn look_at(&self, ticket: &str) -> Result<Bearer, AuthError> {
        let (bearer, made) = self.waiting.get(&opaque::fingerprint(ticket)).ok_or(AuthError::Unknown)?;
        if made.elapsed() < TICKET_LIFETIME { Ok(bearer.clone()) } else { Err(AuthError::Unknown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer() -> Bearer {
        Bearer { login_id: LoginId::generate(), expires_at: Timestamp::from_millis(1) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_works_once_and_not_for_long() {
        let mut tickets = Tickets::default();
        let somebody = bearer();
        let (first, second) = (tickets.make(somebody.clone()).unwrap(), tickets.make(somebody.clone()).unwrap());

        assert_eq!(tickets.look_at(&first).unwrap(), somebody);
        assert_eq!(tickets.redeem(&first).unwrap(), somebody);
        assert!(tickets.look_at(&first).is_err());
        assert!(tickets.redeem(&first).is_err());
        tokio::time::advance(TICKET_LIFETIME).await;
        assert!(tickets.redeem(&second).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn one_login_cannot_hoard_tickets() {
        let mut tickets = Tickets::default();
        let greedy = bearer();
        let first = tickets.make(greedy.clone()).unwrap();
        for _ in 0..TICKETS_PER_LOGIN {
            tokio::time::advance(Duration::from_millis(1)).await;
            tickets.make(greedy.clone()).unwrap();
        }
        assert_eq!(tickets.waiting.len(), TICKETS_PER_LOGIN);
        assert!(tickets.redeem(&first).is_err());
        tokio::time::advance(TICKET_LIFETIME).await;
        tickets.make(bearer()).unwrap();
        assert_eq!(tickets.waiting.len(), 1);
    }
}
