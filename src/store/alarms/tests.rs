//! Alarms and their rules as they are stored.

use super::*;
use crate::domain::alarm::{AlarmRule, Condition, RuleScope};
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

fn rule(scope: RuleScope, enabled: bool) -> AlarmRule {
    let words: ConditionWords = serde_json::from_str(r#"{"kind":"silence","span":"1m"}"#).unwrap();
    AlarmRule {
        id: RuleId::generate(),
        name: "Quiet".parse().unwrap(),
        severity: Severity::Info,
        scope,
        condition: Condition::try_from(words).unwrap(),
        enabled,
        by: UserId::generate(),
        created_at: Timestamp::from_millis(1),
        updated_at: Timestamp::from_millis(2),
    }
}

/// Ten alarms of a module, one after the other, the last of them open; each of a rule of its own.
fn ten(conn: &mut Connection, module: &str) -> Result<(), StoreError> {
    modules::insert(conn, &testing::module(module))?;
    for at in 1..=10 {
        let alarm = alarm(&RuleId::generate(), module, at);
        insert(conn, &alarm)?;
        if at < 10 {
            clear(conn, &alarm.alarm_id, cleared(at, ClearCause::Condition))?;
        }
    }
    Ok(())
}

const fn gone(gone: i64) -> Forgotten {
    Forgotten { gone, spared: 0 }
}

#[actix::test]
async fn a_module_pushes_out_its_own_alarms_and_not_those_of_others() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        ten(conn, "LOUD")?;
        ten(conn, "SOFT")?;
        let loud = Kept::OfModule { module: "LOUD".parse().unwrap(), newest: 4 };
        let forgotten = (forget(conn, &loud, 0, 3)?, forget(conn, &loud, 0, 100)?, forget(conn, &loud, 0, 100)?);
        let of = |module: &str| AlarmFilter { module: module.parse().ok(), limit: 100, ..AlarmFilter::default() };
        Ok((forgotten, list(conn, &of("LOUD"))?, list(conn, &of("SOFT"))?.1))
    };
    let (forgotten, (loud, count), soft) = scratch.store().write(work).await.unwrap();
    let times: Vec<_> = loud.iter().map(|alarm| alarm.since.as_millis()).collect();
    assert_eq!((forgotten, count, soft), ((gone(3), gone(2), gone(0)), 5, 10));
    assert_eq!(times, [10, 9, 8, 7, 6]);
}

#[actix::test]
async fn alarms_are_kept_by_count_and_by_age_and_open_ones_stay() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        ten(conn, "MC-1")?;
        let since = |at| Kept::Since(Timestamp::from_millis(at));
        let by_count = (forget(conn, &Kept::Newest(6), 0, 2)?, forget(conn, &Kept::Newest(6), 0, 100)?);
        let by_age = (forget(conn, &since(9), 0, 100)?, forget(conn, &since(99), 0, 100)?);
        let left = list(conn, &AlarmFilter { limit: 100, ..AlarmFilter::default() })?.1;
        Ok((by_count, by_age, left, count_active(conn, None)?))
    };
    let (by_count, by_age, left, active) = scratch.store().write(work).await.unwrap();
    assert_eq!((by_count, by_age, left, active), ((gone(2), gone(1)), (gone(5), gone(1)), 1, 1));
}

#[actix::test]
async fn what_a_person_cleared_is_remembered_until_there_is_a_newer_alarm_of_its_rule() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        modules::insert(conn, &testing::module("MC-1"))?;
        let rule = rule(RuleScope::Type("Station".parse().unwrap()), true);
        alarm_rules::insert(conn, &rule)?;
        let mut clear_one = |rule: &RuleId, at, cause| -> Result<(), StoreError> {
            let alarm = alarm(rule, "MC-1", at);
            insert(conn, &alarm)?;
            clear(conn, &alarm.alarm_id, cleared(at, cause))
        };
        clear_one(&rule.id, 1, ClearCause::Person)?;
        clear_one(&RuleId::generate(), 2, ClearCause::Person)?;
        let none = Kept::Newest(0);
        let first = forget(conn, &none, 0, 100)?;
        let standing = standings(conn)?.by_place.len();
        let next = alarm(&rule.id, "MC-1", 3);
        insert(conn, &next)?;
        clear(conn, &next.alarm_id, cleared(3, ClearCause::Condition))?;
        Ok((first, forget(conn, &none, 1, 100)?, standing, forget(conn, &none, 0, 100)?))
    };
    let (first, skipped, standing, after) = scratch.store().write(work).await.unwrap();
    assert_eq!((first, standing), (Forgotten { gone: 1, spared: 1 }, 1), "a rule that is gone needs nothing");
    assert_eq!((skipped.gone, after), (1, gone(1)));
}

#[actix::test]
async fn rules_are_found_as_they_were_stored_and_go_with_their_module() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        modules::insert(conn, &testing::module("MC-1"))?;
        let of_module = rule(RuleScope::Module("MC-1".parse().unwrap()), true);
        let mut of_type = rule(RuleScope::Type("Station".parse().unwrap()), true);
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
