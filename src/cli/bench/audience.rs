use std::{
    cell::{Cell, Ref, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    order::OrderCheck,
    publish::Published,
    report::Latencies,
    wire::{Frame, WireSocket},
};

const LOOK: Duration = Duration::from_millis(50);
/// What a mark begins with.
const STREAM: &[u8] = b"\"stream\":";

/// Everybody who listens, and what came.
#[derive(Debug)]
pub struct Audience {
    /// The moment from which events say when they were due.
    start: Cell<Instant>,
    last: Cell<Instant>,
    delivered: Cell<u64>,
    bytes: Cell<u64>,
    gaps: Cell<u64>,
    others: Cell<u64>,
    closed: Cell<u64>,
    latencies: RefCell<Latencies>,
    /// What each session saw, by its number.
    checks: RefCell<Vec<OrderCheck>>,
}

/// What a delivered event says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Mark {
    /// The stream it belongs to.
    pub stream: usize,
    /// Its number in the stream.
    pub number: u64,
    /// When it was due, counted from the start.
    pub due: Duration,
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
            others: Cell::new(0),
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
        loop {
            let mut now = None;
            let read = socket.read(|frame| match frame {
                Frame::Text(text) => {
                    let now = *now.get_or_insert_with(Instant::now);
                    parts(text).for_each(|part| self.hear(index, part, now));
                }
                Frame::Close(code) => tracing::debug!(session = index, code, "closed by the hub"),
            });
            let is_over = read.await.is_err();
            self.bytes.set(self.bytes.get() + socket.take_bytes());
            if is_over {
                self.closed.set(self.closed.get() + 1);
                return;
            }
        }
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
        self.others.set(self.others.get() + 1);
        if !text.starts_with(b"{\"type\":\"event\"") && is_gap(text) {
            self.gaps.set(self.gaps.get() + 1);
        }
    }

    /// Waits until so many deliveries have come, or none came for `silence`.
    pub async fn silent(&self, expected: u64, silence: Duration) {
        while self.delivered.get() < expected && self.last.get().max(self.start.get()).elapsed() < silence {
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

    /// Frames that were not of the load.
    pub fn others(&self) -> u64 {
        self.others.get()
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

/// A message in parts that hold one mark each at most: other servers than the hub put several events into one.
fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let behind_first = place_of(text, STREAM).map_or(text.len(), |place| place + STREAM.len());
        let Some(second) = place_of(&text[behind_first..], STREAM) else { return Some(text) };
        let (part, others) = text.split_at(behind_first + second);
        rest = Some(others);
        Some(part)
    })
}

fn place_of(text: &[u8], key: &[u8]) -> Option<usize> {
    text.windows(key.len()).position(|window| window == key)
}

fn is_gap(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_ok_and(|message| message["type"] == "gap")
}

impl Mark {
    /// Looks for the mark in a frame without reading the rest of it.
    pub fn find(text: &[u8]) -> Option<Self> {
        let stream = number_after(text, STREAM)?;
        let number = number_after(text, b"\"number\":")?;
        let due = number_after(text, b"\"dueUs\":")?;

        Some(Self { stream: usize::try_from(stream).ok()?, number, due: Duration::from_micros(due) })
    }
}

fn number_after(text: &[u8], key: &[u8]) -> Option<u64> {
    let start = place_of(text, key)? + key.len();
    let digits = text[start..].iter().take_while(|byte| byte.is_ascii_digit());
    let mut found = None;
    for digit in digits {
        found = Some(found.unwrap_or(0_u64).wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    }

    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &[u8] =
        br#"{"type":"event","event":"rt_bench","data":{"stream":2,"number":17,"dueUs":1500,"pad":"xx"},"cursor":"a"}"#;

    #[test]
    fn the_mark_is_found_wherever_it_stands() {
        let mark = Mark { stream: 2, number: 17, due: Duration::from_micros(1500) };
        let other_order = br#"{"cursor":"a","data":{"dueUs":1500,"number":17,"pad":"","stream":2}}"#;

        assert_eq!(Mark::find(EVENT).as_ref(), Some(&mark));
        assert_eq!(Mark::find(other_order), Some(mark));
    }

    #[test]
    fn several_events_in_one_message_are_taken_apart() {
        let both = [EVENT, EVENT, b"\r\n"].concat();

        assert_eq!(parts(&both).filter_map(Mark::find).count(), 2);
        assert_eq!(parts(EVENT).collect::<Vec<_>>(), [EVENT]);
        assert_eq!(parts(b"PING").count(), 1);
    }

    #[test]
    fn other_frames_have_no_mark() {
        assert_eq!(Mark::find(br#"{"type":"pong"}"#), None);
        assert_eq!(Mark::find(br#"{"stream":"a","number":1,"dueUs":2}"#), None);
    }

    #[tokio::test]
    async fn deliveries_and_gaps_are_told_apart() {
        let audience = Audience::new(1);

        audience.hear(0, EVENT, Instant::now());
        audience.hear(0, br#"{"type":"gap","missed":3}"#, Instant::now());

        assert_eq!((audience.delivered(), audience.gaps()), (1, 1));
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
