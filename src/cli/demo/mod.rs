//! `carillon demo`: a hub with demo accounts and simulated modules that come in by its real doors.
//!
//! The hub is the product as it is; what is simulated are the devices, and they are clients like any other.

mod accounts;
mod banner;
mod fleet;

use std::io;
use std::path::PathBuf;

use actix::System;
use clap::Args;

use super::signal::interrupted;
use super::{CliError, HubArgs};
use crate::app::{Hub, Place};
use crate::config::{Config, Mqtt};
use crate::observe::log;
use banner::write_banner;
use fleet::{DemoFleet, DemoPlan};

/// Where the demo keeps its data unless told otherwise, so that it never meddles with a hub in use.
const DATA: &str = "data/demo";

/// Runs a hub with demo accounts and simulated modules
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// How many modules
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub modules: u32,
    /// Reports of one module in a second
    #[arg(long, default_value_t = 1.0, value_parser = super::rate::parse_rate)]
    pub rate: f64,
}

/// Runs the demo until SIGTERM or SIGINT.
///
/// # Errors
/// When the configuration has faults or the hub cannot start.
pub fn run(args: &DemoArgs, hub: &HubArgs) -> Result<(), CliError> {
    let config = beside_others(own_config(hub)?);
    if config.http.tls_certificate.is_some() {
        let detail = "the modules of a demo speak plain HTTP; leave out `http.tls_certificate` and `http.tls_key`";
        return Err(CliError::Usage(detail.to_owned()));
    }
    let _log = log::start(&config.log, &config.data.dir)?;
    System::new().block_on(async {
        // Before anything is changed: another hub may use the folder.
        let place = Place::take(config)?;
        let accounts = accounts::prepare(place.config()).await?;
        let hub = Hub::start_at(place).await?;
        let address = format!("http://{}", hub.address());
        write_banner(&mut io::stdout().lock(), &address, &accounts, args.modules)
            .map_err(CliError::io("cannot write to the terminal"))?;
        let mqtt = hub.mqtt_address();
        let plan = DemoPlan { address: address.parse()?, mqtt, accounts, modules: args.modules, rate: args.rate };
        let fleet = DemoFleet::start(plan)?;
        interrupted().await?;
        tracing::info!("stopping");
        fleet.stop();
        hub.stop().await;
        Ok(())
    })
}

/// A demo takes any free port for MQTT where none is given: a broker may run on the usual one.
fn beside_others(mut config: Config) -> Config {
    if config.mqtt.listen == Mqtt::default().listen {
        config.mqtt.listen.set_port(0);
    }
    config
}

/// The configuration, with all data in a folder of the demo's own unless one is given: never in a database in use.
fn own_config(hub: &HubArgs) -> Result<Config, CliError> {
    if hub.data.is_some() || hub.config.is_some() || std::env::var_os("CARILLON__DATA__DIR").is_some() {
        return hub.load();
    }
    let mut config = HubArgs { data: Some(PathBuf::from(DATA)), ..hub.clone() }.load()?;
    config.store.url = None;
    Ok(config)
}
