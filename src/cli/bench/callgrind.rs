//! Instructions of a server that runs under callgrind, which counts them; they are the same on a busy machine and on a quiet one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::cli::CliError;

/// What starts a program under callgrind, whose profiles go to the folder; it counts nothing before [`begin`].
pub fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new("valgrind");
    let profile = format!("--callgrind-out-file={}", folder.join("callgrind.out").display());
    command.args(["--tool=callgrind", "--instr-atstart=no", &profile]).arg(program);

    command
}

/// Has callgrind count the user-space instructions of a process from now on.
///
/// # Errors
/// [`CliError::Failed`] when valgrind's `vgdb` cannot reach the process.
pub fn begin(pid: u32) -> Result<(), CliError> {
    tell(pid, &["instrumentation", "on"])
}

/// How many instructions were counted since [`begin`]; what they were done for stays in the folder for `callgrind_annotate`.
///
/// # Errors
/// [`CliError`] when the process cannot be reached or its profile cannot be read.
pub fn end(pid: u32, folder: &Path) -> Result<(u64, PathBuf), CliError> {
    tell(pid, &["dump"])?;
    let profile = newest(folder)?;
    let text = fs::read_to_string(&profile).map_err(CliError::io(format!("cannot read `{}`", profile.display())))?;
    let count = totals(&text).ok_or_else(|| CliError::Failed("the profile has no totals".to_owned()))?;

    Ok((count, profile))
}

/// The last of the profiles, which are numbered.
fn newest(folder: &Path) -> Result<PathBuf, CliError> {
    let entries = fs::read_dir(folder).map_err(CliError::io(format!("cannot read `{}`", folder.display())))?;
    let number = |path: &PathBuf| path.to_str()?.rsplit_once("callgrind.out.")?.1.parse::<u32>().ok();
    let profiles = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = profiles.filter_map(|path| Some((number(&path)?, path))).max();

    newest.map(|(_, path)| path).ok_or_else(|| CliError::Failed("callgrind has written no profile".to_owned()))
}

fn tell(pid: u32, what: &[&str]) -> Result<(), CliError> {
    let cannot = || CliError::io("cannot run `vgdb`; install valgrind");
    let pid = format!("--pid={pid}");
    let command = Command::new("vgdb").arg(&pid).args(what).stdin(Stdio::null()).output();
    let output = command.map_err(cannot())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);

    Err(CliError::Failed(format!("callgrind does not do `{}`: {said}", what.join(" "))))
}

/// The sum over all functions of a profile.
fn totals(profile: &str) -> Option<u64> {
    let line =
        profile.lines().rev().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")))?;

    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_of_a_profile_are_found() {
        assert_eq!(totals("events: Ir\nfn=(1) main\n1 20\n\ntotals: 1234\n"), Some(1234));
        assert_eq!(totals("events: Ir\n"), None);
    }
}
