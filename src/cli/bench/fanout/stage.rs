use std::{path::Path, time::Duration};

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use tokio::{
    select,
    time::{Instant, sleep_until},
};

use super::super::{
    audience::Audience,
    floor::{Floor, OwnFloor},
    own_hub::OwnHub,
    process::Usage,
    progress,
    publish::{Post, Published, Stream, data, publication, publish},
    sessions::{AT_ONCE, open_sessions_on},
    target::Target,
    wire::{Destination, WireSocket},
};
use super::{
    FanoutArgs, TOPIC,
    dialect::{Kind, say},
};
use crate::cli::{CliError, client::ClientError};

/// What is measured.
pub enum Stage {
    /// A hub.
    Hub(Box<Target>),
    /// A server of another kind.
    Other(Other),
}

/// A server that knows no accounts.
pub struct Other {
    kind: Kind,
    destination: Destination,
    pid: Option<u32>,
    own: Option<OwnFloor>,
}

impl Stage {
    /// Finds the server given, or starts a hub, or the floor.
    ///
    /// # Errors
    /// [`CliError`] when it cannot be started or reached.
    pub async fn open(args: &FanoutArgs, settings: &[(&str, &str)]) -> Result<Self, CliError> {
        match (args.kind, &args.target.url) {
            (Kind::Carillon, None) if args.count_instructions => {
                Target::start(OwnHub::prepare(settings)?.under_callgrind()).await.map(Self::hub_at)
            }
            (Kind::Carillon, _) => args.target.open(settings).await.map(Self::hub_at),
            (kind, Some(url)) => {
                let destination = Destination::of(url).await?;
                Ok(Self::Other(Other { kind, destination, pid: args.target.pid, own: None }))
            }
            (Kind::Floor, None) => {
                let own = OwnFloor::start(Floor::Fanout, None, None).await?;
                let destination = Destination::of(&own.address()).await?;
                Ok(Self::Other(Other { kind: Kind::Floor, destination, pid: Some(own.pid()), own: Some(own) }))
            }
            (_, None) => Err(CliError::Usage("say with `--url` where that server is".to_owned())),
        }
    }

    fn hub_at(target: Target) -> Self {
        Self::Hub(Box::new(target))
    }

    /// What the server has used so far; `None` when its process is not known.
    ///
    /// # Errors
    /// [`CliError`] when its process is gone.
    pub fn usage(&self) -> Result<Option<Usage>, CliError> {
        match self {
            Self::Hub(hub) => hub.usage(),
            Self::Other(other) => other.pid.map(Usage::of).transpose(),
        }
    }

    /// The process and the folder of a hub that was started for the measurement.
    pub fn own_hub(&self) -> Option<(u32, &Path)> {
        match self {
            Self::Hub(hub) => hub.own(),
            Self::Other(_) => None,
        }
    }

    /// Where a hub is.
    pub const fn hub(&self) -> Option<&Destination> {
        match self {
            Self::Hub(hub) => Some(&hub.destination),
            Self::Other(_) => None,
        }
    }

    /// Opens the sessions that listen.
    ///
    /// # Errors
    /// [`CliError::Client`] when the server refuses one of them.
    pub async fn sessions(&self, args: &FanoutArgs) -> Result<Vec<WireSocket>, CliError> {
        let count = args.sessions as usize;
        match self {
            Self::Hub(hub) => {
                let destination = hub.destination.offering_deflate(args.deflate);
                open_sessions_on(&destination, &hub.session.access_token, count, AT_ONCE, |index| args.topics_of(index))
                    .await
            }
            Self::Other(other) => other.sessions(count, |index| args.topic(index as u64)).await,
        }
    }

    /// Publishes every stream to its end.
    ///
    /// # Errors
    /// [`CliError`] when a connection breaks.
    pub async fn publish(&self, streams: Vec<Stream>, audience: &Audience) -> Result<Vec<Published>, CliError> {
        match self {
            Self::Hub(hub) => {
                let (destination, token) = (hub.destination.clone(), Some(hub.session.access_token.clone()));
                let post = Post { destination, path: "/api/v1/events".to_owned(), token, body: publication };
                publish(&post, streams, audience).await
            }
            Self::Other(other) => other.publish(streams, audience).await,
        }
    }

    /// Ends a server that was started for the measurement.
    ///
    /// # Errors
    /// [`CliError::Failed`] when it had to be killed or did not end with 0.
    pub async fn close(self) -> Result<(), CliError> {
        match self {
            Self::Hub(hub) => hub.close().await.map(drop),
            Self::Other(other) => {
                drop(other.own);
                Ok(())
            }
        }
    }
}

impl Other {
    async fn sessions(&self, count: usize, topic: impl Fn(usize) -> String) -> Result<Vec<WireSocket>, CliError> {
        let bar = progress(count, "opening sessions");
        let opening = (0..count).map(|index| {
            let (topic, bar) = (topic(index), &bar);
            async move {
                let socket = self.kind.connect(&self.destination, index, Some(&self.named(&topic))).await?;
                bar.inc(1);
                Ok::<_, ClientError>(socket)
            }
        });
        let sessions = stream::iter(opening).buffered(AT_ONCE).try_collect().await?;
        bar.finish_and_clear();
        Ok(sessions)
    }

    async fn publish(&self, streams: Vec<Stream>, audience: &Audience) -> Result<Vec<Published>, CliError> {
        let named = |stream: Stream| Stream { topic: self.named(&stream.topic), ..stream };
        if self.kind == Kind::Nchan {
            let path = format!("/pub/{}", self.named(TOPIC));
            let body = |_: &Stream, data: &str| data.to_owned();
            let post = Post { destination: self.destination.clone(), path, token: None, body };
            return publish(&post, streams.into_iter().map(named).collect(), audience).await;
        }
        let mut sockets = Vec::with_capacity(streams.len());
        for index in 0..streams.len() {
            sockets.push(self.kind.connect(&self.destination, index, None).await?);
        }
        let start = audience.start();
        let running = streams.into_iter().map(named).zip(sockets);
        let running = running.map(|(stream, socket)| speak(self.kind, stream, socket, start));
        Ok(try_join_all(running).await?)
    }

    /// A topic as every kind of server takes it.
    fn named(&self, topic: &str) -> String {
        topic.replace(':', "-")
    }
}

/// Says each event of a stream when it is due; nobody answers.
async fn speak(kind: Kind, stream: Stream, mut socket: WireSocket, start: Instant) -> Result<Published, ClientError> {
    for number in 0..stream.schedule.count() {
        let due = stream.schedule.due(number);
        hear_until(&mut socket, start + due).await?;
        say(&mut socket, &kind.publication(&stream.topic, &data(&stream, number, due))).await?;
    }
    hear_until(&mut socket, Instant::now() + Duration::from_millis(100)).await?;
    Ok(Published { number: stream.number, accepted: stream.schedule.count(), ..Published::default() })
}

/// Takes what comes until a moment, so that signs of life are given.
async fn hear_until(socket: &mut WireSocket, moment: Instant) -> Result<(), ClientError> {
    while Instant::now() < moment {
        select! {
            () = sleep_until(moment) => {}
            heard = socket.read(|_| {}) => heard?,
        }
    }
    Ok(())
}
