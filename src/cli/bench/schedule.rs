use std::time::Duration;

/// The times at which things are due at an even rate, fixed before the first is done.
///
/// Latency is measured from these times and not from when the sender got round to it: a hub that holds the sender up
/// cannot hide that (Tene's "coordinated omission").
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    rate: f64,
    senders: u64,
    sender: u64,
    count: u64,
    /// How many things of all senders are due at once.
    burst: u64,
}

impl Schedule {
    /// `rate` things a second for `duration`, divided among `senders` that take turns; this one is number `sender`.
    pub fn new(rate: f64, duration: Duration, senders: u64, sender: u64) -> Self {
        // Rates and durations are far below 2^53 things.
        let all = (rate * duration.as_secs_f64()).round() as u64;
        let count = all / senders + u64::from(sender < all % senders);

        Self { rate, senders, sender, count, burst: 1 }
    }

    /// The same rate, so many of all senders at once and then nothing for as long as that takes.
    pub fn in_bursts_of(self, burst: u64) -> Self {
        Self { burst: burst.max(1), ..self }
    }

    /// How many things are due in all.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// When thing number `number` is due, counted from the start.
    pub fn due(&self, number: u64) -> Duration {
        let place = number * self.senders + self.sender;

        Duration::from_secs_f64((place / self.burst * self.burst) as f64 / self.rate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn senders_do_all_of_it_together(rate in 0.5..5000.0, seconds in 1_u64..60, senders in 1_u64..20) {
            let duration = Duration::from_secs(seconds);
            let whole = Schedule::new(rate, duration, 1, 0).count();
            let parts: u64 = (0..senders).map(|sender| Schedule::new(rate, duration, senders, sender).count()).sum();

            prop_assert_eq!(whole, parts);
        }
    }

    #[test]
    fn things_are_due_at_even_distances() {
        let schedule = Schedule::new(100.0, Duration::from_secs(10), 1, 0);

        assert_eq!(schedule.count(), 1000);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(250), Duration::from_millis(2500));
    }

    #[test]
    fn those_of_a_burst_are_due_together() {
        let schedule = Schedule::new(20.0, Duration::from_secs(2), 1, 0).in_bursts_of(20);

        assert_eq!(schedule.count(), 40);
        assert_eq!((schedule.due(0), schedule.due(19)), (Duration::ZERO, Duration::ZERO));
        assert_eq!((schedule.due(20), schedule.due(39)), (Duration::from_secs(1), Duration::from_secs(1)));
        let one_of_many = Schedule::new(20.0, Duration::from_secs(2), 20, 7).in_bursts_of(20);
        assert_eq!((one_of_many.due(0), one_of_many.due(1)), (Duration::ZERO, Duration::from_secs(1)));
    }

    #[test]
    fn senders_take_turns() {
        let second = Schedule::new(100.0, Duration::from_secs(1), 2, 1);

        assert_eq!(second.count(), 50);
        assert_eq!(second.due(0), Duration::from_millis(10));
        assert_eq!(second.due(1), Duration::from_millis(30));
    }
}
