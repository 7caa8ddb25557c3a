use std::{
    cell::{Cell, Ref, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    order::OrderCheck,
    publish::Published,
    report::Latencies,
    wire::{Frame, WireSocket},
};
use crate::cli::client::ClientError;

mod mark;

pub use mark::Mark;
use mark::parts;

const LOOK: Duration = Duration::from_millis(50);

/// Everybody who listens, and what came.
#[derive(Debug)]
pub struct Audience {
    /// The moment from which events say when they were due.
    start: Cell<Instant>,
    last: Cell<Instant>,
    delivered: Cell<u64>,
    bytes: Cell<u64>,
    gaps: Cell<u64>,
    closed: Cell<u64>,
    latencies: RefCell<Latencies>,
    /// What each session saw, by its number.
    checks: RefCell<Vec<OrderCheck>>,
}

impl Audience {
    /// So many sessions that have seen nothing yet.
    pub fn new(sessions: usize) -> Rc<Self> {
        let now = Instant::now();

        Rc::new(Self {
            start: Cell::new(now),
            last: Cell::new(now),
            delivered: Cell::new(0),
            bytes: Cell::new(0),
            gaps: Cell::new(0),
            closed: Cell::new(0),
            latencies: RefCell::default(),
            checks: RefCell::new(vec![OrderCheck::default(); sessions]),
        })
    }

    /// Sets the moment that due times are counted from, and answers it.
    pub fn start(&self) -> Instant {
        self.start.set(Instant::now());
        self.start.get()
    }

    /// Listens as session number `index` until the hub closes or the task is ended.
    pub async fn listen(self: Rc<Self>, index: usize, mut socket: WireSocket) {
        while self.listen_once(index, &mut socket).await.is_ok() {}
        self.closed.set(self.closed.get() + 1);
    }

    /// The same for a session that outlives its access token: it says whatever becomes known to `says`.
    pub async fn listen_and_say(
        self: Rc<Self>,
        index: usize,
        mut socket: WireSocket,
        mut says: watch::Receiver<String>,
    ) {
        loop {
            let done = select! {
                Ok(()) = says.changed() => {
                    let word = says.borrow_and_update().clone();
                    socket.send(&word).await
                }
                read = self.listen_once(index, &mut socket) => read,
            };
            if done.is_err() {
                self.closed.set(self.closed.get() + 1);
                return;
            }
        }
    }

    async fn listen_once(&self, index: usize, socket: &mut WireSocket) -> Result<(), ClientError> {
        let mut now = None;
        let read = socket.read(|frame| match frame {
            Frame::Text(text) => {
                let now = *now.get_or_insert_with(Instant::now);
                parts(text).for_each(|part| self.hear(index, part, now));
            }
            // Nobody could read it: what it told is missing, and that is told.
            Frame::Packed => {}
            Frame::Close(code) => tracing::debug!(session = index, code, "closed by the hub"),
        });
        let read = read.await;
        self.bytes.set(self.bytes.get() + socket.take_bytes());
        read
    }

    fn hear(&self, session: usize, text: &[u8], now: Instant) {
        let Some(mark) = Mark::find(text) else {
            return self.hear_other(text);
        };
        self.delivered.set(self.delivered.get() + 1);
        self.last.set(now);
        self.latencies.borrow_mut().record((now - self.start.get()).saturating_sub(mark.due));
        if let Some(check) = self.checks.borrow_mut().get_mut(session) {
            check.see(mark.stream, mark.number);
        }
    }

    /// Only a gap matters of other frames; what is no gap by its first bytes is not read further.
    fn hear_other(&self, text: &[u8]) {
        if !text.starts_with(b"{\"type\":\"event\"") && is_gap(text) {
            self.gaps.set(self.gaps.get() + 1);
        }
    }

    /// Waits until so many deliveries have come, or none came for `silence`.
    pub async fn silent(&self, expected: u64, silence: Duration) {
        // Of a burst that was just published nothing may have come yet, and the one before lies long back.
        let asked = Instant::now();
        while self.delivered.get() < expected && self.last.get().max(asked).elapsed() < silence {
            sleep(LOOK).await;
        }
        // What comes beyond what was expected is what this wait is for.
        sleep(LOOK * 4).await;
    }

    /// Deliveries so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.get()
    }

    /// Bytes so far, of the load and of whatever else came.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// The seconds from the start to the last delivery.
    pub fn seconds(&self) -> f64 {
        self.last.get().saturating_duration_since(self.start.get()).as_secs_f64().max(0.001)
    }

    /// From the time an event was due to its delivery.
    pub fn latencies(&self) -> Ref<'_, Latencies> {
        self.latencies.borrow()
    }

    /// The latencies so far; those of what comes next are counted anew.
    pub fn take_latencies(&self) -> Latencies {
        self.latencies.take()
    }

    /// Deliveries of a stream that some of these sessions never had.
    pub fn lost(&self, sessions: impl Iterator<Item = u64>, stream: &Published) -> u64 {
        let checks = self.checks.borrow();
        let number = stream.number as usize;
        let missing = |session: u64| {
            let check = checks.get(session as usize)?;
            // A refused publication leaves a hole in the numbers that nobody could have filled.
            Some(check.lost(number, stream.accepted + stream.refused).saturating_sub(stream.refused))
        };

        sessions.filter_map(missing).sum()
    }

    /// Deliveries that came again.
    pub fn doubled(&self) -> u64 {
        self.checks.borrow().iter().map(OrderCheck::doubled).sum()
    }

    /// Deliveries that came after a later one.
    pub fn reordered(&self) -> u64 {
        self.checks.borrow().iter().map(OrderCheck::reordered).sum()
    }

    /// Sessions that saw their topic in another order than most listeners of it.
    pub fn other_orders(&self, topics: usize) -> u64 {
        let checks = self.checks.borrow();
        let of_topic = |topic: usize| {
            let mut orders: HashMap<u64, u64> = HashMap::new();
            for check in checks.iter().skip(topic).step_by(topics) {
                *orders.entry(check.digest()).or_default() += 1;
            }
            orders.values().sum::<u64>() - orders.values().max().copied().unwrap_or_default()
        };

        (0..topics).map(of_topic).sum()
    }

    /// How often the hub said that events were missed.
    pub fn gaps(&self) -> u64 {
        self.gaps.get()
    }

    /// Sessions the hub closed.
    pub fn closed(&self) -> u64 {
        self.closed.get()
    }
}

