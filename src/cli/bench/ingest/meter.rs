use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::cli::{
    CliError,
    bench::{callgrind, process::Usage},
};

/// Reads what a server spends.
pub struct Meter {
    pid: Option<u32>,
    counting: Option<Counting>,
}

struct Counting {
    folder: PathBuf,
    /// Where the profile is to be kept.
    profile: Option<PathBuf>,
}

/// What a server has spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spent {
    /// Time on a processor.
    Time(Duration),
    /// Instructions of its own code.
    Instructions(u64),
}

impl Meter {
    /// Reads the processor time of a process, if it is known.
    pub const fn of(pid: Option<u32>) -> Self {
        Self { pid, counting: None }
    }

    /// Counts the instructions of a process that runs under callgrind, whose profiles are in `folder`; the last is copied
    /// to `profile`.
    pub fn counting(pid: u32, folder: &Path, profile: Option<PathBuf>) -> Self {
        Self { pid: Some(pid), counting: Some(Counting { folder: folder.to_owned(), profile }) }
    }

    /// What the process has used so far; none if it is not known, or if callgrind's own memory and time are in it.
    ///
    /// # Errors
    /// [`CliError`] when the process is gone.
    pub fn usage(&self) -> Result<Option<Usage>, CliError> {
        self.pid.filter(|_| self.counting.is_none()).map(Usage::of).transpose()
    }

    /// Begins to measure; [`Self::end`] wants the answer.
    ///
    /// # Errors
    /// [`CliError`] when the process cannot be reached.
    pub fn begin(&self) -> Result<Option<Usage>, CliError> {
        if let (Some(pid), Some(_)) = (self.pid, &self.counting) {
            callgrind::begin(pid)?;
        }
        self.usage()
    }

    /// What was spent since [`Self::begin`].
    ///
    /// # Errors
    /// [`CliError`] when the process cannot be reached, or the profile cannot be kept.
    pub fn end(&self, begun: Option<Usage>) -> Result<Option<Spent>, CliError> {
        let (Some(pid), Some(Counting { folder, profile })) = (self.pid, &self.counting) else {
            return Ok(begun.zip(self.usage()?).map(|(begun, ended)| Spent::Time((ended - begun).processor())));
        };
        let (count, found) = callgrind::end(pid, folder)?;
        if let Some(profile) = profile {
            fs::copy(found, profile).map_err(CliError::io(format!("cannot write `{}`", profile.display())))?;
        }

        Ok(Some(Spent::Instructions(count)))
    }
}
