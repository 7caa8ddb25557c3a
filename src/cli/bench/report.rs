use std::{
    borrow::Cow,
    io::{self, Write},
    time::Duration,
};

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

mod series;

pub use series::Series;

/// Latencies in microseconds, up to a minute, to three digits.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

/// What a measurement found: figures with their names, and what is not in order.
#[derive(Debug, Default)]
pub struct Report {
    name: &'static str,
    figures: Vec<Figure>,
    series: Vec<Series>,
    faults: Vec<String>,
}

#[derive(Debug)]
struct Figure {
    key: Cow<'static, str>,
    label: Cow<'static, str>,
    value: f64,
    unit: &'static str,
}

impl Latencies {
    const LONGEST: u64 = 60_000_000;

    /// Nothing measured yet.
    pub fn new() -> Self {
        // The bounds are constants that hdrhistogram takes.
        #[expect(clippy::expect_used, reason = "constant bounds")]
        let histogram = Histogram::new_with_bounds(1, Self::LONGEST, 3).expect("bounds are valid");

        Self(histogram)
    }

    /// Takes in one latency.
    pub fn record(&mut self, latency: Duration) {
        // A minute has 6·10^7 µs, far from the end of the type.
        self.0.saturating_record((latency.as_micros() as u64).clamp(1, Self::LONGEST));
    }

    /// Takes in all of another measurement.
    pub fn add(&mut self, other: &Self) {
        self.0 += &other.0;
    }

    /// How many were taken in.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that `share` of all stay below, in milliseconds.
    pub fn quantile(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1000.0
    }

    /// The longest, in milliseconds.
    pub fn max(&self) -> f64 {
        self.0.max() as f64 / 1000.0
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Report {
    /// A report without figures.
    pub fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Adds a figure: `key` in JSON, `label` and `unit` in the table.
    pub fn figure(&mut self, key: &'static str, label: &'static str, value: f64, unit: &'static str) {
        self.figures.push(Figure { key: key.into(), label: label.into(), value, unit });
    }

    /// A figure of this report by its key in JSON.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.key == key).map(|figure| figure.value)
    }

    /// Adds the figures of several things.
    pub fn series(&mut self, series: Series) {
        self.series.push(series);
    }

    /// Adds a number of things.
    pub fn count(&mut self, key: &'static str, label: &'static str, value: u64) {
        self.figure(key, label, value as f64, "");
    }

    /// Adds the median, the 99th percentile and the longest of some latencies; nothing when none were measured.
    pub fn latencies(&mut self, names: [(&'static str, &'static str); 3], latencies: &Latencies) {
        if latencies.count() == 0 {
            return;
        }
        let values = [latencies.quantile(0.5), latencies.quantile(0.99), latencies.max()];
        for ((key, label), value) in names.into_iter().zip(values) {
            self.figure(key, label, value, "ms");
        }
    }

    /// Adds a count that has to be zero; otherwise the measurement fails.
    pub fn must_be_none(&mut self, key: &'static str, label: &'static str, value: u64) {
        self.count(key, label, value);
        if value > 0 {
            self.faults.push(format!("{value} {label}"));
        }
    }

    /// Takes over the same measurement of another server, named after it: of the `floor` comes `floorCpu` where there is
    /// `serverCpu` here, and `floorFrames` beside `frames`.
    pub fn put_beside(&mut self, other: Self) {
        let word = other.name;
        self.add_faults(word, &other);
        self.figures.extend(other.figures.into_iter().map(|figure| {
            let key = figure.key.strip_prefix("server").map_or_else(|| capitalised(&figure.key), str::to_owned);
            let label = figure.label.strip_prefix("server ").unwrap_or(&figure.label);
            Figure { key: format!("{word}{key}").into(), label: format!("{word}: {label}").into(), ..figure }
        }));
    }

    /// Takes over what was not in order in a part of this measurement.
    pub fn add_faults(&mut self, of: &str, part: &Self) {
        self.faults.extend(part.faults.iter().map(|fault| format!("{fault} ({of})")));
    }

    /// Adds something that is not in order.
    pub fn fault_of(&mut self, what: String) {
        self.faults.push(what);
    }

    /// What is not in order, in one sentence; `None` when all is.
    pub fn fault(&self) -> Option<String> {
        (!self.faults.is_empty()).then(|| format!("{}: {}", self.name, self.faults.join(", ")))
    }

    /// Writes the report as a table for people.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.name)?;
        for Figure { label, value, unit, .. } in &self.figures {
            let line = format!("  {label:<36}{:>14} {unit}", digits(*value));
            writeln!(out, "{}", line.trim_end())?;
        }

        self.series.iter().try_for_each(|series| series.write_table(out))
    }

