//! The line in which changes wait for their turn.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::error::ModuleError;

/// How long one waits for the turn. Whoever asked is answered later than that: what was told to have failed is not done.
const PATIENCE: Duration = Duration::from_secs(10);

/// One change at a time, in the order in which they came.
///
/// Invariant: `waiting` of those that were asked for wait, no more than `most`.
#[derive(Debug)]
pub struct Line {
    turn: Mutex<()>,
    waiting: Cell<usize>,
    most: usize,
}

impl Line {
    /// A line in which so many may wait.
    pub fn new(most: usize) -> Self {
        Self { turn: Mutex::new(()), waiting: Cell::new(0), most }
    }

    /// Waits for the turn to change something that is asked for. Who may ask for it is judged behind this: meanwhile a module
    /// may have got another owner.
    ///
    /// # Errors
    /// [`ModuleError::Busy`] when too many wait, or this for too long.
    pub async fn turn(&self) -> Result<MutexGuard<'_, ()>, ModuleError> {
        if self.waiting.get() >= self.most {
            return Err(ModuleError::Busy);
        }
        let _place = Place::take(&self.waiting);
        timeout(PATIENCE, self.turn.lock()).await.map_err(|_| ModuleError::Busy)
    }

    /// Waits for the turn to follow what the database says already, or to store what has happened; that cannot be refused.
    ///
    /// Bounded all the same: an account is removed once, and one look, and one flush of what has happened, waits at a time.
    pub async fn turn_to_follow(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

/// A place in the line, which is given back also by who gives up waiting.
struct Place<'a>(&'a Cell<usize>);

impl<'a> Place<'a> {
    fn take(waiting: &'a Cell<usize>) -> Self {
        waiting.set(waiting.get() + 1);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
