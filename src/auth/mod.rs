//! Who somebody is and what they may do: passwords, tokens, logins.

mod accounts;
mod changes;
mod check;
mod counters;
mod error;
mod first_admin;
mod key;
mod known;
mod lately;
pub mod opaque;
mod password;
mod principal;
mod remove;
mod throttle;
mod tickets;
mod token;
mod verified;

pub use accounts::{
    Accounts, AccountsOptions, ChangePassword, CountUsers, CreateUser, DeleteUser, FindUser, ListUsers, LogIn, LogOut,
    LoggedIn, MakeTicket, Refresh, SetUp, ShowTicket, UpdateUser, UserChanges, UserPage, Visitor,
};
pub use changes::{AccountChanged, ModuleWithdrawn, Orphan};
pub use check::Authenticator;
pub use counters::{Counters, network_of};
pub use error::AuthError;
pub use first_admin::{FirstAdmin, NewUser, create_user, first_admin};
pub use key::{KeyError, SigningKey};
pub use known::Known;
pub use password::{Hasher, NewPassword, PASSWORD_MAX, PASSWORD_MIN, PasswordError};
pub use principal::{Credential, Principal};
pub use remove::remove_user;
pub use throttle::Throttle;
pub use tickets::{Bearer, TICKET_LIFETIME};
pub use token::AccessTokens;
