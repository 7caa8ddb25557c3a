//! The mask over what clients send (RFC 6455, 5.3).

/// Takes the mask off, or puts it on, eight bytes at a time; `position` is where in its frame the payload begins.
pub fn unmask(payload: &mut [u8], mut mask: [u8; 4], position: usize) {
    mask.rotate_left(position % 4);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_payload_in_pieces_is_unmasked_as_one(
            payload in prop::collection::vec(any::<u8>(), 0..100),
            mask: [u8; 4],
            cut in 0_usize..100,
        ) {
            let plain: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            let cut = cut.min(payload.len());
            let mut pieces = payload;
            let (first, second) = pieces.split_at_mut(cut);

            unmask(first, mask, 0);
            unmask(second, mask, cut);

            prop_assert_eq!(pieces, plain);
        }
    }
}
