//! Holds the house to its plan: who may use whom, how long a file may be, what no file may say.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of `src/` from the ground up; a folder uses lower levels and itself, never a neighbour.
const LEVELS: [&[&str]; 6] = [
    &["domain", "config"],
    &["store", "observe", "pipe", "reply"],
    &["broker", "auth"],
    &["session", "module", "telemetry", "connector"],
    &["admin"],
    &["http", "mqtt"],
];
/// The top of the house knows everything.
const TOP: [&str; 4] = ["app", "cli", "lib", "main"];
/// Crates that only these folders and the top may name.
const RESERVED: [(&str, &[&str]); 2] = [("diesel", &["store"]), ("diesel_migrations", &["store"])];
/// What the ground floor must not know.
const NOT_ON_THE_GROUND: [&str; 6] = ["actix", "actix_web", "actix_rt", "tokio", "tracing", "rustls"];
/// The longest file, in lines; 300 is the habit.
const LONGEST_FILE: usize = 400;
/// The longest function outside tests, in lines, its last one not counted; 10 is the aim.
const LONGEST_FUNCTION: usize = 40;

#[test]
fn every_folder_uses_only_lower_levels_and_itself() {
    let faults: Vec<_> = sources().iter().flat_map(wrong_uses).collect();

    assert!(faults.is_empty(), "wrong uses:\n{}", faults.join("\n"));
}

#[test]
fn every_folder_stands_in_the_table() {
    let known = |folder: &str| level_of(folder).is_some() || TOP.contains(&folder);
    let unknown: Vec<_> = sources().into_iter().filter(|source| !known(&source.folder)).map(|s| s.path).collect();

    assert!(unknown.is_empty(), "give these a level: {unknown:?}");
}

#[test]
fn crates_are_named_only_where_they_belong() {
    let mut faults = Vec::new();
    for source in sources() {
        let on_the_ground = level_of(&source.folder) == Some(0);
        let at_the_top = TOP.contains(&source.folder.as_str());
        let reserved = RESERVED.iter().filter(|(_, at)| !at_the_top && !at.contains(&source.folder.as_str()));
        let forbidden = reserved.map(|(name, _)| name).chain(NOT_ON_THE_GROUND.iter().filter(|_| on_the_ground));
        let named = forbidden.filter(|name| names(&source.code, &format!("{name}::")));
        faults.extend(named.map(|name| format!("{} names `{name}`", source.path)));
    }

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.lines > LONGEST_FILE)
        .map(|source| format!("{} has {} lines", source.path, source.lines))
        .collect();

    assert!(long.is_empty(), "split by responsibility what is longer than {LONGEST_FILE} lines:\n{}", long.join("\n"));
}

#[test]
fn no_function_is_too_long() {
    let faults: Vec<_> = sources().iter().flat_map(long_functions).collect();

    assert!(faults.is_empty(), "split what is longer than {LONGEST_FUNCTION} lines:\n{}", faults.join("\n"));
}

#[test]
fn a_long_function_is_found() {
    let found = |lines: usize, rest: &str| {
        let body = "        call();\n".repeat(lines - 1);
        let code = format!("impl A {{\n    pub(super) async fn b() {{\n{body}    }}\n{rest}}}\n");
        long_functions(&Source::new("a.rs".to_owned(), &code)).len()
    };

    assert_eq!((found(40, ""), found(41, ""), found(41, "    fn c();\n    fn d() {}\n")), (0, 1, 1));
    let test = format!("#[cfg(test)]\nmod tests {{\n    fn b() {{\n{}    }}\n}}\n", "        call();\n".repeat(60));
    assert_eq!(long_functions(&Source::new("a.rs".to_owned(), &test)).len(), 0);
}

#[test]
fn no_lint_is_silenced_without_a_reason() {
    let silenced = |source: &Source| source.code.contains("#[allow(") || source.code.contains("#![allow(");
    let faults: Vec<_> = sources().into_iter().filter(silenced).map(|source| source.path).collect();

    assert!(faults.is_empty(), "say `#[expect(lint, reason = \"…\")]` in {faults:?}");
}

