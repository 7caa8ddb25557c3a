use std::{
    cell::{Cell, Ref, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use tokio::{
    select,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep, sleep_until},
};

use super::line::{Line, Readings};
use crate::cli::bench::{modules::reading, progress, report::Latencies, schedule::Schedule};
use crate::domain::time::Timestamp;

/// The last acknowledgements may come so long after the last message.
const LAST_ACKS: Duration = Duration::from_secs(5);

/// What all modules count into.
#[derive(Debug, Default)]
pub struct Counts {
    sent: Cell<u64>,
    acked: Cell<u64>,
    closed: Cell<u64>,
    latencies: RefCell<Latencies>,
}

impl Counts {
    /// Messages that were acknowledged.
    pub fn acked(&self) -> u64 {
        self.acked.get()
    }

    /// Messages that were not, and connections that were lost.
    pub fn failed(&self) -> u64 {
        self.sent.get() - self.acked.get() + self.closed.get()
    }

    /// From the time a message was due to its acknowledgement.
    pub fn latencies(&self) -> Ref<'_, Latencies> {
        self.latencies.borrow()
    }

    fn answered(&self, due: Option<Instant>, is_taken: bool) {
        let Some(due) = due.filter(|_| is_taken) else { return };
        self.acked.set(self.acked.get() + 1);
        self.latencies.borrow_mut().record(due.elapsed());
    }
}

/// How modules report.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Readings in a message.
    pub batch: u32,
    /// Messages of one module in a second; none for as many as are acknowledged.
    pub rate: Option<f64>,
    /// Messages of one module that wait for their acknowledgement at most.
    pub in_flight: usize,
    /// For how long.
    pub duration: Duration,
    /// How many modules report.
    pub senders: u64,
}

impl Plan {
    /// Lets every module report; ends when each message has its answer, or a little later.
    pub async fn report_all(self, lines: Vec<Line>, counts: &Rc<Counts>) {
        let start = Instant::now();
        let tasks: Vec<_> = lines
            .into_iter()
            .zip(0..)
            .map(|(line, sender)| spawn_local(self.report(line, sender, start, Rc::clone(counts))))
            .collect();
        let bar = progress(self.duration.as_secs() as usize, "reporting");
        let deadline = start + self.duration + LAST_ACKS;
        while Instant::now() < deadline && tasks.iter().any(|task| !task.is_finished()) {
            sleep(Duration::from_millis(5)).await;
            bar.set_position(start.elapsed().as_secs().min(self.duration.as_secs()));
        }
        bar.finish_and_clear();
        tasks.iter().for_each(JoinHandle::abort);
    }

    async fn report(self, mut line: Line, sender: u64, start: Instant, counts: Rc<Counts>) {
        let schedule =
            self.rate.map(|rate| Schedule::new(rate * self.senders as f64, self.duration, self.senders, sender));
        let mut waiting = VecDeque::new();
        let mut clock = Timestamp::now().as_millis();
        for number in 0.. {
            let due = schedule.map_or(start, |schedule| start + schedule.due(number));
            let is_over = match schedule {
                Some(schedule) => number >= schedule.count(),
                None => start.elapsed() >= self.duration,
            };
            while is_over || waiting.len() >= self.in_flight || Instant::now() < due {
                if is_over && waiting.is_empty() {
                    return;
                }
                let is_waiting = !is_over && waiting.len() < self.in_flight;
                let read = select! {
                    () = sleep_until(due), if is_waiting => break,
                    read = line.read(|is_taken| counts.answered(waiting.pop_front(), is_taken)) => read,
                };
                if read.is_err() {
                    return counts.closed.set(counts.closed.get() + 1);
                }
            }
            waiting.push_back(if schedule.is_some() { due } else { Instant::now() });
            counts.sent.set(counts.sent.get() + 1);
            if line.send(number, self.readings(number, &mut clock)).await.is_err() {
                return counts.closed.set(counts.closed.get() + 1);
            }
        }
    }

    /// The readings of a message; several carry the times at which they were measured, the last of them now.
    fn readings(&self, number: u64, clock: &mut i64) -> Readings {
        let first = number * u64::from(self.batch);
        if self.batch == 1 {
            return Readings::One(reading(first));
        }
        let begin = (Timestamp::now().as_millis() - i64::from(self.batch)).max(*clock);
        *clock = begin + i64::from(self.batch);
        let one = |(at, number)| {
            let ts = Timestamp::from_millis(at);
            format!(r#"{{"ts":"{ts}","telemetry":{}}}"#, reading(number))
        };
        let readings: Vec<_> = (begin..*clock).zip(first..).map(one).collect();

        Readings::Several(format!("[{}]", readings.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn readings_of_a_batch_follow_each_other_in_time() {
        let plan = Plan { batch: 3, rate: None, in_flight: 1, duration: Duration::ZERO, senders: 1 };
        let mut clock = 0;
        let mut times = Vec::new();
        for number in 0..2 {
            let Readings::Several(text) = plan.readings(number, &mut clock) else { panic!("three readings") };
            let array: Value = serde_json::from_str(&text).unwrap();
            times.extend(array.as_array().unwrap().iter().map(|one| one["ts"].as_str().unwrap().to_owned()));
        }

        assert_eq!(times.len(), 6);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    }
}
