use std::time::Duration;

use serde_json::Value;

use super::{Heard, Outgoing};
use crate::cli::client::{Api, ClientError};

/// Readings of one request at most.
const LARGEST_BATCH: usize = 500;

/// `POST /api/v1/modules/{moduleId}/telemetry`: a request once a second at most, with all readings since the last one.
pub struct HttpLine {
    api: Api,
    id: String,
    batch: usize,
}

impl HttpLine {
    /// The requests of a module that reports at this pace.
    pub fn new(api: Api, id: &str, pace: Duration) -> Self {
        let a_second = 1.0 / pace.as_secs_f64().max(f64::EPSILON);
        Self { api, id: id.to_owned(), batch: (a_second.round() as usize).clamp(1, LARGEST_BATCH) }
    }

    /// How many readings may be in a request.
    pub const fn window(&self) -> usize {
        LARGEST_BATCH
    }

    /// How many readings are waited for.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Sends one request, and answers what became of its readings.
    pub async fn send(&mut self, readings: &[Outgoing]) -> Result<Vec<Heard>, ClientError> {
        let mut bodies: Vec<Value> = readings.iter().map(|outgoing| outgoing.reading.json()).collect();
        let body = if bodies.len() == 1 { bodies.remove(0) } else { Value::from(bodies) };
        let heard = match self.api.push(&self.id, &body).await {
            Ok(()) => Heard::Taken,
            Err(error) if matches!(error.status(), Some(400 | 403 | 404 | 413 | 422)) => {
                tracing::warn!(module.id = self.id, %error, "readings were refused");
                Heard::Refused
            }
            Err(error) => return Err(error),
        };
        Ok([Heard::Welcome].into_iter().chain(readings.iter().map(|outgoing| heard(outgoing.number))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reports_often_sends_once_a_second() {
        let address = "http://127.0.0.1:1".parse().unwrap();
        actix::System::new().block_on(async {
            let batch = |pace| HttpLine::new(Api::new(&address), "A", pace).batch();
            assert_eq!(batch(Duration::from_secs(10)), 1);
            assert_eq!(batch(Duration::from_secs(1)), 1);
            assert_eq!(batch(Duration::from_millis(50)), 20);
        });
    }
}
