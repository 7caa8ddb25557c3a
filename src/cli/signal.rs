use tokio::{
    select,
    signal::unix::{SignalKind, signal},
};

use super::CliError;

/// Ends when somebody interrupts or terminates the process.
///
/// # Errors
/// [`CliError::Io`] when signals cannot be listened for.
pub(super) async fn interrupted() -> Result<(), CliError> {
    let listen = |kind| signal(kind).map_err(CliError::io("cannot listen for signals"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }

    Ok(())
}
