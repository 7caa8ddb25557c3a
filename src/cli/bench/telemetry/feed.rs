//! Sessions that watch all modules, and what comes to them.

use std::{cell::Cell, rc::Rc, time::Duration};

use serde::de::IgnoredAny;
use serde_json::json;
use tokio::task::{JoinHandle, spawn_local};

use super::super::{
    report::Report,
    sessions::{AT_ONCE, open_sessions_saying},
    target::Target,
    wire::{Frame, WireSocket},
};
use super::TelemetryArgs;
use crate::cli::CliError;

/// One in so many of them reads what comes; the others count it, so that the load costs little beside the hub.
const READS: usize = 100;

/// Those who watch, while they do.
pub struct Feed {
    counts: Rc<Counts>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    frames: Cell<u64>,
    bytes: Cell<u64>,
    unreadable: Cell<u64>,
    closed: Cell<u64>,
}

/// What came to all who watched, and the hub's processor time meanwhile.
pub struct Watched {
    /// Sessions that the hub closed.
    pub closed: u64,
    frames: u64,
    bytes: u64,
    unreadable: u64,
    processor: Option<Duration>,
}

impl Feed {
    /// Opens the sessions.
    ///
    /// # Errors
    /// [`CliError::Client`] when the hub refuses one of them.
    pub async fn open(args: &TelemetryArgs, target: &Target, deflates: bool) -> Result<Self, CliError> {
        let destination = &target.destination.offering_deflate(deflates);
        let mut subscribe = json!({ "type": "subscribe", "id": 1, "topics": ["modules"] });
        if let Some(rate) = args.max_rate {
            subscribe["maxRate"] = rate.into();
        }
        let subscribe = subscribe.to_string();
        let (token, count) = (&target.session.access_token, args.watchers as usize);
        let sockets = open_sessions_saying(destination, token, count, AT_ONCE, |_| subscribe.clone()).await?;
        let counts = Rc::new(Counts::default());
        let watch = |(index, socket)| spawn_local(watch(socket, index % READS == 0, Rc::clone(&counts)));
        let tasks = sockets.into_iter().enumerate().map(watch).collect();

        Ok(Self { counts, tasks })
    }

    /// Forgets what came so far.
    pub fn begin(&self) {
        self.counts.frames.set(0);
        self.counts.bytes.set(0);
    }

    /// Hangs up; answers what came since the beginning.
    pub fn end(self, processor: Option<Duration>) -> Watched {
        self.tasks.iter().for_each(JoinHandle::abort);
        let counts = self.counts;

        Watched {
            closed: counts.closed.get(),
            frames: counts.frames.get(),
            bytes: counts.bytes.get(),
            unreadable: counts.unreadable.get(),
            processor,
        }
    }
}

async fn watch(mut socket: WireSocket, reads: bool, counts: Rc<Counts>) {
    if !reads {
        socket.only_count();
    }
    let mut frames = 0;
    let mut unreadable = 0;
    let is_json = |text: &[u8]| serde_json::from_slice::<IgnoredAny>(text).is_ok();
    loop {
        let read = socket.read(|frame| match frame {
            Frame::Text(text) => {
                frames += 1;
                unreadable += u64::from(reads && !is_json(text));
            }
            Frame::Packed => {
                frames += 1;
                unreadable += u64::from(reads);
            }
            Frame::Close(_) => {}
        });
        let is_over = read.await.is_err();
        counts.frames.set(counts.frames.get() + std::mem::take(&mut frames));
        counts.unreadable.set(counts.unreadable.get() + std::mem::take(&mut unreadable));
        counts.bytes.set(counts.bytes.get() + socket.take_bytes());
        if is_over {
            counts.closed.set(counts.closed.get() + 1);
            return;
        }
    }
}

impl Watched {
    /// Tells what came.
    pub fn report(&self, report: &mut Report) {
        report.count("frames", "frames to the watchers", self.frames);
        report.figure("bytesPerFrame", "  bytes of each", self.bytes_per_frame(), "B");
        report.must_be_none("unreadable", "frames nobody can read", self.unreadable);
    }

    fn bytes_per_frame(&self) -> f64 {
        self.bytes as f64 / self.frames.max(1) as f64
    }

    fn microseconds_per_frame(&self) -> Option<f64> {
        Some(self.processor?.as_secs_f64() * 1e6 / self.frames.max(1) as f64)
    }
}

/// Sets a compressed feed beside a plain one, by what each frame took: they may be more in one than in the other.
pub fn compare(report: &mut Report, plain: &Watched, deflated: &Watched) {
    report.count("plainFrames", "plain: frames to the watchers", plain.frames);
    report.figure("plainBytesPerFrame", "  bytes of each", plain.bytes_per_frame(), "B");
    report.figure("bytesRatio", "bytes, compressed to plain", deflated.bytes_per_frame() / plain.bytes_per_frame(), "");
    if let (Some(before), Some(after)) = (plain.microseconds_per_frame(), deflated.microseconds_per_frame()) {
        report.figure("plainCpuUsPerFrame", "plain: server CPU per frame", before, "µs");
        report.figure("deflatedCpuUsPerFrame", "compressed: server CPU per frame", after, "µs");
        report.figure("cpuRatio", "server CPU, compressed to plain", after / before, "");
    }
    report.must_be_none("plainClosed", "connections closed by the hub that compressed nothing", plain.closed);
}

/// A reading of so many values that are other numbers every time, as sensors have them.
pub fn reading(module: u64, number: u64, values: u32) -> String {
    // Knuth's linear congruential generator; its upper bits are the good ones.
    let mut state = module << 32 | number;
    let members = (1..=values).map(|value| {
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
        format!(r#""sensor{value}":{}.{:02}"#, 20 + (state >> 33) % 80, (state >> 48) % 100)
    });

    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn readings_of_neighbours_and_of_other_moments_have_other_values() {
        let [here, later, beside] = [(1, 1), (1, 2), (2, 1)]
            .map(|(module, number)| serde_json::from_str::<Value>(&reading(module, number, 8)).unwrap());

        assert_eq!(here.as_object().unwrap().len(), 8);
        let values = |reading: &Value| reading.as_object().unwrap().values().cloned().collect::<Vec<_>>();
        let alike =
            |one: &Value, other: &Value| values(one).iter().zip(values(other)).filter(|(a, b)| **a == *b).count();
        assert!(alike(&here, &later) < 3 && alike(&here, &beside) < 3, "{here} {later} {beside}");
    }

    #[test]
    fn frames_are_compared_by_what_each_took() {
        let feed = |frames, bytes, milliseconds| Watched {
            closed: 0,
            frames,
            bytes,
            unreadable: 0,
            processor: Some(Duration::from_millis(milliseconds)),
        };
        let mut report = Report::new("telemetry");

        compare(&mut report, &feed(100, 20_000, 10), &feed(200, 8000, 22));

        let figures = &report.json()["figures"];
        assert_eq!((&figures["bytesRatio"], &figures["cpuRatio"]), (&json!(0.2), &json!(1.1)));
    }
}
