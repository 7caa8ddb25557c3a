//! Who listens to what.

use std::hint::black_box;

use carillon::broker::Index;
use carillon::domain::topic::Channel;

use crate::Step;

pub const STEPS: &[Step] = &[("index/come-and-go", come_and_go), ("index/walk-1000", walk)];

const TOPICS: u32 = 1000;

fn channel(number: u32) -> Channel {
    Channel::Custom(format!("bench-{number}").into())
}

/// A seat listens to one of a thousand topics more, and leaves it.
fn come_and_go() -> Box<dyn FnMut()> {
    let mut index = Index::default();
    (0..TOPICS).for_each(|number| index.add(number, &channel(number), 0, None));
    let wanted = channel(TOPICS / 2);
    Box::new(move || {
        index.add(7, black_box(&wanted), 0, None);
        assert!(index.remove(7, black_box(&wanted)));
    })
}

/// A thousand listeners of one topic are looked at.
fn walk() -> Box<dyn FnMut()> {
    let (mut index, wanted) = (Index::default(), channel(0));
    (0..1000).for_each(|seat| index.add(seat, &wanted, 0, None));
    Box::new(move || {
        let id = index.id(black_box(&wanted)).expect("somebody listens");
        let later = index.listeners_at(id).iter().filter(|listener| black_box(listener.seat) > 0);
        assert_eq!(later.count(), 999);
    })
}
