//! The order in which the readings of one connection come to the module, also where some of them have to be offered again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::domain::time::Timestamp;

/// The place of readings among those of their connection: when they came, and where among those that came together.
type Place = (u64, usize);

/// Who is still to be let in.
///
/// Invariant: only the first of those in `open` offers its readings; all behind it wait.
#[derive(Debug, Default)]
pub struct Turns {
    last: Cell<u64>,
    open: RefCell<BTreeSet<Place>>,
    passed: Notify,
    given_up: Notify,
}

/// The turn of readings that came together; once it is gone, it is that of those behind them.
#[derive(Debug)]
pub struct Turn {
    turns: Rc<Turns>,
    place: Place,
    /// When the readings came.
    pub received: Timestamp,
    since: Instant,
}

impl Turns {
    /// The turn of readings that come now.
    pub fn take(self: &Rc<Self>) -> Turn {
        let place = (self.last.get() + 1, 0);
        self.last.set(place.0);
        self.open.borrow_mut().insert(place);
        Turn { turns: Rc::clone(self), place, received: Timestamp::now(), since: Instant::now() }
    }

    /// Nobody waits any more for what is under way now; for a will that comes later somebody does.
    pub fn give_up(&self) {
        self.given_up.notify_waiters();
    }

    /// Waits until nobody waits any more.
    pub async fn given_up(&self) {
        self.given_up.notified().await;
    }
}

impl Turn {
    /// Waits until nobody is before these readings.
    pub async fn come(&self) {
        loop {
            // Made before the look, so that nothing is missed between.
            let passed = self.turns.passed.notified();
            if self.turns.open.borrow().first() == Some(&self.place) {
                return;
            }
            passed.await;
        }
    }

    /// Waits until nobody waits any more for what is under way.
    pub async fn given_up(&self) {
        self.turns.given_up().await;
    }

    /// The readings are let in: those behind them may go.
    pub fn pass(&self) {
        if self.turns.open.borrow_mut().remove(&self.place) {
            self.turns.passed.notify_waiters();
        }
    }

    /// The readings have to be offered again: those behind them that have not gone wait.
    pub fn stand_again(&self) {
        self.turns.open.borrow_mut().insert(self.place);
    }

    /// How long ago the readings came.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// A turn for each of so many messages, in this place.
    pub fn split(self, count: usize) -> Vec<Self> {
        let of = |part| {
            let place = (self.place.0, part);
            self.turns.open.borrow_mut().insert(place);
            Self { turns: Rc::clone(&self.turns), place, received: self.received, since: self.since }
        };
        // Behind the place of all together, which goes now.
        (1..=count).map(of).collect()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.pass();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn has_come(turn: &Turn) -> bool {
        turn.come().now_or_never().is_some()
    }

    #[test]
    fn those_behind_wait_until_the_first_is_let_in_or_gives_up() {
        let turns = Rc::new(Turns::default());
        let (first, second, third) = (turns.take(), turns.take(), turns.take());
        assert!(has_come(&first) && !has_come(&second) && !has_come(&third));
        first.pass();
        assert!(has_come(&second) && !has_come(&third));
        first.stand_again();
        assert!(has_come(&first) && !has_come(&second), "it stands before the others again");
        drop(first);
        let parts = second.split(2);
        assert!(has_come(&parts[0]) && !has_come(&parts[1]) && !has_come(&third));
        parts[0].pass();
        assert!(has_come(&parts[1]) && !has_come(&third));
        drop(parts);
        assert!(has_come(&third));
    }
}
