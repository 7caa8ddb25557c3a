//! Where the requests of HTTP/1 end in a stream of bytes (RFC 9112).

use std::mem;

use memchr::memchr;

/// How much of a line is kept; where one that matters is longer it is [`Place::Unclear`] what follows.
const LINE_MAX: usize = 64;
/// The protocol to which a connection is upgraded.
const WEBSOCKET: &[u8] = b"websocket";

/// Follows the requests of a connection, as far as is needed to know where each of them ends.
///
/// Invariant: it sees the heads that actix-http sees, but for what that refuses; where it cannot be sure to see a body as
/// that does, it says so, and follows nothing from there on.
#[derive(Debug, Default)]
pub struct Requests {
    at: Place,
    line: Line,
    head: Head,
    /// Whether a byte has come of the request that is next; a blank line before it is one, as nothing else would end a
    /// connection that sends nothing more.
    has_begun: bool,
    ended: u64,
}

/// What comes next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// The first line of a request; blank ones before it do not count.
    #[default]
    Between,
    /// A line of the head.
    Head,
    /// So many bytes of the body.
    Body(u64),
    /// The line with the size of a chunk.
    ChunkSize,
    /// So many bytes of a chunk, with the end of its last line.
    Chunk(u64),
    /// A line behind the last chunk.
    Trailer,
    /// Another protocol.
    Beyond,
    /// Whatever it is, from here on for good.
    Unclear,
}

/// What the head at hand says of the body.
#[derive(Debug, Default)]
struct Head {
    is_connect: bool,
    is_upgrade: bool,
    is_chunked: bool,
    is_unclear: bool,
    length: u64,
}

/// The beginning of the line at hand.
#[derive(Debug)]
struct Line {
    bytes: [u8; LINE_MAX],
    /// How long the line is, also beyond what is kept.
    length: usize,
    last: u8,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: [0; LINE_MAX], length: 0, last: 0 }
    }
}

impl Requests {
    /// Follows the bytes up to the end of the first head or request in them; answers how many, and whether a head ended
    /// there.
    pub fn follow(&mut self, bytes: &[u8]) -> (usize, bool) {
        let (mut at, before) = (0, self.ended);
        while at < bytes.len() && self.ended == before {
            let rest = &bytes[at..];
            match self.at {
                Place::Beyond | Place::Unclear => return (bytes.len(), false),
                Place::Body(left) => at += self.skip(left, rest, Place::Body, Place::Between),
                Place::Chunk(left) => at += self.skip(left, rest, Place::Chunk, Place::ChunkSize),
                Place::Between | Place::Head | Place::ChunkSize | Place::Trailer => {
                    self.has_begun = true;
                    let end = memchr(b'\n', rest);
                    self.line.add(&rest[..end.unwrap_or(rest.len())]);
                    at += end.map_or(rest.len(), |end| end + 1);
                    if end.is_some() && self.end_line() {
                        return (at, true);
                    }
                }
            }
        }
        (at, false)
    }

    /// Whether no request has come in part only.
    pub fn is_between(&self) -> bool {
        self.at == Place::Beyond || (self.at == Place::Between && !self.has_begun)
    }

    /// Whether another protocol goes on.
    pub fn is_beyond(&self) -> bool {
        self.at == Place::Beyond
    }

    /// Whether nobody can tell any more where requests end.
    pub fn is_unclear(&self) -> bool {
        self.at == Place::Unclear
    }

    /// How many requests have come whole.
    pub const fn ended(&self) -> u64 {
        self.ended
    }

    fn skip(&mut self, left: u64, rest: &[u8], same: fn(u64) -> Place, then: Place) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let left = left - taken as u64;
        self.go_to(if left == 0 { then } else { same(left) });
        taken
    }

    fn go_to(&mut self, place: Place) {
        self.at = place;
        if place == Place::Between {
            self.has_begun = false;
            self.ended += 1;
        }
    }

    /// Answers whether the line that ends here ends a head.
    fn end_line(&mut self) -> bool {
        // actix-http ends these by both bytes only.
        if self.at == Place::Trailer && self.line.last != b'\r' {
            self.line.add(b"\n");
            return false;
        }
        let line = mem::take(&mut self.line);
        match self.at {
            Place::Between if !line.is_blank() => {
                self.head = Head { is_connect: line.text().starts_with(b"CONNECT "), ..Head::default() };
                self.at = Place::Head;
            }
            Place::Head if line.is_blank() => {
                self.go_to(self.head.what_follows());
                return true;
            }
            Place::Head => self.head.add(&line),
            Place::ChunkSize => self.go_to(match size_of_chunk(&line) {
                Some(0) => Place::Trailer,
                Some(size) => Place::Chunk(size.saturating_add(2)),
                None => Place::Unclear,
            }),
            Place::Trailer if line.is_blank() => self.go_to(Place::Between),
            Place::Between | Place::Trailer | Place::Body(_) | Place::Chunk(_) | Place::Beyond | Place::Unclear => {}
        }
        false
    }
}

