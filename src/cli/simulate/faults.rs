use std::time::Duration;

use clap::Args;
use rand::Rng;

use super::parse_share;
use crate::cli::{CliError, duration::parse_duration};

/// How late a reading is at most, in reports of its module.
const LATEST: u32 = 20;

/// What goes wrong between modules and hub. Shares are of all readings, from 0 to 1, and exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Default, Args)]
#[command(next_help_heading = "Faults")]
pub struct Faults {
    /// Share of the readings that are lost before anybody sends them
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = parse_share)]
    pub drop: f64,
    /// Share that is sent twice
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = parse_share)]
    pub duplicate: f64,
    /// Share that is sent 2 to 20 reports later
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = parse_share)]
    pub late: f64,
    /// Share that is sent behind the next one
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = parse_share)]
    pub out_of_order: f64,
    /// Share that is corrected: sent again with other values of the same time, once acknowledged
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = parse_share)]
    pub revise: f64,
    /// Share of the reports at which the connection breaks off before anything is answered
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = parse_share)]
    pub disconnect: f64,
    /// How far the clocks of the modules are wrong at most, ahead or behind, for instance `5m`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub clock_skew: Option<Duration>,
}

/// What becomes of one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is sent.
    Sent,
    /// It is never sent.
    Lost,
    /// It is sent twice.
    Twice,
    /// It is sent so many reports later.
    Held(u32),
    /// It is sent, and once it is acknowledged sent again with other values.
    Revised,
}

impl Faults {
    /// Refuses shares that are more than everything.
    ///
    /// # Errors
    /// [`CliError::Usage`].
    pub fn check(&self) -> Result<(), CliError> {
        let all = self.drop + self.duplicate + self.late + self.out_of_order + self.revise;
        if all <= 1.0 {
            return Ok(());
        }
        Err(CliError::Usage(format!("the shares of faulty readings come to {all}; let them be 1 or less together")))
    }

    /// The fate of the next reading, and whether the connection breaks off behind it.
    ///
    /// Takes as many numbers whatever comes of them, so that one fault more does not change all that follow.
    pub fn draw(&self, random: &mut impl Rng) -> (Fate, bool) {
        let (mut place, late, breaks_off) = (random.random::<f64>(), random.random_range(2..=LATEST), random.random());
        let fates = [
            (self.drop, Fate::Lost),
            (self.duplicate, Fate::Twice),
            (self.late, Fate::Held(late)),
            (self.out_of_order, Fate::Held(1)),
            (self.revise, Fate::Revised),
        ];
        let mut drawn = Fate::Sent;
        for (share, fate) in fates {
            if (0.0..share).contains(&place) {
                drawn = fate;
            }
            place -= share;
        }
        (drawn, breaks_off_at(self.disconnect, breaks_off))
    }
}

fn breaks_off_at(share: f64, drawn: f64) -> bool {
    drawn < share
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn faults_come_as_often_as_asked() {
        let faults =
            Faults { drop: 0.1, duplicate: 0.2, late: 0.3, out_of_order: 0.1, disconnect: 0.05, ..Faults::default() };
        let mut random = StdRng::seed_from_u64(1);
        let drawn: Vec<_> = (0..10_000).map(|_| faults.draw(&mut random)).collect();
        let share = |is_so: fn(&(Fate, bool)) -> bool| drawn.iter().filter(|drawn| is_so(drawn)).count() / 100;

        assert!((9..=11).contains(&share(|drawn| drawn.0 == Fate::Lost)));
        assert!((19..=21).contains(&share(|drawn| drawn.0 == Fate::Twice)));
        assert!((29..=31).contains(&share(|drawn| matches!(drawn.0, Fate::Held(2..)))));
        assert!((9..=11).contains(&share(|drawn| drawn.0 == Fate::Held(1))));
        assert!((4..=6).contains(&share(|drawn| drawn.1)));
        assert!(drawn.iter().all(|drawn| drawn.0 != Fate::Revised));
    }

    #[test]
    fn without_faults_everything_is_sent() {
        let mut random = StdRng::seed_from_u64(1);
        assert!((0..1000).all(|_| Faults::default().draw(&mut random) == (Fate::Sent, false)));
    }

    #[test]
    fn more_faults_than_readings_are_refused() {
        assert!(Faults { drop: 0.6, late: 0.4, ..Faults::default() }.check().is_ok());
        assert!(Faults { drop: 0.7, late: 0.4, ..Faults::default() }.check().is_err());
    }
}
