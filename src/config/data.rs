//! The section `data`: where the hub keeps its files.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::keys::{Keys, Section};

/// The folder of the hub's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The folder with the database, the keys and the logs; made if missing.
    pub dir: PathBuf,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: PathBuf::from("./data") }
    }
}

impl Section for Data {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("dir", &mut self.dir);
    }
}

/// Makes a folder, and those above it, that only its owner may look into; one that is there stays as it is.
///
/// # Errors
/// What the system says.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
