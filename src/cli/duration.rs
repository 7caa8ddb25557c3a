use std::time::Duration;

/// Reads a length of time as people write it: `10s`, `5m`, `1h 30m`, `250ms`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("`{text}` is not a length of time; write it like `10s`, `5m` or `250ms`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
    }

    #[test]
    fn nothing_negative_zero_or_without_a_unit_is_a_length() {
        for text in ["", "0s", "-3s", "12", "soon"] {
            assert!(parse_duration(text).is_err(), "`{text}` was taken");
        }
    }
}
