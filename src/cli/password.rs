use rand::Rng;

/// Letters and digits that nobody confuses when reading them off a screen.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS: usize = 5;
const GROUP: usize = 4;

/// A password to be read off a screen, such as `k7mf-p2xq-9d3h-wz4n-tj6c`: twenty draws of 31 signs, 99 bits.
pub(super) fn random_password() -> String {
    let mut random = rand::rng();
    let mut group = || (0..GROUP).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect();
    (0..GROUPS).map(|_| group()).collect::<Vec<String>>().join("-")
}
