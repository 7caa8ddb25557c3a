use std::{rc::Rc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{
    select,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::{
    Door,
    backoff::Backoff,
    model::SimulatedModule,
    obey::obey,
    tally::{Online, Tally, count},
};
use crate::cli::client::{Api, ClientError, HubAddress, Socket, connect_socket};

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// A flaky module stays connected between these, then goes away.
const FLAKY_STAY: (f64, f64) = (15.0, 60.0);
/// A module that lost its WebSocket is offline at once.
const SOCKET_ABSENCE: (f64, f64) = (4.0, 15.0);
/// A module that pushes by HTTP is offline only after `presence.timeout`, 60 s unless configured.
const HTTP_ABSENCE: (f64, f64) = (70.0, 100.0);

/// What the modules of a fleet share.
pub struct Shared {
    /// The hub they report to.
    pub address: HubAddress,
    /// The account that may renew a credential, when there is one.
    pub api: Option<Api>,
    /// The HTTP client without an account.
    pub plain: Api,
    /// What all of them have done.
    pub tally: Tally,
    /// Cancelled when the simulation ends.
    pub stop: CancellationToken,
    /// The time between two reports of a module.
    pub pace: Duration,
}

/// One simulated module and its way into the hub.
pub struct Device {
    module: SimulatedModule,
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
}

impl Device {
    /// A module that will come in by `door` with `token`; a flaky one goes away now and then.
    pub fn new(module: SimulatedModule, token: String, door: Door, flaky: bool, shared: Rc<Shared>) -> Self {
        Self { module, token, door, flaky, random: StdRng::from_os_rng(), shared }
    }

    /// Reports until the simulation ends, coming back whenever the connection is lost.
    pub async fn live(mut self) {
        let stop = self.shared.stop.clone();
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut wait = self.shared.pace.min(FIRST_WAIT).mul_f64(self.random.random());
        loop {
            select! {
                () = stop.cancelled() => return,
                () = sleep(wait) => {}
            }
            self.module.forget();
            wait = match self.connection(&mut backoff).await {
                Ok(End::Stopped) => return,
                Ok(End::WentAway) => self.absence(),
                Err(error) => self.after(&error, &mut backoff).await,
            };
            count(&self.shared.tally.reconnects);
        }
    }

    async fn connection(&mut self, backoff: &mut Backoff) -> Result<End, ClientError> {
        match self.door {
            Door::Ws => self.report_by_socket(backoff).await,
            Door::Http => self.report_by_http(backoff).await,
        }
    }

    async fn report_by_socket(&mut self, backoff: &mut Backoff) -> Result<End, ClientError> {
        let shared = Rc::clone(&self.shared);
        let mut socket = connect_socket(&shared.address, "/ws/module", &self.token).await?;
        let _online = Online::enter(&shared.tally);
        let leave = self.leave_at();
        let mut ticks = self.ticks();
        let mut last = Instant::now();
        let mut id = 0_u64;
        loop {
            select! {
                () = shared.stop.cancelled() => {
                    close(&mut socket, &shared.tally).await;
                    return Ok(End::Stopped);
                }
                () = sleep_until(leave), if self.flaky => return Ok(End::WentAway),
                now = ticks.tick() => {
                    id += 1;
                    let telemetry = self.module.report(now - last);
                    last = now;
                    send(&mut socket, &json!({ "type": "telemetry", "id": id, "telemetry": telemetry })).await?;
                    count(&shared.tally.sent);
                }
                message = socket.next() => {
                    let message = message.ok_or_else(|| ClientError::Closed("no close frame".to_owned()))??;
                    match hear(&message, &shared.tally)? {
                        Heard::Welcome => backoff.reset(),
                        Heard::Told(answers) => {
                            for answer in answers {
                                send(&mut socket, &answer).await?;
                            }
                        }
                        Heard::Nothing => {}
                    }
                }
            }
        }
    }

    async fn report_by_http(&mut self, backoff: &mut Backoff) -> Result<End, ClientError> {
        let shared = Rc::clone(&self.shared);
        let api = shared.plain.as_module(&self.token);
        let id = self.module.id();
        let _online = Online::enter(&shared.tally);
        let leave = self.leave_at();
        let mut ticks = self.ticks();
        let mut last = Instant::now();
        loop {
            let now = select! {
                () = shared.stop.cancelled() => return Ok(End::Stopped),
                () = sleep_until(leave), if self.flaky => return Ok(End::WentAway),
                now = ticks.tick() => now,
            };
            let reading = json!({ "telemetry": self.module.report(now - last) });
            last = now;
            count(&shared.tally.sent);
            api.push(&id, &reading).await?;
            count(&shared.tally.acked);
            backoff.reset();
        }
    }

    /// What follows a lost or refused connection: a new credential if that helps, and the wait before the next attempt.
    async fn after(&mut self, error: &ClientError, backoff: &mut Backoff) -> Duration {
        let id = self.module.id();
        tracing::debug!(module.id = id, %error, "connection lost");
        if error.status().is_some() {
            count(&self.shared.tally.refused);
        }
        if error.status() == Some(401)
            && let Some(api) = &self.shared.api
        {
            match api.rotate(&id).await {
                Ok(renewed) => self.token = renewed.token,
                Err(error) => tracing::warn!(module.id = id, %error, "cannot renew the credential"),
            }
        }

        backoff.next(&mut self.random).max(error.wait().unwrap_or_default())
    }

    fn absence(&mut self) -> Duration {
        let (shortest, longest) = match self.door {
            Door::Ws => SOCKET_ABSENCE,
            Door::Http => HTTP_ABSENCE,
        };

        Duration::from_secs_f64(self.random.random_range(shortest..longest))
    }

    fn leave_at(&mut self) -> Instant {
        Instant::now() + Duration::from_secs_f64(self.random.random_range(FLAKY_STAY.0..FLAKY_STAY.1))
    }

    /// The times of the reports; every module starts at a moment of its own.
    fn ticks(&mut self) -> Interval {
        let start = Instant::now() + self.shared.pace.min(FIRST_WAIT).mul_f64(self.random.random());
        let mut ticks = interval_at(start, self.shared.pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        ticks
    }
}

/// What follows from what the hub said.
enum Heard {
    /// The module is known.
    Welcome,
    /// It is to answer this.
    Told(Vec<Value>),
    /// Nothing.
    Nothing,
}

/// Takes in what the hub said.
fn hear(message: &Message, tally: &Tally) -> Result<Heard, ClientError> {
    match message {
        Message::Text(text) => {
            let told: Value = serde_json::from_str(text)
                .map_err(|error| ClientError::Answer { what: "a frame".to_owned(), cause: error.to_string() })?;
            match told["type"].as_str() {
                Some("ack") => count(&tally.acked),
                Some("error") => count(&tally.refused),
                Some("welcome") => return Ok(Heard::Welcome),
                Some("command" | "desired") => return Ok(Heard::Told(obey(&told))),
                Some("bye") => return Err(sent_away(&told)),
                _ => {}
            }
        }
        Message::Close(frame) => {
            let code = frame.as_ref().map_or("no code".to_owned(), |frame| frame.to_string());
            return Err(ClientError::Closed(code));
        }
        _ => {}
    }

    Ok(Heard::Nothing)
}

/// The hub closes and says when to come back.
fn sent_away(bye: &Value) -> ClientError {
    ClientError::Refused {
        what: "the connection".to_owned(),
        status: 503,
        detail: bye["reason"].as_str().unwrap_or_default().to_owned(),
        retry_after: bye["retryAfterMs"].as_u64().map(Duration::from_millis),
    }
}

async fn send(socket: &mut Socket, message: &Value) -> Result<(), ClientError> {
    let sending = socket.send(Message::text(message.to_string()));

    timeout(SEND_TIMEOUT, sending).await.map_err(|_| ClientError::Closed("the hub stopped reading".to_owned()))??;
    Ok(())
}

/// Says good-bye and hears what was still on its way; a hub that does not take it within a second is gone anyway.
async fn close(socket: &mut Socket, tally: &Tally) {
    let closing = async {
        let _ = socket.close(None).await;
        while let Some(Ok(message)) = socket.next().await {
            let _ = hear(&message, tally);
        }
    };

    let _ = timeout(Duration::from_secs(1), closing).await;
}
