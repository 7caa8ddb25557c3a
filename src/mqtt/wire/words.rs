//! What a client is told in words.

use bytestring::ByteString;

/// The words of a refusal, which may repeat what the client said: a control character is told by its name, as a text of MQTT
/// must not hold NUL and should hold none of the others (MQTT 5, 1.5.4).
#[must_use]
pub fn words(text: &str) -> ByteString {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let mut told = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            told.extend(character.escape_debug());
        } else {
            told.push(character);
        }
    }
    told.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_is_in_the_words() {
        assert_eq!(words("`/a\0`: \u{85}\n"), "`/a\\0`: \\u{85}\\n");
        assert_eq!(words("`ä` cannot be a key"), "`ä` cannot be a key");
    }
}
