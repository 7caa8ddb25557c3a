//! Which topics a person may have, and which channels they mean for that person.

use crate::auth::Principal;
use crate::broker::Wanted;
use crate::domain::grant::Permission;
use crate::domain::pace::Pace;
use crate::domain::problem::{Faults, Problem};
use crate::domain::topic::{Channel, Topic};

/// A topic that a session listens to, and what that means at its seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listened {
    /// The topic.
    pub topic: Topic,
    /// Its channel for this person, and how often at most the client wants newer values there.
    pub wanted: Wanted,
}

impl Listened {
    /// A topic as this person may have it.
    ///
    /// # Errors
    /// See [`channel_of`].
    pub fn of(topic: Topic, pace: Option<Pace>, principal: &Principal) -> Result<Self, Problem> {
        let channel = channel_of(&topic, principal)?;
        Ok(Self { topic, wanted: Wanted { channel, pace } })
    }
}

/// The channel behind a topic for this person.
///
/// Whether they may see a single module is for the snapshot to say; everything else is decided here.
///
/// # Errors
/// A problem with status 403 for a topic the person may not have.
pub fn channel_of(topic: &Topic, principal: &Principal) -> Result<Channel, Problem> {
    let (may, channel) = match topic {
        Topic::Modules if principal.may(Permission::ModulesAll) => (true, Channel::AllModules),
        Topic::Modules => (principal.may(Permission::ModulesRead), Channel::ModulesOf(principal.user_id.clone())),
        Topic::Module(id) => (principal.may(Permission::ModulesRead), Channel::Module(id.clone())),
        Topic::User(id) => {
            (*id == principal.user_id || principal.may(Permission::UsersManage), Channel::User(id.clone()))
        }
        Topic::Admin => (principal.may(Permission::StatsRead), Channel::Admin),
        Topic::Alarms => (principal.may(Permission::ModulesAll), Channel::Alarms),
        Topic::Dashboard => (true, Channel::Dashboard),
        Topic::Custom(name) => (true, Channel::Custom(name.clone())),
        Topic::Tap(channel) => (principal.may(Permission::EventsTap), channel.clone()),
    };
    if may { Ok(channel) } else { Err(forbidden(topic)) }
}

/// The problem of a topic that one may not have.
#[must_use]
pub fn forbidden(topic: &Topic) -> Problem {
    Problem::new("topic-forbidden", 403, format!("you may not listen to `{topic}`"))
}

/// The problem of more topics than a connection may have.
#[must_use]
pub fn too_many(most: usize) -> Problem {
    Problem::new("too-many-topics", 422, format!("a connection has at most {most} topics; leave some first"))
}

/// Reads topics as a client wrote them.
///
/// # Errors
/// A problem that names every text that is no topic.
pub fn read_topics(texts: &[String]) -> Result<Vec<Topic>, Problem> {
    let mut topics = Vec::with_capacity(texts.len());
    let mut faults = Faults::default();
    for (place, text) in texts.iter().enumerate() {
        match text.parse::<Topic>() {
            Ok(topic) if topics.contains(&topic) => {}
            Ok(topic) => topics.push(topic),
            Err(error) => faults.add(format!("/topics/{place}"), error.to_string()),
        }
    }
    if faults.is_empty() {
        return Ok(topics);
    }
    Err(faults.into_problem("invalid-fields", 422, "some topics are not as they must be"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::domain::grant::Role;
    use crate::domain::ids::{LoginId, UserId};
    use crate::domain::time::Timestamp;

    fn person(role: Role) -> Principal {
        Principal {
            user_id: UserId::generate(),
            login_id: LoginId::generate(),
            name: String::new(),
            email: String::new(),
            roles: vec![role],
            expires_at: Timestamp::from_millis(0),
            read_at: Instant::now(),
            address: None,
        }
    }

    #[test]
    fn people_hear_only_what_is_theirs() {
        let user = person(Role::User);
        let own = Topic::User(user.user_id.clone());
        assert_eq!(channel_of(&Topic::Modules, &user), Ok(Channel::ModulesOf(user.user_id.clone())));
        assert!(channel_of(&own, &user).is_ok());
        assert_eq!(channel_of(&Topic::User(UserId::generate()), &user).unwrap_err().status, 403);
        assert_eq!(channel_of(&Topic::Admin, &user).unwrap_err().status, 403);
        assert_eq!(channel_of(&Topic::Alarms, &user).unwrap_err().status, 403);
        assert_eq!(channel_of(&Topic::Modules, &person(Role::Admin)), Ok(Channel::AllModules));
        let tap = Topic::Tap(Channel::ModulesOf(user.user_id.clone()));
        assert_eq!(channel_of(&tap, &user).unwrap_err().status, 403, "not even of oneself");
        assert_eq!(channel_of(&tap, &person(Role::Admin)), Ok(Channel::ModulesOf(user.user_id)));
    }
}
