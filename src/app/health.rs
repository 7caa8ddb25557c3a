//! What must hold for the hub to be ready.

use actix::Addr;
use futures_util::future::try_join_all;

use crate::broker::{Broker, BrokerCheck, RelayCheck};
use crate::http::RelayList;
use crate::observe::Health;
use crate::store::Store;

/// The checks of database, broker and relays.
pub fn checks(store: &Store, broker: &Addr<Broker>, relays: &RelayList) -> Health {
    let (store, broker, relays) = (store.clone(), broker.clone(), relays.clone());
    Health::default()
        .with("database", move || {
            let store = store.clone();
            async move { store.probe().await.map_err(|error| error.to_string()) }
        })
        .with("broker", move || {
            let broker = broker.clone();
            async move { broker.send(BrokerCheck).await.map(drop).map_err(|error| error.to_string()) }
        })
        .with("relays", move || {
            let relays = relays.all();
            async move {
                if relays.is_empty() {
                    return Err("no worker has started its relay".to_owned());
                }
                let asked = relays.iter().map(|relay| relay.send(RelayCheck));
                try_join_all(asked).await.map(drop).map_err(|error| error.to_string())
            }
        })
}
