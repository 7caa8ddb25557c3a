//! Modules of a measurement that report at their own moments.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use tokio::{
    select,
    sync::watch,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep_until, timeout_at},
};

use super::{schedule::Schedule, wire::WireSocket};

/// Nobody who reads takes longer to be right, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The modules that report.
pub struct Fleet {
    orders: watch::Sender<Option<(Instant, Duration)>>,
    state: Rc<FleetState>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct FleetState {
    newest: RefCell<HashMap<usize, u64>>,
    /// How many still report.
    busy: watch::Sender<usize>,
}

impl Fleet {
    /// Modules that report so often together, each with so many bytes, as soon as they are told to.
    pub fn start(devices: Vec<WireSocket>, rate: f64, size: usize) -> Self {
        let (orders, order) = watch::channel(None);
        let state = Rc::new(FleetState::default());
        let count = devices.len() as u64;
        let tasks = devices
            .into_iter()
            .enumerate()
            .map(|(number, socket)| {
                let device = Device { number, count, rate, size, state: Rc::clone(&state) };
                spawn_local(device.run(socket, order.clone()))
            })
            .collect();

        Self { orders, state, tasks }
    }

    /// Lets every module report, each at its own moments; ends when all have.
    pub async fn report(&self, start: Instant, duration: Duration) {
        self.state.busy.send_replace(self.tasks.len());
        self.orders.send_replace(Some((start, duration)));
        let mut busy = self.state.busy.subscribe();
        // Who is not done by then has a hub that does not take what it says; what is missing is counted elsewhere.
        let _ = timeout_at(start + duration + PATIENCE, busy.wait_for(|busy| *busy == 0)).await;
    }

    /// The last number of each module.
    pub fn newest(&self) -> HashMap<usize, u64> {
        self.state.newest.borrow().clone()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct Device {
    number: usize,
    count: u64,
    rate: f64,
    size: usize,
    state: Rc<FleetState>,
}

impl Device {
    async fn run(self, mut socket: WireSocket, mut orders: watch::Receiver<Option<(Instant, Duration)>>) {
        let mut sent = 0;
        loop {
            select! {
                changed = orders.changed() => if changed.is_err() { return },
                read = socket.read(|_| {}) => { if read.is_err() { return } continue },
            }
            let Some((start, duration)) = *orders.borrow_and_update() else { continue };
            let schedule = Schedule::new(self.rate, duration, self.count, self.number as u64);
            for number in 0..schedule.count() {
                let due = schedule.due(number);
                sent += 1;
                if self.send(&mut socket, start, due, sent).await.is_none() {
                    return;
                }
            }
            self.state.busy.send_modify(|busy| *busy = busy.saturating_sub(1));
        }
    }

    /// Reports once at its time; what the hub says meanwhile is read and forgotten.
    async fn send(&self, socket: &mut WireSocket, start: Instant, due: Duration, sent: u64) -> Option<()> {
        loop {
            select! {
                () = sleep_until(start + due) => break,
                read = socket.read(|_| {}) => read.ok()?,
            }
        }
        self.state.newest.borrow_mut().insert(self.number, sent);
        socket.send(&self.frame(due, sent)).await.ok()
    }

    fn frame(&self, due: Duration, sent: u64) -> String {
        let (number, due) = (self.number, due.as_micros());
        let mark = format!(r#"{{"stream":{number},"number":{sent},"dueUs":{due},"pad":""#);
        let pad = "x".repeat(self.size.saturating_sub(mark.len() + 2).min(1024));

        format!(r#"{{"type":"telemetry","id":{sent},"telemetry":{mark}{pad}"}}}}"#)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::audience::Mark;
    use super::*;

    #[test]
    fn a_report_carries_its_mark() {
        let device = Device { number: 3, count: 10, rate: 1.0, size: 200, state: Rc::default() };
        let frame = device.frame(Duration::from_millis(5), 7);
        let parsed: Value = serde_json::from_str(&frame).unwrap();
        let mark = Mark::find(frame.as_bytes()).unwrap();

        assert_eq!((mark.stream, mark.number, mark.due), (3, 7, Duration::from_millis(5)));
        assert_eq!(parsed["telemetry"].to_string().len(), 200);
    }
}
