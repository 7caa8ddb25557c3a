//! `carillon migrate`: brings the database up to this version, or tells what it lacks.

use std::io::Write;

use clap::Args;

use super::{CliError, HubArgs};
use crate::config::Database;
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
    let (database, options) = (config.database(), Options::from(&config.store));
    let text = if args.status { listed(&database, &options)? } else { applied(&database, &options)? };
    std::io::stdout().write_all(text.as_bytes()).map_err(CliError::io("cannot write to the terminal"))
}

fn listed(database: &Database, options: &Options) -> Result<String, CliError> {
    let migrations = migrate::status(database, options)?;
    let line = |migration: &migrate::MigrationState| {
        format!("{}  {}\n", if migration.applied { "applied" } else { "pending" }, migration.name)
    };
    Ok(migrations.iter().map(line).collect())
}

fn applied(database: &Database, options: &Options) -> Result<String, CliError> {
    let versions = migrate::bring_up(database, options)?;
    let lines: String = versions.iter().map(|version| format!("applied  {version}\n")).collect();
    Ok(format!("{lines}`{}` is up to date\n", database))
}
