use clap::Args;

use super::{Api, HubAddress, Session};
use crate::cli::CliError;

/// The account a command logs in with.
#[derive(Debug, Clone, Default, Args)]
pub struct LoginArgs {
    /// E-mail address of the account to log in with
    #[arg(long, env = "CARILLON_EMAIL")]
    pub email: Option<String>,
    /// Password of that account; the environment keeps it out of the list of processes
    #[arg(long, env = "CARILLON_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
}

impl LoginArgs {
    /// Logs in with the account given, if one was given.
    ///
    /// # Errors
    /// [`CliError::Usage`] when only one half is given, [`CliError::Client`] when the hub refuses.
    pub async fn login(&self, address: &HubAddress) -> Result<Option<(Api, Session)>, CliError> {
        match (&self.email, &self.password) {
            (Some(email), Some(password)) => Ok(Some(Api::login(address, email, password).await?)),
            (None, None) => Ok(None),
            _ => Err(CliError::Usage("`--email` and `--password` go together; give both".to_owned())),
        }
    }

    /// Logs in as [`Self::login`] does where the command cannot work without an account.
    ///
    /// # Errors
    /// [`CliError::Usage`] without an account, [`CliError::Client`] when the hub refuses.
    pub async fn login_required(&self, address: &HubAddress) -> Result<(Api, Session), CliError> {
        self.login(address).await?.ok_or_else(|| {
            CliError::Usage(
                "an account is needed; give `--email` and `--password`, or CARILLON_EMAIL and CARILLON_PASSWORD"
                    .to_owned(),
            )
        })
    }
}

impl From<(&str, &str)> for LoginArgs {
    fn from((email, password): (&str, &str)) -> Self {
        Self { email: Some(email.to_owned()), password: Some(password.to_owned()) }
    }
}
