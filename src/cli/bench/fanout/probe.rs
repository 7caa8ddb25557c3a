use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime,
    time::{Instant, sleep_until},
};

use super::super::{
    report::Latencies,
    wire::{Destination, connect_http, render_request},
};
use crate::cli::{CliError, client::ClientError};

/// Connections that are asked by turns, so that every worker of a hub is.
const CONNECTIONS: usize = 8;

/// What its latencies are called in a report.
pub const NAMES: [(&str, &str); 3] = [
    ("probeP50Ms", "another request meanwhile p50"),
    ("probeP99Ms", "another request meanwhile p99"),
    ("probeMaxMs", "another request meanwhile max"),
];

/// Asks a hub for something else while it hands out events, on a thread of its own: who listens does not hold it up.
pub struct Probe {
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Result<Latencies, ClientError>>,
}

impl Probe {
    /// Asks every so often, from now on.
    ///
    /// # Errors
    /// [`CliError::Io`] when there can be no such thread.
    pub fn start(destination: Destination, every: Duration) -> Result<Self, CliError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(CliError::io("cannot start a thread that asks"))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let thread = thread::spawn(move || runtime.block_on(ask(&destination, every, &until)));

        Ok(Self { is_over, thread })
    }

    /// Ends; answers how long the answers took, from when each question was due.
    ///
    /// # Errors
    /// [`CliError::Client`] when a connection broke.
    pub fn end(self) -> Result<Latencies, CliError> {
        self.is_over.store(true, Ordering::Relaxed);
        let asked = self.thread.join().map_err(|_| CliError::Failed("the thread that asked panicked".to_owned()))?;

        Ok(asked?)
    }
}

async fn ask(destination: &Destination, every: Duration, is_over: &AtomicBool) -> Result<Latencies, ClientError> {
    let mut connections = Vec::new();
    for index in 0..CONNECTIONS {
        connections.push(connect_http(destination, index).await?);
    }
    let request = render_request(destination, "GET", "/health/live", None, "");
    let mut latencies = Latencies::new();
    let (mut turn, mut due) = (0, Instant::now());
    while !is_over.load(Ordering::Relaxed) {
        sleep_until(due).await;
        let (reader, writer) = &mut connections[turn];
        writer.send(&request).await?;
        reader.answer().await?;
        latencies.record(due.elapsed());
        turn = (turn + 1) % CONNECTIONS;
        due += every;
    }

    Ok(latencies)
}
