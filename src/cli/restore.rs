//! `carillon restore`: goes back to a copy of the database.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::backup::{Draft, SIDE_FILES, beside, name_of_now, private_file, restore_commands};
use super::{CliError, HubArgs};
use crate::app::DataLock;
use crate::config::{Database, make_private_folder};
use crate::store::{Options, StoreError, backup, migrate};

/// Puts a copy in the place of the configured database, while no hub runs on it
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// What `carillon backup` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Removes what was there before, which is else kept beside it
    #[arg(long)]
    pub discard_old: bool,
}

/// Restores a copy: whole, or not at all.
///
/// # Errors
/// [`CliError::Start`] when a hub runs on the data folder, [`CliError::Usage`] when the file is no copy that this version
/// can read, or the database is on a server, with the tools that restore it; otherwise why it cannot be written.
pub fn run(args: &RestoreArgs, hub: &HubArgs) -> Result<(), CliError> {
    let config = hub.load()?;
    let target = match config.database() {
        Database::Sqlite(file) => file,
        Database::Postgres(url) => return Err(CliError::Usage(restore_commands(url.expose()))),
    };
    let options = Options::from(&config.store);
    if is_same(&args.file, &target) {
        let shown = args.file.display();
        return Err(CliError::Usage(format!("`{shown}` is the database itself; give what `carillon backup` wrote")));
    }
    check(&args.file, &options)?;
    let _lock = DataLock::take(&config.data.dir)?;
    let draft = copied(&args.file, &target)?;
    if let Some(fault) = backup::fault(draft.path())? {
        return Err(CliError::Failed(format!("`{}` is damaged: {fault}; take another copy", args.file.display())));
    }
    let applied = backup::make_ready(draft.path(), &options)?;
    let kept = put_aside(&target, args.discard_old)?;
    draft.take_the_place_of(&target)?;
    let text = told(&target, &args.file, &applied, kept.as_deref());
    std::io::stdout().write_all(text.as_bytes()).map_err(CliError::io("cannot write to the terminal"))
}

/// Whether both are one file, by whatever name.
fn is_same(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// Refuses what is no copy that this version can read.
fn check(file: &Path, options: &Options) -> Result<(), CliError> {
    let shown = file.display();
    if !file.is_file() {
        return Err(CliError::Usage(format!("`{shown}` is no file; give one that `carillon backup` wrote")));
    }
    if fs::metadata(beside(file, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(CliError::Usage(format!("`{shown}` is a database at work; copy it with `carillon backup` first")));
    }
    let database = Database::from(file);
    let no_copy = || CliError::Usage(format!("`{shown}` is not what `carillon backup` wrote; give another file"));
    match migrate::is_there(&database, options) {
        Ok(true) => {}
        Ok(false) | Err(StoreError::Unavailable(_)) => return Err(no_copy()),
        Err(error) => return Err(unreadable(file, &error)),
    }
    match migrate::status(&database, options) {
        Err(StoreError::Newer { found, known }) => Err(CliError::Usage(format!(
            "`{shown}` was made by a newer version (it has the migration `{found}`, this version knows up to `{known}`); \
             restore it with that version"
        ))),
        Err(error) => Err(unreadable(file, &error)),
        Ok(_) => Ok(()),
    }
}

fn unreadable(file: &Path, error: &StoreError) -> CliError {
    CliError::Failed(format!("`{}` cannot be read ({error}); take another copy", file.display()))
}

/// Copies the file beside the database, so that it needs only another name to be it.
fn copied(file: &Path, target: &Path) -> Result<Draft, CliError> {
    let fault = || CliError::io(format!("cannot copy `{}` to `{}`", file.display(), target.display()));
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_private_folder(folder).map_err(fault())?;
    }
    let draft = Draft::at(beside(target, ".restoring"))?;
    let mut from = File::open(file).map_err(fault())?;
    let mut to = private_file().open(draft.path()).map_err(fault())?;
    std::io::copy(&mut from, &mut to).map_err(fault())?;
    Ok(draft)
}

/// Keeps or gives up what is there; answers where it is kept.
///
/// A whole database stays in its place until the copy takes it; a damaged one cannot, as SQLite may keep a part of it in
/// files of their own.
fn put_aside(target: &Path, discard: bool) -> Result<Option<PathBuf>, CliError> {
    if !target.exists() {
        return remove_side_files(target).map(|()| None);
    }
    let aside = beside(target, &name_of_now(".before-", ""));
    let fault = || CliError::io(format!("cannot keep `{}` as `{}`", target.display(), aside.display()));
    match backup::into_one_file(target) {
        Ok(()) => {}
        Err(StoreError::Busy) => {
            let shown = target.display();
            return Err(CliError::Usage(format!("somebody works on `{shown}`; stop the hub that uses it")));
        }
        Err(_) if discard => remove_side_files(target)?,
        Err(_) => {
            for behind in SIDE_FILES.iter().filter(|behind| beside(target, behind).exists()) {
                fs::rename(beside(target, behind), beside(&aside, behind)).map_err(fault())?;
            }
        }
    }
    if discard {
        return Ok(None);
    }
    // Where there are no links, it is gone for a moment.
    fs::hard_link(target, &aside).or_else(|_| fs::rename(target, &aside)).map_err(fault())?;
    Ok(Some(aside))
}

/// What belongs to a file that is not there any more would spoil the next one of its name.
fn remove_side_files(target: &Path) -> Result<(), CliError> {
    for path in SIDE_FILES.iter().map(|behind| beside(target, behind)).filter(|path| path.exists()) {
        fs::remove_file(&path).map_err(CliError::io(format!("cannot remove `{}`", path.display())))?;
    }
    Ok(())
}

fn told(target: &Path, file: &Path, applied: &[String], kept: Option<&Path>) -> String {
    let mut text = format!("`{}` is restored from `{}`", target.display(), file.display());
    if !applied.is_empty() {
        text += &format!(
            ", and brought up to date by {} migration{}",
            applied.len(),
            if applied.len() == 1 { "" } else { "s" }
        );
    }
    text += "\n";
    if let Some(kept) = kept {
        text += &format!("what was there is kept in `{}`; remove it when you no longer need it\n", kept.display());
    }
    text + "people log in again; modules keep their tokens of that time\n"
}
