use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::*;

const NOTHING: [(String, String); 0] = [];

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(None, pairs(variables), NOTHING)
}

fn documented_file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config/carillon.toml"))
}

/// Every `key = value` line of the documented file by `section.key`, also the ones commented out.
fn documented_keys() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(documented_file()).unwrap();
    let mut section = String::new();
    let mut keys = BTreeMap::new();
    let mut described = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
        }
        let setting = line.strip_prefix('#').unwrap_or(line).split_once(" = ");
        if let Some((key, value)) = setting.filter(|(key, _)| !key.contains(' ')) {
            assert!(described, "`{section}.{key}` has no sentence above it");
            keys.insert(format!("{section}.{key}"), value.to_owned());
        }
        described = line.starts_with("# ") && line.ends_with('.');
    }
    keys
}

fn known_keys() -> Vec<String> {
    let mut config = Config::default();
    let mut layers = Layers::default();
    for (name, section) in config.sections() {
        layers.read(name, section, &mut Vec::new());
    }
    layers.known().map(str::to_owned).collect()
}

#[test]
fn the_documented_file_names_every_key_and_no_other() {
    let documented: Vec<_> = documented_keys().into_keys().collect();

    assert_eq!(documented, known_keys());
}

#[test]
fn the_documented_file_holds_the_defaults() {
    let config = Config::load(Some(&documented_file()), NOTHING, NOTHING).unwrap();

    assert_eq!(config, Config::default());
}

#[test]
fn every_key_is_also_an_environment_variable() {
    for (key, value) in documented_keys() {
        let variable = format!("CARILLON__{}", key.to_uppercase().replace('.', "__"));
        let value = value.trim_matches('"').to_owned();
        let faults = Config::load(None, [(variable, value)], NOTHING).err().map(|error| error.faults);
        let of_the_key = faults.into_iter().flatten().find(|fault| fault.key == key);

        assert_eq!(of_the_key, None);
    }
}

#[test]
fn later_layers_win() {
    let file = std::env::temp_dir().join(format!("carillon-config-{}.toml", std::process::id()));
    std::fs::write(&file, "[http]\nlisten = \"127.0.0.1:1\"\nworkers = 1\n[store]\nurl = \"a.db\"\n").unwrap();
    let environment = pairs(&[
        ("CARILLON__HTTP__WORKERS", "2"),
        ("CARILLON__HTTP__LISTEN", "127.0.0.1:2"),
        ("CARILLON__STORE__URL", "sqlite:c.db"),
        ("DATABASE_URL", "sqlite://b.db"),
    ]);

    let config = Config::load(Some(&file), environment, pairs(&[("http.listen", "127.0.0.1:3")])).unwrap();
    std::fs::remove_file(&file).unwrap();

    assert_eq!(config.http.listen.port(), 3);
    assert_eq!(config.http.workers, 2);
    assert_eq!(config.database(), Database::Sqlite(PathBuf::from("c.db")));
}

#[test]
fn well_known_variables_are_honoured() {
    let config = from_environment(&[
        ("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("REALTIME_MAX_RECONNECT_ATTEMPTS", "3"),
        ("REALTIME_RECONNECT_DELAY", "250"),
        ("REALTIME_ENABLE_STATS", "false"),
        ("CARILLON_ADMIN_EMAIL", "ada@example.org"),
        ("CARILLON_ADMIN_PASSWORD", "1234567890"),
        ("REDIS_URL", "redis://127.0.0.1"),
        ("DATABASE_URL", ""),
    ])
    .unwrap();

    assert_eq!(config.reconnect.max_attempts, 3);
    assert_eq!(config.reconnect.delay, Duration::from_millis(250));
    assert!(!config.reconnect.enable_stats);
    assert_eq!(config.admin.password.map(|password| password.expose().to_owned()).as_deref(), Some("1234567890"));
    assert_eq!(config.unused, ["REDIS_URL"]);
    assert_eq!(config.store.url, None);
}

#[test]
fn lists_come_from_the_environment_parted_by_commas() {
    let config = from_environment(&[
        ("CARILLON__HTTP__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("CARILLON__HTTP__ALLOWED_ORIGINS", "[\"https://a.example\"]"),
    ])
    .unwrap();

    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.http.allowed_origins, ["https://a.example"]);
}

#[test]
fn all_faults_are_reported_at_once() {
    let error = from_environment(&[
        ("CARILLON__HTTP__LISTEN", "nowhere"),
        ("CARILLON__HTTP__TLS_KEY", "key.pem"),
        ("CARILLON__AUTH__BCRYPT_COST", "99"),
        ("CARILLON__SOCKET__FLUSH_INTERVAL", "5"),
        ("CARILLON__HTTP__LISTNE", "127.0.0.1:1"),
    ])
    .unwrap_err();

    let lines: Vec<_> = error.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "`http.listen` is `nowhere` (from `CARILLON__HTTP__LISTEN`): \
             must be an address and a port such as `127.0.0.1:8080`",
            "`http.tls_certificate`: name the certificate of `http.tls_key` too",
            "`auth.bcrypt_cost` is `99` (from `CARILLON__AUTH__BCRYPT_COST`): must be from 4 to 15; 12 suits most machines",
            "`socket.flush_interval` is `5` (from `CARILLON__SOCKET__FLUSH_INTERVAL`): \
             must be a duration such as `5ms`, `60s`, `15m`, `12h` or `30d`",
            "`http.listne` (from `CARILLON__HTTP__LISTNE`): no such key; did you mean `http.listen`?",
        ]
    );
}

#[test]
fn no_fault_shows_a_secret() {
    let error = from_environment(&[
        ("JWT_SECRET_KEY", "hush-hush"),
        ("CARILLON_ADMIN_PASSWORD", "hush"),
        ("DATABASE_URL", "mysql://ada:hush@db/carillon"),
    ])
    .unwrap_err();

    assert_eq!(error.faults.len(), 4);
    assert!(!format!("{error} {error:?}").contains("hush"));
    assert!(!format!("{:?}", Secret::new("hush")).contains("hush"));
}

#[test]
fn a_file_that_cannot_be_read_or_parsed_is_a_fault() {
    let missing = Config::load(Some(Path::new("/no/such.toml")), NOTHING, NOTHING).unwrap_err();
    assert!(missing.to_string().contains("`/no/such.toml`: cannot be read"), "{missing}");

    let file = std::env::temp_dir().join(format!("carillon-broken-{}.toml", std::process::id()));
    std::fs::write(&file, "[admin]\npassword = hush\n").unwrap();
    let broken = Config::load(Some(&file), NOTHING, NOTHING).unwrap_err().to_string();
    std::fs::remove_file(&file).unwrap();
    assert!(broken.contains("line 2") && !broken.contains("hush"), "{broken}");
}

#[test]
fn readings_in_flight_are_bounded() {
    let read = |value: &str| from_environment(&[("CARILLON__TELEMETRY__IN_FLIGHT", value)]);
    assert!(read("1").is_ok() && read("1024").is_ok());
    for wrong in ["0", "1025", "70000"] {
        let fault = read(wrong).unwrap_err().to_string();
        assert!(fault.contains("must be 1 to 1024"), "{fault}");
    }
}
