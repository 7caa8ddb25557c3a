//! One hub per data folder: a second one would keep modules in its memory that the first one changes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::StartError;
use crate::config::make_private_folder;

/// The hold of a hub on its data folder; it ends with the value, or with the process however that ends.
#[derive(Debug)]
pub struct DataLock(#[expect(dead_code, reason = "held for what its drop does")] File);

impl DataLock {
    /// The name of the file whose lock stands for the folder.
    pub const FILE: &str = "carillon.lock";

    /// Takes the folder, made when missing.
    ///
    /// # Errors
    /// [`StartError::InUse`] when another hub has it, [`StartError::Data`] when it cannot be written.
    pub fn take(folder: &Path) -> Result<Self, StartError> {
        let file = open(folder).map_err(|cause| StartError::Data { folder: folder.to_owned(), cause })?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StartError::InUse(folder.to_owned())),
            Err(TryLockError::Error(cause)) => Err(StartError::Data { folder: folder.to_owned(), cause }),
        }
    }
}

fn open(folder: &Path) -> io::Result<File> {
    make_private_folder(folder)?;
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join(DataLock::FILE))
}
