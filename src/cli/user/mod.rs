//! `carillon user`: the accounts of the configured database, also while a hub runs on it.
//!
//! A running hub reads accounts and logins afresh for every request, so that what is changed here counts at once.

pub(super) mod accounts;

use std::io::{self, BufRead, Write};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::password::random_password;
use super::table::Table;
use super::{CliError, HubArgs};
use crate::auth::{Hasher, NewPassword, NewUser, PasswordError};
use crate::config::Config;
use crate::domain::account::{Email, PersonName};
use crate::domain::grant::Role;
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::users::User;
use accounts::Change;

/// Lists and changes the accounts of the configured database, also beside a running hub
#[derive(Debug, Clone, Args)]
pub struct UserArgs {
    /// Prints JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// What is to be done
    #[command(subcommand)]
    pub what: UserCommand,
}

/// What can be done with accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// List the accounts
    List {
        /// Part of the name or the address
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only people with this role
        #[arg(long)]
        role: Option<Role>,
    },
    /// Make an account; its password is made at random and printed, unless it comes by the standard input
    Add(AddArgs),
    /// Set a new password and end the person's logins
    Password {
        /// The person's address
        email: Email,
        /// How the password is given
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Give a person exactly these roles and end their logins
    Roles {
        /// The person's address
        email: Email,
        /// `admin`, `user` or both
        #[arg(required = true)]
        roles: Vec<Role>,
    },
    /// Keep a person out and end their logins
    Disable {
        /// The person's address
        email: Email,
    },
    /// Let a person in again
    Enable {
        /// The person's address
        email: Email,
    },
    /// Remove an account with its logins; its modules lose their owner
    Remove {
        /// The person's address
        email: Email,
    },
}

/// An account to make.
#[derive(Debug, Clone, Args)]
pub struct AddArgs {
    /// The address to log in with
    #[arg(long)]
    pub email: Email,
    /// What the person is called
    #[arg(long)]
    pub name: PersonName,
    /// Makes the person an admin
    #[arg(long)]
    pub admin: bool,
    /// How the password is given
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// Where a new password comes from.
#[derive(Debug, Clone, Args)]
pub struct PasswordArgs {
    /// Reads the password from the first line of the standard input instead of making one at random
    #[arg(long)]
    pub password_stdin: bool,
}

/// Does what was asked with the accounts of the configured database.
///
/// # Errors
/// [`CliError::Config`] for faults of the configuration, [`CliError::Usage`] for a password that cannot be one,
/// [`CliError::Auth`] and [`CliError::Store`] for what goes against the accounts or the database.
pub fn run(args: &UserArgs, hub: &HubArgs) -> Result<(), CliError> {
    let config = hub.load()?;
    let text = actix::System::new().block_on(asked(args, &config))?;
    io::stdout().write_all(text.as_bytes()).map_err(CliError::io("cannot write to the terminal"))
}

async fn asked(args: &UserArgs, config: &Config) -> Result<String, CliError> {
    let json = args.json;
    match &args.what {
        UserCommand::List { search, role } => {
            let people = accounts::list(&accounts::open_existing(config)?, search.clone(), *role).await?;
            Ok(listed(&people, json))
        }
        UserCommand::Add(new) => add(config, new, json).await,
        UserCommand::Password { email, password } => {
            let store = accounts::open_existing(config)?;
            let password = password.read()?;
            let hash = Hasher::new(&config.auth).hash(password.new.clone()).await?;
            let (user, _) = accounts::change(&store, email, Change::Password(hash)).await?;
            Ok(password.told(&user, "has a new password, and their logins have ended", json))
        }
        UserCommand::Roles { email, roles } => change_account(config, email, Change::Roles(roles.clone()), json).await,
        UserCommand::Disable { email } => change_account(config, email, Change::Disabled(true), json).await,
        UserCommand::Enable { email } => change_account(config, email, Change::Disabled(false), json).await,
        UserCommand::Remove { email } => change_account(config, email, Change::Removed, json).await,
    }
}

async fn add(config: &Config, new: &AddArgs, json: bool) -> Result<String, CliError> {
    let password = new.password.read()?;
    // The only command that may make the database: an account can be there before the hub starts for the first time.
    let store = accounts::open(config)?;
    let roles = vec![if new.admin { Role::Admin } else { Role::User }];
    let newcomer = NewUser { email: new.email.clone(), name: new.name.clone(), password: password.new.clone(), roles };
    let user = accounts::add(&store, &Hasher::new(&config.auth), newcomer).await?;
    Ok(password.told(&user, "can log in now", json))
}

async fn change_account(config: &Config, email: &Email, change: Change, json: bool) -> Result<String, CliError> {
    let store: Store = accounts::open_existing(config)?;
    let done = change.done();
    let (user, ended) = accounts::change(&store, email, change).await?;
    if json {
        return Ok(line(&account(&user)));
    }
    let logins = match ended {
        0 => String::new(),
        1 => "; one login has ended".to_owned(),
        more => format!("; {more} logins have ended"),
    };
    Ok(format!("`{}` {done}{logins}\n", user.email))
}

/// A password to be set, and whether it must be shown.
struct GivenPassword {
    new: NewPassword,
    made: Option<String>,
}

impl PasswordArgs {
    /// Reads the password, or makes one.
    fn read(&self) -> Result<GivenPassword, CliError> {
        let (text, is_made) = if self.password_stdin { (first_line()?, false) } else { (random_password(), true) };
        let new = text
            .parse()
            .map_err(|error: PasswordError| CliError::Usage(format!("the password {error}; give another one")))?;
        Ok(GivenPassword { new, made: is_made.then_some(text) })
    }
}

impl GivenPassword {
    /// What is printed when it has been set: the password only if it was made here.
    fn told(&self, user: &User, done: &str, json: bool) -> String {
        if json {
            let mut account = account(user);
            if let Some(made) = &self.made {
                account["password"] = json!(made);
            }
            return line(&account);
        }
        match &self.made {
            Some(made) => format!("`{}` {done}, with this password, shown this once:\n\n  {made}\n\n", user.email),
            None => format!("`{}` {done}\n", user.email),
        }
    }
}

fn first_line() -> Result<String, CliError> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(CliError::io("cannot read the password from the standard input"))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn listed(people: &[User], json: bool) -> String {
    if json {
        return line(&people.iter().map(account).collect());
    }
    let mut table = Table::new(&["EMAIL", "NAME", "ROLES", "STATE", "LAST LOGIN", "ID"]);
    for user in people {
        let roles: Vec<String> = user.roles.iter().map(Role::to_string).collect();
        let state = if user.disabled { "disabled" } else { "active" };
        let last_login = user.last_login_at.as_ref().map(Timestamp::to_string).unwrap_or_default();
        let (email, name, id) = (user.email.to_string(), user.name.to_string(), user.id.to_string());
        table.row([email, name, roles.join(" "), state.to_owned(), last_login, id]);
    }
    table.text()
}

/// An account as the HTTP API shows it; never the hash of its password.
fn account(user: &User) -> Value {
    json!({
        "id": user.id, "name": user.name, "email": user.email, "isAdmin": user.roles.contains(&Role::Admin),
        "roles": user.roles, "disabled": user.disabled, "createdAt": user.created_at, "updatedAt": user.updated_at,
        "lastLoginAt": user.last_login_at,
    })
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}
