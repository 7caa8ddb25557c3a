//! The finished frames of an event, each made by the first who asks and shared by all others.

use std::sync::OnceLock;

use bytes::Bytes;

use super::DIALECT_SLOTS;

/// How many frames may each lean on another event's, over all dialects.
const LEANING_MAX: usize = 4;

/// The frames of one event, by the slot of their dialect.
#[derive(Debug, Default)]
pub(super) struct Frames {
    dialects: [Forms; DIALECT_SLOTS],
    leaning: OnceLock<Box<Leaning>>,
}

#[derive(Debug, Default)]
struct Forms {
    plain: OnceLock<Bytes>,
    packed: OnceLock<Bytes>,
}

/// A frame for those who were sent a certain frame just before, and the next of its kind.
#[derive(Debug)]
struct Leaning {
    slot: usize,
    before: Bytes,
    frame: Bytes,
    next: OnceLock<Box<Self>>,
}

impl Frames {
    pub fn plain(&self, slot: usize, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.dialects[slot].plain.get_or_init(encode)
    }

    pub fn packed(&self, slot: usize, pack: impl FnOnce() -> Bytes) -> &Bytes {
        self.dialects[slot].packed.get_or_init(pack)
    }

    /// None when there are as many others as may be.
    pub fn behind(&self, before: &Bytes, slot: usize, pack: impl Fn() -> Bytes) -> Option<&Bytes> {
        let mut place = &self.leaning;
        for _ in 0..LEANING_MAX {
            let leaning = place.get_or_init(|| {
                Box::new(Leaning { slot, before: before.clone(), frame: pack(), next: OnceLock::new() })
            });
            if leaning.is_behind(before, slot) {
                return Some(&leaning.frame);
            }
            place = &leaning.next;
        }
        None
    }
}

impl Leaning {
    /// By far the most have the very same frame before; one that is alike does as well.
    fn is_behind(&self, before: &Bytes, slot: usize) -> bool {
        let is_same = self.before.as_ptr() == before.as_ptr() && self.before.len() == before.len();
        self.slot == slot && (is_same || self.before == before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_leans_is_made_once_for_all_who_had_the_same_before_and_for_a_few_others() {
        let (frames, before) = (Frames::default(), Bytes::from("before".to_owned()));
        let behind =
            |before: &Bytes, slot| frames.behind(before, slot, || [before, &b"+"[..]].concat().into()).cloned();

        let first = behind(&before, 0).unwrap();
        assert_eq!(first, "before+");
        for alike in [before.clone(), Bytes::from("before".to_owned())] {
            assert_eq!(behind(&alike, 0).unwrap().as_ptr(), first.as_ptr());
        }
        assert_ne!(behind(&before, 1).unwrap().as_ptr(), first.as_ptr(), "another dialect");
        for other in ["a", "b"] {
            assert_eq!(behind(&Bytes::from(other), 0).unwrap(), format!("{other}+"));
        }
        assert_eq!(behind(&Bytes::from("c"), 0), None);
        assert_eq!(behind(&before, 0).unwrap().as_ptr(), first.as_ptr());
    }
}
