//! What is remembered of clients, here and away, and how much of it.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use actix::Addr;

use super::place::Place;
use crate::domain::cursor::Cursor;
use crate::domain::ids::{LoginId, UserId};
use crate::domain::pace::Pace;
use crate::domain::topic::Topic;
use crate::session::Session;

/// For how long a client may stay away, as the official server has it.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(120);
/// How many clients that are away are remembered; the one that left first is forgotten first.
pub(super) const KEPT_MOST: usize = 20_000;
/// How many of them may be one person's, who else could make the hub forget all others.
pub(super) const KEPT_PER_USER: usize = 128;

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
    pub(super) presence: Presence,
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

/// Which of several sessions that went by one private name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entry(u64);

/// Where a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Presence {
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

/// The clients under their private names.
///
/// Invariant: `away` and `all_away` count those whose presence is [`Presence::Away`]; each of them is in `left`.
#[derive(Default)]
pub(super) struct Remembered {
    entered: u64,
    clients: HashMap<String, Client>,
    /// Who left when, in order; entries of those that came back lie in between until their time.
    left: VecDeque<(Instant, String)>,
    /// How many clients of a person are away.
    away: HashMap<UserId, usize>,
    /// How many are away together.
    all_away: usize,
}

impl Remembered {
    /// Remembers a client that is here, in place of any other that went by its name.
    pub fn add(&mut self, pid: &str, client: Client) -> Entry {
        // Counted out, should it be away: two connections that come back at once both begin anew under one name.
        self.remove(pid);
        self.entered += 1;
        let entry = Entry(self.entered);
        self.clients.insert(pid.to_owned(), Client { entry, ..client });
        entry
    }

    /// The client under this name.
    pub fn get(&self, pid: &str) -> Option<&Client> {
        self.clients.get(pid)
    }

    /// The client, unless another session goes by its name now.
    pub fn of(&mut self, pid: &str, entry: Entry) -> Option<&mut Client> {
        self.clients.get_mut(pid).filter(|client| client.entry == entry)
    }

    /// Notes that a client is away from now on; one too many of its person is forgotten.
    pub fn leave(&mut self, pid: &str, entry: Entry, now: Instant) {
        self.forget_old(now);
        let here = self.of(pid, entry).filter(|client| matches!(client.presence, Presence::Here(_)));
        let Some(user) = here.map(|client| client.user.clone()) else { return };
        if self.away.get(&user).is_some_and(|count| *count >= KEPT_PER_USER) {
            self.clients.remove(pid);
            return;
        }
        *self.away.entry(user).or_default() += 1;
        self.all_away += 1;
        if let Some(client) = self.of(pid, entry) {
            client.presence = Presence::Away(now);
        }
        self.left.push_back((now, pid.to_owned()));
    }

    /// Forgets who has been away for too long, and the first that left if there are too many.
    pub fn forget_old(&mut self, now: Instant) {
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

    /// Forgets a client.
    pub fn remove(&mut self, pid: &str) -> Option<Client> {
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

    /// How many are remembered.
    pub fn count(&self) -> usize {
        self.clients.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::cursor::Epoch;

    fn client() -> Client {
        let start = Cursor { epoch: Epoch::generate(), offset: 7 };
        Client::new(UserId::generate(), LoginId::generate(), "sid".into(), start)
    }

    fn come_and_go(remembered: &mut Remembered, pid: &str, client: &Client) {
        let entry = remembered.add(pid, client.clone());
        remembered.leave(pid, entry, Instant::now());
    }

    #[test]
    fn one_person_is_remembered_a_bounded_number_of_times() {
        let (mut remembered, other, greedy) = (Remembered::default(), client(), client());
        come_and_go(&mut remembered, "other", &other);
        for number in 0..KEPT_PER_USER + 10 {
            come_and_go(&mut remembered, &number.to_string(), &greedy);
        }
        assert_eq!(remembered.count(), 1 + KEPT_PER_USER);
        assert!(remembered.remove("other").is_some());

        assert!(remembered.remove("0").is_some());
        come_and_go(&mut remembered, "again", &greedy);
        assert!(remembered.remove("again").is_some(), "there was room again");
        remembered.forget_old(Instant::now() + KEPT_FOR);
        assert!(remembered.away.is_empty());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add { pid: usize, user: usize },
        Leave { pid: usize, entry: usize },
        Remove { pid: usize },
        Wait { seconds: u64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..4_usize, 0..2_usize).prop_map(|(pid, user)| Step::Add { pid, user }),
            4 => (0..4_usize, 0..8_usize).prop_map(|(pid, entry)| Step::Leave { pid, entry }),
            1 => (0..4_usize).prop_map(|pid| Step::Remove { pid }),
            1 => (0..80_u64).prop_map(|seconds| Step::Wait { seconds }),
        ]
    }

    fn check(remembered: &Remembered) {
        let mut away: HashMap<UserId, usize> = HashMap::new();
        for (pid, client) in &remembered.clients {
            if let Presence::Away(since) = client.presence {
                *away.entry(client.user.clone()).or_default() += 1;
                assert!(remembered.left.contains(&(since, pid.clone())), "it would never be forgotten");
            }
        }
        assert_eq!(remembered.all_away, away.values().sum::<usize>());
        assert_eq!(remembered.away, away);
    }

    proptest! {
        #[test]
        fn those_that_are_away_are_counted_whatever_happens(steps in prop::collection::vec(step(), 1..60)) {
            let (people, mut remembered, mut entries) = ([client(), client()], Remembered::default(), Vec::new());
            let mut now = Instant::now();
            for step in steps {
                match step {
                    Step::Add { pid, user } => entries.push(remembered.add(&pid.to_string(), people[user].clone())),
                    Step::Leave { pid, entry } => {
                        // The newest entries: one of them is that of the client, others are of earlier ones.
                        let entry = entries.iter().rev().nth(entry).copied().unwrap_or_default();
                        remembered.leave(&pid.to_string(), entry, now);
                    }
                    Step::Remove { pid } => drop(remembered.remove(&pid.to_string())),
                    Step::Wait { seconds } => {
                        now += Duration::from_secs(seconds);
                        remembered.forget_old(now);
                    }
                }
                check(&remembered);
            }
        }
    }

    #[test]
    fn who_is_away_is_forgotten_after_a_while_and_one_before_the_other() {
        let mut remembered = Remembered::default();
        for number in 0..KEPT_MOST + 10 {
            come_and_go(&mut remembered, &number.to_string(), &client());
        }
        assert!(remembered.count() <= KEPT_MOST + 1, "{}", remembered.count());
        remembered.add("here", client());
        remembered.forget_old(Instant::now() + KEPT_FOR);
        assert_eq!(remembered.count(), 1, "who is here is not forgotten");
    }
}
