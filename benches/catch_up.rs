//! A client comes back and is told what it missed.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix::{Actor, Handler, System};
use carillon::broker::{Gapped, LocalRelay, Replica, SeatOptions, Wanted};
use carillon::domain::cursor::{Cursor, Epoch};
use carillon::domain::ids::SessionId;
use carillon::observe::Metrics;
use carillon::pipe::{Flusher, Framing, Outbox, OutboxOptions};

use crate::{Step, events};

pub const STEPS: &[Step] = &[("catch-up/nothing", || resumed(0)), ("catch-up/100-events", || resumed(100))];

const KEPT: u64 = 1000;
const ROOM: OutboxOptions = OutboxOptions { high_water: 1 << 20, low_water: 1 << 16 };

struct Session;

impl Actor for Session {
    type Context = actix::Context<Self>;
}

impl Handler<Gapped> for Session {
    type Result = ();

    fn handle(&mut self, _: Gapped, _: &mut Self::Context) {}
}

/// A client resumes that missed the last of a thousand events.
fn resumed(missed: u64) -> Box<dyn FnMut()> {
    let system = System::new();
    let epoch = Epoch::generate();
    let mut replica = Replica::new(epoch, KEPT as usize);
    (1..=KEPT).for_each(|offset| replica.apply(&events::each(epoch, offset)));
    let relay = LocalRelay::new(replica, Metrics::default());
    let (outbox, session) = system.block_on(async {
        let flusher = Flusher::start(Duration::ZERO, |_| {});
        (Outbox::taken(Framing::WebSocket, flusher, ROOM), Session.start())
    });
    let wanted = [Wanted { channel: events::channel(), pace: None }];
    Box::new(move || {
        // The threads of its actors end with it.
        let _system = &system;
        let (id, session) = (SessionId::generate(), session.downgrade().recipient());
        let options = SeatOptions { id, outbox: outbox.clone(), dialect: events::dialect(), owner: None, session };
        let seat = relay.join(options);
        // Where it stands is what the cursor says.
        let _ = seat.hold();
        seat.resume(&wanted, Cursor { epoch, offset: KEPT - missed });
        assert_eq!(taken(&outbox), missed);
    })
}

fn taken(outbox: &Outbox) -> u64 {
    let mut context = Context::from_waker(Waker::noop());
    match outbox.poll_take(&mut context, usize::MAX) {
        Poll::Ready(frames) => frames.map_or(0, |frames| frames.len() as u64),
        Poll::Pending => 0,
    }
}
