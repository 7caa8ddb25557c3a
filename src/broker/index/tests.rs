use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Add(u32, u8, u64),
    Remove(u32, u8),
    Leave(u32),
    Pace(u32, u8, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u32..8, 0_u8..6, any::<u64>()).prop_map(|(seat, channel, from)| Step::Add(seat, channel, from)),
        2 => (0_u32..8, 0_u8..6).prop_map(|(seat, channel)| Step::Remove(seat, channel)),
        1 => (0_u32..8).prop_map(Step::Leave),
        1 => (0_u32..8, 0_u8..6, any::<u64>()).prop_map(|(seat, channel, pace)| Step::Pace(seat, channel, pace)),
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

/// Who listens from where on, and how often at most that seat wants new values.
type Plain = BTreeMap<(u8, u32), (u64, u64)>;

fn check(index: &Index, plain: &Plain) -> Result<(), TestCaseError> {
    for number in 0..6 {
        let mut told: Vec<_> = index.listeners(&channel(number)).iter().map(|entry| (entry.seat, entry.from)).collect();
        told.sort_unstable();
        let expected: Vec<_> =
            plain.range((number, 0)..=(number, u32::MAX)).map(|((_, seat), (from, _))| (*seat, *from)).collect();
        prop_assert_eq!(told, expected);
    }
    for seat in 0..8 {
        let audience = [channel(0), channel(1), channel(2)];
        let paces: Option<Vec<_>> =
            (0..3).filter_map(|number| plain.get(&(number, seat))).map(|(_, pace)| pace_of(*pace)).collect();
        let fastest = paces.and_then(|paces| paces.into_iter().min());
        prop_assert_eq!(index.pace(seat, &audience), fastest);
        let is_paced = plain.iter().any(|((_, other), (_, pace))| *other == seat && pace_of(*pace).is_some());
        prop_assert_eq!(index.is_paced(seat), is_paced);
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_index_agrees_with_a_plain_map(steps in prop::collection::vec(step(), 0..120)) {
        let mut index = Index::default();
        let mut plain = Plain::new();
        for step in steps {
            match step {
                Step::Add(seat, number, from) => {
                    index.add(seat, &channel(number), from, pace_of(from));
                    plain.insert((number, seat), (from, from));
                }
                Step::Remove(seat, number) => {
                    let was = plain.remove(&(number, seat)).is_some();
                    prop_assert_eq!(index.remove(seat, &channel(number)), was);
                }
                Step::Pace(seat, number, pace) => {
                    index.set_pace(seat, &channel(number), pace_of(pace));
                    plain.entry((number, seat)).and_modify(|(_, known)| *known = pace);
                }
                Step::Leave(seat) => {
                    index.remove_seat(seat);
                    plain.retain(|(_, other), _| *other != seat);
                }
            }
            check(&index, &plain)?;
        }
    }
}
