use std::cell::Cell;

use serde::Serialize;

/// What a fleet has done so far; all its modules count into one.
#[derive(Debug, Default)]
pub struct Tally {
    /// Readings sent.
    pub sent: Cell<u64>,
    /// Readings the hub acknowledged, that is committed.
    pub acked: Cell<u64>,
    /// Readings and connections the hub refused.
    pub refused: Cell<u64>,
    /// Connections made after the first one of a module.
    pub reconnects: Cell<u64>,
    /// Modules that are connected now.
    pub online: Cell<u64>,
}

/// What a fleet has done up to one moment.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Summary {
    /// Readings sent.
    pub sent: u64,
    /// Readings the hub acknowledged, that is committed.
    pub acked: u64,
    /// Readings and connections the hub refused.
    pub refused: u64,
    /// Connections made after the first one of a module.
    pub reconnects: u64,
    /// Modules that were connected then.
    pub online: u64,
}

impl Tally {
    /// The numbers now.
    pub fn summary(&self) -> Summary {
        Summary {
            sent: self.sent.get(),
            acked: self.acked.get(),
            refused: self.refused.get(),
            reconnects: self.reconnects.get(),
            online: self.online.get(),
        }
    }
}

/// Counts one more.
pub fn count(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}

/// Counts a module as online for as long as it lives.
#[derive(Debug)]
pub struct Online<'a>(&'a Tally);

impl<'a> Online<'a> {
    /// Counts one more module as online.
    pub fn enter(tally: &'a Tally) -> Self {
        count(&tally.online);
        Self(tally)
    }
}

impl Drop for Online<'_> {
    fn drop(&mut self) {
        self.0.online.set(self.0.online.get() - 1);
    }
}
