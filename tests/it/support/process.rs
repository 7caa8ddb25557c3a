//! The real binary: a hub as a process of its own, and commands that run to their end.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use carillon::config::Database;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tokio::sync::mpsc;

use super::database::{SQLITE, database_of, url_of};
use super::{ADMIN, PASSWORD};
use super::{Account, Answer};

/// No start and no end of a process takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder for a hub's data that goes away with the value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A folder that is not there yet.
    pub fn new() -> Self {
        Self::named("carillon-process-")
    }

    /// The same for what only SQLite knows, such as files and full disks.
    pub fn of_sqlite() -> Self {
        Self::named(SQLITE)
    }

    fn named(prefix: &str) -> Self {
        Self(std::env::temp_dir().join(format!("{prefix}{}", uuid::Uuid::now_v7().simple())))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The hub's database.
    pub fn database(&self) -> Database {
        database_of(&self.0)
    }

    /// The file of a hub's database with SQLite.
    pub fn file(&self) -> PathBuf {
        self.0.join("carillon.db")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// All log files of a hub that has ended.
pub fn logs_of(data: &Scratch) -> String {
    let files = std::fs::read_dir(data.path().join("logs")).expect("logs are kept");
    files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a text")).collect()
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ran {
    /// What it printed, as JSON; it must have gone well.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary with nothing of the tests' environment, quick hashing and its data in `data`.
fn carillon(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carillon"));
    command
        .env_clear()
        .env("CARILLON__HTTP__LISTEN", "127.0.0.1:0")
        .env("CARILLON__HTTP__WORKERS", "2")
        .env("CARILLON__MQTT__LISTEN", "127.0.0.1:0")
        .env("CARILLON__AUTH__BCRYPT_COST", "4")
        .env("CARILLON__LOG__FORMAT", "json")
        .env("CARILLON__DATA__DIR", data)
        .envs(url_of(data).map(|url| ("CARILLON__STORE__URL", url)))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command of the binary to its end.
pub async fn run(data: &Path, arguments: &[&str]) -> Ran {
    run_with(data, arguments, &[], "").await
}

/// Runs a command with more environment and something to read.
pub async fn run_with(data: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ran {
    let mut command = carillon(data, arguments);
    command.envs(environment.iter().copied()).stdin(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let pid = Pid::from_child(&child);
    // A command that does not read may be gone already.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = in_time(pid, move || child.wait_with_output()).await.expect("the command runs");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Waits for a process on a thread that may block; one that takes too long is killed, and the test fails.
async fn in_time<T: Send + 'static>(pid: Pid, wait: impl FnOnce() -> T + Send + 'static) -> T {
    let waiting = tokio::task::spawn_blocking(wait);
    tokio::pin!(waiting);
    match tokio::time::timeout(PATIENCE, &mut waiting).await {
        Ok(done) => done.expect("waiting does not fail"),
        Err(_) => {
            let _ = kill_process(pid, Signal::KILL);
            panic!("the process did not end in time");
        }
    }
}

type Lines = mpsc::UnboundedReceiver<String>;

/// The lines of a pipe, which is emptied whether or not somebody asks for them: a full one would hold the hub up.
fn lines_of(pipe: Option<impl Read + Send + 'static>) -> Lines {
    let (sender, lines) = mpsc::unbounded_channel();
    let pipe = pipe.expect("it is piped");
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // The test may be over.
            let _ = sender.send(line);
        }
    });
    lines
}

/// The first line that passes; a test without one fails and tells what came instead.
async fn next<T>(lines: &mut Lines, wanted: &str, pass: impl Fn(&str) -> Option<T>) -> T {
    let mut seen = Vec::new();
    let searching = async {
        while let Some(line) = lines.recv().await {
            if let Some(found) = pass(&line) {
                return Some(found);
            }
            seen.push(line);
        }
        None
    };
    let found = tokio::time::timeout(PATIENCE, searching).await.ok().flatten();
    found.unwrap_or_else(|| panic!("`{wanted}` did not come, but {seen:#?}"))
}

/// A hub in a process of its own.
pub struct TestProcess {
    child: Option<Child>,
    pid: Pid,
    logged: Lines,
    printed: Lines,
    /// `127.0.0.1:PORT`.
    pub authority: String,
    mqtt: Option<SocketAddr>,
}

impl TestProcess {
    /// Starts a hub on a data folder, with a first admin if it has no accounts; it listens when this answers.
    pub async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    /// Starts a hub with more environment.
    pub async fn start_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = carillon(data, &["serve"]);
        command
            .envs(environment.iter().copied())
            .env("CARILLON_ADMIN_EMAIL", ADMIN)
            .env("CARILLON_ADMIN_PASSWORD", PASSWORD);
        Self::of(command).await
    }

    /// Starts a hub without telling it who the first admin is.
    pub async fn start_unowned(data: &Path) -> Self {
        Self::of(carillon(data, &["serve"])).await
    }

    /// Starts a hub that is not ended by the system when it may not write any more.
    pub async fn start_for_full_disks(data: &Path) -> Self {
        let binary = carillon(data, &[]);
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" serve"])
            .arg(binary.get_program())
            .env_clear()
            .envs(binary.get_envs().filter_map(|(key, value)| Some((key, value?))))
            .env("CARILLON_ADMIN_EMAIL", ADMIN)
            .env("CARILLON_ADMIN_PASSWORD", PASSWORD)
            .env("CARILLON__LOG__FILE", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::of(command).await
    }

    /// Makes the disk full for the hub, or lets it write again.
    pub fn fill_disk(&self, is_full: bool) {
        let current = is_full.then_some(0);
        let limits = Rlimit { current, maximum: None };
        prlimit(Some(self.pid), Resource::Fsize, limits).expect("one's own process can be limited");
    }

    async fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let (logged, printed) = (lines_of(child.stderr.take()), lines_of(child.stdout.take()));
        let pid = Pid::from_child(&child);
        let mut process = Self { child: Some(child), pid, logged, printed, authority: String::new(), mqtt: None };
        let mqtt = Cell::new(None);
        let listening = next(&mut process.logged, "listening", |line| {
            let told: Value = serde_json::from_str(line).ok()?;
            mqtt.set(told["mqtt.address"].as_str().and_then(|at| at.parse().ok()).or(mqtt.get()));
            (told["message"] == "listening").then_some(told)
        });
        process.authority = listening.await["http.address"].as_str().expect("the address is told").to_owned();
        process.mqtt = mqtt.get();
        process
    }

    /// Where it speaks MQTT.
    pub fn mqtt(&self) -> SocketAddr {
        self.mqtt.expect("it speaks MQTT")
    }

    /// The next printed line that holds a text.
    pub async fn printed(&mut self, text: &str) -> String {
        next(&mut self.printed, text, |line| line.contains(text).then(|| line.to_owned())).await
    }

    /// What has been logged since the last line asked for; the hub must have ended.
    pub async fn rest_of_log(&mut self) -> String {
        let mut rest = String::new();
        while let Some(line) = self.logged.recv().await {
            rest = rest + &line + "\n";
        }
        rest
    }

    /// Logs the first admin in.
    pub async fn admin(&self) -> Account {
        let login = self.try_log_in(ADMIN, PASSWORD).await;
        assert_eq!(login.status, 200, "{}", login.text);
        Account::new(&self.authority, login.json())
    }

    /// Tries to log somebody in.
    pub async fn try_log_in(&self, email: &str, password: &str) -> Answer {
        let body = serde_json::json!({"email": email, "password": password});
        Answer::of(&self.authority, "POST", "/api/v1/auth/login", &[], Some(body)).await
    }

    /// The time it has had on a processor.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("it runs");
        // Fields 14 and 15 of proc(5); the name in parentheses is the second.
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("ticks"));
        Duration::from_secs(ticks.sum()) / u32::try_from(clock_ticks_per_second()).expect("few ticks")
    }

    /// The memory it has, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        resident.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        kill_process(self.pid, Signal::TERM).expect("it runs");
    }

    /// SIGKILL, as `kill -9` does it, and waits until it is gone.
    pub async fn kill(&mut self) {
        kill_process(self.pid, Signal::KILL).expect("it runs");
        self.exit().await;
    }

    /// Waits for the end.
    pub async fn exit(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it ends once");
        in_time(self.pid, move || child.wait()).await.expect("a child can be waited for")
    }
}

impl Drop for TestProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
