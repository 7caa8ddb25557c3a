//! Machines against plain statements of what they promise, with times that the tests make up.

use std::time::Duration;

use proptest::prelude::*;

use super::{Change, Condition, ConditionWords, Machine, Standing};
use crate::domain::time::Timestamp;

fn condition(json: &str) -> Condition {
    let words: ConditionWords = serde_json::from_str(json).unwrap();
    Condition::try_from(words).unwrap()
}

fn machine(json: &str) -> Machine {
    Machine::new(condition(json), Standing::Normal)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Above 80, over at 75, held for five seconds.
fn hot(standing: Standing) -> Machine {
    let json = r#"{"kind":"threshold","key":"t","direction":"above","limit":80,"hysteresis":5,"for":"5s"}"#;
    Machine::new(condition(json), standing)
}

/// What a machine says to readings that come when they were measured.
fn told(machine: &mut Machine, readings: &[(i64, f64)]) -> Vec<Option<Change>> {
    readings.iter().map(|(millis, value)| machine.observe(at(*millis), at(*millis), *value)).collect()
}

const fn raised(since: i64, value: f64) -> Option<Change> {
    Some(Change::Raised { since: Timestamp::from_millis(since), value: Some(value) })
}

#[test]
fn a_limit_must_be_passed_for_as_long_as_the_rule_says_by_the_time_of_the_readings() {
    let readings = [(0, 90.0), (4999, 81.0), (5000, 82.0), (6000, 78.0), (7000, 95.0), (8000, 75.0), (9000, 90.0)];
    let expected = [None, None, raised(0, 82.0), None, None, Some(Change::Cleared), None];
    assert_eq!(told(&mut hot(Standing::Normal), &readings), expected);
    let broken = [(0, 90.0), (4000, 80.0), (5000, 90.0), (9000, 90.0), (10_000, 90.0)];
    assert_eq!(told(&mut hot(Standing::Normal), &broken), [None, None, None, None, raised(5000, 90.0)]);
}

#[test]
fn a_value_that_nothing_contradicts_holds() {
    let mut machine = hot(Standing::Normal);
    // The device's clock is an hour behind the hub's.
    assert_eq!(machine.observe(at(0), at(3_600_000), 90.0), None);
    let due = machine.due(at(0), at(0), at(0)).unwrap();
    assert_eq!(due, at(3_600_000 + 5000 + 2000));
    assert_eq!(machine.tick(at(0), at(0), due.minus(Duration::from_millis(1))), None);
    assert_eq!(machine.tick(at(0), at(0), due), raised(0, 90.0));
    assert_eq!((machine.tick(at(0), at(0), due), machine.due(at(0), at(0), due)), (None, None));
}

#[test]
fn a_clock_that_was_put_right_is_believed_at_once_and_times_count_from_there() {
    let mut machine = hot(Standing::Normal);
    // A minute ahead of the hub, as the next late one is, and then right.
    assert_eq!(machine.observe(at(70_000), at(10_000), 90.0), None);
    assert_eq!(machine.observe(at(69_000), at(11_000), 20.0), None, "late, by the same clock");
    assert_eq!(machine.observe(at(12_000), at(12_000), 91.0), None, "five seconds from here");
    assert_eq!(machine.observe(at(17_000), at(17_000), 92.0), raised(12_000, 92.0));
    assert_eq!(machine.observe(at(90_000), at(18_000), 93.0), None);
    assert_eq!(machine.observe(at(19_000), at(19_000), 20.0), Some(Change::Cleared));
}

#[test]
fn who_cleared_an_alarm_is_not_told_again_until_it_was_over() {
    let mut machine = hot(Standing::Raised);
    machine.mute();
    assert_eq!(machine.standing(), Standing::Muted);
    let readings = [(0, 90.0), (10_000, 90.0), (11_000, 76.0), (20_000, 75.0), (21_000, 90.0), (26_000, 90.0)];
    assert_eq!(told(&mut machine, &readings), [None, None, None, None, None, raised(21_000, 90.0)]);
}

#[test]
fn below_and_switches_work_the_other_way_round() {
    let json = r#"{"kind":"threshold","key":"t","direction":"below","limit":1,"hysteresis":0.5}"#;
    let readings = [(0, 1.0), (1, 0.0), (2, 1.0), (3, 1.4), (4, 1.5)];
    assert_eq!(told(&mut machine(json), &readings), [None, raised(1, 0.0), None, None, Some(Change::Cleared)]);
}

#[test]
fn a_rate_looks_at_half_a_window_at_least() {
    let json = r#"{"kind":"rate","key":"t","direction":"above","limit":1.9,"window":"10s"}"#;
    let readings = [(0, 0.0), (10, 1000.0), (4999, 10.0), (5000, 10.0), (10_000, 10.0), (40_000, 500.0)];
    let expected = [None, None, None, raised(5000, 2.0), Some(Change::Cleared), None];
    assert_eq!(told(&mut machine(json), &readings), expected);
}

#[test]
fn silence_is_told_once_and_ends_with_a_reading() {
    let mut machine = machine(r#"{"kind":"silence","span":"60s"}"#);
    let (heard, never) = (at(1000), at(0));
    assert_eq!(machine.due(heard, never, heard), Some(at(61_000)));
    assert_eq!(machine.due(heard, at(99_000), heard), Some(at(99_000)), "the hub has just started");
    assert_eq!(machine.tick(heard, never, at(60_999)), None);
    assert_eq!(machine.tick(heard, never, at(61_000)), Some(Change::Raised { since: heard, value: None }));
    assert_eq!(machine.tick(heard, never, at(99_000)), None);
    assert_eq!((machine.hear(), machine.hear()), (Some(Change::Cleared), None));
    assert!(machine.tick(heard, never, at(99_000)).is_some());
    assert_eq!(machine.tick(at(98_000), never, at(99_000)), Some(Change::Cleared), "it was heard meanwhile");
}

/// Values around a limit of 80 that is left at 75, at times that go on.
fn readings() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let step = (0..8_i64, 70..90_i32);
    prop::collection::vec(step, 1..80).prop_map(|steps| {
        let mut now = 0;
        let mut next = |(seconds, value)| {
            now += seconds * 700 + 1;
            (now, f64::from(value))
        };
        steps.into_iter().map(&mut next).collect()
    })
}

/// When a plain look at all readings says that there is an alarm, and when that it is over.
fn plainly(readings: &[(i64, f64)]) -> Vec<Option<Change>> {
    let mut is_raised = false;
    let mut told = Vec::new();
    for (place, (now, value)) in readings.iter().enumerate() {
        let run = readings[..=place].iter().rev().take_while(|(_, value)| *value > 80.0).last();
        let cleared = told.iter().rposition(|change| *change == Some(Change::Cleared)).map_or(0, |place| place + 1);
        let since = run.map(|(since, _)| *since.max(&readings.get(cleared).map_or(0, |(since, _)| *since)));
        let change = match since {
            Some(since) if !is_raised && now - since >= 5000 => raised(since, *value),
            _ if is_raised && *value <= 75.0 => Some(Change::Cleared),
            _ => None,
        };
        is_raised = change.map_or(is_raised, |change| change != Change::Cleared);
        told.push(change);
    }
    told
}

proptest! {
    #[test]
    fn a_machine_agrees_with_a_plain_look_at_all_readings(readings in readings()) {
        prop_assert_eq!(told(&mut hot(Standing::Normal), &readings), plainly(&readings));
    }

    #[test]
    fn an_alarm_never_flaps_between_its_limits(readings in readings()) {
        let changes = told(&mut hot(Standing::Normal), &readings);
        let changed: Vec<_> = changes.iter().zip(&readings).filter_map(|(change, reading)| Some(((*change)?, reading.1))).collect();
        for (place, (change, value)) in changed.iter().enumerate() {
            prop_assert_eq!(place % 2 == 1, *change == Change::Cleared);
            let is_where_it_must_be = if *change == Change::Cleared { *value <= 75.0 } else { *value > 80.0 };
            prop_assert!(is_where_it_must_be, "{change:?} at {value}");
        }
    }

    #[test]
    fn late_and_repeated_readings_do_no_harm(
        readings in readings(),
        noise in prop::collection::vec((0..80_usize, 1..20_000_i64, 60..100_i32), 0..60),
    ) {
        let mut noisy = hot(Standing::Normal);
        let mut changes = Vec::new();
        for (place, (now, value)) in readings.iter().enumerate() {
            changes.push(noisy.observe(at(*now), at(*now), *value));
            prop_assert_eq!(noisy.observe(at(*now), at(*now), *value), None, "the same once more");
            for (_, late, other) in noise.iter().filter(|(after, ..)| *after == place) {
                prop_assert_eq!(noisy.observe(at(now - late), at(*now), f64::from(*other)), None);
            }
        }
        prop_assert_eq!(changes, told(&mut hot(Standing::Normal), &readings));
    }

    #[test]
    fn a_rate_remembers_few_points_however_many_come(steps in prop::collection::vec(0..500_i64, 1..500)) {
        let mut machine = machine(r#"{"kind":"rate","key":"t","direction":"above","limit":2,"window":"10s"}"#);
        let mut now = 0;
        for step in steps {
            now += step;
            // One in each second: never beyond the limit, however the times fall.
            let value = Duration::from_millis(now.unsigned_abs()).as_secs_f64();
            prop_assert_eq!(machine.observe(at(now), at(now), value), None);
            prop_assert!(machine.points() <= 66, "{}", machine.points());
        }
    }

    #[test]
    fn whoever_restarts_a_machine_in_the_middle_loses_no_alarm(readings in readings(), cut in 0..80_usize) {
        let mut whole = hot(Standing::Normal);
        let mut parted = hot(Standing::Normal);
        for (place, (now, value)) in readings.iter().enumerate() {
            if place == cut && parted.standing() != Standing::Normal {
                parted = hot(parted.standing());
            }
            prop_assert_eq!(parted.observe(at(*now), at(*now), *value), whole.observe(at(*now), at(*now), *value));
        }
        prop_assert_eq!(parted.standing(), whole.standing());
    }
}

#[test]
fn a_machine_is_small() {
    assert!(size_of::<Machine>() <= 192, "{}", size_of::<Machine>());
}
