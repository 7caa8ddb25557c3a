//! How much there will be in a month; pure.

use std::time::Duration;

use crate::store::growth::Grown;

const DAY: Duration = Duration::from_secs(86_400);
/// So many days on.
const MONTH: f64 = 30.0;
/// What is younger counts as old as this: how fast it grows cannot be said more exactly.
const AGE_MIN: Duration = Duration::from_secs(60);

/// So many days back is looked at for how fast it grows.
const WEEK: i64 = 7;
/// How fast it grows cannot be told by a shorter time, in milliseconds.
const SPAN_MIN: i64 = 600_000;

/// What is kept of one tier of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// How many bytes.
    pub bytes: i64,
    /// How old the oldest of them is.
    pub age: Duration,
    /// How long it is kept; none for ever.
    pub kept_for: Option<Duration>,
}

impl Holding {
    fn days(&self) -> f64 {
        self.age.max(AGE_MIN).div_duration_f64(DAY)
    }

    /// How fast it has grown, in bytes a day.
    fn pace(&self) -> f64 {
        self.bytes as f64 / self.days()
    }

    /// What will be there of it, if so much comes on a day: of what is there the part that is young enough to be kept until
    /// then, taking it to have come evenly, and what comes within the time it is kept for.
    fn in_a_month(&self, growth: f64) -> f64 {
        let kept_for = self.kept_for.map_or(f64::INFINITY, |span| span.div_duration_f64(DAY));
        let stays = ((kept_for - MONTH) / self.days()).clamp(0.0, 1.0);
        self.bytes as f64 * stays + growth * kept_for.min(MONTH)
    }
}

/// How many bytes there will be in thirty days, if as many come on each day as did lately: no more than the rules keep, and
/// no more than there may be in all. What comes is taken to go to each holding as fast as that has grown.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "bytes; what is greater than a number can say is as much as it can"
)]
pub fn in_a_month(holdings: &[Holding], growth: i64, max_bytes: Option<i64>) -> i64 {
    let pace: f64 = holdings.iter().map(Holding::pace).sum();
    let growth = if pace > 0.0 { growth.max(0) as f64 / pace } else { 0.0 };
    let bytes: f64 = holdings.iter().map(|holding| holding.in_a_month(growth * holding.pace())).sum();
    (bytes.round() as i64).min(max_bytes.unwrap_or(i64::MAX))
}

/// Bytes that come on a day, by the last days on which some came, of which the oldest stands first: the mean of the whole
/// ones of the last week; if there were no days before it, what has come since the first reading. None if that is not long
/// enough to tell.
#[must_use]
pub fn growth(days: &[Grown], today: i64) -> Option<i64> {
    let recent: Vec<&Grown> = days.iter().filter(|grown| grown.day >= today - WEEK).collect();
    let whole: Vec<i64> = recent.iter().filter(|grown| grown.day < today).map(|grown| grown.bytes).collect();
    let is_young = recent.len() == days.len();
    let began = recent.first()?.received_from.filter(|_| is_young || whole.is_empty());
    let Some(began) = began else { return whole.iter().sum::<i64>().checked_div(i64::try_from(whole.len()).ok()?) };
    let until = recent.iter().filter_map(|grown| grown.received_until).max()?;
    let (bytes, span) = (recent.iter().map(|grown| i128::from(grown.bytes)).sum::<i128>(), until - began);
    let on_a_day = |bytes: i128| bytes * i128::try_from(DAY.as_millis()).unwrap_or_default() / i128::from(span);
    (span >= SPAN_MIN).then(|| i64::try_from(on_a_day(bytes)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn grown(day: i64, bytes: i64, received: Option<(i64, i64)>) -> Grown {
        let (received_from, received_until) = received.unzip();
        Grown { day, bytes, received_from, received_until }
    }

    #[test]
    fn a_history_that_has_just_begun_grows_as_it_did_since_its_first_reading() {
        let today = 20 * 24 * HOUR;
        assert_eq!(growth(&[], 20), None);
        let of_today = |until: i64| grown(20, 1000, Some((today + 23 * HOUR, today + until)));
        assert_eq!(growth(&[of_today(24 * HOUR)], 20), Some(24_000));
        assert_eq!(growth(&[of_today(23 * HOUR + SPAN_MIN - 1)], 20), None, "nobody can tell yet");
        // Also on the second day, and where what came yesterday was sealed today.
        let second = [
            grown(19, 1000, Some((today - 2 * HOUR, today - HOUR))),
            grown(20, 2000, Some((today - HOUR, today + HOUR))),
        ];
        assert_eq!(growth(&second, 20), Some(24_000));
    }

    #[test]
    fn a_history_of_more_than_a_week_grows_as_on_the_whole_days_of_the_last() {
        let day = |day: i64, bytes: i64| grown(day, bytes, Some((day * 24 * HOUR, day * 24 * HOUR + HOUR)));
        assert_eq!(growth(&[day(2, 9000), day(13, 100), day(19, 300), day(20, 7)], 20), Some(200));
        // After a long rest there is only what comes today.
        assert_eq!(growth(&[day(2, 9000), day(20, 10)], 20), Some(240));
        // Nobody wrote down when it began.
        assert_eq!(growth(&[grown(18, 100, None), grown(19, 300, None), day(20, 7)], 20), Some(200));
        assert_eq!(growth(&[grown(20, 100, None)], 20), None);
    }

    fn holding(bytes: i64, age: u32, kept_for: u32) -> Holding {
        Holding { bytes, age: DAY * age, kept_for: Some(DAY * kept_for).filter(|span| !span.is_zero()) }
    }

    #[test]
    fn what_is_kept_for_ever_grows() {
        assert_eq!(in_a_month(&[holding(1000, 10, 0)], 100, None), 4000);
        assert_eq!(in_a_month(&[holding(1000, 10, 0)], 0, None), 1000);
        assert_eq!(in_a_month(&[], 100, None), 0);
    }

    #[test]
    fn no_more_is_promised_than_the_rules_keep() {
        // It is full, and stays so.
        assert_eq!(in_a_month(&[holding(700, 7, 7)], 100, None), 700);
        assert_eq!(in_a_month(&[holding(6000, 60, 60)], 100, None), 6000);
        // A new rule keeps less than there is.
        assert_eq!(in_a_month(&[holding(6000, 60, 7)], 100, None), 700);
        assert_eq!(in_a_month(&[holding(6000, 60, 45)], 100, None), 4500);
        // It is not full yet.
        assert_eq!(in_a_month(&[holding(1000, 10, 60)], 100, None), 4000);
        assert_eq!(in_a_month(&[holding(1000, 10, 35)], 100, None), 3500);
        // Nothing comes any more.
        assert_eq!(in_a_month(&[holding(6000, 60, 30)], 0, None), 0);
    }

    #[test]
    fn each_tier_and_module_is_kept_for_its_own_time() {
        let holdings = [holding(700, 7, 7), holding(100, 10, 0), holding(900, 10, 10)];
        assert_eq!(in_a_month(&holdings, 200, None), 700 + 100 + 300 + 900);
    }

    #[test]
    fn no_more_is_promised_than_there_may_be() {
        assert_eq!(in_a_month(&[holding(1000, 10, 0)], 100, Some(2000)), 2000);
        assert_eq!(in_a_month(&[holding(1000, 10, 0)], 100, Some(5000)), 4000);
        assert_eq!(in_a_month(&[holding(i64::MAX, 1, 0)], i64::MAX, None), i64::MAX);
    }
}
