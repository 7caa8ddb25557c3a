use std::time::Duration;

use awc::http::StatusCode;

use crate::cli::{
    CliError,
    bench::{
        process::{Usage, handles_and_threads},
        report::{Report, Series},
        target::Target,
        trend::Trend,
    },
    client::ClientError,
};

const MIB: f64 = 1_048_576.0;
const KIB: f64 = 1024.0;
const HOUR: f64 = 3600.0;

/// What is noted of the hub: its name in JSON and in the table.
const QUANTITIES: [(&str, &str); 11] = [
    ("residentMib", "memory (RSS), MiB"),
    ("files", "open files"),
    ("threads", "threads"),
    ("sockets", "connections"),
    ("parting", "being sent away"),
    ("watching", "pages watched"),
    ("queuedKib", "queued, KiB"),
    ("actors", "module actors"),
    ("online", "modules online"),
    ("journal", "events kept"),
    ("unsealed", "readings unsealed"),
];
const FILES: usize = 1;
/// What has to be back when everybody has gone.
const FLEETING: [usize; 5] = [FILES, 3, 4, 5, 6];

/// What the hub was seen to have at a moment.
#[derive(Debug, Clone)]
pub struct Note {
    at: Duration,
    values: Vec<f64>,
}

impl Note {
    /// Looks at the hub's process, if it is known, and at its own figures.
    ///
    /// # Errors
    /// [`CliError`] when the process is gone or the hub does not tell its figures.
    pub async fn take(target: &Target, token: &str, at: Duration) -> Result<Self, CliError> {
        let text = read_figures(target, token).await?;
        let told = |name: &str| sum(&text, name);
        let (resident, files, threads) = match target.pid() {
            Some(pid) => {
                let (files, threads) = handles_and_threads(pid)?;
                (Usage::of(pid)?.resident as f64, files as f64, threads as f64)
            }
            None => (told("carillon_process_resident_memory_bytes"), told("carillon_process_open_files"), f64::NAN),
        };
        let values = vec![
            resident / MIB,
            files,
            threads,
            told("carillon_sockets_open"),
            told("carillon_sockets_parting"),
            told("carillon_sessions"),
            told("carillon_outbox_bytes") / KIB,
            told("carillon_module_actors_active"),
            told("carillon_modules_online"),
            told("carillon_journal_events"),
            told("carillon_telemetry_unsealed"),
        ];

        Ok(Self { at, values })
    }

    /// What there is more of than at another moment, of that which has to be gone with those who used it.
    pub fn left_over(&self, before: &Self) -> Vec<String> {
        let more = |index: &usize| {
            let (now, then) = (self.values[*index], before.values[*index]);
            (now > then).then(|| format!("{} {now:.0} instead of {then:.0}", QUANTITIES[*index].1))
        };

        FLEETING.iter().filter_map(more).collect()
    }

    /// How many files are open.
    pub fn files(&self) -> f64 {
        self.values[FILES]
    }
}

/// Adds all notes, and of each quantity the first, the last, the largest and what an hour adds, after the first fifth.
pub fn report_notes(report: &mut Report, notes: &[Note]) {
    let warm = &notes[notes.len() / 5..];
    let trend_of = |(index, (key, _)): (usize, &(&str, &str))| {
        let points: Vec<_> = warm.iter().map(|note| (note.at.as_secs_f64() / HOUR, note.values[index])).collect();
        let values = points.iter().map(|point| point.1);
        let largest = values.clone().fold(f64::NAN, f64::max);
        let ends = [points.first(), points.last()].map(|point| point.map_or(f64::NAN, |point| point.1));
        let trend = Trend::of(&points);
        let slope = trend.map_or(f64::NAN, |trend| trend.slope);
        let straightness = trend.map_or(f64::NAN, |trend| trend.straightness);
        ((*key).to_owned(), vec![ends[0], ends[1], largest, slope, straightness])
    };
    let rows = QUANTITIES.iter().enumerate().map(trend_of).collect();
    let columns = [
        ("of", "after the first fifth"),
        ("first", "first"),
        ("last", "last"),
        ("largest", "largest"),
        ("perHour", "per hour"),
        ("straightness", "r²"),
    ];
    report.series(Series { key: "trends", columns: columns.to_vec(), rows });

    let columns = std::iter::once(("seconds", "seconds")).chain(QUANTITIES).collect();
    let rows = notes.iter().map(|note| (format!("{:.0}", note.at.as_secs_f64()), note.values.clone())).collect();
    report.series(Series { key: "notes", columns, rows });
}

/// Asks for the figures on a connection of its own, which is gone at once.
async fn read_figures(target: &Target, token: &str) -> Result<String, CliError> {
    let address = target.account().0.http("/metrics");
    let what = || "`GET /metrics`".to_owned();
    let asking = awc::Client::default().get(&address).bearer_auth(token).force_close().send();
    let mut answer = asking
        .await
        .map_err(|error| ClientError::Unreachable { address: address.clone(), cause: error.to_string() })?;
    let body = answer.body().await.map_err(|error| ClientError::Answer { what: what(), cause: error.to_string() })?;
    let text = String::from_utf8_lossy(&body).into_owned();
    if answer.status() != StatusCode::OK {
        let status = answer.status().as_u16();
        return Err(ClientError::Refused { what: what(), status, detail: text, retry_after: None }.into());
    }

    Ok(text)
}

/// The sum of all samples of a figure; 0 for one that was never counted.
fn sum(text: &str, name: &str) -> f64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let rest = if rest.starts_with('{') { rest.split_once('}')?.1 } else { rest };
        rest.strip_prefix(' ')?.parse::<f64>().ok()
    };

    text.lines().filter_map(value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(second: u64, value: f64) -> Note {
        Note { at: Duration::from_secs(second), values: vec![value; QUANTITIES.len()] }
    }

    #[test]
    fn all_samples_of_a_figure_are_added() {
        let text = "# TYPE carillon_sockets_open gauge\ncarillon_sockets_open{door=\"ws\"} 3\n\
                    carillon_sockets_open{door=\"sse\"} 2\ncarillon_sockets_open_ever 9\ncarillon_outbox_bytes 70\n";

        assert_eq!(sum(text, "carillon_sockets_open"), 5.0);
        assert_eq!(sum(text, "carillon_outbox_bytes"), 70.0);
        assert_eq!(sum(text, "carillon_sessions"), 0.0);
    }

    #[test]
    fn the_first_fifth_is_no_part_of_the_trend() {
        let mut report = Report::new("soak");
        let notes: Vec<_> = (0..10).map(|hour| note(hour * 3600, if hour < 2 { 500.0 } else { hour as f64 })).collect();

        report_notes(&mut report, &notes);

        let json = report.json();
        let expected = serde_json::json!({
            "of": "files", "first": 2, "last": 9, "largest": 9, "perHour": 1, "straightness": 1
        });
        assert_eq!(json["trends"][FILES], expected);
        assert_eq!(json["notes"].as_array().unwrap().len(), 10);
    }

    #[test]
    fn what_must_be_gone_is_told_and_memory_is_not() {
        assert!(note(9, 3.0).left_over(&note(0, 3.0)).is_empty());
        let left = note(9, 4.0).left_over(&note(0, 3.0));

        assert_eq!(left.len(), FLEETING.len());
        assert_eq!(left[0], "open files 4 instead of 3");
    }
}
