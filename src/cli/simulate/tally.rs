use std::cell::{Cell, RefCell};

use serde::Serialize;

use super::Door;

/// What a fleet has done so far; all its modules count into one.
#[derive(Debug, Default)]
pub struct Tally {
    /// What was done by each door, in the order of [`Door::ALL`].
    doors: [DoorTally; 3],
    /// Readings that were lost on purpose, or as too many waited.
    pub lost: Cell<u64>,
    /// Modules that are connected now.
    pub online: Cell<u64>,
}

/// What a fleet has done by one door.
#[derive(Debug, Default)]
pub struct DoorTally {
    /// Readings sent.
    pub sent: Cell<u64>,
    /// Readings the hub acknowledged, that is committed.
    pub acked: Cell<u64>,
    /// Readings and connections the hub refused.
    pub refused: Cell<u64>,
    /// Readings sent once more, as no answer came.
    pub retried: Cell<u64>,
    /// Connections made after the first one of a module.
    pub reconnects: Cell<u64>,
    /// Whether any module has come in.
    pub was_entered: Cell<bool>,
    /// Why the first that tried did not, as long as none has.
    pub failure: RefCell<Option<String>>,
}

/// What a fleet has done up to one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// What was done by each door, in the order of [`Door::ALL`].
    pub doors: [DoorSummary; 3],
    /// Readings that were lost on purpose, or as too many waited.
    pub lost: u64,
    /// Modules that were connected then.
    pub online: u64,
}

/// What a fleet has done by one door, or by all, up to one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DoorSummary {
    /// Readings sent.
    pub sent: u64,
    /// Readings the hub acknowledged, that is committed.
    pub acked: u64,
    /// Readings and connections the hub refused.
    pub refused: u64,
    /// Readings sent once more, as no answer came.
    pub retried: u64,
    /// Connections made after the first one of a module.
    pub reconnects: u64,
}

impl Tally {
    /// The counters of a door.
    pub fn at(&self, door: Door) -> &DoorTally {
        &self.doors[door as usize]
    }

    /// Why nobody came in by some door, if that is so.
    pub fn failure(&self) -> Option<String> {
        let closed = self.doors.iter().filter(|door| !door.was_entered.get());
        closed.filter_map(|door| door.failure.borrow().clone()).next()
    }

    /// The numbers now.
    pub fn summary(&self) -> Summary {
        let doors = self.doors.each_ref().map(|door| DoorSummary {
            sent: door.sent.get(),
            acked: door.acked.get(),
            refused: door.refused.get(),
            retried: door.retried.get(),
            reconnects: door.reconnects.get(),
        });
        Summary { doors, lost: self.lost.get(), online: self.online.get() }
    }
}

impl Summary {
    /// All doors together.
    pub fn total(&self) -> DoorSummary {
        self.doors.iter().fold(DoorSummary::default(), |all, door| DoorSummary {
            sent: all.sent + door.sent,
            acked: all.acked + door.acked,
            refused: all.refused + door.refused,
            retried: all.retried + door.retried,
            reconnects: all.reconnects + door.reconnects,
        })
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
    /// Counts one more module as online, by this door.
    pub fn enter(tally: &'a Tally, door: Door) -> Self {
        count(&tally.online);
        tally.at(door).was_entered.set(true);
        Self(tally)
    }
}

impl Drop for Online<'_> {
    fn drop(&mut self) {
        self.0.online.set(self.0.online.get() - 1);
    }
}
