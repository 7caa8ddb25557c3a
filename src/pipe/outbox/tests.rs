//! How the end of a connection is counted, and when what waits leaves.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{Error, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::{Outbox, OutboxOptions};
use crate::pipe::{Flusher, Framing, Noted};

/// What is counted when this is done to an outbox in which something waits or not.
async fn counted(waits: bool, end: impl Fn(&Outbox)) -> Vec<u16> {
    let codes = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&codes);
    let flusher = Flusher::start(Duration::ZERO, move |told| {
        if let Noted::Ended(code) = told {
            noted.borrow_mut().push(code);
        }
    });
    let outbox = Outbox::taken(Framing::Text, flusher, OutboxOptions { high_water: 100, low_water: 10 });
    if waits {
        outbox.send_text("a");
    }
    end(&outbox);
    // Whatever follows is the same end.
    outbox.break_off(&ErrorKind::BrokenPipe.into());
    outbox.close(1000, "");
    codes.take()
}

fn broken_by(kind: ErrorKind) -> impl Fn(&Outbox) {
    move |outbox| outbox.break_off(&Error::from(kind))
}

#[actix::test]
async fn every_end_is_counted_once_by_its_reason() {
    assert_eq!(counted(true, broken_by(ErrorKind::TimedOut)).await, [4008]);
    assert_eq!(counted(false, broken_by(ErrorKind::TimedOut)).await, [1006]);
    assert_eq!(counted(true, broken_by(ErrorKind::ConnectionReset)).await, [1006]);
    assert_eq!(counted(true, Outbox::give_up).await, [1006]);
    assert_eq!(counted(true, |outbox| outbox.close(4001, "")).await, [4001]);
    assert_eq!(counted(true, |outbox| outbox.close_as(1006, 1000, "")).await, [1006]);
}

#[actix::test]
async fn who_leaves_by_itself_is_not_counted_unless_it_had_taken_nothing_for_long() {
    assert!(counted(true, Outbox::abort).await.is_empty());
    assert!(counted(true, |outbox| outbox.part(1000, "")).await.is_empty());
    assert!(counted(true, |outbox| outbox.let_go(Duration::from_secs(60))).await.is_empty());
    assert!(counted(false, |outbox| outbox.let_go(Duration::ZERO)).await.is_empty());
    assert_eq!(counted(true, |outbox| outbox.let_go(Duration::ZERO)).await, [4008]);
}

/// How long it may take what is due to leave; nothing here comes near it but what is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// An outbox of which somebody takes what it writes, as soon as that is due.
struct Watched {
    outbox: Outbox,
    flusher: Flusher,
    taken: JoinHandle<usize>,
}

impl Watched {
    async fn with(interval: Duration) -> Self {
        let flusher = Flusher::start(interval, |_| {});
        let outbox = Outbox::taken(Framing::Text, flusher.clone(), OutboxOptions { high_water: 100, low_water: 10 });
        let taker = outbox.clone();
        let taking =
            poll_fn(move |cx| taker.poll_take(cx, usize::MAX).map(|taken| taken.map_or(0, |frames| frames.len())));
        let watched = Self { outbox, flusher, taken: actix_rt::spawn(taking) };
        many_turns().await;
        watched
    }

    /// How many frames left together.
    async fn taken(self) -> usize {
        timeout(PATIENCE, self.taken).await.expect("nothing left").unwrap()
    }
}

async fn many_turns() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[actix::test]
async fn what_comes_while_more_is_expected_leaves_with_it() {
    let watched = Watched::with(Duration::from_secs(3600)).await;

    watched.flusher.hold();
    watched.outbox.send_text("a");
    many_turns().await;
    assert!(!watched.taken.is_finished(), "it left before the others came");
    watched.outbox.send_text("b");
    watched.flusher.release();

    assert_eq!(watched.taken().await, 2);
}

#[actix::test]
async fn what_is_released_leaves_though_more_is_expected_again_at_once() {
    let watched = Watched::with(Duration::from_secs(3600)).await;

    watched.outbox.send_text("a");
    for _ in 0..3 {
        watched.flusher.hold();
        watched.flusher.release();
    }
    watched.flusher.hold();

    assert_eq!(watched.taken().await, 1);
}

#[actix::test]
async fn what_is_expected_and_does_not_come_is_not_waited_for_longer_than_the_interval() {
    let watched = Watched::with(Duration::from_millis(1)).await;

    watched.flusher.hold();
    watched.outbox.send_text("a");

    assert_eq!(watched.taken().await, 1);
}
