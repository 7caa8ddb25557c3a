use std::{rc::Rc, time::Duration};

use serde_json::json;
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_local},
};

use super::{Place, SoakArgs, TOPIC, devices::Devices, keys::Keys, people::People};
use crate::cli::{
    CliError,
    bench::{
        audience::Audience,
        publish::{Post, Published, Stream, publication, publish},
        report::Report,
        schedule::Schedule,
        sessions::{AT_ONCE, open_sessions},
    },
};

/// Everything has come, or nothing has come for so long.
const SILENCE: Duration = Duration::from_secs(5);

/// Everybody.
pub struct Crowd {
    /// Whose login they share.
    pub keys: Rc<Keys>,
    /// Sessions that come and go.
    pub people: Rc<People>,
    /// Modules that come and go.
    pub devices: Rc<Devices>,
    audience: Rc<Audience>,
    listeners: Vec<JoinHandle<()>>,
    published: Vec<Published>,
    /// Sessions that listen all the time.
    count: usize,
    /// Rounds of which some publications got no answer.
    broken: u64,
}

impl Crowd {
    /// Opens the sessions that listen all the time; nobody else is there yet.
    ///
    /// # Errors
    /// [`CliError::Client`] when the hub refuses one of them.
    pub async fn gather(args: &SoakArgs, place: &Place, round: Duration) -> Result<Self, CliError> {
        let Place { target, keys, .. } = place;
        let count = args.listeners as usize;
        let sockets = open_sessions(&target.destination, &keys.token(), count, AT_ONCE, |_| TOPIC.to_owned()).await?;
        let audience = Audience::new(sockets.len());
        let listen = |(index, socket)| {
            let said = keys.tokens();
            let (says, hears) = watch::channel(String::new());
            spawn_local(pass_on(said, says));
            spawn_local(Rc::clone(&audience).listen_and_say(index, socket, hears))
        };
        let listeners = sockets.into_iter().enumerate().map(listen).collect();
        let events = Schedule::new(args.rate, round, 1, 0).count();
        let people = People::new(target.destination.clone(), Rc::clone(keys), args.stay, events);

        Ok(Self {
            count,
            keys: Rc::clone(keys),
            people,
            devices: Rc::default(),
            audience,
            listeners,
            published: Vec::new(),
            broken: 0,
        })
    }

    /// Publishes for a while and waits until the steady listeners have everything, or nothing comes any more.
    pub async fn round(&mut self, args: &SoakArgs, place: &Place, duration: Duration) {
        let number = self.published.len() as u64;
        let schedule = Schedule::new(args.rate, duration, 1, 0);
        let stream = Stream { number, topic: TOPIC.to_owned(), size: args.size as usize, schedule };
        let post = Post {
            destination: place.target.destination.clone(),
            path: "/api/v1/events".to_owned(),
            token: Some(self.keys.token()),
            body: publication,
        };
        let expected = self.audience.delivered() + schedule.count() * u64::from(args.listeners);
        match publish(&post, vec![stream], &self.audience).await {
            Ok(published) => self.published.extend(published),
            Err(error) => {
                tracing::warn!(%error, "events were not published to their end");
                self.broken += 1;
                self.published.push(Published { number, ..Published::default() });
            }
        }
        self.audience.silent(expected, SILENCE).await;
    }

    /// Ends the sessions that listened all the time.
    pub fn leave(&mut self) {
        self.listeners.drain(..).for_each(|listener| listener.abort());
    }

    /// What everybody went through, without its faults.
    pub fn report(&self, duration: Duration) -> Report {
        let Crowd { keys, people, devices, audience, published, .. } = self;
        let mut report = Report::new("soak");
        report.figure("minutes", "minutes", duration.as_secs_f64() / 60.0, "");
        report.count("sessions", "sessions that came and went", people.came());
        report.count("cut", "  cut off without a word", people.cut());
        report.count("stalled", "  that read nothing for a while", people.stalled());
        report.count("caughtUp", "  and then caught up", people.caught_up());
        report.count("gapsTold", "  told that they missed events", people.gaps());
        report.count("logins", "logins that came and went", keys.logins());
        report.count("connections", "connections of modules", devices.visits());
        report.count("readings", "readings acknowledged", devices.acked());
        report.count("published", "events published", published.iter().map(|round| round.accepted).sum());
        report.count("deliveries", "deliveries to those who stayed", audience.delivered());
        let names = [("latencyP50Ms", "  latency p50"), ("latencyP99Ms", "  p99"), ("latencyMaxMs", "  max")];
        report.latencies(names, &audience.latencies());

        report
    }

    /// Adds whatever went wrong.
    pub fn report_faults(&self, report: &mut Report) {
        let Crowd { keys, people, devices, audience, published, broken, .. } = self;
        let listeners = self.count as u64;
        let refused = published.iter().map(|round| round.refused).sum::<u64>() + broken;
        let lost = published.iter().map(|round| audience.lost(0..listeners, round)).sum();
        report.must_be_none("refused", "publications refused", refused);
        report.must_be_none("lost", "lost to those who stayed", lost);
        report.must_be_none("doubled", "doubled", audience.doubled());
        report.must_be_none("reordered", "out of order", audience.reordered());
        report.must_be_none("gaps", "gaps told", audience.gaps());
        report.must_be_none("closed", "closed by the hub", audience.closed());
        report.must_be_none("missed", "not in order for those who came", people.missed());
        report.must_be_none("stale", "sessions that did not catch up", people.stale());
        report.must_be_none("failed", "sessions not let in, or closed", people.failed());
        report.must_be_none("failedLogins", "logins that failed", keys.failed());
        report.must_be_none("unanswered", "readings without an answer", devices.unanswered());
        report.must_be_none("refusedReadings", "readings refused", devices.refused());
        report.must_be_none("failedModules", "modules not let in, or closed", devices.closed());
    }
}

/// Tells a session each new access token, as the frame that extends its login.
async fn pass_on(mut tokens: watch::Receiver<String>, says: watch::Sender<String>) {
    while tokens.changed().await.is_ok() {
        let word = json!({ "type": "token", "accessToken": *tokens.borrow_and_update() }).to_string();
        if says.send(word).is_err() {
            return;
        }
    }
}
