use std::{
    env,
    ffi::OsStr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use super::super::{callgrind, own_hub::free_port, scratch::Scratch};
use super::Floor;
use crate::cli::{CliError, client::HubAddress};

/// Under callgrind it takes several seconds.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A floor of a measurement; it ends with this value.
pub struct OwnFloor {
    child: Child,
    port: u16,
    /// Where it stores; gone with it.
    _data: Option<Scratch>,
}

impl OwnFloor {
    /// Starts it and waits until it listens. With a folder to store in, it stores; with one for profiles, it runs under
    /// callgrind.
    ///
    /// # Errors
    /// [`CliError`] when it does not.
    pub async fn start(floor: Floor, data: Option<Scratch>, profiles: Option<&Path>) -> Result<Self, CliError> {
        let program = env::current_exe().map_err(CliError::io("cannot find this program"))?;
        let port = free_port()?;
        let of = match floor {
            Floor::Fanout => "fanout",
            Floor::Http => "http",
        };
        let mut command =
            profiles.map_or_else(|| Command::new(&program), |folder| callgrind::command(&program, folder));
        let child = command
            .args(["bench", "floor", "--of", of, "--at", &format!("127.0.0.1:{port}")])
            .args(data.iter().flat_map(|data| [OsStr::new("--data"), data.path().as_os_str()]))
            .stdin(Stdio::null())
            .stderr(if profiles.is_some() { Stdio::null() } else { Stdio::inherit() })
            .spawn()
            .map_err(CliError::io("cannot start the floor"))?;
        let floor = Self { child, port, _data: data };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(floor.address().authority()).await.is_err() {
            if Instant::now() > deadline {
                return Err(CliError::Failed(format!("the floor did not listen within {START_TIMEOUT:?}")));
            }
            sleep(POLL).await;
        }
        Ok(floor)
    }

    /// Where it answers.
    pub fn address(&self) -> HubAddress {
        HubAddress::loopback(self.port)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for OwnFloor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
