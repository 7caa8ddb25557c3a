//! Who may hear what, judged when somebody subscribes.

use std::hint::black_box;
use std::time::Instant;

use carillon::auth::Principal;
use carillon::domain::grant::{Permission, Role};
use carillon::domain::ids::{LoginId, UserId};
use carillon::domain::time::Timestamp;
use carillon::domain::topic::Topic;
use carillon::session::{channel_of, read_topics};

use crate::Step;

pub const STEPS: &[Step] = &[("permission/may", may), ("permission/topics", topics)];

fn person() -> Principal {
    Principal {
        user_id: UserId::generate(),
        login_id: LoginId::generate(),
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        roles: vec![Role::User],
        expires_at: Timestamp::from_millis(0),
        read_at: Instant::now(),
        address: None,
    }
}

fn may() -> Box<dyn FnMut()> {
    let person = person();
    Box::new(move || {
        assert!(black_box(&person).may(black_box(Permission::ModulesRead)));
    })
}

/// The topics of a dashboard are read and judged.
fn topics() -> Box<dyn FnMut()> {
    let person = person();
    let texts: Vec<_> =
        ["modules", "module:MC-1001-STN", "dashboard", "custom:news"].into_iter().map(str::to_owned).collect();
    Box::new(move || {
        let topics: Vec<Topic> = read_topics(black_box(&texts)).expect("topics");
        let channels = topics.iter().filter_map(|topic| channel_of(topic, &person).ok());
        assert_eq!(channels.map(black_box).count(), 4);
    })
}
