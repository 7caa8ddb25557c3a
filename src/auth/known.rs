//! Who was looked up a moment ago: a program that asks twenty times a second is read from the database once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Principal;
use super::lately::Lately;
use crate::domain::ids::LoginId;

/// For how long a login that was read counts, unless it changes: as soon as that, open sockets hear of what another process
/// has changed.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// What a login is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The fingerprint of its cookie.
    Cookie(String),
    /// What an access token or a ticket says.
    Login(LoginId),
}

/// The people of logins that were read lately; clones share them.
///
/// Invariant: what this process has changed is in no answer that is given after the change was told (`forget_all`);
/// what another process has changed, in none a second later.
#[derive(Clone, Default)]
pub struct Known(Arc<Inner>);

#[derive(Default)]
struct Inner {
    changes: AtomicU64,
    entries: Lately<Key, Entry>,
}

#[derive(Clone)]
struct Entry {
    principal: Principal,
    moment: Moment,
}

/// Stands for all changes before a look into the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Known {
    /// A login or an account has changed: all are read anew.
    pub(super) fn forget_all(&self) {
        self.0.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// To be asked before the database is.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.0.changes.load(Ordering::SeqCst))
    }

    /// Who was read a moment ago.
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<Principal> {
        let moment = self.moment();
        self.0.entries.find(key, |entry| entry.counts(moment, now)).map(|entry| entry.principal)
    }

    /// Keeps who was read after all changes up to a moment.
    pub(super) fn keep(&self, key: Key, principal: &Principal, moment: Moment) {
        self.0.entries.add(key, Entry { principal: principal.clone(), moment });
    }
}

impl Entry {
    fn counts(&self, moment: Moment, now: Instant) -> bool {
        self.moment == moment && now.saturating_duration_since(self.principal.read_at) < BELIEVED_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::lately::GENERATION;
    use crate::domain::ids::UserId;
    use crate::domain::time::Timestamp;

    fn key(number: usize) -> Key {
        Key::Cookie(number.to_string())
    }

    fn read_at(read_at: Instant) -> Principal {
        Principal {
            user_id: UserId::generate(),
            login_id: LoginId::generate(),
            name: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
            roles: Vec::new(),
            expires_at: Timestamp::now(),
            read_at,
            address: None,
        }
    }

    #[test]
    fn a_login_counts_until_something_changes_or_a_second_is_over() {
        let known = Known::default();
        let now = Instant::now();
        let at = |millis| known.get(&key(1), now + Duration::from_millis(millis)).is_some();
        known.keep(key(1), &read_at(now), known.moment());
        assert!(at(0) && at(999) && !at(1000));

        known.forget_all();

        assert!(!at(0));
    }

    #[test]
    fn what_was_read_before_a_change_and_kept_after_it_does_not_count() {
        let known = Known::default();
        let (now, moment) = (Instant::now(), known.moment());

        known.forget_all();
        known.keep(key(1), &read_at(now), moment);

        assert!(known.get(&key(1), now).is_none());
    }

    #[test]
    fn there_is_room_for_so_many_and_always_for_the_newest() {
        let known = Known::default();
        let now = Instant::now();
        for number in 0..=2 * GENERATION {
            known.keep(key(number), &read_at(now), known.moment());
            assert!(known.get(&key(number), now).is_some() && known.0.entries.len() <= 2 * GENERATION);
        }
        assert!(known.get(&key(0), now).is_none());
    }
}
