//! The table `history_growth`: how much came to the history on each day.

use diesel::prelude::*;

use super::schema::history_growth;
use super::{Connection, StoreError};

/// The length of a day, in milliseconds.
const DAY: i64 = 86_400_000;
/// How many days are kept.
const DAYS_KEPT: i64 = 60;

/// What came to the history on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = history_growth)]
pub struct Grown {
    /// Which day, since 1970.
    pub day: i64,
    /// How many bytes.
    pub bytes: i64,
    /// When the first reading of them was received, in Unix milliseconds; none where nobody wrote that down.
    pub received_from: Option<i64>,
    /// When the last one was.
    pub received_until: Option<i64>,
}

/// What some readings add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct More {
    /// How many readings.
    pub readings: i64,
    /// How many bytes.
    pub bytes: i64,
    /// When the first of them was received and when the last, in Unix milliseconds; none if there are none.
    pub received: Option<(i64, i64)>,
}

/// Notes what was added at a moment, in the caller's transaction.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn add(conn: &mut Connection, moment: i64, more: &More) -> Result<(), StoreError> {
    let day = moment.div_euclid(DAY);
    let today = history_growth::table.find(day).select((history_growth::received_from, history_growth::received_until));
    let known: Option<(Option<i64>, Option<i64>)> = today.first(conn).optional()?;
    let (from, until) = known.unwrap_or_default();
    let received = (
        history_growth::received_from.eq(from.into_iter().chain(more.received.map(|(from, _)| from)).min()),
        history_growth::received_until.eq(until.into_iter().chain(more.received.map(|(_, until)| until)).max()),
    );
    if known.is_some() {
        let counted = (
            history_growth::readings.eq(history_growth::readings + more.readings),
            history_growth::bytes.eq(history_growth::bytes + more.bytes),
        );
        diesel::update(history_growth::table.find(day)).set((counted, received)).execute(conn)?;
    } else {
        let counted = (history_growth::readings.eq(more.readings), history_growth::bytes.eq(more.bytes));
        let row = (history_growth::day.eq(day), counted, received);
        diesel::insert_into(history_growth::table).values(row).execute(conn)?;
        diesel::delete(history_growth::table.filter(history_growth::day.lt(day - DAYS_KEPT))).execute(conn)?;
    }
    Ok(())
}

/// All days that are kept on which something came, the oldest first.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn days(conn: &mut Connection) -> Result<Vec<Grown>, StoreError> {
    Ok(history_growth::table.order(history_growth::day).select(Grown::as_select()).load(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::Scratch;

    #[actix::test]
    async fn a_day_knows_when_its_first_and_its_last_reading_came_in_whatever_order_they_are_added() {
        let scratch = Scratch::new();
        let work = |conn: &mut Connection| {
            for (bytes, received) in [(10, Some((500, 600))), (20, Some((400, 550))), (-5, None), (1, Some((590, 700)))]
            {
                add(conn, 7 * DAY + 5, &More { readings: 1, bytes, received })?;
            }
            add(conn, 8 * DAY, &More { readings: 0, bytes: 0, received: None })?;
            add(conn, 8 * DAY + 1, &More { readings: 1, bytes: 2, received: Some((9, 9)) })?;
            days(conn)
        };
        let days = scratch.store().write(work).await.unwrap();
        let first = Grown { day: 7, bytes: 26, received_from: Some(400), received_until: Some(700) };
        assert_eq!(days, [first, Grown { day: 8, bytes: 2, received_from: Some(9), received_until: Some(9) }]);
    }
}
