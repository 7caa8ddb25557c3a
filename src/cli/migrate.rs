//! `carillon migrate`: brings the database up to this version, or tells what it lacks.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{CliError, HubArgs};
use crate::store::{Options, migrate};

/// Applies the migrations the configured database lacks; a hub does the same when it starts
#[derive(Debug, Clone, Args)]
pub struct MigrateArgs {
    /// Lists the migrations and changes nothing
    #[arg(long)]
    pub status: bool,
}

/// Applies or lists the migrations of the configured database.
///
/// # Errors
/// [`CliError::Config`] for faults of the configuration, [`CliError::Store`] when the database cannot be used or was
/// written by a newer version.
pub fn run(args: &MigrateArgs, hub: &HubArgs) -> Result<(), CliError> {
    let config = hub.load()?;
    let (file, options) = (config.database_file(), Options::from(&config.store));
    let text = if args.status { listed(&file, &options)? } else { applied(&file, &options)? };
    std::io::stdout().write_all(text.as_bytes()).map_err(CliError::io("cannot write to the terminal"))
}

fn listed(file: &Path, options: &Options) -> Result<String, CliError> {
    let migrations = migrate::status(file, options)?;
    let line = |migration: &migrate::MigrationState| {
        format!("{}  {}\n", if migration.applied { "applied" } else { "pending" }, migration.name)
    };
    Ok(migrations.iter().map(line).collect())
}

fn applied(file: &Path, options: &Options) -> Result<String, CliError> {
    let versions = migrate::bring_up(file, options)?;
    let lines: String = versions.iter().map(|version| format!("applied  {version}\n")).collect();
    Ok(format!("{lines}`{}` is up to date\n", file.display()))
}
