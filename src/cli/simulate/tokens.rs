use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::cli::CliError;

/// The credentials of modules by their identity, as a JSON object in a file that only its owner can read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TokenBook(BTreeMap<String, String>);

impl TokenBook {
    /// Reads the file; one that is not there yet is an empty book.
    ///
    /// # Errors
    /// [`CliError::Io`] when it cannot be read, [`CliError::Usage`] when it is not such a file.
    pub fn load(path: &Path) -> Result<Self, CliError> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Self).map_err(|cause| {
                CliError::Usage(format!(
                    "`{}` is not a file of tokens: {cause}; give another `--tokens`, or remove it",
                    path.display()
                ))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(CliError::io(format!("cannot read `{}`", path.display()))(error)),
        }
    }

    /// Writes the file, whole or not at all, with mode 0600.
    ///
    /// # Errors
    /// [`CliError::Io`] when it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), CliError> {
        let beside = path.with_extension("new");
        let writing = || {
            let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            serde_json::to_writer_pretty(&mut file, &self.0)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&beside, path)
        };

        writing().map_err(CliError::io(format!("cannot write `{}`", path.display())))
    }

    /// The credential of a module.
    pub fn get(&self, module_id: &str) -> Option<&str> {
        self.0.get(module_id).map(String::as_str)
    }

    /// Keeps the credential of a module; a newer one replaces it.
    pub fn insert(&mut self, module_id: String, token: String) {
        self.0.insert(module_id, token);
    }
}

#[cfg(test)]
mod tests {
    use std::{env, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_book_is_read_back_and_only_its_owner_can_read_it() {
        let path = env::temp_dir().join(format!("carillon-tokens-{}.json", uuid::Uuid::new_v4()));
        let mut book = TokenBook::default();
        book.insert("MC-1001-STN".to_owned(), "secret".to_owned());

        book.save(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let read = TokenBook::load(&path).unwrap();
        fs::remove_file(&path).unwrap();

        assert_eq!(mode, 0o600);
        assert_eq!(read, book);
    }

    #[test]
    fn a_file_that_is_not_there_is_an_empty_book() {
        assert_eq!(TokenBook::load(Path::new("/nowhere/at/all.json")).unwrap(), TokenBook::default());
    }
}
