use std::{cell::Cell, rc::Rc, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    select,
    sync::Notify,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Door,
    backlog::{Backlog, Outgoing},
    backoff::Backoff,
    line::{Heard, Line},
    record::Record,
    story::{Reading, Story},
    tally::{DoorTally, Online, Tally, count},
};
use crate::cli::client::{Api, ClientError, Endpoint, HubAddress};
use crate::domain::time::Timestamp;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A flaky module stays connected between these, then goes away.
const FLAKY_STAY: (f64, f64) = (15.0, 60.0);
/// A module that lost its connection is offline at once.
const SOCKET_ABSENCE: (f64, f64) = (4.0, 15.0);
/// A module that pushes by HTTP is offline only after `presence.timeout`, 60 s unless configured.
const HTTP_ABSENCE: (f64, f64) = (70.0, 100.0);
/// How long a connection that broke off stays away.
const BREAK: (f64, f64) = (0.05, 0.5);
/// How long the last readings may take at the end.
const FAREWELL: Duration = Duration::from_secs(15);

/// What the modules of a fleet share.
pub struct Shared {
    /// The hub they report to.
    pub address: HubAddress,
    /// Where it speaks MQTT.
    pub mqtt: Endpoint,
    /// The account that may renew a credential, when there is one.
    pub api: Option<Api>,
    /// The HTTP client without an account.
    pub plain: Api,
    /// What all of them have done.
    pub tally: Tally,
    /// What the hub acknowledged.
    pub record: Record,
    /// Cancelled when the simulation ends.
    pub stop: CancellationToken,
    /// The time between two reports of a module.
    pub pace: Duration,
    /// After so many reports a module ends by itself.
    pub reports: Option<u64>,
    /// How many modules have not ended.
    pub living: Cell<usize>,
    /// Told when the last one has.
    pub all_gone: Notify,
}

/// One simulated module and its way into the hub.
pub struct Device {
    story: Story,
    backlog: Backlog,
    token: String,
    door: Door,
    flaky: bool,
    random: StdRng,
    shared: Rc<Shared>,
}

/// Why a connection ended in order.
enum End {
    Stopped,
    WentAway,
    BrokeOff,
}

impl Device {
    /// A module that will come in by `door` with `token`; a flaky one goes away now and then.
    pub fn new(story: Story, token: String, door: Door, flaky: bool, shared: Rc<Shared>) -> Self {
        let (backlog, random) = (Backlog::default(), StdRng::from_os_rng());
        Self { story, backlog, token, door, flaky, random, shared }
    }

    /// Reports until the simulation ends, coming back whenever the connection is lost; what was not answered by then is
    /// sent until it is.
    pub async fn live(mut self) {
        let shared = Rc::clone(&self.shared);
        let farewell = async {
            shared.stop.cancelled().await;
            sleep(FAREWELL).await;
        };
        select! {
            () = self.report_until_the_end() => {}
            () = farewell => {}
        }
        shared.living.set(shared.living.get() - 1);
        if shared.living.get() == 0 {
            shared.all_gone.notify_one();
        }
    }

    async fn report_until_the_end(&mut self) {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut wait = self.shared.pace.min(FIRST_WAIT).mul_f64(self.random.random());
        loop {
            self.wait(wait).await;
            if self.is_over() && self.backlog.len() == 0 {
                return;
            }
            wait = match self.connection(&mut backoff).await {
                Ok(End::Stopped) => return,
                Ok(End::WentAway) => self.absence(),
                Ok(End::BrokeOff) => self.between(BREAK),
                Err(error) => self.after(&error, &mut backoff).await,
            };
            count(&self.tally().reconnects);
        }
    }

    /// Waits for the next attempt; at the end no longer than a moment.
    async fn wait(&mut self, wait: Duration) {
        let stop = self.shared.stop.clone();
        let stopped = async {
            stop.cancelled().await;
            sleep(Duration::from_millis(200)).await;
        };
        select! {
            () = stopped => {}
            () = sleep(wait) => {}
        }
    }

