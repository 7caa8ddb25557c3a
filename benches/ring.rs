//! What a relay keeps of the order.

use std::hint::black_box;
use std::sync::Arc;

use carillon::broker::Replica;
use carillon::domain::cursor::Epoch;
use carillon::domain::event::Event;

use crate::{Step, events};

pub const STEPS: &[Step] = &[("ring/each", each), ("ring/latest", latest)];

const KEPT: usize = 1000;

/// An event comes to a full ring.
fn each() -> Box<dyn FnMut()> {
    let epoch = Epoch::generate();
    applied(epoch, (1..=2 * KEPT as u64).map(|offset| events::each(epoch, offset)).collect())
}

/// A newer value of one of a thousand modules comes.
fn latest() -> Box<dyn FnMut()> {
    let epoch = Epoch::generate();
    let keys = KEPT as u64;
    applied(epoch, (1..=2 * keys).map(|offset| events::latest(epoch, offset, offset * 7 % keys)).collect())
}

fn applied(epoch: Epoch, events: Vec<Arc<Event>>) -> Box<dyn FnMut()> {
    let mut replica = Replica::new(epoch, KEPT);
    events.iter().take(KEPT).for_each(|event| replica.apply(event));
    let mut next = events.into_iter().skip(KEPT).collect::<Vec<_>>().into_iter().cycle();
    Box::new(move || {
        replica.apply(black_box(&next.next().expect("it goes round")));
    })
}
