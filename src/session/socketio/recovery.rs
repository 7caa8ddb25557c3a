//! What clients listened to whose connection broke, for a while: connection state recovery.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix::Addr;

use crate::domain::cursor::{Cursor, CursorError};
use crate::domain::ids::{LoginId, UserId};
use crate::domain::pace::Pace;
use crate::domain::topic::Topic;
use crate::session::Session;
use crate::session::engine::Engines;
use crate::session::messages::End;

/// For how long a client may stay away, as the official server has it.
const KEPT_FOR: Duration = Duration::from_secs(120);
/// How many clients that are away are remembered; the one that left first is forgotten first.
const KEPT_MOST: usize = 20_000;
/// How many of them may be one person's, who else could make the hub forget all others.
const KEPT_PER_USER: usize = 128;

/// What a session is told whose client goes on with another one.
const CAME_BACK: End = End { code: 1000, reason: "the client came back by another connection", retry_after: None };

/// The clients that may come back; clones share them.
#[derive(Clone, Default)]
pub struct Recoveries(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    entered: u64,
    clients: HashMap<String, Client>,
    /// Who left when, in order; entries of those that came back lie in between until their time.
    left: VecDeque<(Instant, String)>,
    /// How many clients of a person are away.
    away: HashMap<UserId, usize>,
    /// How many are away together.
    all_away: usize,
}

/// What is known of a client under its private name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Whose it is.
    pub user: UserId,
    /// By which login.
    pub login: LoginId,
    /// What the client calls itself.
    pub sid: String,
    /// Where its events began, for one that has not been told of any.
    pub start: Cursor,
    /// What it listens to.
    pub topics: Vec<Heard>,
    /// Its session, or since when there is none.
    presence: Presence,
    entry: Entry,
}

/// A topic that a client listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Which.
    pub topic: Topic,
    /// How often at most it wants newer values there.
    pub pace: Option<Pace>,
    /// Since when it has the state behind it.
    pub since: Place,
}

/// How far a client has been told: everything up to the cursor, and at that cursor the snapshots of this many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Up to where.
    pub cursor: Cursor,
    /// How many times all snapshots had been told.
    pub round: u64,
}

impl Place {
    /// Whether a client that has been told so far has been told what another place says.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.cursor.epoch == other.cursor.epoch
            && (self.cursor.offset, self.round) >= (other.cursor.offset, other.round)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.cursor, self.round)
    }
}

impl FromStr for Place {
    type Err = CursorError;

    /// Reads what `synced` told, or the bare cursor of an event.
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (cursor, round) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { cursor: cursor.parse()?, round: round.parse().map_err(|_| CursorError)? })
    }
}

/// Which of several sessions that went by one private name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entry(u64);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Presence {
    Here(Option<Addr<Session>>),
    Away(Instant),
}

impl Client {
    /// A client that listens to nothing yet.
    #[must_use]
    pub const fn new(user: UserId, login: LoginId, sid: String, start: Cursor) -> Self {
        Self { user, login, sid, start, topics: Vec::new(), presence: Presence::Here(None), entry: Entry(0) }
    }
}

impl Recoveries {
    /// Remembers a client that has been welcomed; what its session says later carries the entry.
    pub fn welcome(&self, pid: &str, client: Client) -> Entry {
        let mut inner = self.lock();
        inner.entered += 1;
        let entry = Entry(inner.entered);
        inner.clients.insert(pid.to_owned(), Client { entry, ..client });
        entry
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
        let mut inner = self.lock();
        let now = Instant::now();
        inner.forget_old(now);
        let Some(user) = inner.of(pid, entry).map(|client| client.user.clone()) else { return };
        if inner.away.get(&user).is_some_and(|count| *count >= KEPT_PER_USER) {
            inner.clients.remove(pid);
            return;
        }
        *inner.away.entry(user).or_default() += 1;
        inner.all_away += 1;
        if let Some(client) = inner.of(pid, entry) {
            client.presence = Presence::Away(now);
        }
        inner.left.push_back((now, pid.to_owned()));
    }