fn is_gap(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_ok_and(|message| message["type"] == "gap")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &[u8] =
        br#"{"type":"event","event":"rt_bench","data":{"stream":2,"number":17,"dueUs":1500,"pad":"xx"},"cursor":"a"}"#;

    #[tokio::test]
    async fn deliveries_and_gaps_are_told_apart() {
        let audience = Audience::new(1);

        audience.hear(0, EVENT, Instant::now());
        audience.hear(0, br#"{"type":"gap","missed":3}"#, Instant::now());

        assert_eq!((audience.delivered(), audience.gaps()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_later_than_the_silence_before_it_is_waited_for() {
        let audience = Audience::new(1);
        let silence = Duration::from_secs(5);
        sleep(silence * 2).await;

        let coming = async {
            sleep(silence / 2).await;
            audience.hear(0, EVENT, Instant::now());
        };
        let waiting = async {
            audience.silent(1, silence).await;
            audience.delivered()
        };
        let (delivered, ()) = tokio::join!(waiting, coming);

        assert_eq!(delivered, 1);
        let asked = Instant::now();
        audience.silent(2, silence).await;
        assert!(asked.elapsed() >= silence);
    }

    #[tokio::test]
    async fn a_session_with_an_order_of_its_own_is_found() {
        let audience = Audience::new(3);
        for (session, order) in [(0, [0, 1]), (1, [0, 1]), (2, [1, 0])] {
            for number in order {
                audience.checks.borrow_mut()[session].see(0, number);
            }
        }

        assert_eq!(audience.other_orders(1), 1);
    }

    #[tokio::test]
    async fn a_refused_publication_is_not_lost() {
        let audience = Audience::new(1);
        audience.checks.borrow_mut()[0].see(0, 0);
        audience.checks.borrow_mut()[0].see(0, 2);
        let stream = Published { accepted: 2, refused: 1, ..Published::default() };

        assert_eq!(audience.lost(0..1, &stream), 0);
    }
}