impl Head {
    fn add(&mut self, line: &Line) {
        let text = line.text();
        let Some(colon) = text.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (&text[..colon], text[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            self.is_unclear |= line.is_cut() || length.is_none();
            self.length = length.unwrap_or(0);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_unclear |= line.is_cut();
            self.is_chunked |= value.eq_ignore_ascii_case(b"chunked");
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            let could_be = WEBSOCKET.get(..value.len()).is_some_and(|begin| value.eq_ignore_ascii_case(begin));
            self.is_unclear |= line.is_cut() && could_be;
            self.is_upgrade |= value.eq_ignore_ascii_case(WEBSOCKET);
        }
    }

    /// As actix-http decides it.
    const fn what_follows(&self) -> Place {
        match self {
            Self { is_unclear: true, .. } => Place::Unclear,
            Self { is_chunked: true, .. } => Place::ChunkSize,
            Self { is_upgrade: true, .. } | Self { is_connect: true, length: 0, .. } => Place::Beyond,
            Self { length: 0, .. } => Place::Between,
            Self { length, .. } => Place::Body(*length),
        }
    }
}

impl Line {
    fn add(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.length..) {
            let kept = room.len().min(bytes.len());
            room[..kept].copy_from_slice(&bytes[..kept]);
        }
        self.length += bytes.len();
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    /// As much of it as is kept.
    fn text(&self) -> &[u8] {
        &self.bytes[..self.length.min(LINE_MAX)]
    }

    /// Whether not all of it is kept.
    const fn is_cut(&self) -> bool {
        self.length > LINE_MAX
    }

