//! Queues against a plain model, and what they hold of what many are sent.

use proptest::prelude::*;

use super::super::chain::{BEYOND_MAX, BYTES_MAX};
use super::*;

proptest! {
    #[test]
    fn what_leaves_is_what_came_in_order(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..30),
        steps in prop::collection::vec(1_usize..50, 1..200),
    ) {
        let mut queue = Queue::default();
        for frame in &frames {
            queue.push(Bytes::from(frame.clone()));
        }
        let mut left = Vec::new();
        for step in steps.into_iter().chain(std::iter::repeat_n(7, 200)) {
            let mut slots = [IoSlice::new(&[]); 4];
            let filled = queue.slices(&mut slots);
            let shown: Vec<u8> = slots[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            let taken = step.min(shown.len());
            left.extend_from_slice(&shown[..taken]);
            queue.advance(taken);
        }
        prop_assert_eq!(left, frames.concat());
        prop_assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn what_is_taken_is_whole_and_fits(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..30),
        max in 0_usize..60,
    ) {
        let mut queue = Queue::default();
        for frame in &frames {
            queue.push(Bytes::from(frame.clone()));
        }
        let mut taken = Vec::new();
        while queue.waiting() > 0 {
            let some = queue.take(max);
            prop_assert!(some.len() == 1 || some.iter().map(Bytes::len).sum::<usize>() <= max);
            taken.extend(some);
        }
        prop_assert_eq!(taken, frames);
        prop_assert!(queue.take(max).is_empty());
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Those whose bits are set are sent an event.
    Event(u8, usize),
    /// One is sent something of its own.
    Own(usize),
    /// So many bytes of one leave.
    Leave(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (any::<u8>(), prop_oneof![9 => 1_usize..20, 1 => Just(1500)]).prop_map(|(hearers, length)| Step::Event(hearers, length)),
        1 => (0_usize..8).prop_map(Step::Own),
        4 => (0_usize..8, 1_usize..2000).prop_map(|(number, bytes)| Step::Leave(number, bytes)),
    ]
}

fn shown(queue: &Queue) -> Vec<u8> {
    let mut slots = [IoSlice::new(&[]); 1000];
    let filled = queue.slices(&mut slots);
    slots[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
}

fn event(number: u16, length: usize) -> Bytes {
    number.to_be_bytes().repeat(length).into()
}

proptest! {
    #[test]
    fn what_each_is_sent_among_others_is_what_leaves(steps in prop::collection::vec(step(), 1..300)) {
        let shelf = Shelf::default();
        let mut queues: Vec<(Queue, Vec<u8>)> = std::iter::repeat_with(Default::default).take(8).collect();
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Event(hearers, length) => {
                    let frame = event(number, length);
                    for index in (0..8).filter(|index| hearers & (1 << index) != 0) {
                        queues[index].0.push_shared(&frame, &shelf);
                        queues[index].1.extend_from_slice(&frame);
                    }
                }
                Step::Own(index) => {
                    let frame = event(number, 10);
                    queues[index].1.extend_from_slice(&frame);
                    queues[index].0.push(frame);
                }
                Step::Leave(index, bytes) => {
                    let (queue, due) = &mut queues[index];
                    prop_assert_eq!(shown(queue), &due[..]);
                    prop_assert_eq!(queue.waiting(), due.len());
                    let bytes = bytes.min(due.len());
                    queue.advance(bytes);
                    due.drain(..bytes);
                }
            }
        }
        for (mut queue, due) in queues {
            prop_assert_eq!(queue.take(usize::MAX).concat(), due);
            prop_assert!(queue.first.is_none() && queue.others.is_none() && queue.written == 0);
        }
    }
}

/// The frames of so many events, and queues that have been sent them all.
fn burst(events: u16, queues: usize) -> (Shelf, Vec<Bytes>, Vec<Queue>) {
    let (shelf, frames): (_, Vec<_>) = (Shelf::default(), (0..events).map(|number| event(number, 50)).collect());
    let mut queues: Vec<_> = std::iter::repeat_with(Queue::default).take(queues).collect();
    for frame in &frames {
        queues.iter_mut().for_each(|queue| queue.push_shared(frame, &shelf));
    }
    (shelf, frames, queues)
}

#[test]
fn a_burst_that_many_are_sent_takes_no_memory_of_each() {
    let (_shelf, _, queues) = burst(64, 3);
    assert!(queues.iter().all(|queue| queue.others.is_none()));
    assert_eq!(size_of::<Queue>(), 64);
    let shown = queues.iter().map(shown).collect::<Vec<_>>();
    assert_eq!(shown[0].len(), 6400);
    assert!(shown.iter().all(|other| *other == shown[0]));
}

#[test]
fn who_takes_nothing_holds_little_of_what_others_are_sent() {
    let (shelf, frames, mut queues) = burst(1, 2);
    let mut reads = queues.pop().unwrap();
    let events: Vec<_> = (1..1000).map(|number| event(number, 50)).collect();
    events.iter().for_each(|frame| reads.push_shared(frame, &shelf));
    reads.clear();
    assert!(!frames[0].is_unique(), "it waits");
    let held = || events.iter().filter(|frame| !frame.is_unique()).count();
    assert!(held() < 64 * 5, "{}: the rest of one chain, and what the shelf has", held());
    drop(shelf);
    assert_eq!(held(), 63);
}

#[test]
fn who_goes_another_way_than_others_at_every_frame_holds_little_of_theirs() {
    // It takes the beginning of every chain of the others, and nothing of what comes behind.
    const CHAIN: usize = 64;
    let shelf = Shelf::default();
    let (mut all, mut some) = (Queue::default(), Queue::default());
    let frames: Vec<_> = (0..1000).map(|number| event(number, 50)).collect();
    for (number, frame) in frames.iter().enumerate() {
        all.push_shared(frame, &shelf);
        if number % CHAIN == 0 {
            some.push_shared(frame, &shelf);
        }
    }
    all.clear();
    drop(shelf);
    let held = frames.iter().filter(|frame| !frame.is_unique()).count();
    assert!(held < CHAIN * (RUNS + 2), "{held}");
}

#[test]
fn who_is_sent_short_frames_among_long_ones_holds_little_of_those() {
    let shelf = Shelf::default();
    let (mut all, mut some) = (Queue::default(), Queue::default());
    let mut frames = Vec::new();
    for burst in 0..100 {
        for number in 0..64 {
            let frame = event(burst, if number < 16 { 30 } else { 1000 });
            all.push_shared(&frame, &shelf);
            if number < 16 {
                some.push_shared(&frame, &shelf);
            }
            frames.push(frame);
        }
        all.clear();
    }
    drop(shelf);
    let held: usize = frames.iter().filter(|frame| !frame.is_unique()).map(Bytes::len).sum();
    assert!(held <= some.waiting() * (1 + BEYOND_MAX) + BYTES_MAX * (RUNS + 2), "{held}");
}

#[test]
fn long_frames_are_linked_to_nothing() {
    let shelf = Shelf::default();
    let (mut one, mut other) = (Queue::default(), Queue::default());
    let frames = [event(0, 50), event(1, 5000), event(2, 5000)];
    frames.iter().for_each(|frame| one.push_shared(frame, &shelf));
    other.push_shared(&frames[0], &shelf);
    one.clear();
    assert!(frames[1].is_unique() && frames[2].is_unique() && !frames[0].is_unique());
    drop(other);
}
