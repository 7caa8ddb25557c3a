//! One client at a relay: what it has, and what it waits for.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::index::Index;
use super::noted::Noted;
use super::seat::SeatOptions;
use crate::domain::cursor::Offset;
use crate::domain::event::Event;
use crate::domain::topic::Channel;

/// Names one wait of one client, so that whoever wakes a client that waits for something else by now changes nothing.
pub(super) type Ticket = u64;

/// Invariant: while `behind` is none, the client has been handed every event of its channels up to the replica's head.
pub(super) struct Client {
    pub seat: SeatOptions,
    /// The last event handed over or skipped; an event of several channels comes once.
    pub seen: Offset,
    pub behind: Option<Behind>,
    /// Who wants to know when it is not behind any more; dropping them tells as well.
    pub waiting: Vec<oneshot::Sender<()>>,
    /// Latest values that passed while it was behind; all but the newest of each key are dropped.
    pub passed: u64,
    /// Of those, how many it never got, since it came.
    pub conflated: u64,
    /// It wants the values of some channel less often than they come.
    pub is_paced: bool,
    /// When a paced client was last handed a latest value.
    pub told_at: Option<Instant>,
    /// It was handed an event since it came.
    pub has_heard: bool,
}

/// The client is handed nothing until it catches up.
pub(super) struct Behind {
    /// It has everything up to here.
    pub has: Offset,
    pub until: Until,
    pub ticket: Ticket,
}

/// What must happen before a client catches up.
pub(super) enum Until {
    /// Its snapshots are there, and the seat is released.
    Released,
    /// It is told that events are lost, and begins anew.
    Mended,
    /// Its outbox has drained.
    Low,
    /// It wants newer values again.
    Due(Due),
    /// A page of older events has been read.
    Page,
    /// It is its turn among many.
    Turn,
}

/// The moment at which newer values are wanted, and its timer, which ends with it.
pub(super) struct Due {
    pub at: Instant,
    pub timer: JoinHandle<()>,
    pub noted: Noted,
}

/// What came of handing events to a client that missed them.
#[derive(Default)]
pub(super) struct Handed {
    pub looked_through: usize,
    pub deliveries: u64,
    pub halt: Option<Halt>,
}

/// Why a client was handed nothing more; it has everything up to the place.
pub(super) enum Halt {
    /// Its outbox takes nothing more.
    Full(Offset),
    /// From here on it is to be told everything anew.
    Boundary(Offset),
}

impl Until {
    /// Something may have happened that is not noted.
    pub fn forget_noted(&mut self) {
        if let Self::Due(due) = self {
            due.noted = Noted::unknown();
        }
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

impl Client {
    pub const fn new(seat: SeatOptions, seen: Offset) -> Self {
        Self {
            seat,
            seen,
            behind: None,
            waiting: Vec::new(),
            passed: 0,
            conflated: 0,
            is_paced: false,
            told_at: None,
            has_heard: false,
        }
    }

    /// Whether it lacks events that it is to have as soon as it can take them.
    pub fn is_catching_up(&self) -> bool {
        matches!(&self.behind, Some(Behind { until: Until::Low | Until::Page | Until::Turn, .. }))
    }

    /// Whether events are lost that it has not been told of.
    pub const fn is_lost(&self) -> bool {
        matches!(&self.behind, Some(Behind { until: Until::Mended, .. }))
    }

    /// When the client wants to be told of an event; none for at once.
    pub fn due(&self, number: u32, event: &Event, index: &Index) -> Option<Instant> {
        if !self.is_paced || event.what.delivery.is_each() {
            return None;
        }
        let due = self.told_at? + index.pace(number, &event.what.audience)?.interval();
        (due > Instant::now()).then_some(due)
    }

    /// Whether an event of the past may be told because of one of its channels.
    ///
    /// Who listens to a single module was judged by who owns it now; an event that was before may have been another's.
    pub fn may_look_back(&self, event: &Event, channel: &Channel) -> bool {
        match (&self.seat.owner, channel) {
            (Some(person), Channel::Module(_)) => event.what.audience.iter().any(|channel| match channel {
                Channel::ModulesOf(owner) | Channel::OwnedBy(owner) => owner == person,
                _ => false,
            }),
            _ => true,
        }
    }

    /// Takes what it listens to of these events, until it may go on no further; those behind that are not even looked at.
    pub fn take_missed<'a>(
        &mut self,
        number: u32,
        missed: impl IntoIterator<Item = &'a Arc<Event>>,
        index: &Index,
    ) -> Handed {
        let mut handed = Handed::default();
        for event in missed {
            handed.looked_through += 1;
            let heard = event.what.audience.iter().filter(|channel| self.may_look_back(event, channel));
            let mut heard = heard.filter_map(|channel| index.listens(number, channel));
            if !heard.any(|from| from < event.offset()) {
                continue;
            }
            if event.what.is_boundary() {
                handed.halt = Some(Halt::Boundary(event.offset() - 1));
                break;
            }
            if self.seat.outbox.is_high() {
                handed.halt = Some(Halt::Full(event.offset() - 1));
                break;
            }
            self.send(event);
            handed.deliveries += 1;
            self.passed = self.passed.saturating_sub(u64::from(!event.what.delivery.is_each()));
        }
        handed
    }

    /// Hands over an event.
    pub fn send(&mut self, event: &Event) {
        self.seat.outbox.send_event(event, self.seat.dialect);
        self.has_heard = true;
        if self.is_paced && !event.what.delivery.is_each() {
            self.told_at = Some(Instant::now());
        }
    }

    /// Whether it still waits for what the ticket names.
    pub fn waits_with(&self, ticket: Ticket) -> bool {
        self.behind.as_ref().is_some_and(|behind| behind.ticket == ticket)
    }
}
