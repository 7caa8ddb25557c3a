//! The extension `permessage-deflate` (RFC 7692): which of a client's offers we take, and on what terms.
//!
//! Our messages may lean on earlier ones where the client remembers them, as one compressed frame serves all who had the
//! same before; the client's must not, so that a quiet connection keeps no window of 32 KiB for what it may send.

use std::fmt;

use crate::pipe::frame::LEANING_WINDOW;

/// The windows a deflate stream may have, as powers of two.
const WINDOW_BITS: std::ops::RangeInclusive<u8> = 8..=15;

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agreed {
    /// The window the client asked us to keep to.
    server_window_bits: Option<u8>,
    /// Each of our messages stands by itself.
    forgets: bool,
}

impl Agreed {
    /// How far back the client looks, as a power of two.
    #[must_use]
    pub fn window(self) -> u8 {
        self.server_window_bits.unwrap_or(*WINDOW_BITS.end())
    }

    /// Whether our messages may lean on those before.
    #[must_use]
    pub fn remembers(self) -> bool {
        !self.forgets && self.window() >= LEANING_WINDOW
    }

    /// The same, but the client need not remember anything.
    #[must_use]
    pub const fn forgetting(self) -> Self {
        Self { forgets: true, ..self }
    }
}

/// As the answer's header says it.
impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alone = if self.remembers() { "" } else { "; server_no_context_takeover" };
        write!(f, "permessage-deflate{alone}; client_no_context_takeover")?;
        match self.server_window_bits {
            Some(bits) => write!(f, "; server_max_window_bits={bits}"),
            None => Ok(()),
        }
    }
}

/// Takes the first offer of the `Sec-WebSocket-Extensions` headers that can be understood; none is no fault.
pub fn agree<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Agreed> {
    headers.flat_map(|header| header.split(',')).find_map(accept)
}

fn accept(offer: &str) -> Option<Agreed> {
    let mut parts = offer.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
        return None;
    }
    let mut agreed = Agreed::default();
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim()))),
            None => (part, None),
        };
        let is_known = match (name, value) {
            ("server_no_context_takeover", None) => {
                agreed.forgets = true;
                true
            }
            ("client_no_context_takeover" | "client_max_window_bits", None) => true,
            ("client_max_window_bits", Some(value)) => window_bits(value).is_some(),
            ("server_max_window_bits", Some(value)) => {
                agreed.server_window_bits = window_bits(value);
                agreed.server_window_bits.is_some()
            }
            _ => false,
        };
        if !is_known || seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(agreed)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// A number without leading zeros.
fn window_bits(value: &str) -> Option<u8> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    value.parse().ok().filter(|bits| is_number && WINDOW_BITS.contains(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(offers: &[&str]) -> Option<String> {
        agree(offers.iter().copied()).map(|agreed| agreed.to_string())
    }

    #[test]
    fn offers_that_can_be_kept_are_taken() {
        let plain = "permessage-deflate; client_no_context_takeover";
        for offer in [
            "permessage-deflate",
            "Permessage-Deflate; client_max_window_bits",
            "x-webkit-deflate-frame, permessage-deflate",
        ] {
            assert_eq!(answer(&[offer]).as_deref(), Some(plain), "{offer}");
        }
        assert_eq!(
            answer(&["permessage-deflate; server_max_window_bits=12"]),
            Some(format!("{plain}; server_max_window_bits=12"))
        );
        let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        let offer =
            "permessage-deflate;client_max_window_bits=8;server_no_context_takeover ; client_no_context_takeover";
        assert_eq!(answer(&[offer]).as_deref(), Some(plain));
        assert_eq!(agree(["permessage-deflate"].into_iter()).unwrap().forgetting().to_string(), plain);
        for offer in
            ["permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=\"10\""]
        {
            assert_eq!(answer(&[offer]), Some(format!("{plain}; server_max_window_bits=10")), "{offer}");
        }
    }

    #[test]
    fn offers_that_cannot_be_understood_are_passed_over() {
        for offer in [
            "",
            "permessage-bzip2",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=010",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; client_max_window_bits=99",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
            "permessage-deflate; something_else",
            "permessage-deflate;",
        ] {
            assert_eq!(answer(&[offer]), None, "{offer}");
        }
        assert_eq!(answer(&[]), None);
    }

    #[test]
    fn the_first_good_offer_counts_over_several_headers() {
        let offers = [
            "permessage-deflate; server_max_window_bits=99",
            "permessage-deflate; server_max_window_bits=9, permessage-deflate",
        ];
        assert!(answer(&offers).unwrap().ends_with("server_max_window_bits=9"));
    }

    #[test]
    fn the_client_says_how_far_back_it_looks() {
        let window = |offer| agree([offer].into_iter()).unwrap().window();
        assert_eq!(window("permessage-deflate; server_max_window_bits=9"), 9);
        assert_eq!(window("permessage-deflate"), 15);
    }
}
