//! What modules are told and what they answer: commands, emergency stops, and their twins.
//!
//! A door gives the module's actor a recipient of [`ToDevice`] with [`Attach`](super::Attach), and hands it what the
//! device says as [`TakeResult`] and [`Report`].

mod ledger;
mod messages;
mod recall;
mod stops;

pub use ledger::{Ledger, UnderWay};
pub use messages::{
    ChangeDesired, Desired, LookAtStops, NewCommand, Outcome, ReadTwin, Repeat, Report, SendCommand, TakeResult,
    ToDevice,
};
pub use recall::take_back;
pub use stops::{ActiveStops, StopState};
