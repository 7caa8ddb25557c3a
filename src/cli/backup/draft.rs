use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::beside;
use crate::cli::CliError;

/// What SQLite may keep beside a file.
pub const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A file that is not what it is to be yet; it goes away with the value, unless it has taken its place.
#[derive(Debug)]
pub struct Draft(PathBuf);

impl Draft {
    /// Begins an empty file that only its owner can read; one that a process left there before is replaced.
    ///
    /// # Errors
    /// [`CliError::Io`] when it cannot be made.
    pub fn at(path: PathBuf) -> Result<Self, CliError> {
        let draft = Self(path);
        draft.remove();
        let made = private_file().create_new(true).open(&draft.0);
        made.map_err(CliError::io(format!("cannot write `{}`", draft.0.display())))?;
        Ok(draft)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it durable and gives it its name, which then is it or what was there before, whatever happens.
    ///
    /// # Errors
    /// [`CliError::Io`] when the disk does not take it.
    pub fn take_the_place_of(self, path: &Path) -> Result<(), CliError> {
        let placing = || {
            File::open(&self.0)?.sync_all()?;
            fs::rename(&self.0, path)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        placing().map_err(CliError::io(format!("cannot write `{}`", path.display())))
    }

    fn remove(&self) {
        for name in SIDE_FILES.iter().map(|behind| beside(&self.0, behind)).chain([self.0.clone()]) {
            // Mostly there is none; one that cannot be removed cannot be made either.
            let _: io::Result<()> = fs::remove_file(name);
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.remove();
    }
}

/// How files are made that only their owner can read.
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