    fn is_blank(&self) -> bool {
        matches!(self.text(), b"" | b"\r")
    }
}

fn size_of_chunk(line: &Line) -> Option<u64> {
    let text = line.text();
    let end = text.iter().position(|byte| *byte == b';').or((!line.is_cut()).then_some(text.len()))?;
    u64::from_str_radix(std::str::from_utf8(text[..end].trim_ascii()).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use actix_codec::Decoder;
    use actix_http::h1::{Codec, Message};
    use bytes::BytesMut;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// Where heads end in what comes in such pieces.
    fn heads(stream: &[u8], piece: usize) -> (Vec<usize>, Requests) {
        let (mut requests, mut heads, mut before) = (Requests::default(), Vec::new(), 0);
        for mut piece in stream.chunks(piece) {
            while !piece.is_empty() {
                let (taken, is_head) = requests.follow(piece);
                assert!(taken > 0);
                piece = &piece[taken..];
                before += taken;
                heads.extend(is_head.then_some(before));
            }
        }
        (heads, requests)
    }

    /// What requests are made of, and what may confuse who follows them.
    const PARTS: &[&str] = &[
        "GET / HTTP/1.1\r\nhost: h\r\n\r\n",
        "GET / HTTP/1.1\nhost: h\n\n",
        "POST / HTTP/1.1\r\nhost: h\r\n",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nhost: h\r\n",
        "X\r\ncontent-length: 100000\r\n\r\n",
        "content-length: 5\r\n",
        "content-length: 9",
        "content-length:                                                              5\r\n",
        "transfer-encoding:                                                          chunked\r\n",
        "Transfer-Encoding: Chunked\r\n",
        "upgrade: websocket\r\n",
        "upgrade: websocket                                                          x\r\n",
        "upgrade: h2c\r\n",
        "a: b\r\n",
        "0000000000000000000000000000000000000000000000000000000000000000000000005\r\n",
        "5\r\n",
        "0\r\n",
        "5;a=b\r\n",
        "5 \r\n",
        "abcde",
        "a",
        ":",
        " ",
        "\r",
        "\n",
        "\r\n",
        "\r\n\r\n",
    ];

    proptest! {
        #[test]
        fn every_request_ends_where_it_ends_in_whatever_pieces_it_comes(
            bodies in prop::collection::vec((0_u8..4, "[\\r\\n:a-z]{0,40}"), 1..6),
            piece in 1_usize..90,
        ) {
            let (mut stream, mut ends) = (String::new(), Vec::new());
            for (kind, body) in &bodies {
                let head = match kind {
                    0 => "\r\nGET / HTTP/1.1\r\nhost: hub\r\n\r\n".to_owned(),
                    1 => format!("POST / HTTP/1.1\r\nContent-Length:  {}\r\nhost: hub\r\n\r\n", body.len()),
                    2 => "GET /a HTTP/1.1\nhost: hub\ncontent-length: 0\n\n".to_owned(),
                    _ => "PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nhost: hub\r\n\r\n".to_owned(),
                };
                stream.push_str(&head);
                ends.push(stream.len());
                match kind {
                    1 => stream.push_str(body),
                    3 if body.is_empty() => stream.push_str("0\r\n\r\n"),
                    3 => stream.push_str(&format!("{:X};a=b\r\n{body}\r\n0\r\nx: y\r\n\r\n", body.len())),
                    _ => {}
                }
            }

            let (heads, requests) = heads(stream.as_bytes(), piece);

            prop_assert_eq!(heads, ends);
            prop_assert!(requests.is_between());
            prop_assert_eq!(requests.ended(), bodies.len() as u64);
        }
    }

    /// How many heads the server sees, and whether it refuses what follows.
    fn heads_there(stream: &str) -> (usize, bool) {
        let (mut codec, mut left, mut heads) = (Codec::default(), BytesMut::from(stream), 0);
        loop {
            match codec.decode(&mut left) {
                Ok(Some(message)) => heads += usize::from(matches!(message, Message::Item(_))),
                end => return (heads, end.is_err()),
            }
            if codec.upgrade() {
                return (heads, false);
            }
        }
    }

    // Its codec needs a runtime.
    #[actix::test]
    async fn the_heads_are_seen_that_the_server_sees() {
        let streams = (prop::collection::vec(prop::sample::select(PARTS), 0..30), 1_usize..90);
        let seen = TestRunner::default().run(&streams, |(parts, piece)| {
            let stream = parts.concat();
            let (seen, requests) = heads(stream.as_bytes(), piece);
            let (there, is_refused) = heads_there(&stream);
            let is_right = seen.len() == there || (is_refused && seen.len() > there) || requests.is_unclear();
            prop_assert!(is_right, "{} of {} in {:?}", seen.len(), there, stream);
            Ok(())
        });
        assert_eq!(seen, Ok(()));
    }

    #[test]
    fn what_has_come_in_part_is_known() {
        for part in ["\r", "G", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabcd"] {
            assert!(!heads(part.as_bytes(), 100).1.is_between(), "{part:?}");
        }
    }

    #[test]
    fn behind_an_upgrade_there_are_no_requests() {
        for head in
            ["GET / HTTP/1.1\r\nupgrade:  WebSocket\r\ncontent-length: 3\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n"]
        {
            let (heads, requests) = heads(format!("{head}\0\r\n\r\n\r\n").as_bytes(), 7);
            assert_eq!(heads, [head.len()]);
            assert!(requests.is_beyond() && requests.is_between());
        }
        // Not one that the server knows, however long it is.
        let many = "upgrade: one/1.0, two/2.0, three/3.0, four/4.0, five/5.0, six/6.0, seven/7.0";
        let known = heads(format!("GET / HTTP/1.1\r\n{many}\r\n\r\n").as_bytes(), 100).1;
        assert!(known.is_between() && !known.is_beyond());
        assert!(!heads(b"GET / HTTP/1.1\r\nupgrade: h2c\r\n\r\n", 100).1.is_beyond());
        assert!(
            !heads(b"POST / HTTP/1.1\r\nupgrade: websocket\r\ntransfer-encoding: chunked\r\n\r\n", 100).1.is_beyond()
        );
    }

    #[test]
    fn behind_what_may_be_seen_otherwise_nothing_is_followed() {
        let (zeros, blanks) = ("0".repeat(70), " ".repeat(70));
        let chunked = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
        // As the head of a request each of these would have a body behind it.
        let head = "X\r\ncontent-length: 100000\r\n\r\n";
        for begin in [
            format!("{chunked}{zeros}5\r\n\r\n\r\n{head}"),
            format!("POST / HTTP/1.1\r\ncontent-length:{blanks}100\r\n\r\n{head}"),
            format!("POST / HTTP/1.1\r\ntransfer-encoding:{blanks}chunked\r\n\r\n5\r\n{head}"),
            format!("POST / HTTP/1.1\r\nupgrade:{blanks}websocket\r\n\r\n{head}"),
            format!("POST / HTTP/1.1\r\nupgrade: websocket{blanks}x\r\n\r\n{head}"),
            format!("CONNECT a:1 HTTP/1.1\r\ncontent-length:{blanks}5\r\n\r\n{head}"),
        ] {
            let (heads, requests) = heads((begin.clone() + "GET / HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes(), 50);
            assert!(heads.len() <= 2 && requests.is_unclear(), "{} heads in {begin:?}", heads.len());
        }
    }
}
