use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{
    report::{Report, Series},
    trend::Trend,
};
use crate::cli::{CliError, duration::parse_duration};

mod loads;

use loads::Load;

/// The same load at several sizes, each on a fresh hub: what one client, topic, module or event more costs
#[derive(Debug, Clone, Args)]
pub struct GrowthArgs {
    /// What there is more and more of
    #[arg(value_enum)]
    of: Growing,
    /// The sizes, such as `1000,5000,10000`; each kind of thing has its own
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    sizes: Vec<u32>,
    /// How long each load lasts
    #[arg(long, default_value = "5s", value_parser = parse_duration)]
    duration: Duration,
    /// Events in a second, to all clients; where topics grow, over all of them
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Clients where something else grows
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Modules online at most where modules grow; each is a connection, of which a process may have so many
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    online: u32,
    /// Events that each client has missed where the journal grows
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    missed: u32,
}

/// What there is more and more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Growing {
    /// Clients, first idle, then with events to all of them.
    Clients,
    /// Topics that every client listens to; events and deliveries stay as many.
    Topics,
    /// Modules that are registered.
    Modules,
    /// Events in the journal that clients come back to.
    Journal,
}

/// Something that is measured at each size.
pub struct Quantity {
    /// Its name in JSON, and in the table with its unit.
    names: (&'static str, &'static str),
    /// Which load it is of.
    load: usize,
    /// What it is, by the report of that load and the size.
    of: fn(&Report, f64) -> Option<f64>,
}

impl Growing {
    fn sizes(self) -> Vec<u32> {
        match self {
            Self::Clients => vec![1000, 5000, 10_000, 19_000],
            Self::Topics => vec![1, 10, 100, 1000],
            Self::Modules => vec![1, 1000, 10_000, 100_000],
            Self::Journal => vec![1000, 10_000, 100_000, 1_000_000],
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Topics => "topics",
            Self::Modules => "modules",
            Self::Journal => "events kept",
        }
    }
}

/// Measures size after size, and lays a line through what each quantity came to.
pub async fn measure(args: &GrowthArgs) -> Result<Report, CliError> {
    let mut sizes = if args.sizes.is_empty() { args.of.sizes() } else { args.sizes.clone() };
    sizes.sort_unstable();
    sizes.dedup();
    let loads: Vec<Vec<Load>> = sizes.iter().map(|size| args.loads(*size, &sizes)).collect::<Result<_, _>>()?;
    let mut report = Report::new("growth");
    let mut rows = Vec::new();
    for (size, loads) in sizes.iter().zip(&loads) {
        let mut parts = Vec::new();
        for load in loads {
            let part = load.measure().await?;
            report.add_faults(&format!("{size} {}", args.of.word()), &part);
            parts.push(part);
        }
        let of = |quantity: &Quantity| {
            parts.get(quantity.load).and_then(|part| (quantity.of)(part, f64::from(*size))).unwrap_or(f64::NAN)
        };
        rows.push((*size, args.of.quantities().iter().map(of).collect()));
    }
    report_growth(&mut report, args.of, &rows);

    Ok(report)
}

fn report_growth(report: &mut Report, of: Growing, rows: &[(u32, Vec<f64>)]) {
    let names = of.quantities().iter().map(|quantity| quantity.names);
    let columns = std::iter::once(("size", of.word())).chain(names).collect();
    let sizes = rows.iter().map(|(size, values)| (size.to_string(), values.clone())).collect();
    report.series(Series { key: "sizes", columns, rows: sizes });

    let trend = |(index, quantity): (usize, &Quantity)| {
        let points: Vec<_> = rows.iter().map(|(size, values)| (f64::from(*size), values[index])).collect();
        let values = Trend::of(&points).map(|trend| vec![trend.slope, trend.start, trend.straightness]);
        (quantity.names.0.to_owned(), values.unwrap_or_else(|| vec![f64::NAN; 3]))
    };
    let trends = of.quantities().iter().enumerate().map(trend).collect();
    let columns = [("of", "line through it"), ("slope", "for each more"), ("start", "at none"), ("straightness", "r²")];
    report.series(Series { key: "trends", columns: columns.to_vec(), rows: trends });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_laid_through_each_quantity() {
        let mut report = Report::new("growth");
        let many = Growing::Modules.quantities().len();
        let rows = [(1, vec![12.0; many]), (11, vec![32.0; many])];

        report_growth(&mut report, Growing::Modules, &rows);

        let json = report.json();
        let first = Growing::Modules.quantities()[0].names.0;
        let expected = serde_json::json!({ "of": first, "slope": 2, "start": 10, "straightness": 1 });
        assert_eq!(json["trends"][0], expected);
        assert_eq!(json["sizes"][1]["size"], "11");
        assert_eq!(json["sizes"][1][first], 32);
    }
}
