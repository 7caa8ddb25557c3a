use std::{cell::Cell, cell::RefCell, rc::Rc, time::Duration};

use clap::Args;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep},
};

use super::{
    audience::Mark,
    limits::{ROOM, allow_connections},
    order::OrderCheck,
    own_hub::OwnHub,
    progress,
    report::Report,
    target::Target,
    wire::{Destination, Frame, WireSocket},
};
use crate::cli::{CliError, client::ClientError};

/// By so many logins the clients come: one alone would get half of the accept rate.
const LOGINS: usize = 4;
const TOPIC: &str = "custom:bench";
/// A client whom the hub did not tell when to come back tries after up to this span.
const BACK_OFF: Duration = Duration::from_secs(1);
/// Something changes within this time, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// A hub that stops and starts again: how soon everybody is back
#[derive(Debug, Clone, Args)]
pub struct RestartArgs {
    /// Clients that come back
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    sessions: u32,
    /// Events before the stop, and again as soon as the hub is back
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    events: u64,
    /// Connections that the hub lets begin each second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    accept_rate: u32,
}

/// Everybody, and what they went through.
struct Crowd {
    destination: Destination,
    tokens: Vec<String>,
    /// Events published so far.
    due: Cell<u64>,
    /// Clients that have all of them.
    complete: watch::Sender<u64>,
    /// When connections were welcomed.
    welcomes: RefCell<Vec<Instant>>,
    recovered: Cell<u64>,
    gaps: Cell<u64>,
    turned_away: Cell<u64>,
    unreachable: Cell<u64>,
    checks: RefCell<Vec<OrderCheck>>,
}

/// One client, from connection to connection.
struct Client {
    index: usize,
    cursor: Option<String>,
    heard: u64,
}

/// The turning points of a restart.
struct Times {
    told: Instant,
    gone: Instant,
    ready: Instant,
    back: Instant,
}

/// Stops the hub of many clients, starts it again, and waits until they have everything.
pub async fn measure(args: &RestartArgs) -> Result<Report, CliError> {
    allow_connections(args.sessions.into())?;
    let (rate, burst) = (args.accept_rate.to_string(), (args.accept_rate / 10).clamp(1, 100).to_string());
    let hub = OwnHub::prepare(&ROOM)?
        .with("CARILLON__SOCKET__ACCEPT_RATE", &rate)
        .with("CARILLON__SOCKET__ACCEPT_BURST", &burst);
    let target = Target::start(hub).await?;
    let crowd = Crowd::new(&target, target.tokens(LOGINS).await?, args);
    let clients: Vec<_> = (0..args.sessions as usize)
        .map(|index| spawn_local(Client { index, cursor: None, heard: 0 }.run(Rc::clone(&crowd))))
        .collect();
    crowd.welcomed(args).await?;
    args.publish(&target, &crowd).await?;
    crowd.completed(args).await?;

    crowd.welcomes.take();
    let told = Instant::now();
    let Some(hub) = target.close().await? else { return Err(CliError::Failed("there is no hub".to_owned())) };
    let gone = Instant::now();
    let target = Target::start(hub).await?;
    let ready = Instant::now();
    args.publish(&target, &crowd).await?;
    crowd.completed(args).await?;
    let times = Times { told, gone, ready, back: Instant::now() };
    clients.iter().for_each(JoinHandle::abort);
    target.close().await?;

    Ok(args.report(&crowd, &times))
}

impl RestartArgs {
    async fn publish(&self, target: &Target, crowd: &Crowd) -> Result<(), CliError> {
        let first = crowd.due.get();
        crowd.complete.send_replace(0);
        crowd.due.set(first + self.events);
        for number in first..first + self.events {
            let data = json!({ "stream": 0, "number": number, "dueUs": 0 });
            let event = json!({ "event": "rt_bench", "topic": TOPIC, "data": data });
            target.api.call::<Value>(awc::http::Method::POST, "/api/v1/events", Some(&event)).await?;
        }

        Ok(())
    }

    fn report(&self, crowd: &Crowd, times: &Times) -> Report {
        let mut report = Report::new("restart");
        let seconds = |from: Instant, to: Instant| (to - from).as_secs_f64();
        let sessions = u64::from(self.sessions);
        report.count("sessions", "clients", sessions);
        report.figure("backSeconds", "all back and caught up after", seconds(times.told, times.back), "s");
        report.figure("stopSeconds", "  the hub gone after", seconds(times.told, times.gone), "s");
        report.figure("startSeconds", "  ready again in", seconds(times.gone, times.ready), "s");
        report.figure("readySeconds", "  from ready to all caught up", seconds(times.ready, times.back), "s");
        report.count("acceptRate", "connections that may begin a second", self.accept_rate.into());
        report.count("acceptedPerSecond", "  most welcomed in a second", crowd.busiest_second());
        report.count("turnedAway", "  turned away with their moment", crowd.turned_away.get());
        report.count("unreachable", "  attempts while there was no hub", crowd.unreachable.get());
        report.count("recovered", "went on where they were", crowd.recovered.get());
        let checks = crowd.checks.borrow();
        report.must_be_none("lost", "lost", checks.iter().map(|check| check.lost(0, crowd.due.get())).sum());
        report.must_be_none("doubled", "doubled", checks.iter().map(OrderCheck::doubled).sum());
        report.must_be_none("reordered", "out of order", checks.iter().map(OrderCheck::reordered).sum());
        report.must_be_none("gaps", "gaps told", crowd.gaps.get());

        report
    }
}

