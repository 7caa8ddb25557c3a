use rand::Rng;

/// Letters and digits that nobody confuses when reading them off a screen.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS: usize = 4;
const GROUP: usize = 4;

/// A password for one run of the demo, such as `k7mf-p2xq-9d3h-wz4n`: sixteen draws of 31 signs, 79 bits.
pub fn demo_password() -> String {
    let mut random = rand::rng();
    let mut group = || (0..GROUP).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect();

    (0..GROUPS).map(|_| group()).collect::<Vec<String>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_readable_and_never_the_same() {
        let password = demo_password();

        assert_eq!(password.len(), 19);
        assert!(password.bytes().all(|sign| sign == b'-' || ALPHABET.contains(&sign)), "{password}");
        assert_ne!(password, demo_password());
    }
}
