use std::{cell::Cell, rc::Rc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::Notify,
    task::{JoinHandle, spawn_local},
};
use tokio_util::sync::CancellationToken;

use super::{
    Door, DoorChoice,
    device::{Device, Shared},
    faults::Faults,
    model::SimulatedModule,
    record::Record,
    story::Story,
    tally::{Summary, Tally},
    tokens::TokenBook,
};
use crate::cli::{
    CliError,
    client::{Api, HubAddress, MqttAddress},
};

/// Registrations that run at the same time.
const REGISTRATIONS: usize = 8;

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct FleetPlan {
    /// The index of the first module; fleets that share a hub begin at different ones.
    pub first: usize,
    /// How many modules.
    pub modules: usize,
    /// Reports of one module in a second.
    pub rate: f64,
    /// The doors they come in by.
    pub door: DoorChoice,
    /// Host and port where the hub speaks MQTT.
    pub mqtt: Option<MqttAddress>,
    /// What goes wrong.
    pub faults: Faults,
    /// After so many reports a module ends by itself.
    pub reports: Option<u64>,
    /// The share of them that goes away now and then, from 0 to 1.
    pub flaky: f64,
    /// Makes the same story again.
    pub seed: u64,
    /// Their owners, in turn; the account that registers them when empty.
    pub owners: Vec<String>,
}

/// Modules that report to a hub until they are stopped.
///
/// Lives on one thread, inside an actix or tokio local set.
pub struct Fleet {
    shared: Rc<Shared>,
    devices: Vec<JoinHandle<()>>,
}

impl FleetPlan {
    /// Registers the modules that `book` has no credential of; a module that is there already gets a new one.
    ///
    /// # Errors
    /// [`CliError::Client`] when the hub refuses, [`CliError::Usage`] when a credential is missing and no account is given.
    pub async fn register(
        &self,
        api: Option<&Api>,
        book: &mut TokenBook,
        registered: impl Fn(),
    ) -> Result<(), CliError> {
        let missing: Vec<_> = (0..self.modules)
            .map(|index| SimulatedModule::new(self.first + index, self.seed).registration(self.owner(index)))
            .filter(|module| book.get(&module.module_id).is_none())
            .collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let api = api.ok_or_else(|| {
            CliError::Usage(format!(
                "there is no token of `{}`; give `--email` and `--password`, so that it can be registered",
                first.module_id
            ))
        })?;
        let mut created = stream::iter(missing)
            .map(|module| async move {
                let token = api.register(&module).await?.token;
                Ok::<_, CliError>((module.module_id, token))
            })
            .buffer_unordered(REGISTRATIONS);
        while let Some((id, token)) = created.try_next().await? {
            book.insert(id, token);
            registered();
        }

        Ok(())
    }

    /// Sets every module off; they connect within a second or one report.
    pub fn start(
        &self,
        address: &HubAddress,
        api: Option<Api>,
        book: &TokenBook,
        record: Record,
        stop: CancellationToken,
    ) -> Fleet {
        let shared = Rc::new(Shared {
            address: address.clone(),
            mqtt: address.mqtt(self.mqtt.as_ref()),
            api,
            plain: Api::new(address),
            tally: Tally::default(),
            record,
            stop,
            pace: Duration::from_secs_f64(1.0 / self.rate),
            reports: self.reports,
            living: Cell::new(self.modules),
            all_gone: Notify::new(),
        });
        let devices = (0..self.modules)
            .map(|index| {
                let module = SimulatedModule::new(self.first + index, self.seed);
                let token = book.get(&module.id()).unwrap_or_default().to_owned();
                let (door, is_flaky) = (self.door.of(index, self.mqtt.is_some()), self.is_flaky(index));
                let story = Story::new(module, self.faults, shared.pace, self.seed);
                spawn_local(Device::new(story, token, door, is_flaky, Rc::clone(&shared)).live())
            })
            .collect();

        Fleet { shared, devices }
    }

