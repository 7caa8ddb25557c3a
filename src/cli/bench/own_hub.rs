use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{callgrind, scratch::Scratch};
use crate::cli::{
    CliError,
    client::{Api, HubAddress, LoginArgs},
};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(12);
const POLL: Duration = Duration::from_millis(20);
const ADMIN: &str = "bench@example.org";

/// A hub of a measurement, which may live several times; it ends with this value, and its folder with it.
pub struct OwnHub {
    child: Option<Child>,
    folder: Scratch,
    port: u16,
    password: String,
    settings: Vec<(String, String)>,
    is_counted: bool,
}

impl OwnHub {
    /// Makes the folder of a hub that has not started yet, with `settings` as further environment.
    ///
    /// # Errors
    /// [`CliError`] when the folder cannot be made or no port is free.
    pub fn prepare(settings: &[(&str, &str)]) -> Result<Self, CliError> {
        let folder = Scratch::make()?;
        let (port, password) = (free_port()?, Uuid::new_v4().to_string());
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();

        Ok(Self { child: None, folder, port, password, settings, is_counted: false })
    }

    /// The same for the next start; what is set again counts.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The same under callgrind, which counts its instructions when it is told to, and makes it 50 times as slow.
    #[must_use]
    pub fn under_callgrind(mut self) -> Self {
        self.is_counted = true;
        // What costs a quarter of a second otherwise.
        self.with("CARILLON__AUTH__BCRYPT_COST", "4")
    }

    /// The folder of all its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of its database.
    pub fn database(&self) -> PathBuf {
        self.folder().join("data").join("carillon.db")
    }

    /// Where it answers.
    pub fn address(&self) -> HubAddress {
        HubAddress::loopback(self.port)
    }

    /// Its admin.
    pub fn login(&self) -> LoginArgs {
        LoginArgs::from((ADMIN, self.password.as_str()))
    }

    /// Its process, while it lives.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// [`CliError`] when it cannot be started, or ends at once.
    pub async fn start(&mut self) -> Result<(), CliError> {
        self.child = Some(self.spawn()?);
        let api = Api::new(&self.address());
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if api.get::<Value>("/health/ready").await.is_ok() {
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(CliError::Failed(format!("the hub ended at its start ({status}): {}", self.log())));
            }
            sleep(POLL).await;
        }

        Err(CliError::Failed(format!("the hub was not ready within {START_TIMEOUT:?}: {}", self.log())))
    }

    /// Ends it in order, as SIGTERM does.
    ///
    /// # Errors
    /// [`CliError::Failed`] when it has to be killed or does not end with 0.
    pub async fn stop(&mut self) -> Result<(), CliError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        // A process that is gone already needs no signal.
        let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            match child.try_wait().map_err(CliError::io("cannot wait for the hub"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(CliError::Failed(format!("the hub ended with {status}: {}", self.log()))),
                None => sleep(POLL).await,
            }
        }
        end(&mut child);

        Err(CliError::Failed(format!("the hub did not end within {STOP_TIMEOUT:?} and was killed")))
    }

    fn spawn(&self) -> Result<Child, CliError> {
        let program = env::current_exe().map_err(CliError::io("cannot find this program"))?;
        let cannot_start = || CliError::io(format!("cannot start a hub in `{}`", self.folder().display()));
        let output = File::create(self.folder().join("output")).map_err(cannot_start())?;
        let errors = output.try_clone().map_err(cannot_start())?;

        self.command(program)
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data"])
            .arg(self.folder().join("data"))
            .env("CARILLON_ADMIN_EMAIL", ADMIN)
            .env("CARILLON_ADMIN_PASSWORD", &self.password)
            .env("CARILLON__MQTT__LISTEN", "127.0.0.1:0")
            .env("CARILLON__LOG__LEVEL", "warn")
            // Never the database of a hub in use, which the environment may name.
            .env("CARILLON__STORE__URL", format!("sqlite:{}", self.database().display()))
            .envs(self.settings.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(cannot_start())
    }

    fn command(&self, program: PathBuf) -> Command {
        if self.is_counted { callgrind::command(&program, self.folder()) } else { Command::new(program) }
    }

    /// The last lines the hub wrote.
    fn log(&self) -> String {
        let text = fs::read_to_string(self.folder().join("output")).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(5).collect();

        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for OwnHub {
    fn drop(&mut self) {
        // What ended in order does not mind; what did not must not outlive the measurement.
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// A port nobody listens on now.
///
/// # Errors
/// [`CliError::Io`] when there is none.
pub fn free_port() -> Result<u16, CliError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());

    listener.map(|address| address.port()).map_err(CliError::io("cannot find a free port"))
}
