//! What goes on in the channels of an index, for those who watch the house.

use std::cmp::Reverse;

use super::{ChannelId, Index};
use crate::domain::topic::Channel;

/// What went on in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicCount {
    /// Which channel.
    pub channel: Channel,
    /// How many events there were.
    pub events: u64,
    /// How often they were handed to listeners.
    pub deliveries: u64,
}

impl Index {
    /// Counts an event of a channel that was handed to so many: once per event, whoever listens.
    pub fn count(&mut self, id: ChannelId, deliveries: u64) {
        if let Some(room) = self.channels.get_mut(id as usize) {
            room.events += 1;
            room.deliveries += deliveries;
        }
    }

    /// The channels with most events and deliveries since this was asked last; all counts begin anew.
    pub fn busiest(&mut self, most: usize) -> Vec<TopicCount> {
        let mut busy = Vec::new();
        for room in &mut self.channels {
            let (events, deliveries) = (std::mem::take(&mut room.events), std::mem::take(&mut room.deliveries));
            if events > 0 && !room.listeners.is_empty() {
                busy.push(TopicCount { channel: room.channel.clone(), events, deliveries });
            }
        }
        busy.sort_unstable_by_key(|count| Reverse(count.events + count.deliveries));
        busy.truncate(most);
        busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(number: u8) -> Channel {
        Channel::Custom(number.to_string().into())
    }

    #[test]
    fn the_busiest_channels_are_told_once() {
        let mut index = Index::default();
        for (number, events) in [(1, 3), (2, 9), (3, 1)] {
            index.add(1, &channel(number), 0, None);
            let id = index.id(&channel(number)).unwrap();
            (0..events).for_each(|_| index.count(id, 2));
        }
        index.remove(1, &channel(3));

        let told = index.busiest(2);

        assert_eq!(told[0], TopicCount { channel: channel(2), events: 9, deliveries: 18 });
        assert_eq!((told.len(), &told[1].channel), (2, &channel(1)));
        assert_eq!(index.busiest(2), []);
        index.add(1, &channel(4), 0, None);
        assert_eq!(index.busiest(2), [], "a channel in the place of another begins anew");
    }
}
