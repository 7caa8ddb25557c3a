use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::banner::DemoAccount;
use crate::cli::{
    CliError,
    client::{Api, HubAddress, MqttAddress},
    simulate::{DoorChoice, Faults, FleetPlan, Record, TokenBook},
};

const SEED: u64 = 1;
/// Every third module goes away now and then, so that there is something to see.
const FLAKY: f64 = 0.34;

/// What the demo adds to a hub, on a thread of its own with a runtime of its own: whatever it does, it does from outside.
#[derive(Debug)]
pub struct DemoFleet {
    thread: JoinHandle<()>,
    stop: DropGuard,
}

/// What the thread needs to know.
#[derive(Debug)]
pub struct DemoPlan {
    /// Where the hub answers.
    pub address: HubAddress,
    /// Where it speaks MQTT, if it does.
    pub mqtt: Option<SocketAddr>,
    /// The accounts, an admin first; they own the modules in turn.
    pub accounts: Vec<DemoAccount>,
    /// How many modules.
    pub modules: u32,
    /// Reports of one module in a second.
    pub rate: f64,
}

impl DemoFleet {
    /// Lets the modules in, on a thread of its own.
    ///
    /// # Errors
    /// [`CliError::Io`] when the system gives no thread.
    pub fn start(plan: DemoPlan) -> Result<Self, CliError> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = thread::Builder::new()
            .name("demo-modules".to_owned())
            .spawn(move || {
                if let Err(error) = actix::System::new().block_on(plan.run(&stopped)) {
                    tracing::error!(%error, "the simulated modules cannot start");
                }
            })
            .map_err(CliError::io("cannot start the thread of the simulated modules"))?;

        Ok(Self { thread, stop: stop.drop_guard() })
    }

    /// Lets every module say good-bye.
    pub fn stop(self) {
        drop(self.stop);
        // The thread has told of its error, or has panicked and told of that.
        let _ = self.thread.join();
    }
}

impl DemoPlan {
    async fn run(self, stop: &CancellationToken) -> Result<(), CliError> {
        let mut owners = Vec::new();
        let mut admin = None;
        for account in &self.accounts {
            let (api, session) = Api::login(&self.address, account.email, &account.password).await?;
            owners.push(session.user.id);
            admin.get_or_insert(api);
        }
        let plan = FleetPlan {
            first: 0,
            modules: self.modules as usize,
            rate: self.rate,
            door: DoorChoice::Mixed,
            mqtt: self.mqtt.map(MqttAddress::from),
            faults: Faults::default(),
            reports: None,
            flaky: FLAKY,
            seed: SEED,
            owners,
        };
        let mut book = TokenBook::default();
        plan.register(admin.as_ref(), &mut book, || ()).await?;
        let fleet = plan.start(&self.address, None, &book, Record::default(), stop.clone());
        stop.cancelled().await;
        fleet.ended().await?;

        Ok(())
    }
}
