//! Seats against a plain model: whatever happens, a client gets what it must, once and in order, and only values that
//! newer ones replaced are missing.

use std::time::Duration;

use futures_util::FutureExt;
use proptest::prelude::*;

use self::rig::Rig;
use self::tab::{CHANNELS, Mask};
use super::{Cursor, Head, LocalRelay, Metrics, Replica};
use crate::domain::cursor::Epoch;

mod rig;
mod tab;

/// How many clients there are.
const TABS: usize = 2;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// Events come in one batch: their kind and their channels.
    Publish(Vec<(Kind, Mask)>),
    /// A client holds its seat, as for a snapshot.
    Hold(usize),
    /// It goes on, and listens to these too, as often as they come or at a pace.
    Release(usize, Mask, bool),
    /// It leaves a channel.
    Leave(usize, u8),
    /// It reads so many frames.
    Read(usize, usize),
    /// It reads everything there is for it.
    ReadAll(usize),
    /// It comes back, with a cursor so many events old.
    ComeBack(usize, usize, Mask, bool),
    /// Time passes.
    Wait(u64),
    /// The relay hears nothing any more.
    Lose,
    /// It is told where the order stands.
    Reset,
    /// What happened just now goes on while the next thing happens.
    Hurry,
    /// The journal forgets all but so many of its events.
    Prune(usize),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Each,
    Latest(u8),
    Ending(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        3 => Just(Kind::Each),
        6 => (0_u8..3).prop_map(Kind::Latest),
        1 => (0_u8..3).prop_map(Kind::Ending),
    ];
    let mask = || 1_u8..1 << CHANNELS;
    let tab = || 0..TABS;
    prop_oneof![
        12 => prop::collection::vec((kind, mask()), 1..5).prop_map(Step::Publish),
        2 => tab().prop_map(Step::Hold),
        5 => (tab(), 0_u8..1 << CHANNELS, any::<bool>()).prop_map(|(tab, mask, paced)| Step::Release(tab, mask, paced)),
        1 => (tab(), 0..CHANNELS).prop_map(|(tab, channel)| Step::Leave(tab, channel)),
        4 => (tab(), 1_usize..4).prop_map(|(tab, frames)| Step::Read(tab, frames)),
        3 => tab().prop_map(Step::ReadAll),
        2 => (tab(), 0_usize..30, mask(), any::<bool>())
            .prop_map(|(tab, back, mask, paced)| Step::ComeBack(tab, back, mask, paced)),
        2 => (0_u64..1500).prop_map(Step::Wait),
        1 => Just(Step::Lose),
        2 => Just(Step::Reset),
        4 => Just(Step::Hurry),
        1 => (0_usize..40).prop_map(Step::Prune),
    ]
}

async fn play(mut rig: Rig, steps: Vec<Step>) {
    let mut steps = steps.into_iter().peekable();
    while let Some(step) = steps.next() {
        match step {
            Step::Publish(events) => rig.publish(&events).await,
            Step::Hold(tab) => rig.hold(tab),
            Step::Release(tab, mask, is_paced) => rig.release(tab, mask, is_paced),
            Step::Leave(tab, channel) => rig.leave(tab, channel),
            Step::Read(tab, frames) => rig.read(tab, frames),
            Step::ReadAll(tab) => rig.read_all(tab).await,
            Step::ComeBack(tab, back, mask, is_paced) => rig.come_back(tab, back, mask, is_paced),
            Step::Wait(millis) => rig.wait(Duration::from_millis(millis)).await,
            Step::Lose => rig.is_lost = true,
            Step::Reset => rig.reset(),
            Step::Prune(keep) => rig.prune(keep).await,
            Step::Hurry => continue,
        }
        if !matches!(steps.peek(), Some(Step::Hurry)) {
            rig.settle().await;
        }
    }
    rig.finish().await;
}

#[actix::test]
async fn who_brings_a_place_of_another_thread_waits_for_it_but_not_for_ever() {
    let epoch = Epoch::generate();
    let relay = LocalRelay::new(Replica::new(epoch, 10), Metrics::default());
    let next = Cursor { epoch, offset: 1 };
    let mut arrival = Box::pin(relay.arrive(next));
    assert_eq!(arrival.as_mut().now_or_never(), None, "it is not known yet");

    relay.deliver(&[], next.offset);

    assert_eq!(arrival.now_or_never(), Some(()));
    assert!(relay.reaches(next));
    tokio::time::pause();
    relay.arrive(Cursor { epoch, offset: 9 }).await;
    assert!(relay.state().arrivals.iter().all(|(_, arrived)| arrived.is_closed()));
}

#[actix::test]
async fn what_each_gets_waits_for_more_that_is_about_to_come_and_newest_values_do_not() {
    let mut rig = Rig::new(10);
    rig.come_back(0, 0, 1, false);
    rig.expect_more(true);

    rig.publish(&[(Kind::Latest(0), 1), (Kind::Each, 2)]).await;
    assert!(!rig.is_holding(), "a newest value, and what nobody listens to");
    rig.publish(&[(Kind::Each, 1)]).await;
    assert!(rig.is_holding());

    rig.expect_more(false);
    assert!(!rig.is_holding());
}

#[actix::test]
async fn a_client_that_drains_slowly_costs_no_more_than_what_it_missed() {
    const EVENTS: usize = 2000;
    let mut rig = Rig::new(EVENTS);
    for _ in 0..EVENTS {
        rig.publish(&[(Kind::Each, 1)]).await;
    }

    rig.come_back(0, 0, 1, false);
    rig.read_all(0).await;

    let looked_through = rig.looked_through();
    assert!((EVENTS..EVENTS * 2).contains(&looked_through), "{looked_through} looked through for {EVENTS}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn seats_agree_with_a_plain_model(ring in 4_usize..40, steps in prop::collection::vec(step(), 1..60)) {
        actix_rt::System::new().block_on(async move {
            tokio::time::pause();
            play(Rig::new(ring), steps).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn seats_that_page_the_journal_agree_with_a_plain_model(
        ring in 1_usize..12,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        actix_rt::System::new().block_on(async move { play(Rig::with_journal(ring).await, steps).await });
    }
}

#[actix::test]
async fn who_wants_to_know_all_that_is_published_waits_for_what_is_not_here_yet() {
    let relay = LocalRelay::new(Replica::new(Epoch::generate(), 10), Metrics::default());
    let head = Head::at(0);
    relay.see(head.clone());
    assert!(relay.reach_head().is_none(), "nothing is published");

    head.move_to(2);
    let mut reached = Box::pin(relay.reach_head().unwrap());
    relay.deliver(&[], 1);
    assert_eq!(reached.as_mut().now_or_never(), None);
    relay.deliver(&[], 2);
    assert_eq!(reached.now_or_never(), Some(()));
    assert!(relay.reach_head().is_none());
}
