use std::{
    env, fs,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::cli::CliError;

/// A folder of a measurement, which ends with this value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// [`CliError::Io`] when it cannot be made.
    pub fn make() -> Result<Self, CliError> {
        let folder = env::temp_dir().join(format!("carillon-bench-{}", Uuid::new_v4()));
        fs::create_dir(&folder).map_err(CliError::io(format!("cannot make `{}`", folder.display())))?;

        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it is in the folder for what may be lost.
        let _ = fs::remove_dir_all(&self.0);
    }
}
