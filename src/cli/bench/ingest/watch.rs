use std::{cell::Cell, rc::Rc};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::{JoinHandle, spawn_local};

use crate::cli::{
    CliError,
    bench::{
        sessions::enter,
        wire::{Destination, MqttSocket},
    },
    client::ClientError,
};

const AT_ONCE: usize = 16;
/// What a dashboard asks for.
const SUBSCRIBE: &str = r#"{"type":"subscribe","id":1,"topics":["modules"],"maxRate":10}"#;

/// Those who watch all modules; they end with this value.
pub struct Watch {
    seen: Rc<Seen>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    frames: Cell<u64>,
    closed: Cell<u64>,
}

impl Watch {
    /// No dashboards.
    pub fn of_nobody() -> Self {
        Self { tasks: Vec::new(), seen: Rc::default() }
    }

    /// Dashboards that listen to all modules, ten times a second at most.
    ///
    /// # Errors
    /// [`CliError::Client`] when the hub refuses one of them.
    pub async fn of_hub(destination: &Destination, token: &str, count: usize) -> Result<Self, CliError> {
        let opening = (0..count).map(|index| enter(destination, index, "/ws", token, Some(SUBSCRIBE)));
        let sockets: Vec<_> = stream::iter(opening).buffered(AT_ONCE).try_collect().await?;
        let seen = Rc::new(Seen::default());
        let listen = |mut socket: crate::cli::bench::wire::WireSocket| {
            let seen = Rc::clone(&seen);
            spawn_local(async move {
                while socket.read(|_| seen.add()).await.is_ok() {}
                seen.closed.set(seen.closed.get() + 1);
            })
        };

        Ok(Self { tasks: sockets.into_iter().map(listen).collect(), seen })
    }

    /// Clients of another broker that listen to all modules.
    ///
    /// # Errors
    /// [`CliError::Client`] when the broker refuses one of them.
    pub async fn of_peer(destination: &Destination, count: usize) -> Result<Self, CliError> {
        let opening = (0..count).map(|index| async move {
            let mut socket = MqttSocket::connect(destination, index, &format!("watcher-{index}"), "watcher").await?;
            socket.subscribe("carillon/+/telemetry").await?;
            Ok::<_, ClientError>(socket)
        });
        let sockets: Vec<_> = stream::iter(opening).buffered(AT_ONCE).try_collect().await?;
        let seen = Rc::new(Seen::default());
        let listen = |mut socket: MqttSocket| {
            let seen = Rc::clone(&seen);
            spawn_local(async move {
                while socket.read(|_| seen.add()).await.is_ok() {}
                seen.closed.set(seen.closed.get() + 1);
            })
        };

        Ok(Self { tasks: sockets.into_iter().map(listen).collect(), seen })
    }

    /// What they have been told so far.
    pub fn frames(&self) -> u64 {
        self.seen.frames.get()
    }

    /// How many of them were sent away.
    pub fn closed(&self) -> u64 {
        self.seen.closed.get()
    }
}

impl Seen {
    fn add(&self) {
        self.frames.set(self.frames.get() + 1);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
