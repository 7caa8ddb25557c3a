use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{digits, number};

/// The same figures of several things, a row for each.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name in JSON.
    pub key: &'static str,
    /// What the things are, and the unit of their figures: `key` in JSON, heading in the table.
    pub columns: Vec<(&'static str, &'static str)>,
    /// What a thing is called, and its figures; NaN for what is not known.
    pub rows: Vec<(String, Vec<f64>)>,
}

impl Series {
    /// A row as an object, all of them as an array.
    pub(super) fn json(&self) -> Value {
        let row = |(name, values): &(String, Vec<f64>)| {
            let names = std::iter::once(json!(name)).chain(values.iter().map(|value| number(*value)));
            self.columns.iter().map(|(key, _)| (*key).to_owned()).zip(names).collect::<Map<_, _>>()
        };

        self.rows.iter().map(row).collect()
    }

    /// Writes the rows under their headings, behind an empty line.
    pub(super) fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let heading = self.columns.iter().map(|(_, heading)| (*heading).to_owned()).collect();
        let cells = |(name, values): &(String, Vec<f64>)| {
            std::iter::once(name.clone()).chain(values.iter().map(|value| digits(*value))).collect()
        };
        let lines: Vec<Vec<String>> = std::iter::once(heading).chain(self.rows.iter().map(cells)).collect();
        writeln!(out)?;
        for line in &lines {
            for (index, cell) in line.iter().enumerate() {
                let width = lines.iter().filter_map(|line| line.get(index)).map(|cell| cell.chars().count()).max();
                let width = width.unwrap_or_default();
                if index == 0 { write!(out, "  {cell:<width$}")? } else { write!(out, "  {cell:>width$}")? }
            }
            writeln!(out)?;
        }

        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Report;
    use super::*;

    #[test]
    fn a_series_has_a_row_for_each_thing() {
        let mut report = Report::new("growth");
        let columns = vec![("size", "clients"), ("cpuUs", "CPU, µs"), ("rssMib", "RSS, MiB")];
        let rows = vec![("1000".to_owned(), vec![1.5, 40.0]), ("5000".to_owned(), vec![f64::NAN, 60.25])];
        report.series(Series { key: "sizes", columns, rows });
        let mut out = Vec::new();

        report.write_table(&mut out).unwrap();

        let first = json!({ "size": "1000", "cpuUs": 1.5, "rssMib": 40 });
        let second = json!({ "size": "5000", "cpuUs": null, "rssMib": 60.25 });
        assert_eq!(report.json()["sizes"], json!([first, second]));
        let table =
            "growth\n\n  clients  CPU, µs  RSS, MiB\n  1000        1.50        40\n  5000           -     60.25\n";
        assert_eq!(String::from_utf8(out).unwrap(), table);
    }
}
