use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::story::Reading;
use crate::cli::CliError;

/// Every reading that the hub acknowledged, in the order of the answers: a JSON object a line.
#[derive(Debug, Default)]
pub struct Record {
    file: Option<(PathBuf, RefCell<BufWriter<File>>)>,
    fault: RefCell<Option<std::io::Error>>,
}

impl Record {
    /// Begins a file; nothing is written without one.
    ///
    /// # Errors
    /// [`CliError::Io`] when it cannot be made.
    pub fn begin(path: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = made.map_err(CliError::io(format!("cannot write `{}`", path.display())))?;
        let file = Some((path.to_owned(), RefCell::new(BufWriter::new(file))));
        Ok(Self { file, fault: RefCell::new(None) })
    }

    /// Notes a reading of a module; what cannot be written is told at the end.
    pub fn note(&self, module_id: &str, reading: &Reading) {
        let Some((_, file)) = &self.file else { return };
        let mut line = reading.json();
        line["moduleId"] = json!(module_id);
        if let Err(error) = writeln!(file.borrow_mut(), "{line}") {
            self.fault.replace(Some(error));
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// [`CliError::Io`] when something could not be written.
    pub fn end(&self) -> Result<(), CliError> {
        let Some((path, file)) = &self.file else { return Ok(()) };
        let flushed = file.borrow_mut().flush();
        let written = self.fault.take().map_or(flushed, Err);
        written.map_err(CliError::io(format!("cannot write `{}`", path.display())))
    }
}
