//! How the end of a connection is counted.

use std::cell::RefCell;
use std::io::{Error, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

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
