use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{process::Usage, wire::Destination};
use crate::cli::{
    CliError,
    client::{Api, HubAddress, LoginArgs, Session},
};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(12);
const POLL: Duration = Duration::from_millis(50);
const ADMIN: &str = "bench@example.org";

/// The hub that is measured
#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// Address of a running hub; without it one is started for the measurement, with a folder of its own
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
    pid: Option<u32>,
    own: Option<OwnHub>,
}

/// A hub started for one measurement; it ends with this value, and its folder with it.
struct OwnHub {
    child: Child,
    folder: PathBuf,
}

impl TargetArgs {
    /// Finds the hub given, or starts one with `settings` as further environment.
    ///
    /// # Errors
    /// [`CliError`] when it cannot be started or reached, or does not take the account.
    pub async fn open(&self, settings: &[(&str, &str)]) -> Result<Target, CliError> {
        match &self.url {
            Some(url) => Target::log_in(url, &self.login, self.pid, None).await,
            None => {
                let password = Uuid::new_v4().to_string();
                let (own, url) = OwnHub::start(&password, settings).await?;
                let login = LoginArgs::from((ADMIN, password.as_str()));
                let pid = Some(own.child.id());
                Target::log_in(&url, &login, pid, Some(own)).await
            }
        }
    }
}

impl Target {
    async fn log_in(
        url: &HubAddress,
        login: &LoginArgs,
        pid: Option<u32>,
        own: Option<OwnHub>,
    ) -> Result<Self, CliError> {
        let destination = Destination::of(url).await?;
        let (api, session) = login.login_required(url).await?;

        Ok(Self { destination, api, session, pid, own })
    }

    /// What the hub has used so far; `None` when its process is not known.
    ///
    /// # Errors
    /// [`CliError`] when its process is gone.
    pub fn usage(&self) -> Result<Option<Usage>, CliError> {
        self.pid.map(Usage::of).transpose()
    }

    /// Ends a hub that was started for the measurement, in order.
    ///
    /// # Errors
    /// [`CliError::Failed`] when it had to be killed or did not end with 0.
    pub async fn close(self) -> Result<(), CliError> {
        match self.own {
            Some(own) => own.stop().await,
            None => Ok(()),
        }
    }
}

impl OwnHub {
    async fn start(password: &str, settings: &[(&str, &str)]) -> Result<(Self, HubAddress), CliError> {
        let folder = env::temp_dir().join(format!("carillon-bench-{}", Uuid::new_v4()));
        fs::create_dir(&folder).map_err(CliError::io(format!("cannot make `{}`", folder.display())))?;
        let port = free_port()?;
        let child = spawn(&folder, port, password, settings)?;
        let mut own = Self { child, folder };
        let url = HubAddress::loopback(port);
        own.wait_until_ready(&url).await?;

        Ok((own, url))
    }

    async fn wait_until_ready(&mut self, url: &HubAddress) -> Result<(), CliError> {
        let api = Api::new(url);
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if api.get::<Value>("/health/ready").await.is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(CliError::Failed(format!("the hub ended at its start ({status}): {}", self.log())));
            }
            sleep(POLL).await;
        }

        Err(CliError::Failed(format!("the hub was not ready within {START_TIMEOUT:?}: {}", self.log())))
    }

    async fn stop(mut self) -> Result<(), CliError> {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            match self.child.try_wait().map_err(CliError::io("cannot wait for the hub"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(CliError::Failed(format!("the hub ended with {status}: {}", self.log()))),
                None => sleep(POLL).await,
            }
        }

        Err(CliError::Failed(format!("the hub did not end within {STOP_TIMEOUT:?} and was killed")))
    }

    fn signal(&self, signal: Signal) {
        // A process that is gone already needs no signal.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// The last lines the hub wrote.
    fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(5).collect();

        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for OwnHub {
    fn drop(&mut self) {
        // What ended in order does not mind; what did not must not outlive the measurement.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(folder: &Path, port: u16, password: &str, settings: &[(&str, &str)]) -> Result<Child, CliError> {
    let program = env::current_exe().map_err(CliError::io("cannot find this program"))?;
    let cannot_start = || CliError::io(format!("cannot start a hub in `{}`", folder.display()));
    let output = File::create(folder.join("output")).map_err(cannot_start())?;
    let errors = output.try_clone().map_err(cannot_start())?;

    Command::new(program)
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
        .arg(folder.join("data"))
        .env("CARILLON_ADMIN_EMAIL", ADMIN)
        .env("CARILLON_ADMIN_PASSWORD", password)
        .env("CARILLON__LOG__LEVEL", "warn")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(cannot_start())
}

/// A port nobody listens on now.
fn free_port() -> Result<u16, CliError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());

    listener.map(|address| address.port()).map_err(CliError::io("cannot find a free port"))
}