    fn owner(&self, index: usize) -> Option<String> {
        (!self.owners.is_empty()).then(|| self.owners[index % self.owners.len()].clone())
    }

    /// Spreads the flaky ones evenly: of `n` modules, `n · flaky` rounded down are.
    fn is_flaky(&self, index: usize) -> bool {
        let up_to = |count: usize| (count as f64 * self.flaky).floor();

        up_to(index + 1) > up_to(index)
    }
}

impl Fleet {
    /// What the modules have done so far.
    pub fn summary(&self) -> Summary {
        self.shared.tally.summary()
    }

    /// Waits until every module has ended by itself.
    pub async fn all_gone(&self) {
        while self.shared.living.get() > 0 {
            self.shared.all_gone.notified().await;
        }
    }

    /// Waits until every module has said good-bye; they do so once the token given at the start is cancelled.
    ///
    /// # Errors
    /// [`CliError::Io`] when what was acknowledged could not be recorded, [`CliError::Failed`] when no module ever came in by
    /// some door.
    pub async fn ended(self) -> Result<Summary, CliError> {
        for device in self.devices {
            // A module that panicked has ended too.
            let _ = device.await;
        }
        self.shared.record.end()?;
        match self.shared.tally.failure() {
            Some(failure) => Err(CliError::Failed(format!("no module ever came in: {failure}"))),
            None => Ok(self.shared.tally.summary()),
        }
    }
}

impl DoorChoice {
    /// The door of module number `index`, where the hub is known to speak MQTT or not.
    pub fn of(self, index: usize, has_mqtt: bool) -> Door {
        match (self, index % 4) {
            (Self::Ws, _) => Door::Ws,
            (Self::Http, _) | (Self::Mixed, 3) => Door::Http,
            (Self::Mqtt, _) => Door::Mqtt,
            (Self::Mixed, 1) if has_mqtt => Door::Mqtt,
            (Self::Mixed, _) => Door::Ws,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(modules: usize, flaky: f64) -> FleetPlan {
        FleetPlan {
            first: 0,
            modules,
            rate: 1.0,
            door: DoorChoice::Mixed,
            mqtt: None,
            faults: Faults::default(),
            reports: None,
            flaky,
            seed: 1,
            owners: Vec::new(),
        }
    }

    fn flaky_ones(plan: &FleetPlan) -> usize {
        (0..plan.modules).filter(|index| plan.is_flaky(*index)).count()
    }

    #[test]
    fn the_share_of_flaky_modules_is_kept() {
        assert_eq!(flaky_ones(&plan(12, 0.0)), 0);
        assert_eq!(flaky_ones(&plan(12, 0.25)), 3);
        assert_eq!(flaky_ones(&plan(12, 1.0)), 12);
    }

    #[test]
    fn a_mixed_fleet_comes_in_by_every_door_that_is_known() {
        let doors = |has_mqtt| {
            let doors: Vec<_> = (0..12).map(|index| DoorChoice::Mixed.of(index, has_mqtt)).collect();
            Door::ALL.map(|door| doors.iter().filter(|of| **of == door).count())
        };
        assert_eq!(doors(true), [6, 3, 3]);
        assert_eq!(doors(false), [9, 3, 0]);
    }

    #[test]
    fn owners_take_turns() {
        let plan = FleetPlan { owners: vec!["a".to_owned(), "b".to_owned()], ..plan(4, 0.0) };

        assert_eq!(plan.owner(2).as_deref(), Some("a"));
        assert_eq!(plan.owner(3).as_deref(), Some("b"));
    }

    #[tokio::test]
    async fn without_a_credential_and_without_an_account_there_is_nothing_to_start() {
        let error = plan(2, 0.0).register(None, &mut TokenBook::default(), || ()).await.unwrap_err();

        assert!(matches!(error, CliError::Usage(_)), "{error}");
    }
}
