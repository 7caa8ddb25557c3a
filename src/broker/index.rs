//! Who listens to which channel, found without hashing per listener.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::domain::cursor::Offset;
use crate::domain::pace::Pace;
use crate::domain::topic::Channel;

/// The place of a channel in an index.
pub type ChannelId = u32;

/// One listener of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The listener's seat.
    pub seat: u32,
    /// It has everything of this channel up to here already.
    pub from: Offset,
    /// Where the seat's own list keeps the channel.
    back: u32,
}

/// One channel in a seat's own list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Subscription {
    channel: ChannelId,
    place: u32,
    pace: Option<Pace>,
}

/// The channels with their listeners, and every seat's channels.
///
/// Invariant: `channels[s.channel].listeners[s.place]` is the seat's own entry for every subscription `s` of a seat, and
/// that entry's `back` is the place of `s` in the seat's list.
#[derive(Debug, Default)]
pub struct Index {
    ids: HashMap<Channel, ChannelId>,
    channels: Vec<Room>,
    free: Vec<ChannelId>,
    seats: Vec<Vec<Subscription>>,
}

#[derive(Debug)]
struct Room {
    channel: Channel,
    listeners: Vec<Listener>,
    /// Events since somebody last asked.
    events: u64,
    /// How often they were handed to listeners as they came.
    deliveries: u64,
}

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
    /// The listeners of a channel.
    #[must_use]
    pub fn listeners(&self, channel: &Channel) -> &[Listener] {
        self.ids.get(channel).map_or(&[], |id| &self.channels[*id as usize].listeners)
    }

    /// The listeners of the channel at a place.
    #[must_use]
    pub fn listeners_at(&self, id: ChannelId) -> &[Listener] {
        self.channels.get(id as usize).map_or(&[], |room| &room.listeners)
    }

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

    /// The place of a channel that somebody listens to.
    #[must_use]
    pub fn id(&self, channel: &Channel) -> Option<ChannelId> {
        self.ids.get(channel).copied()
    }

    /// From where on a seat listens to a channel; none if it does not.
    #[must_use]
    pub fn listens(&self, seat: u32, channel: &Channel) -> Option<Offset> {
        let id = self.id(channel)?;
        let place = self.subscriptions(seat).iter().find(|subscription| subscription.channel == id)?.place;
        Some(self.channels[id as usize].listeners[place as usize].from)
    }

    /// How often at most a seat wants new values of an event with this audience: the fastest pace among its channels; none
    /// if one of them has no pace.
    #[must_use]
    pub fn pace(&self, seat: u32, audience: &[Channel]) -> Option<Pace> {
        let mut fastest: Option<Pace> = None;
        for id in audience.iter().filter_map(|channel| self.id(channel)) {
            let heard = self.subscriptions(seat).iter().find(|subscription| subscription.channel == id);
            let Some(Subscription { pace, .. }) = heard else { continue };
            let pace = (*pace)?;
            fastest = Some(fastest.map_or(pace, |known| known.min(pace)));
        }
        fastest
    }

    /// Whether a seat wants the values of some channel less often than they come.
    #[must_use]
    pub fn is_paced(&self, seat: u32) -> bool {
        self.subscriptions(seat).iter().any(|subscription| subscription.pace.is_some())
    }

    /// Makes a seat listen; a seat that listens already keeps its place and gets the new `from` and pace.
    pub fn add(&mut self, seat: u32, channel: &Channel, from: Offset, pace: Option<Pace>) {
        let id = self.id_or_new(channel);
        let number = seat as usize;
        if self.seats.len() <= number {
            self.seats.resize_with(number + 1, Vec::new);
        }
        let listeners = &mut self.channels[id as usize].listeners;
        if let Some(known) = self.seats[number].iter_mut().find(|subscription| subscription.channel == id) {
            known.pace = pace;
            listeners[known.place as usize].from = from;
            return;
        }
        let back = as_u32(self.seats[number].len());
        self.seats[number].push(Subscription { channel: id, place: as_u32(listeners.len()), pace });
        listeners.push(Listener { seat, from, back });
    }

    /// Ends one subscription; answers whether there was one.
    pub fn remove(&mut self, seat: u32, channel: &Channel) -> bool {
        let Some(id) = self.id(channel) else { return false };
        let Some(at) = self.subscriptions(seat).iter().position(|subscription| subscription.channel == id) else {
            return false;
        };
        self.remove_at(seat, at);
        true
    }

    /// Ends all subscriptions of a seat.
    pub fn remove_seat(&mut self, seat: u32) {
        while !self.subscriptions(seat).is_empty() {
            self.remove_at(seat, 0);
        }
        if let Some(list) = self.seats.get_mut(seat as usize) {
            *list = Vec::new();
        }
    }

    fn subscriptions(&self, seat: u32) -> &[Subscription] {
        self.seats.get(seat as usize).map_or(&[], Vec::as_slice)
    }

    fn id_or_new(&mut self, channel: &Channel) -> ChannelId {
        if let Some(id) = self.ids.get(channel) {
            return *id;
        }
        let room = Room { channel: channel.clone(), listeners: Vec::new(), events: 0, deliveries: 0 };
        let id = match self.free.pop() {
            Some(id) => {
                self.channels[id as usize] = room;
                id
            }
            None => {
                self.channels.push(room);
                as_u32(self.channels.len() - 1)
            }
        };
        self.ids.insert(channel.clone(), id);
        id
    }

    fn remove_at(&mut self, seat: u32, at: usize) {
        let gone = self.seats[seat as usize].swap_remove(at);
        if let Some(moved) = self.seats[seat as usize].get(at) {
            self.channels[moved.channel as usize].listeners[moved.place as usize].back = as_u32(at);
        }
        let room = &mut self.channels[gone.channel as usize];
        room.listeners.swap_remove(gone.place as usize);
        if let Some(moved) = room.listeners.get(gone.place as usize) {
            self.seats[moved.seat as usize][moved.back as usize].place = gone.place;
        }
        if self.channels[gone.channel as usize].listeners.is_empty() {
            self.forget(gone.channel);
        }
    }

    fn forget(&mut self, id: ChannelId) {
        let room = &mut self.channels[id as usize];
        room.listeners = Vec::new();
        self.ids.remove(&room.channel);
        self.free.push(id);
    }
}

