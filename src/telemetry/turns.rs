//! Who looks at the history, and how many at the same time: others always find a connection free.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::HistoryError;
use crate::domain::ids::UserId;
use crate::store::Store;

/// How long somebody waits for a turn.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How many questions of one person may wait or be worked on.
const OPEN_MAX: usize = 32;

/// The turns of all who read much at once; clones share them.
///
/// Invariant: no more turns are given than half of the connections that read, and of those no person has more than half,
/// but for one that there always is.
#[derive(Debug, Clone)]
pub struct Turns {
    all: Arc<Semaphore>,
    share: usize,
    people: Arc<Mutex<People>>,
}

/// Those who have a turn or wait for one; none is the house itself.
type People = HashMap<Option<UserId>, Share>;

/// What one person takes.
#[derive(Debug)]
struct Share {
    turns: Arc<Semaphore>,
    open: usize,
}

/// A turn; whoever has it may read until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _open: Open,
}

/// One question of a person, counted as long as it lives.
#[derive(Debug)]
struct Open {
    people: Arc<Mutex<People>>,
    of: Option<UserId>,
}

impl Turns {
    /// The turns that a store allows.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self::new(store.readers() / 2)
    }

    fn new(turns: usize) -> Self {
        let turns = turns.max(1);
        Self { all: Arc::new(Semaphore::new(turns)), share: (turns / 2).max(1), people: Arc::default() }
    }

    /// Waits for a turn of a person, or of the house itself.
    ///
    /// # Errors
    /// [`HistoryError::Crowded`] when the person asks for too much at once, [`HistoryError::Busy`] when others do.
    pub async fn turn(&self, of: Option<&UserId>) -> Result<Turn, HistoryError> {
        let (until, (own, open)) = (Instant::now() + WAIT_MAX, self.open(of)?);
        // One after the other: who waits for their own share keeps nobody else waiting.
        let own = timeout_at(until, own.acquire_owned()).await.ok().and_then(Result::ok);
        let own = own.ok_or(HistoryError::Crowded)?;
        let all = timeout_at(until, Arc::clone(&self.all).acquire_owned()).await.ok().and_then(Result::ok);
        Ok(Turn { _all: all.ok_or(HistoryError::Busy)?, _own: own, _open: open })
    }

    fn open(&self, of: Option<&UserId>) -> Result<(Arc<Semaphore>, Open), HistoryError> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Share { turns: Arc::new(Semaphore::new(self.share)), open: 0 };
        let share = people.entry(of.cloned()).or_insert_with(new);
        if share.open >= OPEN_MAX {
            return Err(HistoryError::Crowded);
        }
        share.open += 1;
        Ok((Arc::clone(&share.turns), Open { people: Arc::clone(&self.people), of: of.cloned() }))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(share) = people.get_mut(&self.of) else { return };
        share.open -= 1;
        if share.open == 0 {
            people.remove(&self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> [Option<UserId>; 3] {
        [(); 3].map(|()| Some(UserId::generate()))
    }

    #[actix::test]
    async fn one_person_takes_no_more_than_half_of_the_turns() {
        let (turns, [one, other, third]) = (Turns::new(4), people());
        let held = [turns.turn(one.as_ref()).await.unwrap(), turns.turn(one.as_ref()).await.unwrap()];
        tokio::time::pause();
        assert!(matches!(turns.turn(one.as_ref()).await, Err(HistoryError::Crowded)));
        let others = [turns.turn(other.as_ref()).await.unwrap(), turns.turn(other.as_ref()).await.unwrap()];
        assert!(matches!(turns.turn(third.as_ref()).await, Err(HistoryError::Busy)));

        drop(others);
        assert!(turns.turn(None).await.is_ok());
        drop(held);
        assert!(turns.turn(one.as_ref()).await.is_ok());
        assert!(turns.people.lock().unwrap().is_empty(), "nobody is remembered");
    }

    #[actix::test]
    async fn who_waits_for_their_own_share_keeps_nobody_waiting() {
        let (turns, [one, other, _]) = (Turns::new(2), people());
        let held = turns.turn(one.as_ref()).await.unwrap();
        let waiting: Vec<_> = (1..OPEN_MAX)
            .map(|_| {
                let (turns, one) = (turns.clone(), one.clone());
                actix::spawn(async move { turns.turn(one.as_ref()).await.is_ok() })
            })
            .collect();
        while turns.people.lock().unwrap().get(&one).unwrap().open < OPEN_MAX {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();

        assert!(matches!(turns.turn(one.as_ref()).await, Err(HistoryError::Crowded)), "no more may wait");
        let before = Instant::now();
        assert!(turns.turn(other.as_ref()).await.is_ok());
        assert!(before.elapsed() < WAIT_MAX);
        drop(held);
        for waiting in waiting {
            assert!(waiting.await.unwrap());
        }
    }
}
