//! `carillon serve`: the hub itself.

use std::io::Write;
use std::path::PathBuf;

use actix_rt::System;
use clap::Args;

use super::CliError;
use super::signal::interrupted;
use crate::app::Hub;
use crate::config::Config;
use crate::observe::log;

/// Where the hub finds its settings; also understood in front of every command that needs them.
#[derive(Debug, Clone, Default, Args)]
pub struct HubArgs {
    /// Configuration file (TOML); environment variables and arguments count for more
    #[arg(long, value_name = "FILE", global = true, env = "CARILLON_CONFIG")]
    pub config: Option<PathBuf>,
    /// Address to listen on, such as `127.0.0.1:8080`
    #[arg(long, value_name = "ADDR", global = true)]
    pub listen: Option<String>,
    /// Folder for the database, keys and logs
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
}

impl HubArgs {
    /// The whole configuration: defaults, file, environment, arguments.
    ///
    /// # Errors
    /// Every fault of the configuration at once.
    pub fn load(&self) -> Result<Config, CliError> {
        let data = self.data.as_ref().map(|data| ("data.dir".to_owned(), data.display().to_string()));
        let listen = self.listen.clone().map(|listen| ("http.listen".to_owned(), listen));
        Ok(Config::load(self.config.as_deref(), std::env::vars(), data.into_iter().chain(listen))?)
    }
}

/// Runs the hub until SIGTERM or SIGINT.
///
/// # Errors
/// When the configuration has faults or the hub cannot start.
pub fn run(args: &HubArgs) -> Result<(), CliError> {
    let config = args.load()?;
    let _log = log::start(&config.log, &config.data.dir)?;
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
