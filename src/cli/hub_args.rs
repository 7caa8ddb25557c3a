use std::path::PathBuf;

use clap::Args;

use super::CliError;
use crate::config::Config;

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
