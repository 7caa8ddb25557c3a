//! The header in which clients offer compression.
#![no_main]

use carillon::http::extension::agree;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    if let Some(agreed) = agree(header.split('\n')) {
        assert!((8..=15).contains(&agreed.window()));
        assert_eq!(agree([agreed.to_string().as_str()].into_iter()), Some(agreed));
    }
});
