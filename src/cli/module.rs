//! `carillon module`: the modules of a running hub, through its HTTP API.
//!
//! A running hub keeps its modules in memory; changing its database beside it would not be seen.

use std::io::{self, Write};

use awc::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::CliError;
use super::client::{Api, ClientError, CreatedModule, HubAddress, LoginArgs, NewModule};
use super::table::Table;
use crate::domain::ids::ModuleId;

/// Pages of a list are asked for in this size, the largest a hub gives.
const PER_PAGE: usize = 100;

/// Lists and changes the modules of a running hub
#[derive(Debug, Clone, Args)]
pub struct ModuleArgs {
    /// Address of the hub
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "CARILLON_URL", global = true)]
    pub url: HubAddress,
    /// E-mail address of the account to log in with
    #[arg(long, env = "CARILLON_EMAIL", global = true)]
    pub email: Option<String>,
    /// Password of that account; the environment keeps it out of the list of processes
    #[arg(long, env = "CARILLON_PASSWORD", hide_env_values = true, global = true)]
    pub password: Option<String>,
    /// Prints JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// What is to be done
    #[command(subcommand)]
    pub what: ModuleCommand,
}

/// What can be done with modules.
#[derive(Debug, Clone, Subcommand)]
pub enum ModuleCommand {
    /// List the modules that the account may see
    List(ListArgs),
    /// Register a module; prints its token, this once
    Add(AddArgs),
    /// Give a module a new token; the old one stops working and its connection closes
    Rotate {
        /// Which module
        module_id: ModuleId,
    },
    /// Remove a module with everything stored of it
    Remove {
        /// Which module
        module_id: ModuleId,
    },
    /// Give a module another name
    Rename {
        /// Which module
        module_id: ModuleId,
        /// What it is called from now on
        name: String,
    },
}

/// Which modules a list shows.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Part of the id or the name
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only modules that are online, or only those that are not
    #[arg(long)]
    pub status: Option<Presence>,
    /// Only modules of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
}

/// Whether a module is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Presence {
    /// A connection is open, or a reading came lately
    Online,
    /// Neither
    Offline,
}

/// A module to register.
#[derive(Debug, Clone, Args)]
pub struct AddArgs {
    /// The identity: 1 to 64 of `A-Z a-z 0-9 . _ -`
    pub module_id: ModuleId,
    /// What people call it; the identity when not given
    #[arg(long)]
    pub name: Option<String>,
    /// What kind of thing it is, such as `Station`
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: String,
    /// Id of the owner's account; the account logged in with when not given
    #[arg(long, value_name = "USER_ID")]
    pub owner: Option<String>,
    /// Belongs to nobody until somebody claims it by a code, which is printed, this once; for admins
    #[arg(long, conflicts_with = "owner")]
    pub claimable: bool,
}

/// A module as the hub tells it; what is not shown in the table passes through to `--json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Module {
    module_id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    last_seen: Option<String>,
    user_id: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Module>,
    total: usize,
}

/// Does what was asked with the modules of the hub at `--url`.
///
/// # Errors
/// [`CliError::Client`] when the hub cannot be reached or refuses, [`CliError::Usage`] for a missing account.
pub fn run(args: &ModuleArgs) -> Result<(), CliError> {
    let text = actix::System::new().block_on(asked(args))?;
    io::stdout().write_all(text.as_bytes()).map_err(CliError::io("cannot write to the terminal"))
}

async fn asked(args: &ModuleArgs) -> Result<String, CliError> {
    let login = LoginArgs { email: args.email.clone(), password: args.password.clone() };
    let (api, _) = login.login_required(&args.url).await?;
    let answer = match &args.what {
        ModuleCommand::List(filter) => list(&api, filter, args.json).await,
        ModuleCommand::Add(module) => add(&api, module, args.json).await,
        ModuleCommand::Rotate { module_id } => rotate(&api, module_id, args.json).await,
        ModuleCommand::Remove { module_id } => remove(&api, module_id, args.json).await,
        ModuleCommand::Rename { module_id, name } => rename(&api, module_id, name, args.json).await,
    };
    // The login was for this command alone; one that cannot be ended ends by itself.
    let _: Result<Value, ClientError> = api.call(Method::POST, "/api/v1/auth/logout", None).await;
    Ok(answer?)
}

