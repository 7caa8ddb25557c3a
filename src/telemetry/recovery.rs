//! What a start finds of readings that were stored before: what is in the tail, and what the saved states do not know of it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::tail::Tail;
use crate::domain::time::Timestamp;
use crate::store::readings::{self, Appended, ModuleNumber, Place, RowId};
use crate::store::states::{self, ModuleState};
use crate::store::{Store, StoreError};

/// Rows that are looked at in one question.
const ROWS_AT_ONCE: i64 = 50_000;
/// Modules whose states follow their readings at once.
const MODULES_AT_ONCE: usize = 200;

/// What a start finds.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The rows that are not sealed.
    pub tail: Tail,
    /// States that could not be saved, each with the first row that the saved one does not know.
    pub unsaved: Vec<(ModuleState, RowId)>,
}

/// The rows of a module that its saved state does not know.
type Unknown = (ModuleNumber, Vec<Range<RowId>>);

/// Reads what is in the tail, and saves states that follow it; before anybody reads those.
///
/// A database that cannot be written now is no reason not to start, nor is a row that cannot be read.
///
/// # Errors
/// [`StoreError`] of a database that cannot be read at all.
pub async fn recover(store: &Store) -> Result<Recovered, StoreError> {
    let (tail, unknown) = read(store).await?;
    if !unknown.is_empty() {
        tracing::info!(modules = unknown.len(), "what modules said last follows their newest readings");
    }
    let mut unsaved = Vec::new();
    for part in unknown.chunks(MODULES_AT_ONCE) {
        let rows = part.to_vec();
        let states = store.read(move |conn| states::followed(conn, &rows)).await?;
        // What cannot be written is not tried again for all the others: each time may take long.
        if !unsaved.is_empty() || !save(store, &states).await? {
            let firsts: HashMap<_, _> =
                part.iter().filter_map(|(module, rows)| Some((module, rows.first()?.start))).collect();
            unsaved
                .extend(states.into_iter().filter_map(|state| firsts.get(&state.module).map(|first| (state, *first))));
        }
    }
    Ok(Recovered { tail, unsaved })
}

/// Reads the tail, and which rows of it the saved states do not know.
async fn read(store: &Store) -> Result<(Tail, Vec<Unknown>), StoreError> {
    let saved = store.read(states::saved_to).await?;
    let (mut tail, mut after) = (Tail::default(), RowId::MIN);
    // No row is given a second time, also where all of them are sealed: states would seem to know it.
    tail.skip_to(saved.values().copied().max().unwrap_or_default());
    let mut unknown: BTreeMap<ModuleNumber, Vec<Range<RowId>>> = BTreeMap::new();
    loop {
        let places = store.read(move |conn| readings::places_after(conn, after, ROWS_AT_ONCE)).await?;
        let Some(last) = places.last() else { return Ok((tail, unknown.into_iter().collect())) };
        after = last.rows.start;
        for Place { module, rows, received_at } in places {
            if saved.get(&module).is_some_and(|saved| rows.start >= *saved) {
                unknown.entry(module).or_default().push(rows.clone());
            }
            tail.add(Appended { module, rows, received_at: Timestamp::from_millis(received_at) });
        }
    }
}

/// Answers whether they are saved.
async fn save(store: &Store, states: &[ModuleState]) -> Result<bool, StoreError> {
    let states = states.to_vec();
    match store.write(move |conn| states::save(conn, states)).await {
        Err(error) if error.is_emergency() => {
            tracing::error!(%error, "what modules said last is saved when the database can be written again");
            Ok(false)
        }
        saved => saved.map(|()| true),
    }
}

#[cfg(test)]
mod tests;
