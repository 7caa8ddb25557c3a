use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::CliError;

/// Files a process has open beside its connections: database, logs, pipes, timers.
const OTHER_FILES: u64 = 150;

/// Settings of a hub that takes as many clients of one account, as fast and with as many topics, as a measurement opens.
///
/// The burst lasts a second: a limiter looks at the clock before it counts, and with a shorter one a thread that is kept
/// waiting between the two would find itself early.
pub const ROOM: [(&str, &str); 5] = [
    ("CARILLON__SOCKET__MAX_PER_USER", "1000000"),
    ("CARILLON__SOCKET__ACCEPT_RATE", "1000000"),
    ("CARILLON__SOCKET__ACCEPT_BURST", "500000"),
    ("CARILLON__HTTP__MAX_CONNECTIONS", "1000000"),
    ("CARILLON__SOCKET__MAX_TOPICS", "1000000"),
];

/// Makes room for so many connections of this process and of the hub it starts.
///
/// # Errors
/// [`CliError::Usage`] when the system allows fewer.
pub fn allow_connections(connections: u64) -> Result<(), CliError> {
    let needed = connections + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if maximum.is_some_and(|maximum| maximum < needed) {
        let most = maximum.unwrap_or(needed).saturating_sub(OTHER_FILES);
        return Err(CliError::Usage(format!(
            "{connections} connections need {needed} open files and this system allows {}; take at most {most}, or raise `ulimit -Hn`",
            maximum.unwrap_or(needed)
        )));
    }
    if current.is_some_and(|current| current < needed) {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
            .map_err(|error| CliError::io("cannot raise the limit of open files")(error.into()))?;
    }

    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_connections_are_always_allowed() {
        assert!(allow_connections(10).is_ok());
    }
}