#[expect(clippy::expect_used, reason = "a thread never has four thousand million listeners")]
fn as_u32(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 listeners")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Add(u32, u8, u64),
        Remove(u32, u8),
        Leave(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u32..8, 0_u8..6, any::<u64>()).prop_map(|(seat, channel, from)| Step::Add(seat, channel, from)),
            2 => (0_u32..8, 0_u8..6).prop_map(|(seat, channel)| Step::Remove(seat, channel)),
            1 => (0_u32..8).prop_map(Step::Leave),
        ]
    }

    fn channel(number: u8) -> Channel {
        Channel::Custom(number.to_string().into())
    }

    /// One in four is unpaced.
    fn pace_of(from: u64) -> Option<Pace> {
        let rate = u8::try_from(from % 4).unwrap();
        Pace::of_rate(rate.into()).ok()
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

    proptest! {
        #[test]
        fn the_index_agrees_with_a_plain_map(steps in prop::collection::vec(step(), 0..120)) {
            let mut index = Index::default();
            let mut plain: BTreeMap<(u8, u32), u64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Add(seat, number, from) => {
                        index.add(seat, &channel(number), from, pace_of(from));
                        plain.insert((number, seat), from);
                    }
                    Step::Remove(seat, number) => {
                        let was = plain.remove(&(number, seat)).is_some();
                        prop_assert_eq!(index.remove(seat, &channel(number)), was);
                    }
                    Step::Leave(seat) => {
                        index.remove_seat(seat);
                        plain.retain(|(_, other), _| *other != seat);
                    }
                }
                for number in 0..6 {
                    let mut told: Vec<_> =
                        index.listeners(&channel(number)).iter().map(|entry| (entry.seat, entry.from)).collect();
                    told.sort_unstable();
                    let expected: Vec<_> =
                        plain.range((number, 0)..=(number, u32::MAX)).map(|((_, seat), from)| (*seat, *from)).collect();
                    prop_assert_eq!(told, expected);
                }
                for seat in 0..8 {
                    let audience = [channel(0), channel(1), channel(2)];
                    let paces: Option<Vec<_>> =
                        (0..3).filter_map(|number| plain.get(&(number, seat))).map(|from| pace_of(*from)).collect();
                    let fastest = paces.and_then(|paces| paces.into_iter().min());
                    prop_assert_eq!(index.pace(seat, &audience), fastest);
                    let is_paced = plain.iter().any(|((_, other), from)| *other == seat && pace_of(*from).is_some());
                    prop_assert_eq!(index.is_paced(seat), is_paced);
                }
            }
        }
    }
}
