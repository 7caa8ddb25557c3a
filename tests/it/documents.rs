//! What the documents say is true.

use std::fs;
use std::path::Path;

/// The text of every Rust file below a folder.
fn rust_below(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let text = |path: &Path| fs::read_to_string(path).expect("a text");
    entries
        .map(|path| match path.extension() {
            Some(extension) if extension == "rs" => text(&path),
            _ if path.is_dir() && !path.ends_with("node_modules") => rust_below(&path),
            _ => String::new(),
        })
        .collect()
}

#[test]
fn every_invariant_names_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("src/lib.rs")).expect("the map is there").replace("\n//! ", " ");
    let code = rust_below(&root.join("src")) + &rust_below(&root.join("tests"));
    let words = map.split_whitespace().collect::<Vec<_>>().join(" ");
    let named: Vec<_> =
        words.split("test `").skip(1).filter_map(|rest| rest.split_once('`')).map(|(name, _)| name).collect();

    assert!(named.len() >= 20, "{named:?}");
    for name in named {
        assert!(code.contains(&format!("fn {name}(")), "there is no test `{name}`");
    }
}

#[test]
fn the_readme_names_commands_and_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("the readme is there");
    for path in
        ["tests/run", "config/carillon.toml", "static/lib/carillon.js", "tests/it/architecture.rs", "src/lib.rs"]
    {
        assert!(readme.contains(path) && root.join(path).exists(), "{path}");
    }
}