impl Crowd {
    fn new(target: &Target, tokens: Vec<String>, args: &RestartArgs) -> Rc<Self> {
        Rc::new(Self {
            destination: target.destination.clone(),
            tokens,
            due: Cell::new(0),
            complete: watch::Sender::new(0),
            welcomes: RefCell::default(),
            recovered: Cell::new(0),
            gaps: Cell::new(0),
            turned_away: Cell::new(0),
            unreachable: Cell::new(0),
            checks: RefCell::new(vec![OrderCheck::default(); args.sessions as usize]),
        })
    }

    async fn welcomed(&self, args: &RestartArgs) -> Result<(), CliError> {
        wait_for(args, "opening sessions", || self.welcomes.borrow().len() as u64).await
    }

    async fn completed(&self, args: &RestartArgs) -> Result<(), CliError> {
        wait_for(args, "catching up", || *self.complete.borrow()).await
    }

    /// The most welcomes within any second.
    fn busiest_second(&self) -> u64 {
        let mut times = self.welcomes.borrow().clone();
        times.sort_unstable();
        let mut first = 0;
        let mut most = 0;
        for (last, time) in times.iter().enumerate() {
            while *time - times[first] >= Duration::from_secs(1) {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }

        most as u64
    }
}

/// Waits until all clients have come so far; a long time without any is a failure.
async fn wait_for(args: &RestartArgs, what: &'static str, count: impl Fn() -> u64) -> Result<(), CliError> {
    let all = u64::from(args.sessions);
    let bar = progress(args.sessions as usize, what);
    let (mut before, mut changed) = (0, Instant::now());
    while before < all {
        sleep(LOOK).await;
        let now = count();
        if now != before {
            (before, changed) = (now, Instant::now());
        }
        bar.set_position(now);
        if changed.elapsed() > PATIENCE {
            return Err(CliError::Failed(format!("{what}: {} of {all} never came", all - now)));
        }
    }
    bar.finish_and_clear();

    Ok(())
}

impl Client {
    /// Comes back whenever the connection ends: when the hub said, or after a while by chance.
    async fn run(mut self, crowd: Rc<Crowd>) {
        loop {
            let mut retry_after = None;
            if let Err(ClientError::Unreachable { .. }) = self.connect(&crowd, &mut retry_after).await {
                crowd.unreachable.set(crowd.unreachable.get() + 1);
            }
            sleep(retry_after.unwrap_or_else(|| BACK_OFF.mul_f64(rand::random()))).await;
        }
    }

    async fn connect(&mut self, crowd: &Crowd, retry_after: &mut Option<Duration>) -> Result<(), ClientError> {
        let token = &crowd.tokens[self.index % crowd.tokens.len()];
        let mut socket = WireSocket::connect(&crowd.destination, self.index, "/ws", token).await?;
        let hello = match &self.cursor {
            Some(cursor) => json!({ "type": "hello", "cursor": cursor, "topics": [TOPIC] }),
            None => json!({ "type": "hello", "topics": [TOPIC] }),
        };
        socket.send(&hello.to_string()).await?;
        loop {
            let mut hear = |frame: Frame<'_>| {
                if let Frame::Text(text) = frame {
                    self.hear(crowd, text, retry_after);
                }
            };
            socket.read(&mut hear).await?;
        }
    }

    fn hear(&mut self, crowd: &Crowd, text: &[u8], retry_after: &mut Option<Duration>) {
        if let Some(mark) = Mark::find(text) {
            self.cursor = cursor_of(text).or(self.cursor.take());
            crowd.checks.borrow_mut()[self.index].see(0, mark.number);
            self.heard += 1;
            if self.heard == crowd.due.get() {
                crowd.complete.send_modify(|complete| *complete += 1);
            }
            return;
        }
        let Ok(frame) = serde_json::from_slice::<Value>(text) else { return };
        match frame["type"].as_str() {
            Some("welcome") => {
                crowd.welcomes.borrow_mut().push(Instant::now());
                crowd.recovered.set(crowd.recovered.get() + u64::from(frame["recovered"] == true));
            }
            // Behind the snapshot of its only topic it has everything.
            Some("snapshot") => self.cursor = frame["cursor"].as_str().map(str::to_owned),
            Some("gap") => crowd.gaps.set(crowd.gaps.get() + 1),
            Some("bye") => {
                *retry_after = frame["retryAfterMs"].as_u64().map(Duration::from_millis);
                crowd.turned_away.set(crowd.turned_away.get() + u64::from(frame["code"] == 4029));
            }
            _ => {}
        }
    }
}

/// The cursor of an event, without reading the rest of it.
fn cursor_of(text: &[u8]) -> Option<String> {
    let key = b"\"cursor\":\"";
    let start = text.windows(key.len()).rposition(|window| window == key)? + key.len();
    let length = text[start..].iter().position(|byte| *byte == b'"')?;

    Some(String::from_utf8_lossy(&text[start..start + length]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_of_an_event_is_found() {
        let event = br#"{"type":"event","event":"rt_bench","data":{"number":1},"cursor":"ab1","at":"x"}"#;

        assert_eq!(cursor_of(event).as_deref(), Some("ab1"));
        assert_eq!(cursor_of(br#"{"type":"pong"}"#), None);
    }
}
