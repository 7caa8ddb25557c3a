//! The table `twins`: the state that people want of a module, and the one it says it has.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::twins;
use super::{Connection, StoreError};
use crate::domain::document::Document;
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;

/// The desired and the reported state of a module, each with a version that grows by one with every change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Twin {
    /// What people want of the module.
    #[schema(value_type = Object)]
    pub desired: Document,
    /// How often that was changed.
    pub desired_version: i64,
    /// When it was last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub desired_at: Option<Timestamp>,
    /// What the module says it is.
    #[schema(value_type = Object)]
    pub reported: Document,
    /// How often that was changed.
    pub reported_version: i64,
    /// When it was last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reported_at: Option<Timestamp>,
}

/// The twin of a module; an empty one if nothing was ever said.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find(conn: &mut Connection, module_id: &ModuleId) -> Result<Twin, StoreError> {
    let row: Option<Row> = twins::table.find(module_id.as_str()).select(Row::as_select()).first(conn).optional()?;
    row.map_or_else(|| Ok(Twin::default()), |row| row.read().map(|(_, twin)| twin))
}

/// All twins that say something.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn load_all(conn: &mut Connection) -> Result<Vec<(ModuleId, Twin)>, StoreError> {
    let rows: Vec<Row> = twins::table.select(Row::as_select()).load(conn)?;
    rows.into_iter().map(Row::read).collect()
}

/// Replaces the twin of a module.
///
/// # Errors
/// [`StoreError::Conflict`] when the module is gone.
pub fn save(conn: &mut Connection, module_id: &ModuleId, twin: &Twin) -> Result<(), StoreError> {
    let row = Row::of(module_id, twin);
    if diesel::update(twins::table.find(module_id.as_str())).set(&row).execute(conn)? == 0 {
        diesel::insert_into(twins::table).values(&row).execute(conn)?;
    }
    Ok(())
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = twins, treat_none_as_null = true)]
struct Row {
    module_id: String,
    desired: String,
    desired_version: i64,
    desired_at: Option<i64>,
    reported: String,
    reported_version: i64,
    reported_at: Option<i64>,
}

impl Row {
    fn of(module_id: &ModuleId, twin: &Twin) -> Self {
        Self {
            module_id: module_id.to_string(),
            desired: twin.desired.to_json(),
            desired_version: twin.desired_version,
            desired_at: twin.desired_at.map(Timestamp::as_millis),
            reported: twin.reported.to_json(),
            reported_version: twin.reported_version,
            reported_at: twin.reported_at.map(Timestamp::as_millis),
        }
    }

    fn read(self) -> Result<(ModuleId, Twin), StoreError> {
        let unreadable = || StoreError::unreadable("twins", &self.module_id);
        let document = |text: &str| serde_json::from_str(text).map_err(|_| unreadable());
        let twin = Twin {
            desired: document(&self.desired)?,
            desired_version: self.desired_version,
            desired_at: self.desired_at.map(Timestamp::from_millis),
            reported: document(&self.reported)?,
            reported_version: self.reported_version,
            reported_at: self.reported_at.map(Timestamp::from_millis),
        };
        Ok((self.module_id.parse().map_err(|_| unreadable())?, twin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::modules;
    use crate::store::testing::{self, Scratch};

    #[actix::test]
    async fn twins_are_found_as_they_were_saved() {
        let scratch = Scratch::new();
        let id: ModuleId = "MC-1".parse().unwrap();
        let twin = Twin {
            desired: serde_json::from_str(r#"{"light":{"on":true}}"#).unwrap(),
            desired_version: 2,
            desired_at: Some(Timestamp::from_millis(7)),
            ..Twin::default()
        };
        let (saved, module) = (twin.clone(), id.clone());
        let work = move |conn: &mut Connection| {
            modules::insert(conn, &testing::module("MC-1"))?;
            save(conn, &module, &Twin { desired_version: 1, ..Twin::default() })?;
            save(conn, &module, &saved)?;
            Ok((find(conn, &module)?, find(conn, &"MC-2".parse().unwrap())?, load_all(conn)?))
        };
        let (found, absent, all) = scratch.store().write(work).await.unwrap();
        assert_eq!((found, absent, all), (twin.clone(), Twin::default(), vec![(id, twin)]));
    }
}
