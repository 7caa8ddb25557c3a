//! Answers to readings that are sent in the order of the readings, whichever is ready first.

use std::collections::VecDeque;

/// Answers that wait for those before them; pure.
///
/// Invariant: the reading with the place `first + n` is `waiting[n]`; the first one of `waiting` is not answered.
#[derive(Debug, Default)]
pub struct Answers {
    first: u64,
    waiting: VecDeque<Answer>,
}

#[derive(Debug)]
enum Answer {
    Awaited,
    /// The frame to send; none for a reading that wants no answer.
    Ready(Option<String>),
}

impl Answers {
    /// How many readings have no answer yet, or one that waits for others.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes the next place.
    pub fn reserve(&mut self) -> u64 {
        self.waiting.push_back(Answer::Awaited);
        self.first + self.waiting.len() as u64 - 1
    }

    /// The answer of a place is ready; gives the frames that may go now.
    pub fn answer(&mut self, place: u64, frame: Option<String>) -> Vec<String> {
        let place = place.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(answer) = place.and_then(|place| self.waiting.get_mut(place)) {
            *answer = Answer::Ready(frame);
        }
        let mut frames = Vec::new();
        while matches!(self.waiting.front(), Some(Answer::Ready(_))) {
            if let Some(Answer::Ready(Some(frame))) = self.waiting.pop_front() {
                frames.push(frame);
            }
            self.first += 1;
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn answers_go_in_the_order_of_their_places(order in Just((0..20_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut answers = Answers::default();
            let places: Vec<_> = (0..20).map(|_| answers.reserve()).collect();
            let mut sent = Vec::new();
            for index in order {
                let frame = (index % 3 != 0).then(|| index.to_string());
                sent.extend(answers.answer(places[index as usize], frame));
            }
            let all: Vec<_> = (0..20).filter(|index| index % 3 != 0).map(|index| index.to_string()).collect();
            prop_assert_eq!(sent, all);
            prop_assert_eq!(answers.waiting(), 0);
            prop_assert_eq!(answers.reserve(), 20);
        }
    }
}
