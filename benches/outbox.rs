//! What a delivery costs behind the relay: a frame on a thousand outboxes, and out of them.

use std::hint::black_box;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::System;
use carillon::domain::cursor::Epoch;
use carillon::domain::event::Event;
use carillon::pipe::frame::Deflation;
use carillon::pipe::{Flusher, Outbox, OutboxOptions};

use crate::{Step, events};

pub const STEPS: &[Step] = &[("outbox/plain-1000", plain), ("outbox/leaning-1000", leaning)];

const OUTBOXES: usize = 1000;
const OPTIONS: OutboxOptions = OutboxOptions { high_water: 1 << 18, low_water: 1 << 15 };

/// One event in a frame that all share is put into each outbox and written.
fn plain() -> Box<dyn FnMut()> {
    step(None)
}

/// The same, compressed behind the event before.
fn leaning() -> Box<dyn FnMut()> {
    step(Some(Deflation { threshold: 256, window: 15, remembers: true }))
}

fn step(deflation: Option<Deflation>) -> Box<dyn FnMut()> {
    let system = System::new();
    let taker = Rc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    let outboxes = system.block_on(async {
        let flusher = Flusher::start(Duration::ZERO, |_| ());
        let open = || Outbox::new(stream(&taker).into(), flusher.clone(), OPTIONS);
        std::iter::repeat_with(open).take(OUTBOXES).collect::<Vec<_>>()
    });
    outboxes.iter().for_each(|outbox| outbox.agree_on(deflation));
    let epoch = Epoch::generate();
    let mut both = [1, 2].map(|offset| events::each(epoch, offset));
    Box::new(move || {
        // What writes go to lives as long as they do.
        black_box(&taker);
        both.reverse();
        system.block_on(deliver(&both[0], &outboxes));
    })
}

/// A stream that takes everything: whoever is at its other end reads nothing, and what they have no room for is dropped.
fn stream(taker: &UdpSocket) -> tokio::net::TcpStream {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.connect(taker.local_addr().expect("an address")).expect("an address to send to");
    socket.set_nonblocking(true).expect("a socket that does not block");
    tokio::net::TcpStream::from_std(TcpStream::from(OwnedFd::from(socket))).expect("a runtime")
}

async fn deliver(event: &Arc<Event>, outboxes: &[Outbox]) {
    for outbox in outboxes {
        outbox.send_event(black_box(event), events::dialect());
    }
    // The last is written last.
    while outboxes.last().is_some_and(|last| last.waiting() > 0) {
        tokio::task::yield_now().await;
    }
}