#[test]
fn a_wrong_use_is_found() {
    let found = |path: &str, code: &str| wrong_uses(&Source::new(path.to_owned(), code)).len();

    assert_eq!(found("broker/relay.rs", "use crate::session::Session;"), 1);
    assert_eq!(found("broker/relay.rs", "use crate::auth::Principal;"), 1);
    assert_eq!(
        found("broker.rs", "use crate::{\n    domain::ids::{self, UserId},\n    http, session::{Registry},\n};"),
        2
    );
    assert_eq!(found("broker/relay.rs", "let a = super::super::session::Session;"), 1);
    assert_eq!(found("domain/ids.rs", "pub fn of(at: crate::store::Store) {}"), 1);

    assert_eq!(found("broker/relay.rs", "use crate::domain::ids; // as crate::session does\nuse super::actor;"), 0);
    assert_eq!(found("broker/relay.rs", "use crate::broker::Publish; use other_crate::session::Session;"), 0);
    assert_eq!(found("http/api/events.rs", "use super::super::problem::ApiError; use crate::{admin, auth};"), 0);
    assert_eq!(found("app/wiring.rs", "use crate::http;"), 0);
}

/// One file of `src/`.
struct Source {
    /// Relative to `src/`.
    path: String,
    /// The folder below `src/`, or the name of a file that stands there by itself.
    folder: String,
    /// Without comments.
    code: String,
    lines: usize,
}

impl Source {
    fn new(path: String, text: &str) -> Self {
        let first = path.split('/').next().unwrap_or_default();
        let folder = first.trim_end_matches(".rs").to_owned();
        let code: String =
            text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
        Self { path, folder, code, lines: text.lines().count() }
    }

    /// How many times `super` leads from this file to the root of the crate.
    fn depth(&self) -> usize {
        let names = self.path.trim_end_matches(".rs").split('/');
        names.filter(|name| !["mod", "lib", "main"].contains(name)).count()
    }
}

fn sources() -> Vec<Source> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut files = Vec::new();
    gather(&root, &mut files);
    assert!(files.len() > 10, "the sources are in `src/`");
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a source can be read");
        let path = file.strip_prefix(&root).expect("a source is below the root").display().to_string();
        Source::new(path, &text)
    };
    files.into_iter().map(read).collect()
}

fn gather(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            gather(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The functions of a file that are too long, those of tests left out: from the line of their name to the brace that stands
/// as far in.
fn long_functions(source: &Source) -> Vec<String> {
    let is_of_tests = source.path.contains("tests");
    let code = source.code.split("#[cfg(test)]\nmod tests {").next().filter(|_| !is_of_tests).unwrap_or_default();
    let lines: Vec<_> = code.lines().collect();
    let length = |(place, line): (usize, &&str)| {
        let margin = &line[..line.len() - line.trim_start().len()];
        let name = leading_name(&line[places(line, "fn ").next()?..]);
        let has_body = !line.trim_end().ends_with([';', '}']);
        let end = format!("{margin}}}");
        let length = lines[place..].iter().position(|line| **line == *end).filter(|_| has_body)?;
        (length > LONGEST_FUNCTION).then(|| format!("{}: `{name}` has {length} lines", source.path))
    };
    lines.iter().enumerate().filter_map(length).collect()
}

fn level_of(folder: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&folder))
}

fn wrong_uses(source: &Source) -> Vec<String> {
    let Some(own) = level_of(&source.folder) else { return Vec::new() };
    let allowed = |used: &str| used == source.folder || level_of(used).is_some_and(|level| level < own);
    let is_folder = |used: &str| level_of(used).is_some() || TOP.contains(&used);
    let used = used_folders(source).into_iter().filter(|used| is_folder(used) && !allowed(used));
    used.map(|used| format!("{} uses `{used}`", source.path)).collect()
}

/// The names after `crate::`, and after enough `super::` to reach the root.
fn used_folders(source: &Source) -> Vec<&str> {
    let up = "super::".repeat(source.depth());
    [up.as_str(), "crate::"]
        .iter()
        .flat_map(|root| places(&source.code, root).flat_map(|place| first_names(&source.code[place..])))
        .collect()
}

/// Whether the path occurs as a path of its own.
fn names(code: &str, path: &str) -> bool {
    places(code, path).next().is_some()
}

/// The places right after each occurrence of a path's beginning that is not the end of a longer name.
fn places<'a>(code: &'a str, path: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_whole = |place: usize| !code[..place].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    code.match_indices(path)
        .map(|(place, _)| place)
        .filter(move |place| is_whole(*place))
        .map(|place| place + path.len())
}

/// The first name of a path, or the first names of each path in braces.
fn first_names(rest: &str) -> Vec<&str> {
    let Some(list) = rest.strip_prefix('{') else { return vec![leading_name(rest)] };
    let mut names = vec![leading_name(list)];
    let mut depth = 0;
    for (place, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(leading_name(&list[place + 1..])),
            _ => {}
        }
    }
    names
}

fn leading_name(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}
