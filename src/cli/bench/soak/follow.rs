use crate::cli::bench::{audience::Mark, wire::Frame};

/// What a session that comes in the middle hears of numbered events: from the first it hears on, each has to follow.
#[derive(Debug)]
pub struct Follow {
    /// Events of a round; rounds follow each other as streams.
    round: u64,
    /// Where the next event stands, counted over all rounds; none before the first, and behind a gap.
    next: Option<u64>,
    missed: u64,
    gaps: u64,
}

impl Follow {
    /// Has heard nothing yet.
    pub fn new(round: u64) -> Self {
        Self { round, next: None, missed: 0, gaps: 0 }
    }

    /// Takes in a frame.
    pub fn hear(&mut self, frame: Frame<'_>) {
        let Frame::Text(text) = frame else { return };
        if text.starts_with(br#"{"type":"gap""#) {
            self.gaps += 1;
            self.next = None;
            return;
        }
        // Telemetry of modules has no mark.
        let Some(mark) = Mark::find(text) else { return };
        let place = mark.stream as u64 * self.round + mark.number;
        match self.next {
            Some(next) if place < next => self.missed += 1,
            Some(next) => self.missed += place - next,
            None => {}
        }
        self.next = Some(self.next.unwrap_or_default().max(place + 1));
    }

    /// The place behind the last event it heard; 0 before the first.
    pub fn next(&self) -> u64 {
        self.next.unwrap_or_default()
    }

    /// Events that were missing without a word, came again or in another order.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How often it was told that it missed some.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(events: &[(u64, u64)]) -> Follow {
        let mut follow = Follow::new(10);
        for (stream, number) in events {
            let text = format!(r#"{{"data":{{"stream":{stream},"number":{number},"dueUs":0}}}}"#);
            follow.hear(Frame::Text(text.as_bytes()));
        }
        follow
    }

    #[test]
    fn rounds_follow_each_other() {
        let follow = followed(&[(0, 8), (0, 9), (1, 0), (1, 1)]);

        assert_eq!((follow.missed(), follow.next()), (0, 12));
    }

    #[test]
    fn a_hole_and_what_comes_again_are_seen() {
        assert_eq!(followed(&[(0, 5), (0, 7)]).missed(), 1);
        assert_eq!(followed(&[(0, 5), (0, 6), (0, 6)]).missed(), 1);
    }

    #[test]
    fn a_gap_that_is_told_hides_nothing_else() {
        let mut follow = followed(&[(0, 5)]);
        follow.hear(Frame::Text(br#"{"type":"gap","missed":3}"#));
        follow.hear(Frame::Text(br#"{"data":{"stream":0,"number":9,"dueUs":0}}"#));

        assert_eq!((follow.missed(), follow.gaps(), follow.next()), (0, 1, 10));
    }
}