    /// Gives back what a client of this person and login listened to, once; the session that it may still have ends.
    #[must_use]
    pub fn claim(&self, pid: &str, user: &UserId, login: &LoginId) -> Option<Client> {
        let mut inner = self.lock();
        inner.forget_old(Instant::now());
        let is_theirs = inner.clients.get(pid).is_some_and(|client| client.user == *user && client.login == *login);
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
        is_name && !self.lock().clients.contains_key(pid)
    }

    /// How many are remembered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().clients.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The client, unless another session goes by its name now.
    fn of(&mut self, pid: &str, entry: Entry) -> Option<&mut Client> {
        self.clients.get_mut(pid).filter(|client| client.entry == entry)
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((left, pid)) = self.left.front() {
            let is_away = self.clients.get(pid).is_some_and(|client| client.presence == Presence::Away(*left));
            let is_kept = now.duration_since(*left) < KEPT_FOR && self.all_away <= KEPT_MOST;
            if is_away && is_kept {
                return;
            }
            let Some((_, pid)) = self.left.pop_front() else { return };
            if is_away {
                self.remove(&pid);
            }
        }
    }

    fn remove(&mut self, pid: &str) -> Option<Client> {
        let client = self.clients.remove(pid)?;
        if let (Presence::Away(_), Some(count)) = (&client.presence, self.away.get_mut(&client.user)) {
            *count -= 1;
            self.all_away -= 1;
            if *count == 0 {
                self.away.remove(&client.user);
            }
        }
        Some(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cursor::Epoch;

    fn client() -> Client {
        let start = Cursor { epoch: Epoch::generate(), offset: 7 };
        Client::new(UserId::generate(), LoginId::generate(), "sid".into(), start)
    }

    fn place(client: &Client, round: u64) -> Place {
        Place { cursor: client.start, round }
    }

    #[test]
    fn who_was_cut_off_before_the_last_snapshot_has_not_been_told_of_it() {
        let start = client().start;
        let later = Cursor { offset: 8, ..start };
        let since = Place { cursor: start, round: 2 };
        let told = |text: &str| text.parse::<Place>().unwrap();
        assert!(told(&since.to_string()).covers(since));
        assert!(told(&later.to_string()).covers(since), "an event after the snapshots");
        assert!(!told(&start.to_string()).covers(since), "an event before them");
        assert!(!told(&format!("{start}.1")).covers(since), "the snapshots of an earlier request");
        let foreign = Cursor { epoch: Epoch::generate(), offset: 9 };
        assert!(!told(&foreign.to_string()).covers(since));
        assert!("".parse::<Place>().is_err() && format!("{start}.x").parse::<Place>().is_err());
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

    #[test]
    fn one_person_is_remembered_a_bounded_number_of_times() {
        let (recoveries, other, greedy) = (Recoveries::default(), client(), client());
        let entry = recoveries.welcome("other", other.clone());
        recoveries.leave("other", entry);
        for number in 0..KEPT_PER_USER + 10 {
            let entry = recoveries.welcome(&number.to_string(), greedy.clone());
            recoveries.leave(&number.to_string(), entry);
        }
        assert_eq!(recoveries.count(), 1 + KEPT_PER_USER);
        assert!(recoveries.claim("other", &other.user, &other.login).is_some());

        assert!(recoveries.claim("0", &greedy.user, &greedy.login).is_some());
        let entry = recoveries.welcome("again", greedy.clone());
        recoveries.leave("again", entry);
        assert!(recoveries.claim("again", &greedy.user, &greedy.login).is_some(), "there was room again");
        recoveries.lock().forget_old(Instant::now() + KEPT_FOR);
        assert!(recoveries.lock().away.is_empty());
    }

    #[test]
    fn who_is_away_is_forgotten_after_a_while_and_one_before_the_other() {
        let recoveries = Recoveries::default();
        for number in 0..KEPT_MOST + 10 {
            let entry = recoveries.welcome(&number.to_string(), client());
            recoveries.leave(&number.to_string(), entry);
        }
        assert!(recoveries.count() <= KEPT_MOST + 1, "{}", recoveries.count());
        recoveries.welcome("here", client());
        recoveries.lock().forget_old(Instant::now() + KEPT_FOR);
        assert_eq!(recoveries.count(), 1, "who is here is not forgotten");
    }
}
