//! The `carillon` binary: arguments to a command to an exit code.

use std::io::Write;
use std::process::ExitCode;

use carillon::cli;
use clap::Parser;

fn main() -> ExitCode {
    match cli::Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A terminal that is gone cannot be told.
            let _ = writeln!(std::io::stderr(), "carillon: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
