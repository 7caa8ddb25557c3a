//! Who listens to which channel, found without hashing per listener.

use std::collections::HashMap;

use crate::domain::cursor::Offset;
use crate::domain::pace::Pace;
use crate::domain::topic::Channel;

mod counts;
#[cfg(test)]
mod tests;

pub use counts::TopicCount;

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

impl Index {
    /// The listeners of a channel.
    #[cfg(test)]
    fn listeners(&self, channel: &Channel) -> &[Listener] {
        self.ids.get(channel).map_or(&[], |id| &self.channels[*id as usize].listeners)
    }

    /// The listeners of the channel at a place.
    #[must_use]
    pub fn listeners_at(&self, id: ChannelId) -> &[Listener] {
        self.channels.get(id as usize).map_or(&[], |room| &room.listeners)
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

    /// Gives a seat that listens another pace.
    pub fn set_pace(&mut self, seat: u32, channel: &Channel, pace: Option<Pace>) {
        let (id, own) = (self.id(channel), self.seats.get_mut(seat as usize));
        let known = own.and_then(|own| own.iter_mut().find(|subscription| Some(subscription.channel) == id));
        if let Some(known) = known {
            known.pace = pace;
        }
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
