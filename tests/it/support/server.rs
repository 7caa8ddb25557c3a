//! A PostgreSQL of a test's own, which it may stop and start.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

/// A server that goes away with the value.
pub struct TestServer {
    folder: PathBuf,
    port: u16,
}

impl TestServer {
    /// Makes and starts one where PostgreSQL is tested, see `tests/run`.
    pub fn start() -> Option<Self> {
        std::env::var_os("CARILLON_TEST_DATABASE")?;
        let folder = std::env::temp_dir().join(format!("carillon-server-{}", uuid::Uuid::now_v7().simple()));
        let neighbour = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = neighbour.local_addr().expect("it is bound").port();
        drop(neighbour);
        let server = Self { folder, port };
        server.tell("postgres_make");
        Some(server)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://carillon@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it as a crash does.
    pub fn crash(&self) {
        self.tell("postgres_stop");
    }

    /// Starts it again.
    pub fn come_back(&self) {
        self.tell("postgres_start");
    }

    fn run(&self, what: &str) -> bool {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/steps/postgres.sh");
        let port = self.port.to_string();
        let ran = Command::new("bash").arg(script).arg(what).arg(&self.folder).arg(port).status();
        ran.is_ok_and(|status| status.success())
    }

    fn tell(&self, what: &str) {
        assert!(self.run(what), "`{what}` failed for the server in `{}`", self.folder.display());
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // It may have ended already.
        self.run("postgres_stop");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
