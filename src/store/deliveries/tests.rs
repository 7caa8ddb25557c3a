use diesel::dsl::sql;
use diesel::sql_types::Text;

use super::*;
use crate::store::testing::{Scratch, webhook};
use crate::store::webhooks;

fn delivery(webhook: &WebhookId, module: &str, at: i64) -> Delivery {
    let (id, at) = (DeliveryId::generate(), Timestamp::from_millis(at));
    let delivery = Delivery::new(id, webhook.clone(), "alarm.raised", "{}".into(), at);
    Delivery { module_id: Some(module.parse().unwrap()), ..delivery }
}

#[actix::test]
async fn the_oldest_of_each_module_comes_first_until_something_came_of_it() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        let (hook, other) = (webhook("a"), webhook("b"));
        [&hook, &other].into_iter().try_for_each(|hook| webhooks::insert(conn, hook).map(drop))?;
        let all = [("m", 9), ("n", 5), ("m", 3)].map(|(module, at)| delivery(&hook.id, module, at));
        all.iter().try_for_each(|delivery| insert(conn, delivery))?;
        insert(conn, &delivery(&other.id, "m", 1))?;
        let found = heads(conn, &hook.id)?;
        let done = Delivery { state: DeliveryState::Delivered, status: Some(200), attempts: 1, ..all[0].clone() };
        update(conn, &done)?;
        update(conn, &Delivery { state: DeliveryState::Failed, ..all[0].clone() })?;
        let again = Delivery { attempts: 2, refusals: 1, next_at: Timestamp::from_millis(70), ..all[1].clone() };
        update(conn, &again)?;
        let listed = list(conn, &hook.id, Some(DeliveryState::Delivered), 0, 9)?;
        let alone = [find_pending(conn, &done.id)?, find_pending(conn, &again.id)?];
        Ok(((found, heads(conn, &hook.id)?), all, (done, again), listed, alone, pending(conn)?))
    };
    let ((found, then), all, (done, again), (listed, total), alone, pending) =
        scratch.store().write(work).await.unwrap();
    assert_eq!(of_heads(found), of_deliveries(&[&all[0], &all[1]]));
    assert_eq!(of_heads(then), of_deliveries(&[&again, &all[2]]));
    assert_eq!((listed, total, pending), (vec![done], 1, 3));
    assert_eq!(alone, [None, Some(again)]);
}

fn of_heads(mut heads: Vec<Head>) -> Vec<Head> {
    heads.sort_by(|one, other| one.id.cmp(&other.id));
    heads
}

fn of_deliveries(deliveries: &[&Delivery]) -> Vec<Head> {
    let head = |one: &&Delivery| Head {
        id: one.id.clone(),
        module_id: one.module_id.clone(),
        attempts: one.attempts,
        next_at: one.next_at,
    };
    deliveries.iter().map(head).collect()
}

#[actix::test]
async fn what_waits_and_what_is_kept_has_a_bound() {
    let scratch = Scratch::new();
    let work = |conn: &mut Connection| {
        let hook = webhook("a");
        webhooks::insert(conn, &hook)?;
        let all: Vec<_> = (0..10).map(|at| delivery(&hook.id, "m", at)).collect();
        all.iter().try_for_each(|delivery| insert(conn, delivery))?;
        insert(conn, &delivery(&hook.id, "n", 10))?;
        let (since, now) = (Timestamp::from_millis(2), Timestamp::from_millis(99));
        let module = all[0].module_id.as_ref();
        let given_up = (give_up_old(conn, since, now)?, drop_oldest(conn, &hook.id, module, 5, now)?);
        let dropped_nothing =
            (drop_oldest(conn, &hook.id, module, 0, now)?, drop_oldest(conn, &hook.id, None, 1, now)?);
        let left = heads(conn, &hook.id)?.iter().any(|head| head.id == all[7].id);
        let counts: Vec<_> = waiting(conn, &hook.id)?.into_iter().map(|one| one.count).collect();
        let pruned = (prune(conn, &hook.id, 5, since)?, prune(conn, &hook.id, 1, since)?);
        let failed = list(conn, &hook.id, Some(DeliveryState::Failed), 0, 9)?.0;
        Ok(((given_up, dropped_nothing), (left, counts), pruned, failed, pending(conn)?))
    };
    let (given_up, (left, mut counts), pruned, failed, pending) = scratch.store().write(work).await.unwrap();
    counts.sort_unstable();
    assert_eq!((given_up, left, counts, pruned, pending), (((2, 5), (0, 0)), true, vec![1, 3], (2, 4), 4));
    let last = (failed[0].error.as_deref(), failed[0].created_at.as_millis());
    assert_eq!(last, (Some("too many of its module waited"), 6));
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

const WAITING: &str = "webhook_id = 'w7' AND state = 'pending'";

/// The queries of these tables that run often, and the index that must serve each.
fn served() -> [(String, &'static str); 4] {
    let select = |what: &str, wanted: &str| format!("SELECT {what} FROM webhook_deliveries WHERE {wanted}");
    [
        (select("count(*)", "state = 'pending'"), "webhook_deliveries_by_age"),
        (select("count(*)", "state = 'pending' AND created_at < 9"), "webhook_deliveries_by_age"),
        (select("min(id)", &format!("{WAITING} GROUP BY module_id")), "webhook_deliveries_by_module"),
        (select("id", &format!("{WAITING} AND module_id = 'm7' ORDER BY id LIMIT 1")), "webhook_deliveries_by_module"),
    ]
}

#[test]
fn what_waits_is_found_by_an_index() {
    let scratch = Scratch::new();
    drop(scratch.store());
    for (query, index) in served() {
        let plan = plan(&mut scratch.connection(), &query);
        assert!(plan.contains(index), "{query}: {plan}");
    }
}

/// How the database would answer a query; PostgreSQL would read a table as small as this one without any index.
fn plan(conn: &mut Connection, query: &str) -> String {
    let steps: Vec<String> = match conn {
        Connection::Sqlite(conn) => {
            let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(conn).unwrap();
            steps.into_iter().map(|step| step.detail).collect()
        }
        Connection::Postgres(conn) => {
            diesel::sql_query("SET enable_seqscan = off").execute(conn).unwrap();
            sql::<Text>(&format!("EXPLAIN {query}")).load(conn).unwrap()
        }
    };
    steps.join("; ")
}
