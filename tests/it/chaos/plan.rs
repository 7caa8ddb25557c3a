//! What a run is made of, and where its chance comes from.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};

use rand::SeedableRng;
use rand::rngs::StdRng;

/// The size of a run; everything random in it follows from the seed.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// Clients, of all dialects in turn.
    pub clients: usize,
    /// How often each client's socket is cut.
    pub cuts: u32,
    /// How often the hub is killed; a fourth as often it is stopped in order.
    pub kills: u32,
    /// The journal keeps little, and some clients stay away until it has forgotten where they were.
    pub is_forgetful: bool,
}

impl Plan {
    /// The small run, or what `CARILLON_CHAOS_SEED`, `_CLIENTS`, `_CUTS` and `_KILLS` say.
    pub fn from_environment() -> Self {
        Self {
            seed: read("SEED").unwrap_or_else(rand::random),
            clients: read("CLIENTS").unwrap_or(30),
            cuts: read("CUTS").unwrap_or(6),
            kills: read("KILLS").unwrap_or(4),
            is_forgetful: false,
        }
    }

    /// The chance of one actor of the run, which nobody else draws from.
    pub fn dice(&self, actor: impl Hash) -> StdRng {
        let mut hasher = DefaultHasher::new();
        (self.seed, actor).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }
}

fn read<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = env::var(format!("CARILLON_CHAOS_{name}")).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("`CARILLON_CHAOS_{name}` must be a number")))
}
