use std::collections::BTreeSet;

/// What one listener saw of numbered events, several streams of them at once.
#[derive(Debug, Clone, Default)]
pub struct OrderCheck {
    streams: Vec<Stream>,
    doubled: u64,
    reordered: u64,
    /// A running hash over everything seen. Listeners of one topic who saw the same order have the same one.
    digest: u64,
}

#[derive(Debug, Clone, Default)]
struct Stream {
    /// The number expected next.
    next: u64,
    /// Numbers below `next` that have not come. Invariant: every element is smaller than `next`.
    missing: BTreeSet<u64>,
}

impl OrderCheck {
    /// Takes in number `number` of stream `stream`.
    pub fn see(&mut self, stream: usize, number: u64) {
        if self.streams.len() <= stream {
            self.streams.resize_with(stream + 1, Stream::default);
        }
        self.digest = mix(self.digest, stream as u64, number);
        let stream = &mut self.streams[stream];
        if number >= stream.next {
            stream.missing.extend(stream.next..number);
            stream.next = number + 1;
        } else if stream.missing.remove(&number) {
            self.reordered += 1;
        } else {
            self.doubled += 1;
        }
    }

    /// How many of the `sent` events of a stream never came.
    pub fn lost(&self, stream: usize, sent: u64) -> u64 {
        match self.streams.get(stream) {
            Some(stream) => stream.missing.len() as u64 + sent.saturating_sub(stream.next),
            None => sent,
        }
    }

    /// How many came again.
    pub fn doubled(&self) -> u64 {
        self.doubled
    }

    /// How many came after a later one of their stream.
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    /// Equal for listeners who saw the same events in the same order.
    pub fn digest(&self) -> u64 {
        self.digest
    }
}

/// One step of FNV-1a over two numbers instead of bytes.
fn mix(digest: u64, stream: u64, number: u64) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    ((digest ^ stream).wrapping_mul(PRIME) ^ number).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(events: &[(usize, u64)]) -> OrderCheck {
        let mut check = OrderCheck::default();
        for (stream, number) in events {
            check.see(*stream, *number);
        }
        check
    }

    #[test]
    fn all_in_order_is_in_order() {
        let check = seen(&[(0, 0), (1, 0), (0, 1), (1, 1)]);

        assert_eq!((check.lost(0, 2), check.lost(1, 2), check.doubled(), check.reordered()), (0, 0, 0, 0));
    }

    #[test]
    fn a_hole_is_lost_and_so_is_the_end() {
        let check = seen(&[(0, 0), (0, 3)]);

        assert_eq!(check.lost(0, 6), 4);
        assert_eq!(check.lost(1, 3), 3);
    }

    #[test]
    fn a_late_event_is_reordered_and_not_lost() {
        let check = seen(&[(0, 0), (0, 2), (0, 1)]);

        assert_eq!((check.lost(0, 3), check.doubled(), check.reordered()), (0, 0, 1));
    }

    #[test]
    fn an_event_that_comes_again_is_doubled() {
        let check = seen(&[(0, 0), (0, 1), (0, 1)]);

        assert_eq!((check.lost(0, 2), check.doubled(), check.reordered()), (0, 1, 0));
    }

    #[test]
    fn listeners_who_saw_another_interleaving_differ() {
        let one = seen(&[(0, 0), (1, 0)]);
        let other = seen(&[(1, 0), (0, 0)]);

        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.digest(), seen(&[(0, 0), (1, 0)]).digest());
    }
}
