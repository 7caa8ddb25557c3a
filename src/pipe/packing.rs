//! How what one peer is sent is packed: for it alone, or once for all who can read the same.

use std::cell::Cell;

use bytes::Bytes;

use super::Framing;
use super::frame::{self, Deflation};
use crate::domain::event::{Dialect, Event};

/// The packing of one connection's frames, which must leave in the order in which they were packed.
///
/// Invariant: `last` is what the peer has read last of all that was compressed, as a plain frame; it is empty if nothing may
/// lean on that.
pub struct Packing {
    framing: Framing,
    deflation: Cell<Option<Deflation>>,
    /// Whether events go out as they are: nothing is to be asked then, which is what most deliveries are.
    is_plain: Cell<bool>,
    last: Cell<Bytes>,
}

impl Packing {
    /// Of frames of this kind, not compressed yet.
    pub fn new(framing: Framing) -> Self {
        let is_plain = Cell::new(framing.pack_for_all(0, None).is_none());
        Self { framing, deflation: Cell::new(None), is_plain, last: Cell::new(Bytes::new()) }
    }

    /// What the frames look like.
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Compresses from now on, if the peer and we have agreed on that.
    pub fn agree_on(&self, deflation: Option<Deflation>) {
        let is_socket = matches!(self.framing, Framing::WebSocket | Framing::Engine);
        let deflation = deflation.filter(|_| is_socket);
        self.deflation.set(deflation);
        self.is_plain.set(deflation.is_none() && self.framing.pack_for_all(0, None).is_none());
        self.last.take();
    }

    /// Whether the peer and we have agreed to compress messages.
    pub const fn may_deflate(&self) -> bool {
        self.deflation.get().is_some()
    }

    /// A message of this peer alone.
    pub fn message(&self, plain: Bytes) -> Bytes {
        let packed = self.framing.packed(plain, self.deflation.get());
        if frame::is_deflated(&packed) {
            self.last.take();
        }
        packed
    }

    /// An event in a frame that all share who can read the same; empty if the dialect has no word for it.
    #[inline]
    pub fn event<'event>(&self, event: &'event Event, dialect: &Dialect) -> &'event Bytes {
        let plain = event.frame(dialect);
        if self.is_plain.get() { plain } else { self.packed(event, dialect, plain) }
    }

    fn packed<'event>(&self, event: &'event Event, dialect: &Dialect, plain: &'event Bytes) -> &'event Bytes {
        let Some(deflation) = self.deflation.get() else {
            return match self.framing.pack_for_all(plain.len(), None) {
                Some(pack) if !plain.is_empty() => event.packed_frame(dialect, pack),
                _ => plain,
            };
        };
        if plain.is_empty() {
            return plain;
        }
        if deflation.may_lean(plain.len()) {
            return self.leaning(event, dialect, plain);
        }
        let pack = self.framing.pack_for_all(plain.len(), Some(deflation));
        let packed = pack.map_or(plain, |pack| event.packed_frame(dialect, pack));
        if frame::is_deflated(packed) {
            self.last.take();
        }
        packed
    }

    /// Behind what the peer has read last, or else by itself, however short: the next event leans on it.
    fn leaning<'event>(&self, event: &'event Event, dialect: &Dialect, plain: &Bytes) -> &'event Bytes {
        let last = self.last.take();
        let behind = if last.is_empty() { None } else { event.frame_behind(&last, dialect, frame::deflated_behind) };
        let packed = behind.unwrap_or_else(|| event.packed_frame(dialect, frame::deflated));
        self.last.set(if frame::is_deflated(packed) { plain.clone() } else { last });
        packed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::cursor::Epoch;
    use crate::domain::event::{Delivery, NewEvent, json};
    use crate::domain::time::Timestamp;
    use crate::pipe::frame::Inflater;

    static DIALECT: Dialect = Dialect { slot: 0, encode: |event| frame::text(event.what.data.get().as_bytes()) };

    fn event(offset: u64, length: usize) -> Event {
        let data = json(&format!("{offset} {}", "here and there ".repeat(length)));
        let (name, at) = ("rt_test".parse().unwrap(), Timestamp::from_millis(0));
        NewEvent { name, delivery: Delivery::Each, audience: vec![], data, at }.stamped(Epoch::generate(), offset)
    }

    /// What a peer reads that keeps what it has read, or does not.
    struct Reader {
        packing: Packing,
        inflater: Inflater,
        remembers: bool,
    }

    impl Reader {
        fn new(remembers: bool) -> Self {
            let packing = Packing::new(Framing::WebSocket);
            packing.agree_on(Some(Deflation { threshold: 100, window: 15, remembers }));
            Self { packing, inflater: Inflater::new(), remembers }
        }

        fn read(&mut self, packed: &Bytes) -> Bytes {
            let payload = frame::payload(packed);
            if !frame::is_deflated(packed) {
                return payload;
            }
            if !self.remembers {
                self.inflater = Inflater::new();
            }
            self.inflater.inflate(&payload, 1 << 20).unwrap().into()
        }

        fn hears(&mut self, event: &Event) -> usize {
            let packed = self.packing.event(event, &DIALECT);
            let read = self.read(packed);
            assert_eq!(read, event.what.data.get());
            packed.len()
        }
    }

    proptest! {
        #[test]
        fn whatever_each_hears_and_is_told_between_all_is_read_as_it_was_said(
            steps in prop::collection::vec((0_u8..4, 0_usize..200, prop::collection::vec(0_usize..8, 8)), 1..60),
        ) {
            let mut readers: Vec<_> = (0..8).map(|number| Reader::new(number < 7)).collect();
            for (offset, (kind, length, hearers)) in (1..).zip(steps) {
                let told = event(offset, length);
                for reader in hearers {
                    let reader = &mut readers[reader];
                    if kind == 0 {
                        let message = frame::text(told.what.data.get().as_bytes());
                        let packed = reader.packing.message(message.clone());
                        prop_assert_eq!(reader.read(&packed), frame::payload(&message));
                    } else {
                        reader.hears(&told);
                    }
                }
            }
        }
    }

    #[test]
    fn an_event_behind_another_is_short_and_one_frame_for_all_who_had_that_one() {
        let (mut one, mut other, mut late) = (Reader::new(true), Reader::new(true), Reader::new(true));
        let [first, second, third] = [1, 2, 3].map(|offset| event(offset, 10));
        let alone = one.hears(&first);
        assert_eq!(other.hears(&first), alone, "both have nothing before");

        let behind = one.packing.event(&second, &DIALECT);
        assert!(behind.len() < alone, "{} and {alone}", behind.len());
        assert_eq!(other.packing.event(&second, &DIALECT).as_ptr(), behind.as_ptr());
        late.hears(&second);
        let all = [one, other, late].map(|reader| reader.packing.event(&third, &DIALECT).as_ptr());
        assert_eq!((all[0], all[0]), (all[1], all[2]));
    }

    #[test]
    fn who_forgets_gets_each_event_by_itself_and_short_ones_plain() {
        let mut reader = Reader::new(false);
        let packed = [1, 2].map(|offset| reader.hears(&event(offset, 10)));
        assert_eq!(packed[0], packed[1]);
        let short = event(3, 1);
        assert!(!frame::is_deflated(reader.packing.event(&short, &DIALECT)));
    }
}
