//! `carillon serve`: the hub itself.

use std::io::Write;

use actix_rt::System;

use super::signal::interrupted;
use super::{CliError, HubArgs};
use crate::app::Hub;
use crate::observe::log;

/// Runs the hub until SIGTERM or SIGINT.
///
/// # Errors
/// When the configuration has faults or the hub cannot start.
pub fn run(args: &HubArgs) -> Result<(), CliError> {
    let config = args.load()?;
    let _log = log::start(&config.log, &config.data.dir)?;
    for name in &config.unused {
        tracing::warn!(setting = name, "is set, but has no effect yet");
    }
    System::new().block_on(async {
        let hub = Hub::start(config).await?;
        print_setup(&hub)?;
        interrupted().await?;
        tracing::info!("stopping");
        hub.stop().await;
        Ok(())
    })
}

/// Prints the one-time address at which the first admin is made; the log must not hold its token.
fn print_setup(hub: &Hub) -> Result<(), CliError> {
    let Some(address) = hub.setup_address() else { return Ok(()) };
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nNo account exists yet. Make the first admin at this address, once:\n\n  {address}\n")
        .map_err(CliError::io("writing to the terminal"))
}
