//! Accounts, through the HTTP door.

mod bad_bodies;
mod bad_days;
mod logins;
mod people;
mod refusals;
mod set_up;
