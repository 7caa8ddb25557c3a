//! What copies a database on a server: PostgreSQL's own tools.

/// What to type for a copy, instead of `carillon backup`.
pub fn dump_command(url: &str) -> String {
    format!(
        "the database is on a server, and PostgreSQL's own tool copies it, also while the hub runs:\n\n  \
         pg_dump --format=custom --file=carillon.dump {}\n\n{PASSWORD}",
        quoted(url)
    )
}

/// What to type to go back to a copy, instead of `carillon restore`.
pub fn restore_commands(url: &str) -> String {
    let url = quoted(url);
    format!(
        "the database is on a server, and PostgreSQL's own tools restore it; stop the hub, then:\n\n  \
         pg_restore --clean --if-exists --no-owner --single-transaction --dbname={url} carillon.dump\n  \
         psql {url} -c 'DELETE FROM event_order; DELETE FROM logins'\n\n\
         the second ends logins and begins a new order of events: clients of the time after the copy get snapshots.\n\
         {PASSWORD}"
    )
}

const PASSWORD: &str = "the password is asked for, or read from `PGPASSWORD` or `~/.pgpass`; `carillon migrate` brings an older copy up to date";

/// An address for a shell, without its password.
fn quoted(url: &str) -> String {
    format!("'{}'", without_password(url).replace('\'', "%27"))
}

fn without_password(url: &str) -> String {
    let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
    // A password that was not escaped may reach anywhere.
    if parameters.contains('@') {
        return "postgres://…".to_owned();
    }
    let place = match place.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (user, host))) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}@{host}")
        }
        None => place.to_owned(),
    };
    let kept: Vec<_> =
        parameters.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("password=")).collect();
    if kept.is_empty() { place } else { format!("{place}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://ada:s3cret@db:5433/house", "'postgres://ada@db:5433/house'"),
            ("postgres://ada:s3@cr:et@db/house", "'postgres://ada@db/house'"),
            ("postgresql://db/house?password=s3cret&user=ada", "'postgresql://db/house?user=ada'"),
            ("postgres://ada:s3?cret@db/house", "'postgres://…'"),
            ("postgres://ada:s3cret@db/a'b", "'postgres://ada@db/a%27b'"),
        ] {
            assert_eq!(quoted(url), shown);
            assert!(!dump_command(url).contains("s3") && !restore_commands(url).contains("s3"), "{url}");
        }
    }
}