async fn list(api: &Api, filter: &ListArgs, json: bool) -> Result<String, ClientError> {
    let mut modules: Vec<Module> = Vec::new();
    for page in 1.. {
        let path = format!("/api/v1/modules?page={page}&perPage={PER_PAGE}{}", filter.query());
        let answer: Page = api.get(&path).await?;
        let is_last = answer.items.len() < PER_PAGE || modules.len() + answer.items.len() >= answer.total;
        modules.extend(answer.items);
        if is_last {
            break;
        }
    }
    Ok(if json { line(&json!(modules)) } else { table(modules) })
}

async fn add(api: &Api, module: &AddArgs, json: bool) -> Result<String, ClientError> {
    let id = module.module_id.to_string();
    let name = module.name.clone().unwrap_or_else(|| id.clone());
    let new = NewModule { module_id: id.clone(), name, kind: module.kind.clone(), user_id: module.owner.clone() };
    let mut body = serde_json::to_value(new).unwrap_or_default();
    if module.claimable {
        body["claimable"] = json!(true);
    }
    let made: Value = api.call(Method::POST, "/api/v1/modules", Some(&body)).await?;
    if json {
        return Ok(line(&made));
    }
    let told = shown_once(&format!("module `{id}` is registered"), made["token"].as_str().unwrap_or_default());
    Ok(told + &claim_shown(&made))
}

/// What is said of a claim code, if there is one.
fn claim_shown(made: &Value) -> String {
    let Some(code) = made["claimCode"].as_str() else { return String::new() };
    let until = made["expiresAt"].as_str().unwrap_or_default();
    format!("its claim code, shown this once and good until {until}:\n\n  {code}\n\n")
}

async fn rotate(api: &Api, id: &ModuleId, json: bool) -> Result<String, ClientError> {
    let CreatedModule { token } = api.rotate(id.as_str()).await?;
    let done = format!("module `{id}` has a new token; the old one no longer works");
    Ok(if json { line(&json!({"moduleId": id, "token": token})) } else { shown_once(&done, &token) })
}

async fn remove(api: &Api, id: &ModuleId, json: bool) -> Result<String, ClientError> {
    api.call::<Value>(Method::DELETE, &format!("/api/v1/modules/{id}"), None).await?;
    Ok(if json { line(&json!({"moduleId": id})) } else { format!("module `{id}` is removed\n") })
}

async fn rename(api: &Api, id: &ModuleId, name: &str, json: bool) -> Result<String, ClientError> {
    let path = format!("/api/v1/modules/{id}");
    let module: Value = api.call(Method::PATCH, &path, Some(&json!({"name": name}))).await?;
    Ok(if json { line(&module) } else { format!("module `{id}` is now called `{name}`\n") })
}

impl ListArgs {
    /// What comes behind `?page=…&perPage=…`.
    fn query(&self) -> String {
        let status = self.status.map(|status| match status {
            Presence::Online => "online",
            Presence::Offline => "offline",
        });
        let given = [("search", self.search.as_deref()), ("status", status), ("type", self.kind.as_deref())];
        let pairs = given.iter().filter_map(|(key, value)| Some(format!("&{key}={}", escaped((*value)?))));
        pairs.collect()
    }
}

/// A text as it may stand in a query (RFC 3986, 2.3: what is not unreserved is written as its bytes).
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn table(modules: Vec<Module>) -> String {
    let mut table = Table::new(&["MODULE", "NAME", "TYPE", "STATUS", "LAST SEEN", "OWNER"]);
    for module in modules {
        let Module { module_id, name, kind, status, last_seen, user_id, .. } = module;
        table.row([module_id, name, kind, status, last_seen.unwrap_or_default(), user_id.unwrap_or_default()]);
    }
    table.text()
}

fn shown_once(done: &str, token: &str) -> String {
    format!("{done}; its token, shown this once:\n\n  {token}\n\n")
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_becomes_a_query() {
        let filter = ListArgs { search: Some("Zoé & co".to_owned()), status: Some(Presence::Online), kind: None };

        assert_eq!(filter.query(), "&search=Zo%C3%A9%20%26%20co&status=online");
    }

    #[test]
    fn a_module_keeps_what_the_table_does_not_show() {
        let told = json!({"moduleId": "A", "name": "a", "type": "Station", "status": "online", "lastSeen": null,
            "userId": null, "telemetry": {"t": 1}});

        let module: Module = serde_json::from_value(told.clone()).unwrap();

        assert_eq!(serde_json::to_value(module).unwrap(), told);
    }
}
