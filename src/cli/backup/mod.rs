//! `carillon backup`: a copy of the database, made beside a running hub.

mod draft;
mod tools;

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, HubArgs};
use crate::app::DataLock;
use crate::auth::SigningKey;
use crate::config::{Database, make_private_folder};
use crate::domain::time::Timestamp;
use crate::store::{Options, backup, migrate};
pub use draft::{Draft, SIDE_FILES, private_file};
pub use tools::{dump_command, restore_commands};

/// Copies the configured database into one file, also while the hub runs
#[derive(Debug, Clone, Args)]
pub struct BackupArgs {
    /// Where the copy goes; in the folder `backups` of the data folder, named by the time, when not given
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Replaces a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Makes a copy, checks it, and tells what it is.
///
/// # Errors
/// [`CliError::Usage`] when the file is there already, or the database is on a server, with the tool that copies it;
/// otherwise why the copy cannot be made. What was there before is then as it was.
pub fn run(args: &BackupArgs, hub: &HubArgs) -> Result<(), CliError> {
    let config = hub.load()?;
    let database = match config.database() {
        Database::Sqlite(file) => file,
        Database::Postgres(url) => return Err(CliError::Usage(dump_command(url.expose()))),
    };
    if !migrate::is_there(&Database::Sqlite(database.clone()), &Options::from(&config.store))? {
        let shown = database.display();
        return Err(CliError::Usage(format!("there is no hub's data in `{shown}`; name its folder with --data")));
    }
    let to = args.to.clone().unwrap_or_else(|| config.data.dir.join("backups").join(name_of_now("carillon-", ".db")));
    if let Some(own) = own_file(&to, &database, &config.data.dir) {
        return Err(CliError::Usage(format!(
            "`{}` is the hub's own `{}`; give another --to",
            to.display(),
            own.display()
        )));
    }
    let begun = Timestamp::now();
    let bytes = copy(&database, &to, args.force)?;
    let text = format!(
        "`{}` holds all that was stored before {}, checked: {:.1} MB\n\
         not in it: the key that signs access tokens (`jwt.key`), the configuration, the logs\n",
        to.display(),
        begun,
        bytes as f64 / 1e6
    );
    std::io::stdout().write_all(text.as_bytes()).map_err(CliError::io("cannot write to the terminal"))
}

/// The file of the hub that a path leads to, by whatever name or link; replaced, it would be lost with all that a running
/// hub goes on to write.
fn own_file(path: &Path, database: &Path, data: &Path) -> Option<PathBuf> {
    let place = |path: &Path| fs::metadata(path).map(|about| (about.dev(), about.ino())).ok();
    let at = place(path)?;
    let beside_it = SIDE_FILES.iter().map(|behind| beside(database, behind));
    let own =
        [database.to_owned(), data.join(SigningKey::FILE), data.join(DataLock::FILE)].into_iter().chain(beside_it);
    own.into_iter().find(|own| place(own) == Some(at))
}

/// A name with the moment in it, as every file system takes it.
pub fn name_of_now(before: &str, after: &str) -> String {
    format!("{before}{}{after}", Timestamp::now().to_string().replace([':', '.'], "-"))
}

/// Copies the database; answers how large the copy is.
fn copy(database: &Path, to: &Path, force: bool) -> Result<u64, CliError> {
    if !force && to.exists() {
        return Err(there_already(to));
    }
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_private_folder(folder).map_err(CliError::io(format!("cannot make the folder `{}`", folder.display())))?;
    }
    let draft = Draft::at(beside(to, &format!(".{}.part", std::process::id())))?;
    backup::copy(database, draft.path())?;
    if let Some(fault) = backup::fault(draft.path())? {
        return Err(CliError::Failed(format!("the copy is damaged, and was removed: {fault}; check the disks")));
    }
    let written = CliError::io(format!("cannot write `{}`", draft.path().display()));
    let bytes = fs::metadata(draft.path()).map_err(written)?.len();
    if !force {
        reserve(to)?;
    }
    draft.take_the_place_of(to)?;
    Ok(bytes)
}

/// Makes an empty file where none may be, so that nothing is lost that came there meanwhile.
fn reserve(to: &Path) -> Result<(), CliError> {
    match private_file().create_new(true).open(to) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(there_already(to)),
        Err(error) => Err(CliError::io(format!("cannot write `{}`", to.display()))(error)),
        Ok(_) => Ok(()),
    }
}

fn there_already(to: &Path) -> CliError {
    CliError::Usage(format!("`{}` is there already; give another --to, or replace it with --force", to.display()))
}

/// The path with something behind it.
pub fn beside(path: &Path, behind: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(behind);
    PathBuf::from(name)
}
