//! How much may wait and is kept.

use crate::config;
use crate::domain::time::Timestamp;
use crate::store::deliveries::{self, Waiting};
use crate::store::{Connection, StoreError, webhooks};

/// What was done to keep the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tidied {
    /// Deliveries given up as they waited for too long.
    pub too_old: u64,
    /// Deliveries given up as too many waited.
    pub dropped: u64,
    /// Those that wait now.
    pub waiting: u64,
}

/// Gives up what waits for too long or beyond the bounds, and forgets what is old.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn tidy(conn: &mut Connection, config: &config::Webhooks, now: Timestamp) -> Result<Tidied, StoreError> {
    let (each, whole) = (rows(config.max_waiting_each), rows(config.max_waiting));
    let too_old = deliveries::give_up_old(conn, now.minus(config.max_age), now)?;
    let mut dropped = 0;
    // Nothing is beyond a bound where all that wait are not.
    let may_be_beyond = deliveries::pending(conn)? > each.min(whole);
    for webhook in webhooks::all(conn)? {
        if may_be_beyond {
            for (waiting, many) in surplus(deliveries::waiting(conn, &webhook.id)?, each, whole) {
                dropped += deliveries::drop_oldest(conn, &webhook.id, waiting.module_id.as_ref(), many, now)?;
            }
        }
        deliveries::prune(conn, &webhook.id, rows(config.keep), now.minus(config.keep_age))?;
    }
    let waiting = u64::try_from(deliveries::pending(conn)?).unwrap_or_default();
    Ok(Tidied { too_old: too_old as u64, dropped: dropped as u64, waiting })
}

/// How many each module must lose of what waits for a webhook: what it has beyond `each`, and as long as there are more than
/// `whole` the module that has most gives one away; of those that have the same, the one whose oldest is older.
fn surplus(mut modules: Vec<Waiting>, each: i64, whole: i64) -> Vec<(Waiting, i64)> {
    modules.sort_by(|one, other| other.oldest.cmp(&one.oldest));
    let kept_at = |level: i64| modules.iter().map(|module| module.count.min(level)).sum::<i64>();
    // The highest level, up to which all may keep theirs.
    let (mut level, mut above) = (0, each + 1);
    while above - level > 1 {
        let middle = level + (above - level) / 2;
        if kept_at(middle) <= whole { level = middle } else { above = middle }
    }
    let mut left = if level < each { whole - kept_at(level) } else { 0 };
    let mut lost = Vec::new();
    for module in modules {
        let may_keep_one_more = module.count > level && left > 0;
        left -= i64::from(may_keep_one_more);
        let many = module.count - level - i64::from(may_keep_one_more);
        if many > 0 {
            lost.push((module, many));
        }
    }
    lost
}

fn rows(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Webhooks;
    use crate::domain::event::json;
    use crate::domain::webhook::WebhookEvent;
    use crate::store::deliveries::{Delivery, DeliveryState};
    use crate::store::testing::{Scratch, webhook};

    fn lost(counts: &[(&str, i64)], each: i64, whole: i64) -> Vec<(String, i64)> {
        let waiting = counts.iter().enumerate().map(|(age, (name, count))| Waiting {
            module_id: Some(name.parse().unwrap()),
            count: *count,
            oldest: format!("d{age}").parse().unwrap(),
        });
        let lost = surplus(waiting.collect(), each, whole);
        let mut lost: Vec<_> =
            lost.into_iter().map(|(module, many)| (module.module_id.unwrap().to_string(), many)).collect();
        lost.sort();
        lost
    }

    #[test]
    fn a_module_loses_what_it_has_beyond_its_bound_and_who_has_most_gives_way() {
        let of =
            |pairs: &[(&str, i64)]| pairs.iter().map(|(name, many)| ((*name).to_owned(), *many)).collect::<Vec<_>>();
        assert_eq!(lost(&[("a", 5), ("b", 2)], 5, 10), []);
        assert_eq!(lost(&[("a", 9), ("b", 2)], 5, 10), of(&[("a", 4)]));
        assert_eq!(lost(&[("a", 9), ("b", 2)], 9, 8), of(&[("a", 3)]));
        assert_eq!(lost(&[("a", 9), ("b", 6), ("c", 1)], 9, 10), of(&[("a", 5), ("b", 1)]), "the older gives way");
        assert_eq!(lost(&[("a", 1), ("b", 1), ("c", 1)], 9, 2), of(&[("a", 1)]));
        assert_eq!(lost(&[("a", 3), ("b", 3)], 9, 0), of(&[("a", 3), ("b", 3)]));
        assert_eq!(lost(&[], 1, 1), []);
    }

    proptest::proptest! {
        #[test]
        fn what_is_kept_is_as_if_who_has_most_gave_one_away_after_the_other(
            counts in proptest::collection::vec(1_i64..12, 0..8), each in 1_i64..12, whole in 0_i64..40,
        ) {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
            let modules: Vec<_> = names.into_iter().zip(counts.iter().copied()).collect();
            let mut kept: Vec<i64> = counts.iter().map(|count| *count.min(&each)).collect();
            while kept.iter().sum::<i64>() > whole {
                let most = kept.iter().copied().max().unwrap();
                *kept.iter_mut().find(|count| **count == most).unwrap() -= 1;
            }
            let lost = lost(&modules, each, whole);
            let left: Vec<i64> = modules.iter().map(|(name, count)| {
                count - lost.iter().find(|(known, _)| known == name).map_or(0, |(_, many)| *many)
            }).collect();
            proptest::prop_assert_eq!(left, kept);
        }
    }

    #[actix::test]
    async fn a_module_that_flaps_loses_its_own_and_pushes_nobody_elses_out() {
        let scratch = Scratch::new();
        let work = |conn: &mut Connection| {
            let hook = webhook("a");
            webhooks::insert(conn, &hook)?;
            for (module, times) in [("quiet", 1), ("flapping", 30), ("busy", 4), ("quiet", 1)] {
                for _ in 0..times {
                    let (module, at) = (module.parse().unwrap(), Timestamp::now());
                    webhooks::enqueue(conn, &module, WebhookEvent::AlarmRaised, &json(&1), at)?;
                }
            }
            let config = Webhooks { max_waiting: 10, max_waiting_each: 9, ..Webhooks::default() };
            let tidied = tidy(conn, &config, Timestamp::now())?;
            let again = tidy(conn, &config, Timestamp::now())?;
            let failed = deliveries::list(conn, &hook.id, Some(DeliveryState::Failed), 0, 99)?.0;
            Ok((tidied, again, deliveries::waiting(conn, &hook.id)?, failed))
        };
        let (tidied, again, waiting, failed) = scratch.store().write(work).await.unwrap();
        assert_eq!(tidied, Tidied { too_old: 0, dropped: 26, waiting: 10 });
        assert_eq!(again, Tidied { dropped: 0, ..tidied });
        let mut left: Vec<_> =
            waiting.iter().map(|one| (one.module_id.as_ref().unwrap().as_str(), one.count)).collect();
        left.sort_unstable();
        assert_eq!(left, [("busy", 4), ("flapping", 4), ("quiet", 2)]);
        let is_of_the_flapping = |one: &Delivery| one.module_id.as_ref().is_some_and(|id| id.as_str() == "flapping");
        assert!(failed.len() == 26 && failed.iter().all(is_of_the_flapping), "{failed:?}");
        assert_eq!(failed[0].error.as_deref(), Some("too many of its module waited"));
        assert!(failed[0].id < waiting.iter().find(|one| one.count == 4).unwrap().oldest, "the newest stay");
    }
}
