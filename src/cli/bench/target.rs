use std::path::Path;

use clap::Args;

use super::{own_hub::OwnHub, process::Usage, wire::Destination};
use crate::cli::{
    CliError,
    client::{Api, HubAddress, LoginArgs, Session},
};

/// The hub that is measured
#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// Plain address (http) of a running hub; without it one is started for the measurement, with a folder of its own
    #[arg(long)]
    pub url: Option<HubAddress>,
    /// Process of that hub on this machine, for its processor time and memory
    #[arg(long, requires = "url")]
    pub pid: Option<u32>,
    /// An admin of that hub
    #[command(flatten)]
    pub login: LoginArgs,
}

/// The hub that is measured, and an admin's way into it.
pub struct Target {
    /// Where it answers.
    pub destination: Destination,
    /// The admin's HTTP side.
    pub api: Api,
    /// The admin's login, shared by every connection of the load.
    pub session: Session,
    url: HubAddress,
    login: LoginArgs,
    pid: Option<u32>,
    own: Option<OwnHub>,
}

impl TargetArgs {
    /// Finds the hub given, or starts one with `settings` as further environment.
    ///
    /// # Errors
    /// [`CliError`] when it cannot be started or reached, or does not take the account.
    pub async fn open(&self, settings: &[(&str, &str)]) -> Result<Target, CliError> {
        match &self.url {
            Some(url) if url.is_tls() => Err(CliError::Usage(format!(
                "a bench speaks no TLS, to leave its cost out; give the plain `http://` address instead of `{url}`"
            ))),
            Some(url) => Target::log_in(url, &self.login, self.pid, None).await,
            None => Target::start(OwnHub::prepare(settings)?).await,
        }
    }
}

impl Target {
    /// Starts a hub of one's own.
    ///
    /// # Errors
    /// [`CliError`] when it does not start.
    pub async fn start(mut own: OwnHub) -> Result<Self, CliError> {
        own.start().await?;
        let (url, login, pid) = (own.address(), own.login(), own.pid());

        Self::log_in(&url, &login, pid, Some(own)).await
    }

    async fn log_in(
        url: &HubAddress,
        login: &LoginArgs,
        pid: Option<u32>,
        own: Option<OwnHub>,
    ) -> Result<Self, CliError> {
        let destination = Destination::of(url).await?;
        let (api, session) = login.login_required(url).await?;

        Ok(Self { destination, api, session, url: url.clone(), login: login.clone(), pid, own })
    }

    /// The hub's address, and the admin's account.
    pub const fn account(&self) -> (&HubAddress, &LoginArgs) {
        (&self.url, &self.login)
    }

    /// Logs in again, for after a load that may have outlived the access token.
    ///
    /// # Errors
    /// [`CliError`] when the hub does not take the account any more.
    pub async fn log_in_again(&mut self) -> Result<(), CliError> {
        (self.api, self.session) = self.login.login_required(&self.url).await?;

        Ok(())
    }

    /// Access tokens of so many logins of the admin, of which the hub lets each begin half of its accept rate at most; those
    /// of a hub that was started for the measurement.
    ///
    /// # Errors
    /// [`CliError`] when the hub does not take the account.
    pub async fn tokens(&self, logins: usize) -> Result<Vec<String>, CliError> {
        let mut tokens = vec![self.session.access_token.clone()];
        while let Some(own) = self.own.as_ref().filter(|_| tokens.len() < logins) {
            let (_, session) = own.login().login_required(&own.address()).await?;
            tokens.push(session.access_token);
        }

        Ok(tokens)
    }

    /// What the hub has used so far; `None` when its process is not known.
    ///
    /// # Errors
    /// [`CliError`] when its process is gone.
    pub fn usage(&self) -> Result<Option<Usage>, CliError> {
        self.pid.map(Usage::of).transpose()
    }

    /// The process of the hub, if it is known.
    pub const fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// The process and the folder of a hub that was started for the measurement.
    pub fn own(&self) -> Option<(u32, &Path)> {
        self.own.as_ref().and_then(|own| Some((own.pid()?, own.folder())))
    }

    /// Ends a hub that was started for the measurement, in order; it can be started again.
    ///
    /// # Errors
    /// [`CliError::Failed`] when it had to be killed or did not end with 0.
    pub async fn close(self) -> Result<Option<OwnHub>, CliError> {
        match self.own {
            Some(mut own) => own.stop().await.map(|()| Some(own)),
            None => Ok(None),
        }
    }
}
