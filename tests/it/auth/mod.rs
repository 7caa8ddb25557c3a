//! Accounts, through the HTTP door.

mod bad_bodies;
mod logins;
mod people;
mod refusals;
mod set_up;
