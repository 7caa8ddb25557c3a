//! What clients listened to whose connection broke, for a while: connection state recovery.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use actix::Addr;

use super::place::Place;
use super::remembered::{Client, Entry, Heard, Presence, Remembered};
use crate::domain::ids::{LoginId, UserId};
use crate::domain::pace::Pace;
use crate::domain::topic::Topic;
use crate::session::Session;
use crate::session::engine::Engines;
use crate::session::messages::End;

/// What a session is told whose client goes on with another one.
const CAME_BACK: End = End { code: 1000, reason: "the client came back by another connection", retry_after: None };

/// The clients that may come back; clones share them.
#[derive(Clone, Default)]
pub struct Recoveries(Arc<Mutex<Remembered>>);

impl Recoveries {
    /// Remembers a client that has been welcomed; what its session says later carries the entry.
    pub fn welcome(&self, pid: &str, client: Client) -> Entry {
        self.lock().add(pid, client)
    }

    /// Notes whose session a client is; a session whose client has come back by another one meanwhile ends.
    pub fn is_session(&self, pid: &str, entry: Entry, session: Addr<Session>) {
        let mut inner = self.lock();
        match inner.of(pid, entry) {
            Some(client) if matches!(client.presence, Presence::Here(_)) => {
                client.presence = Presence::Here(Some(session));
            }
            // One that is gone already stays away, or it would be remembered for ever.
            Some(_) => {}
            // Once per return; a session that is gone needs no word.
            None => session.do_send(CAME_BACK),
        }
    }

    /// Notes what a client listens to; of topics that are new it has the state since `told`.
    pub fn listens(&self, pid: &str, entry: Entry, topics: Vec<(Topic, Option<Pace>)>, told: Place) {
        if let Some(client) = self.lock().of(pid, entry) {
            let known = std::mem::take(&mut client.topics);
            let since = |topic: &Topic| known.iter().find(|heard| heard.topic == *topic).map_or(told, |one| one.since);
            let heard = topics.into_iter().map(|(topic, pace)| Heard { since: since(&topic), topic, pace });
            client.topics = heard.collect();
        }
    }

    /// Notes that a client's connection is gone.
    pub fn leave(&self, pid: &str, entry: Entry) {
        self.lock().leave(pid, entry, Instant::now());
    }

    /// Gives back what a client of this person and login listened to, once; the session that it may still have ends.
    #[must_use]
    pub fn claim(&self, pid: &str, user: &UserId, login: &LoginId) -> Option<Client> {
        let mut inner = self.lock();
        inner.forget_old(Instant::now());
        let is_theirs = inner.get(pid).is_some_and(|client| client.user == *user && client.login == *login);
        let client = if is_theirs { inner.remove(pid) } else { None };
        if let Some(Client { presence: Presence::Here(Some(session)), .. }) = &client {
            // Once per return; a session that is gone needs no word.
            session.do_send(CAME_BACK);
        }
        client
    }

    /// Whether a text is a private name that the hub may have given, and nobody goes by it.
    #[must_use]
    pub fn is_unused(&self, pid: &str) -> bool {
        let is_name = pid.len() == Engines::new_sid().len()
            && pid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_name && self.lock().get(pid).is_none()
    }

    /// How many are remembered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().count()
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::remembered::KEPT_FOR;
    use super::*;
    use crate::domain::cursor::{Cursor, Epoch};

    fn client() -> Client {
        let start = Cursor { epoch: Epoch::generate(), offset: 7 };
        Client::new(UserId::generate(), LoginId::generate(), "sid".into(), start)
    }

    fn place(client: &Client, round: u64) -> Place {
        Place { cursor: client.start, round }
    }

    #[test]
    fn only_the_same_person_by_the_same_login_gets_its_topics_back_and_once() {
        let recoveries = Recoveries::default();
        let client = client();
        let entry = recoveries.welcome("pid", client.clone());
        recoveries.listens("pid", entry, vec![(Topic::Modules, None)], place(&client, 1));
        recoveries.listens("pid", entry, vec![(Topic::Modules, None), (Topic::Admin, None)], place(&client, 2));
        recoveries.leave("pid", entry);
        assert_eq!(recoveries.claim("pid", &UserId::generate(), &client.login), None);
        assert_eq!(recoveries.claim("pid", &client.user, &LoginId::generate()), None);
        let claimed = recoveries.claim("pid", &client.user, &client.login).unwrap();
        assert_eq!((claimed.sid.as_str(), claimed.start), ("sid", client.start));
        let heard = |topic, round| Heard { topic, pace: None, since: place(&client, round) };
        assert_eq!(claimed.topics, [heard(Topic::Modules, 1), heard(Topic::Admin, 2)]);
        assert_eq!(recoveries.claim("pid", &client.user, &client.login), None);
        assert_eq!(recoveries.claim("other", &client.user, &client.login), None);
    }

    #[test]
    fn only_a_name_that_the_hub_could_have_given_is_taken_from_a_client() {
        let (recoveries, name) = (Recoveries::default(), Engines::new_sid());
        assert!(recoveries.is_unused(&name));
        recoveries.welcome(&name, client());
        assert!(!recoveries.is_unused(&name));
        for bad in ["", "short", &"x".repeat(1000), "\u{e9}123456789012345678"] {
            assert!(!recoveries.is_unused(bad), "{bad}");
        }
    }

    #[test]
    fn a_session_that_was_replaced_changes_nothing_any_more() {
        let recoveries = Recoveries::default();
        let client = client();
        let first = recoveries.welcome("pid", client.clone());
        assert!(recoveries.claim("pid", &client.user, &client.login).is_some());
        recoveries.welcome("pid", client.clone());
        recoveries.listens("pid", first, vec![(Topic::Admin, None)], place(&client, 1));
        recoveries.leave("pid", first);
        recoveries.lock().forget_old(Instant::now() + KEPT_FOR);
        assert_eq!(recoveries.claim("pid", &client.user, &client.login).unwrap().topics, []);
    }
}
