//! The given values by key, and how a section takes its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use toml::Value;

use super::{fault::Fault, setting::Setting};

/// One section of the configuration.
pub trait Section {
    /// Takes the given value of every key the section has.
    fn keys(&mut self, keys: &mut Keys<'_>);

    /// Reports what is wrong with the values, alone or together.
    fn check(&self, checks: &mut Checks<'_>) {
        let _ = checks;
    }
}

/// A value somebody gave, and where.
#[derive(Debug, Clone)]
pub struct Given {
    readings: Vec<Value>,
    text: String,
    from: String,
}

impl Given {
    /// A value of the file.
    fn value(value: Value, from: &str) -> Self {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Self { readings: vec![value], text, from: format!("`{from}`") }
    }

    /// A text from outside a file: taken as it stands, else as a TOML value, else as a list parted by commas.
    pub fn text(text: String, from: &str) -> Self {
        let mut readings = vec![Value::String(text.clone())];
        if let Ok(mut table) = format!("value = {text}").parse::<toml::Table>() {
            readings.extend(table.remove("value"));
        }
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        readings.push(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()));
        Self { readings, text, from: format!("`{from}`") }
    }
}

/// All given values; a later one for the same key replaces an earlier one.
#[derive(Debug, Default)]
pub struct Layers {
    given: BTreeMap<String, Given>,
    known: BTreeSet<String>,
}

impl Layers {
    /// Adds the values of a file; a file that cannot be read is a fault.
    pub fn add_file(&mut self, path: &Path, faults: &mut Vec<Fault>) {
        let name = path.display().to_string();
        let parsed = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot be read ({error}); name an existing file with `--config`"))
            .and_then(|text| text.parse::<toml::Table>().map_err(|error| syntax(&text, &error)));
        match parsed {
            Ok(table) => self.add_table(table, &name),
            Err(advice) => faults.push(Fault { key: name, given: None, from: None, advice }),
        }
    }

    fn add_table(&mut self, table: toml::Table, file: &str) {
        for (section, value) in table {
            match value {
                Value::Table(keys) => {
                    for (key, value) in keys {
                        self.set(format!("{section}.{key}"), Given::value(value, file));
                    }
                }
                value => self.set(section, Given::value(value, file)),
            }
        }
    }

    /// Gives a key a value.
    pub fn set(&mut self, key: String, given: Given) {
        self.given.insert(key, given);
    }

    /// Lets a section take its values and check them.
    pub fn read(&mut self, name: &'static str, section: &mut dyn Section, faults: &mut Vec<Fault>) {
        let mut keys = Keys { section: name, layers: self, taken: BTreeMap::new(), faults };
        section.keys(&mut keys);
        let taken = keys.taken;
        section.check(&mut Checks { section: name, taken, faults });
    }

    /// The keys that exist, as far as sections have been read.
    #[cfg(test)]
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(String::as_str)
    }

    /// What nobody took: keys that do not exist.
    pub fn unknown(&self) -> impl Iterator<Item = Fault> + '_ {
        self.given.iter().map(|(key, given)| {
            let nearest = self.known.iter().map(|known| (distance(known, key), known)).min();
            let advice = match nearest {
                Some((distance, known)) if distance <= 4 => format!("no such key; did you mean `{known}`?"),
                _ => "no such key; remove it".to_owned(),
            };
            Fault { key: key.clone(), given: None, from: Some(given.from.clone()), advice }
        })
    }
}

/// Hands a section its values.
#[derive(Debug)]
pub struct Keys<'a> {
    section: &'static str,
    layers: &'a mut Layers,
    taken: BTreeMap<&'static str, Given>,
    faults: &'a mut Vec<Fault>,
}

impl Keys<'_> {
    /// Sets `target` to the given value of `key`; without one, or with a wrong one, it stays as it is.
    pub fn key<T: Setting>(&mut self, key: &'static str, target: &mut T) {
        let name = format!("{}.{key}", self.section);
        let given = self.layers.given.remove(&name);
        self.layers.known.insert(name.clone());
        let Some(mut given) = given else { return };
        match given.readings.iter().find_map(T::from_value) {
            Some(value) => {
                if T::SECRET {
                    given.text.clear();
                }
                *target = value;
                self.taken.insert(key, given);
            }
            None => self.faults.push(Fault {
                key: name,
                given: (!T::SECRET).then_some(given.text),
                from: Some(given.from),
                advice: format!("must be {}", T::EXPECTED),
            }),
        }
    }
}

/// Gathers what a section finds wrong with its values.
#[derive(Debug)]
pub struct Checks<'a> {
    section: &'static str,
    taken: BTreeMap<&'static str, Given>,
    faults: &'a mut Vec<Fault>,
}

impl Checks<'_> {
    /// Reports `advice` for `key` unless `holds`.
    pub fn require(&mut self, holds: bool, key: &'static str, advice: &str) {
        if holds {
            return;
        }
        let taken = self.taken.get(key);
        self.faults.push(Fault {
            key: format!("{}.{key}", self.section),
            given: taken.map(|given| given.text.clone()).filter(|text| !text.is_empty()),
            from: taken.map(|given| given.from.clone()),
            advice: advice.to_owned(),
        });
    }
}

/// The line and the fault, without the text of the line: it may hold a secret.
fn syntax(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("is not valid TOML at line {line}: {}", error.message().replace('\n', ", "))
}

/// Levenshtein's edit distance.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.chars().enumerate() {
            let substituted = diagonal + usize::from(l != r);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}
