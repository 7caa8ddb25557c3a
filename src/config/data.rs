//! The section `data`: where the hub keeps its files.

use std::path::PathBuf;

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