    /// The report as one JSON object.
    pub fn json(&self) -> Value {
        let figures: Map<_, _> =
            self.figures.iter().map(|figure| (figure.key.clone().into_owned(), number(figure.value))).collect();

        let mut report = json!({ "bench": self.name, "figures": figures, "faults": self.faults });
        for series in &self.series {
            report[series.key] = series.json();
        }
        report
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// A number as people read it: whole when it is large or whole, else with two digits.
fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    if value.fract() == 0.0 || value.abs() >= 10_000.0 { grouped(value.round()) } else { format!("{value:.2}") }
}

/// A whole number in groups of three digits.
fn grouped(value: f64) -> String {
    let plain = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }

    text
}

/// A number for JSON: whole when it is whole, else with three digits.
fn number(value: f64) -> Value {
    // Whole figures are counts, far below 2^53.
    if value.fract() == 0.0 { json!(value as i64) } else { json!((value * 1000.0).round() / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_in_milliseconds() {
        let mut latencies = Latencies::new();
        for milliseconds in 1..=100 {
            latencies.record(Duration::from_millis(milliseconds));
        }

        assert!((latencies.quantile(0.5) - 50.0).abs() < 0.1);
        assert!((latencies.quantile(0.99) - 99.0).abs() < 0.1);
        assert!((latencies.max() - 100.0).abs() < 0.1);
    }

    #[test]
    fn a_latency_beyond_the_scale_counts_as_the_longest() {
        let mut latencies = Latencies::new();

        latencies.record(Duration::from_secs(600));

        assert_eq!(latencies.count(), 1);
        assert!(latencies.max() >= 60_000.0);
    }

    #[test]
    fn numbers_are_grouped_or_have_two_digits() {
        assert_eq!(digits(1_234_567.0), "1 234 567");
        assert_eq!(digits(123.0), "123");
        assert_eq!(digits(1.234), "1.23");
        assert_eq!(digits(98_765.4), "98 765");
    }

    #[test]
    fn a_count_that_must_be_none_is_a_fault() {
        let mut report = Report::new("fanout");
        report.must_be_none("lost", "lost", 0);
        assert_eq!(report.fault(), None);

        report.must_be_none("doubled", "doubled", 3);

        assert_eq!(report.fault().as_deref(), Some("fanout: 3 doubled"));
        assert_eq!(report.json()["figures"]["doubled"], 3);
    }

    #[test]
    fn what_another_server_came_to_is_named_after_it() {
        let mut floor = Report::new("floor");
        floor.figure("serverCpuUs", "server CPU", 2.0, "µs");
        floor.must_be_none("failed", "messages refused", 3);
        let mut report = Report::new("ingest");
        report.figure("serverCpuUs", "server CPU", 5.0, "µs");

        report.put_beside(floor);

        let figures: Vec<_> =
            report.figures.iter().map(|figure| (&*figure.key, &*figure.label, figure.value)).collect();
        let expected = [
            ("serverCpuUs", "server CPU", 5.0),
            ("floorCpuUs", "floor: CPU", 2.0),
            ("floorFailed", "floor: messages refused", 3.0),
        ];
        assert_eq!(figures, expected);
        assert_eq!(report.fault().as_deref(), Some("ingest: 3 messages refused (floor)"));
    }

    #[test]
    fn the_table_has_a_line_for_each_figure() {
        let mut report = Report::new("idle");
        report.figure("memory", "memory of a session", 2.9, "KiB");
        let mut out = Vec::new();

        report.write_table(&mut out).unwrap();

        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("idle\n  {:<36}{:>14} KiB\n", "memory of a session", "2.90")
        );
    }
}
