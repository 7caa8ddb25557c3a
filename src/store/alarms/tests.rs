//! Alarms and their rules as they are stored.

use super::*;
use crate::store::testing::{self, Scratch};
use crate::store::{alarm_rules, modules};

fn alarm(rule: &RuleId, module: &str, at: i64) -> Alarm {
    Alarm {
        alarm_id: AlarmId::generate(),
        rule_id: rule.clone(),
        rule_name: "Too hot".parse().unwrap(),
        module_id: module.parse().unwrap(),
        module_name: "North gate".parse().unwrap(),
        severity: Severity::Warning,
        state: AlarmState::Active,
        condition: serde_json::from_str(r#"{"kind":"silence","span":"1m"}"#).unwrap(),
        value: Some(0.1),
        since: Timestamp::from_millis(at),
        raised_at: Timestamp::from_millis(at),
        acknowledged_at: None,
        acknowledged_by: None,
        cleared_at: None,
        cleared_by: None,
        clear_cause: None,
    }
}

fn cleared(at: i64, cause: ClearCause) -> Cleared<'static> {
    Cleared { at: Timestamp::from_millis(at), by: None, cause }
}

#[actix::test]
async fn a_rule_and_a_module_have_one_alarm_that_is_not_cleared() {
    let scratch = Scratch::new();
    let rule = RuleId::generate();
    let (first, second) = (alarm(&rule, "MC-1", 1), alarm(&rule, "MC-1", 2));
    let (one, other) = (first.clone(), second.clone());
    let work = move |conn: &mut Connection| {
        modules::insert(conn, &testing::module("MC-1"))?;
        let inserted = (insert(conn, &one)?, insert(conn, &other)?);
        let open = find_open(conn, &one.rule_id, &one.module_id)?;
        let standing = standings(conn)?;
        clear(conn, &one.alarm_id, cleared(3, ClearCause::Person))?;
        let muted = standings(conn)?;
        let again = insert(conn, &other)?;
        clear(conn, &other.alarm_id, cleared(4, ClearCause::Condition))?;
        Ok((inserted, open, [standing, muted, standings(conn)?], again, find(conn, &one.alarm_id)?))
    };
    let (inserted, open, standings, again, found) = scratch.store().write(work).await.unwrap();
    assert_eq!((inserted, again, open), ((true, false), true, Some(first.clone())));
    let place = (rule, first.module_id.clone());
    let known = standings.each_ref().map(|standings| standings.by_place.get(&place).copied());
    assert_eq!(known, [Some(Standing::Raised), Some(Standing::Muted), None]);
    assert_eq!((standings[0].open.as_slice(), standings[1].open.len()), (&[Severity::Warning][..], 0));
    assert_eq!(found.unwrap().clear_cause, Some(ClearCause::Person));
    // The database itself refuses a second one, also of somebody who did not look.
    let store = scratch.store();
    let twice = store.write(move |conn| {
        for alarm in [&first, &second] {
            let row = Row { id: AlarmId::generate().to_string(), ..Row::of(alarm) };
            diesel::insert_into(alarms::table).values(row).execute(conn)?;
        }
        Ok(())
    });
    assert!(matches!(twice.await, Err(StoreError::Conflict(_))));
}

const fn kept(since: i64, each: usize, all: usize) -> Kept {
    Kept { since: Timestamp::from_millis(since), each, all }
}

#[actix::test]
async fn a_module_pushes_out_its_own_alarms_and_not_those_of_others() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        for (module, times) in [("SOFT", 1..=2), ("LOUD", 3..=30)] {
            modules::insert(conn, &testing::module(module))?;
            for at in times {
                let alarm = alarm(&RuleId::generate(), module, at);
                insert(conn, &alarm)?;
                clear(conn, &alarm.alarm_id, cleared(at, ClearCause::Condition))?;
            }
        }
        let forgotten = prune(conn, kept(0, 5, 10), 100)?;
        Ok((forgotten, list(conn, &AlarmFilter { limit: 100, ..AlarmFilter::default() })?.0))
    };
    let (forgotten, left) = scratch.store().write(work).await.unwrap();
    let times: Vec<_> = left.iter().map(|alarm| alarm.since.as_millis()).collect();
    assert_eq!((forgotten, times), (23, vec![30, 29, 28, 27, 26, 2, 1]));
}

#[actix::test]
async fn alarms_are_kept_by_count_and_by_age_and_open_ones_stay() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        modules::insert(conn, &testing::module("MC-1"))?;
        for at in 1..=10 {
            let alarm = alarm(&RuleId::generate(), "MC-1", at);
            insert(conn, &alarm)?;
            if at < 10 {
                clear(conn, &alarm.alarm_id, cleared(at, ClearCause::Condition))?;
            }
        }
        let six = kept(0, 100, 6);
        let by_count = (prune(conn, six, 2)?, prune(conn, six, 100)?, prune(conn, six, 100)?);
        let by_age = (prune(conn, kept(9, 100, 100), 100)?, prune(conn, kept(99, 100, 100), 100)?);
        Ok((
            by_count,
            by_age,
            list(conn, &AlarmFilter { limit: 100, ..AlarmFilter::default() })?.1,
            count_active(conn, None)?,
        ))
    };
    let (by_count, by_age, left, active) = scratch.store().write(work).await.unwrap();
    assert_eq!((by_count, by_age, left, active), ((2, 1, 0), (5, 1), 1, 1));
}

#[actix::test]
async fn rules_are_found_as_they_were_stored_and_go_with_their_module() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        modules::insert(conn, &testing::module("MC-1"))?;
        let words: ConditionWords = serde_json::from_str(r#"{"kind":"silence","span":"1m"}"#).unwrap();
        let made = |scope, enabled| crate::domain::alarm::AlarmRule {
            id: RuleId::generate(),
            name: "Quiet".parse().unwrap(),
            severity: Severity::Info,
            scope,
            condition: crate::domain::alarm::Condition::try_from(words.clone()).unwrap(),
            enabled,
            by: UserId::generate(),
            created_at: Timestamp::from_millis(1),
            updated_at: Timestamp::from_millis(2),
        };
        let of_module = made(crate::domain::alarm::RuleScope::Module("MC-1".parse().unwrap()), true);
        let mut of_type = made(crate::domain::alarm::RuleScope::Type("Station".parse().unwrap()), true);
        alarm_rules::insert(conn, &of_module)?;
        alarm_rules::insert(conn, &of_type)?;
        of_type.enabled = false;
        alarm_rules::update(conn, &of_type)?;
        assert_eq!(alarm_rules::load_all(conn)?, [of_module.clone(), of_type.clone()]);
        let counting = [&of_module.id, &of_type.id].map(|id| alarm_rules::is_enabled(conn, id).unwrap());
        assert_eq!(counting, [true, false]);
        modules::delete(conn, &"MC-1".parse().unwrap())?;
        assert_eq!(alarm_rules::load_all(conn)?, [of_type.clone()]);
        assert!(matches!(alarm_rules::update(conn, &of_module), Err(StoreError::NotFound)));
        alarm_rules::delete(conn, &of_type.id)?;
        Ok(alarm_rules::delete(conn, &of_type.id))
    };
    assert!(matches!(scratch.store().write(work).await.unwrap(), Err(StoreError::NotFound)));
}
