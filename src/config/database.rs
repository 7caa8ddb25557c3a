//! Which database the hub keeps its data in.

use std::fmt::{Display, Formatter, Result as Written};
use std::path::{Path, PathBuf};

use super::secret::Secret;

/// A database; shown without what must stay secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// An address of PostgreSQL, such as `postgres://user:password@host/name`.
    Postgres(Secret),
}

impl Database {
    /// Reads what `store.url` may hold; none for anything else.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Some(Self::Postgres(Secret::new(url)));
        }
        let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        let path = path.or_else(|| (!url.contains(':')).then_some(url))?;
        (!path.is_empty() && path != ":memory:").then(|| Self::Sqlite(PathBuf::from(path)))
    }
}

impl Display for Database {
    fn fmt(&self, out: &mut Formatter<'_>) -> Written {
        match self {
            Self::Sqlite(file) => Display::fmt(&file.display(), out),
            Self::Postgres(url) => write!(out, "postgres://{}", without_secrets(url.expose())),
        }
    }
}

/// The host and the name, without the user and their password, and without parameters.
fn without_secrets(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    // A password that was not escaped may reach anywhere.
    if parameters.contains('@') {
        return "…";
    }
    place.rsplit_once('@').map_or(place, |(_, place)| place)
}

impl From<&Path> for Database {
    fn from(file: &Path) -> Self {
        Self::Sqlite(file.to_owned())
    }
}

impl From<&PathBuf> for Database {
    fn from(file: &PathBuf) -> Self {
        Self::Sqlite(file.clone())
    }
}

impl From<&Self> for Database {
    fn from(database: &Self) -> Self {
        database.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_and_shown_without_secrets() {
        let shown = |url: &str| Database::parse(url).map(|database| database.to_string());
        assert_eq!(shown("sqlite://a/b.db").as_deref(), Some("a/b.db"));
        assert_eq!(shown("b.db").as_deref(), Some("b.db"));
        for url in ["postgres://ada:s3cret@db:5433/house?password=s3cret", "postgresql://db:5433/house"] {
            assert_eq!(shown(url).as_deref(), Some("postgres://db:5433/house"));
        }
        assert_eq!(shown("postgres://a:p@ss?w@db/house").as_deref(), Some("postgres://…"));
        assert_eq!([shown("mysql://db/house"), shown("sqlite::memory:"), shown("")], [None, None, None]);
        assert!(!format!("{:?}", Database::parse("postgres://ada:s3cret@db/house")).contains("s3cret"));
    }
}
