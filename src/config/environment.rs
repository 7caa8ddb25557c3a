//! Which environment variables are settings.

use super::keys::{Given, Layers};

/// Variables known by a name of their own, and the key each stands for.
const ALIASES: [(&str, &str); 7] = [
    ("DATABASE_URL", "store.url"),
    ("JWT_SECRET_KEY", "auth.jwt_secret_key"),
    ("CARILLON_ADMIN_EMAIL", "admin.email"),
    ("CARILLON_ADMIN_PASSWORD", "admin.password"),
    ("REALTIME_MAX_RECONNECT_ATTEMPTS", "reconnect.max_attempts"),
    ("REALTIME_RECONNECT_DELAY", "reconnect.delay"),
    ("REALTIME_ENABLE_STATS", "reconnect.enable_stats"),
];

/// Variables that are accepted but have no effect yet.
const UNUSED: [&str; 1] = ["REDIS_URL"];

/// Adds the settings among `variables` to `layers`; answers which were given without having an effect.
///
/// An empty variable counts as not set. `CARILLON__SECTION__KEY` wins over a variable with a name of its own.
pub fn add(layers: &mut Layers, variables: impl IntoIterator<Item = (String, String)>) -> Vec<&'static str> {
    let mut unused = Vec::new();
    let mut named = Vec::new();
    for (variable, value) in variables.into_iter().filter(|(_, value)| !value.is_empty()) {
        if let Some(key) = variable.strip_prefix("CARILLON__") {
            named.push((key.to_lowercase().replace("__", "."), Given::text(value, &variable)));
        } else if let Some((_, key)) = ALIASES.iter().find(|(name, _)| *name == variable) {
            layers.set((*key).to_owned(), Given::text(in_milliseconds(&variable, value), &variable));
        } else if let Some(name) = UNUSED.iter().find(|name| **name == variable) {
            unused.push(*name);
        }
    }
    for (key, given) in named {
        layers.set(key, given);
    }
    unused
}

/// `REALTIME_RECONNECT_DELAY` is a bare number of milliseconds in existing deployments.
fn in_milliseconds(variable: &str, value: String) -> String {
    let bare = variable == "REALTIME_RECONNECT_DELAY" && value.bytes().all(|byte| byte.is_ascii_digit());
    if bare { value + "ms" } else { value }
}
