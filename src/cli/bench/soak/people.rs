use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{PATIENCE, TOPICS, follow::Follow, keys::Keys, until_over};
use crate::cli::{
    bench::{
        sessions::enter,
        wire::{Destination, WireSocket},
    },
    client::ClientError,
};

/// Sessions that come and go.
pub struct People {
    destination: Destination,
    keys: Rc<Keys>,
    /// How long one stays at most.
    stay: Duration,
    /// Events of a round.
    round: u64,
    /// The newest event that any of them heard.
    newest: Cell<u64>,
    came: Cell<u64>,
    cut: Cell<u64>,
    stalled: Cell<u64>,
    caught_up: Cell<u64>,
    gaps: Cell<u64>,
    missed: Cell<u64>,
    stale: Cell<u64>,
    failed: Cell<u64>,
}

/// What a session does while it is there, and how it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    ReadsAndCloses,
    ReadsAndIsCut,
    StallsAndCatchesUp,
    StallsAndIsCut,
}

impl Manner {
    const ALL: [Self; 4] = [Self::ReadsAndCloses, Self::ReadsAndIsCut, Self::StallsAndCatchesUp, Self::StallsAndIsCut];

    fn of(number: u64) -> Self {
        Self::ALL[(number % Self::ALL.len() as u64) as usize]
    }

    fn stalls(self) -> bool {
        matches!(self, Self::StallsAndCatchesUp | Self::StallsAndIsCut)
    }

    fn is_cut(self) -> bool {
        matches!(self, Self::ReadsAndIsCut | Self::StallsAndIsCut)
    }
}

impl People {
    /// Nobody yet; each stays up to `stay`, and there are `round` events in a round.
    pub fn new(destination: Destination, keys: Rc<Keys>, stay: Duration, round: u64) -> Rc<Self> {
        let none = Cell::default;

        Rc::new(Self {
            destination,
            keys,
            stay,
            round,
            newest: none(),
            came: none(),
            cut: none(),
            stalled: none(),
            caught_up: none(),
            gaps: none(),
            missed: none(),
            stale: none(),
            failed: none(),
        })
    }

    /// One session, from its coming to its going.
    pub async fn visit(self: Rc<Self>, number: u64, over: watch::Receiver<bool>) {
        let (manner, mut follow) = (Manner::of(number), Follow::new(self.round));
        if let Err(error) = self.live(manner, &mut follow, over).await {
            tracing::warn!(%error, ?manner, "a session ended otherwise than it wanted to");
            add(&self.failed, 1);
        }
        add(&self.missed, follow.missed());
        add(&self.gaps, follow.gaps());
    }

    async fn live(
        &self,
        manner: Manner,
        follow: &mut Follow,
        mut over: watch::Receiver<bool>,
    ) -> Result<(), ClientError> {
        let destination = if manner.stalls() { self.destination.over_ethernet() } else { self.destination.clone() };
        let mut socket = timeout(PATIENCE, enter(&destination, 0, "/ws", &self.keys.token(), Some(TOPICS)))
            .await
            .map_err(|_| ClientError::Closed("a session got no answer".to_owned()))??;
        add(&self.came, 1);
        let until = Instant::now() + self.stay.mul_f64(rand::random());
        if manner.stalls() {
            add(&self.stalled, 1);
            select! {
                () = sleep_until(until) => {}
                () = until_over(&mut over) => {}
            }
        } else {
            select! {
                () = sleep_until(until) => {}
                () = until_over(&mut over) => {}
                ended = self.hear_on(&mut socket, follow) => return ended,
            }
        }
        if manner == Manner::StallsAndCatchesUp {
            self.catch_up(&mut socket, follow).await?;
        }
        if manner.is_cut() {
            add(&self.cut, 1);
            socket.cut();
            return Ok(());
        }

        socket.close(PATIENCE).await
    }

    /// Ends only when the hub ends it.
    async fn hear_on(&self, socket: &mut WireSocket, follow: &mut Follow) -> Result<(), ClientError> {
        loop {
            socket.read(|frame| follow.hear(frame)).await?;
            self.newest.set(self.newest.get().max(follow.next()));
        }
    }

    /// Reads on until it has what the others have.
    async fn catch_up(&self, socket: &mut WireSocket, follow: &mut Follow) -> Result<(), ClientError> {
        let newest = self.newest.get();
        let reading = async {
            while follow.next() < newest {
                socket.read(|frame| follow.hear(frame)).await?;
            }
            Ok::<_, ClientError>(())
        };
        match timeout(PATIENCE, reading).await {
            Ok(read) => {
                add(&self.caught_up, 1);
                read
            }
            Err(_) => {
                add(&self.stale, 1);
                Ok(())
            }
        }
    }

    /// Sessions that were let in.
    pub fn came(&self) -> u64 {
        self.came.get()
    }

    /// Sessions that were cut off without a word.
    pub fn cut(&self) -> u64 {
        self.cut.get()
    }

    /// Sessions that read nothing for a while.
    pub fn stalled(&self) -> u64 {
        self.stalled.get()
    }

    /// Sessions of those that then read all there was.
    pub fn caught_up(&self) -> u64 {
        self.caught_up.get()
    }

    /// How often one was told that it missed events.
    pub fn gaps(&self) -> u64 {
        self.gaps.get()
    }

    /// Events that were missing, came again or in another order, without a word of it.
    pub fn missed(&self) -> u64 {
        self.missed.get()
    }

    /// Sessions that did not catch up.
    pub fn stale(&self) -> u64 {
        self.stale.get()
    }

    /// Sessions that were not let in, were closed by the hub or not let go.
    pub fn failed(&self) -> u64 {
        self.failed.get()
    }
}

fn add(count: &Cell<u64>, more: u64) {
    count.set(count.get() + more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manner_is_had_and_half_of_each_kind() {
        let manners: Vec<_> = (0..8).map(Manner::of).collect();

        assert_eq!(manners.iter().filter(|manner| manner.stalls()).count(), 4);
        assert_eq!(manners.iter().filter(|manner| manner.is_cut()).count(), 4);
        assert_eq!(manners[0], manners[4]);
    }
}
