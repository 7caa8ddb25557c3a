use std::{cell::Cell, collections::VecDeque, rc::Rc, time::Duration};

use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{PATIENCE, is_over, until_over};
use crate::cli::bench::{
    ingest::{
        Door, Places,
        line::{Line, Readings},
    },
    modules::{BenchModule, reading},
    wire::Destination,
};

const DOORS: [Door; 3] = [Door::Websocket, Door::Http, Door::Mqtt];
/// A module whom the hub does not take tries again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Modules that come, report and go.
#[derive(Default)]
pub struct Devices {
    visits: Cell<u64>,
    acked: Cell<u64>,
    unanswered: Cell<u64>,
    refused: Cell<u64>,
    closed: Cell<u64>,
}

/// How modules behave.
pub struct Habits {
    /// Where WebSockets and HTTP are.
    pub http: Destination,
    /// Where MQTT is.
    pub mqtt: Destination,
    /// How long a module stays at most.
    pub stay: Duration,
    /// From one of its readings to the next.
    pub pace: Duration,
}

impl Devices {
    /// Connections that were opened.
    pub fn visits(&self) -> u64 {
        self.visits.get()
    }

    /// Readings that were acknowledged.
    pub fn acked(&self) -> u64 {
        self.acked.get()
    }

    /// Readings that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.get()
    }

    /// Readings that got no answer though their module waited for it.
    pub fn unanswered(&self) -> u64 {
        self.unanswered.get()
    }

    /// Connections that the hub did not take, or closed.
    pub fn closed(&self) -> u64 {
        self.closed.get()
    }

    /// Comes again and again by the door of number `index`, until it is over.
    pub async fn run(
        self: Rc<Self>,
        index: usize,
        module: BenchModule,
        habits: Rc<Habits>,
        mut over: watch::Receiver<bool>,
    ) {
        let places = Places { http: Some(&habits.http), mqtt: &habits.mqtt };
        while !is_over(&over) {
            match Line::connect(&places, DOORS[index % DOORS.len()], 0, &module).await {
                Ok(line) => {
                    self.visits.set(self.visits.get() + 1);
                    self.stay(line, &habits, &mut over).await;
                }
                Err(error) => {
                    tracing::warn!(%error, module.id, "a module was not let in");
                    self.closed.set(self.closed.get() + 1);
                    sleep(AGAIN).await;
                }
            }
            let pause = habits.stay.mul_f64(rand::random::<f64>() / 4.0);
            select! {
                () = sleep(pause) => {}
                () = until_over(&mut over) => {}
            }
        }
    }

    /// Reports for a while, waits for what is not answered yet, and goes: half of the time by a close frame, if there is such.
    async fn stay(&self, mut line: Line, habits: &Habits, over: &mut watch::Receiver<bool>) {
        let start = Instant::now();
        let end = start + habits.stay.mul_f64(rand::random());
        let mut waiting = VecDeque::new();
        for number in 0.. {
            let due = start + habits.pace * number;
            let is_done = due >= end || is_over(over);
            let until = if is_done { Instant::now() + PATIENCE } else { due };
            if self.wait(&mut line, &mut waiting, until, is_done, over).await.is_none() {
                return self.closed.set(self.closed.get() + 1);
            }
            if is_done {
                break;
            }
            if is_over(over) {
                continue;
            }
            waiting.push_back(due);
            if line.send(number.into(), Readings::One(reading(number.into()))).await.is_err() {
                return self.closed.set(self.closed.get() + 1);
            }
        }
        self.unanswered.set(self.unanswered.get() + waiting.len() as u64);
        if let Line::Socket(socket) = line
            && rand::random()
            && socket.close(PATIENCE).await.is_err()
        {
            self.closed.set(self.closed.get() + 1);
        }
    }

    /// Hears answers until a moment, or until none is waited for where nothing more is to come.
    async fn wait(
        &self,
        line: &mut Line,
        waiting: &mut VecDeque<Instant>,
        until: Instant,
        is_done: bool,
        over: &mut watch::Receiver<bool>,
    ) -> Option<()> {
        while Instant::now() < until && !(is_done && waiting.is_empty()) {
            let hear = |is_taken| {
                waiting.pop_front();
                let count = if is_taken { &self.acked } else { &self.refused };
                count.set(count.get() + 1);
            };
            select! {
                () = sleep_until(until) => {}
                () = until_over(over), if !is_done => return Some(()),
                read = line.read(hear) => read.ok()?,
            }
        }

        Some(())
    }
}
