use std::time::Duration;

/// What a mark begins with.
const STREAM: &[u8] = b"\"stream\":";

/// What a delivered event says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Mark {
    /// The stream it belongs to.
    pub stream: usize,
    /// Its number in the stream.
    pub number: u64,
    /// When it was due, counted from the start.
    pub due: Duration,
}

impl Mark {
    /// Looks for the mark in a frame without reading the rest of it.
    pub fn find(text: &[u8]) -> Option<Self> {
        let stream = number_after(text, STREAM)?;
        let number = number_after(text, b"\"number\":")?;
        let due = number_after(text, b"\"dueUs\":")?;

        Some(Self { stream: usize::try_from(stream).ok()?, number, due: Duration::from_micros(due) })
    }
}

/// A message in parts that hold one mark each at most: other servers than the hub put several events into one.
pub fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let behind_first = place_of(text, STREAM).map_or(text.len(), |place| place + STREAM.len());
        let Some(second) = place_of(&text[behind_first..], STREAM) else { return Some(text) };
        let (part, others) = text.split_at(behind_first + second);
        rest = Some(others);
        Some(part)
    })
}

fn place_of(text: &[u8], key: &[u8]) -> Option<usize> {
    text.windows(key.len()).position(|window| window == key)
}

fn number_after(text: &[u8], key: &[u8]) -> Option<u64> {
    let start = place_of(text, key)? + key.len();
    let digits = text[start..].iter().take_while(|byte| byte.is_ascii_digit());
    let mut found = None;
    for digit in digits {
        found = Some(found.unwrap_or(0_u64).wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    }

    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &[u8] =
        br#"{"type":"event","event":"rt_bench","data":{"stream":2,"number":17,"dueUs":1500,"pad":"xx"},"cursor":"a"}"#;

    #[test]
    fn the_mark_is_found_wherever_it_stands() {
        let mark = Mark { stream: 2, number: 17, due: Duration::from_micros(1500) };
        let other_order = br#"{"cursor":"a","data":{"dueUs":1500,"number":17,"pad":"","stream":2}}"#;

        assert_eq!(Mark::find(EVENT).as_ref(), Some(&mark));
        assert_eq!(Mark::find(other_order), Some(mark));
    }

    #[test]
    fn several_events_in_one_message_are_taken_apart() {
        let both = [EVENT, EVENT, b"\r\n"].concat();

        assert_eq!(parts(&both).filter_map(Mark::find).count(), 2);
        assert_eq!(parts(EVENT).collect::<Vec<_>>(), [EVENT]);
        assert_eq!(parts(b"PING").count(), 1);
    }

    #[test]
    fn other_frames_have_no_mark() {
        assert_eq!(Mark::find(br#"{"type":"pong"}"#), None);
        assert_eq!(Mark::find(br#"{"stream":"a","number":1,"dueUs":2}"#), None);
    }
}
