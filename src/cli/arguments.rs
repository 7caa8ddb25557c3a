//! What can be typed behind `carillon`.

use clap::{Parser, Subcommand};

use super::{CliError, HubArgs, backup, bench, demo, migrate, module, restore, serve, simulate, user};

/// Carillon, a realtime event hub: modules push telemetry, dashboards see it live, admins watch the house
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Arguments {
    #[command(flatten)]
    hub: HubArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the hub (the same as no command)
    Serve,
    /// Run a hub with demo accounts and simulated modules
    Demo(demo::DemoArgs),
    /// Connect simulated modules to a hub
    Simulate(simulate::SimulateArgs),
    /// List and change the accounts of the configured database
    User(user::UserArgs),
    /// List and change the modules of a running hub
    Module(module::ModuleArgs),
    /// Bring the database up to this version
    Migrate(migrate::MigrateArgs),
    /// Copy the database into one file, also while the hub runs
    Backup(backup::BackupArgs),
    /// Go back to a copy of the database
    Restore(restore::RestoreArgs),
    /// Measure a hub under load
    Bench(bench::BenchArgs),
}

impl Arguments {
    /// Does what was asked.
    ///
    /// # Errors
    /// Why it was not done, with the exit code.
    pub fn run(&self) -> Result<(), CliError> {
        match &self.command {
            None | Some(Command::Serve) => serve::run(&self.hub),
            Some(Command::Demo(args)) => demo::run(args, &self.hub),
            Some(Command::Simulate(args)) => simulate::run(args),
            Some(Command::User(args)) => user::run(args, &self.hub),
            Some(Command::Module(args)) => module::run(args),
            Some(Command::Migrate(args)) => migrate::run(args, &self.hub),
            Some(Command::Backup(args)) => backup::run(args, &self.hub),
            Some(Command::Restore(args)) => restore::run(args, &self.hub),
            Some(Command::Bench(args)) => bench::run(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_agree_with_each_other() {
        Arguments::command().debug_assert();
    }
}