    async fn connection(&mut self, backoff: &mut Backoff) -> Result<End, ClientError> {
        let shared = Rc::clone(&self.shared);
        let id = self.story.module().id();
        let mut line = Line::open(self.door, &shared, &id, &self.token).await?;
        let _online = Online::enter(&shared.tally, self.door);
        let leave = Instant::now() + self.between(FLAKY_STAY);
        let mut ticks = self.ticks();
        self.backlog.start_over();
        loop {
            let is_over = self.is_over();
            if is_over {
                let rest = self.story.rest();
                self.put(rest);
            }
            let batch = if is_over { 1 } else { line.batch() };
            let heard = self.send_due(&mut line, batch).await?;
            self.take(heard, &mut line, backoff).await?;
            if is_over && self.backlog.len() == 0 {
                line.close().await;
                return Ok(End::Stopped);
            }
            if is_over && self.backlog.unsent() > 0 && self.door == Door::Http {
                continue;
            }
            select! {
                () = shared.stop.cancelled(), if !is_over => {}
                () = sleep_until(leave), if self.flaky && !is_over => return Ok(End::WentAway),
                _ = ticks.tick(), if !is_over => {
                    if self.report() {
                        // What the hub says of it is not heard.
                        self.send_due(&mut line, 1).await?;
                        return Ok(End::BrokeOff);
                    }
                }
                heard = line.next() => {
                    let heard = heard?;
                    self.take(vec![heard], &mut line, backoff).await?;
                }
            }
        }
    }

    /// Lets the next report happen; answers whether the connection breaks off then.
    fn report(&mut self) -> bool {
        let chapter = self.story.next(Timestamp::now().as_millis());
        let lost = &self.shared.tally.lost;
        lost.set(lost.get() + chapter.lost);
        self.put(chapter.readings);
        chapter.breaks_off
    }

    fn put(&mut self, readings: Vec<Reading>) {
        for reading in readings {
            if !self.backlog.push(reading) {
                count(&self.shared.tally.lost);
            }
        }
    }

    /// Sends what may be sent, once as much as a batch waits.
    async fn send_due(&mut self, line: &mut Line, batch: usize) -> Result<Vec<Heard>, ClientError> {
        if self.backlog.unsent() < batch {
            return Ok(Vec::new());
        }
        let due = self.backlog.send(line.window());
        if due.is_empty() {
            return Ok(Vec::new());
        }
        for Outgoing { attempts, .. } in &due {
            count(if *attempts == 0 { &self.tally().sent } else { &self.tally().retried });
        }
        line.send(&due).await
    }

    async fn take(&mut self, all: Vec<Heard>, line: &mut Line, backoff: &mut Backoff) -> Result<(), ClientError> {
        for heard in all {
            match heard {
                Heard::Welcome => backoff.reset(),
                Heard::Taken(number) => self.taken(number),
                Heard::Refused(number) => {
                    self.backlog.settle(number);
                    count(&self.tally().refused);
                }
                Heard::Told(answers) => line.answer(&answers).await?,
                Heard::Nothing => {}
            }
        }
        Ok(())
    }

    fn taken(&mut self, number: u64) {
        let Some(reading) = self.backlog.settle(number) else { return };
        count(&self.tally().acked);
        self.shared.record.note(&self.story.module().id(), &reading);
        self.put(reading.revised().into_iter().collect());
    }

    /// What follows a lost or refused connection: a new credential if that helps, and the wait before the next attempt.
    async fn after(&mut self, error: &ClientError, backoff: &mut Backoff) -> Duration {
        let id = self.story.module().id();
        tracing::debug!(module.id = id, %error, "connection lost");
        if !self.tally().was_entered.get() && self.tally().failure.borrow().is_none() {
            tracing::warn!(door = ?self.door, %error, "no module has come in yet; they go on trying");
            self.tally().failure.replace(Some(error.to_string()));
        }
        if error.status().is_some() {
            count(&self.tally().refused);
        }
        if error.status() == Some(401)
            && let Some(api) = &self.shared.api
        {
            match timeout(FAREWELL, api.rotate(&id)).await {
                Ok(Ok(renewed)) => self.token = renewed.token,
                Ok(Err(error)) => tracing::warn!(module.id = id, %error, "cannot renew the credential"),
                Err(_) => tracing::warn!(module.id = id, "the hub does not renew the credential in time"),
            }
        }

        backoff.next(&mut self.random).max(error.wait().unwrap_or_default())
    }

    /// Whether nothing new is reported any more.
    fn is_over(&self) -> bool {
        self.shared.stop.is_cancelled() || self.shared.reports.is_some_and(|reports| self.story.told() >= reports)
    }

    fn tally(&self) -> &DoorTally {
        self.shared.tally.at(self.door)
    }

    fn absence(&mut self) -> Duration {
        match self.door {
            Door::Ws | Door::Mqtt => self.between(SOCKET_ABSENCE),
            Door::Http => self.between(HTTP_ABSENCE),
        }
    }

    fn between(&mut self, (shortest, longest): (f64, f64)) -> Duration {
        Duration::from_secs_f64(self.random.random_range(shortest..longest))
    }

    /// The times of the reports; every module starts at a moment of its own.
    fn ticks(&mut self) -> Interval {
        let start = Instant::now() + self.shared.pace.min(FIRST_WAIT).mul_f64(self.random.random());
        let mut ticks = interval_at(start, self.shared.pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        ticks
    }
}
