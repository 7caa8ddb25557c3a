use proptest::prelude::*;

use super::*;
use crate::domain::problem::read_json;

fn telemetry(json: &str) -> Telemetry {
    serde_json::from_str(json).unwrap()
}

fn any_telemetry() -> impl Strategy<Value = Telemetry> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::Number(number.into())),
        (-1e300..1e300).prop_map(|number: f64| Value::Number(Number::from_f64(number).unwrap())),
        ".{0,20}".prop_map(|text: String| Value::Text(text.into())),
    ];
    let values = prop::collection::btree_map("[a-h]{1,2}".prop_map(|key: String| Key(key.into())), value, 0..10);
    values.prop_map(|values| Telemetry(values.into_iter().collect()))
}

proptest! {
    #[test]
    fn telemetry_reads_as_it_is_written(values in any_telemetry()) {
        let state = LatestState::new(values.clone());
        prop_assert_eq!(telemetry(state.as_json()), values);
    }

    #[test]
    fn taking_tells_whether_it_changed_and_doing_it_again_changes_nothing(
        before in any_telemetry(),
        newer in any_telemetry(),
    ) {
        let (before, at) = (Newest::from(before), Timestamp::from_millis(1));
        let mut after = before.clone();
        let has_changed = after.take(&newer, at, at).unwrap();
        prop_assert_eq!(has_changed, after.values() != before.values());
        prop_assert_eq!(after.take(&newer, at, at), Ok(false));
        for (key, value) in &newer.0 {
            prop_assert_eq!(after.values().get(&key.0), Some(value));
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".*") {
        let _ = read_json::<Reading>(text.as_bytes());
    }
}

#[test]
fn null_replaces_a_value() {
    let mut state = Newest::from(telemetry(r#"{"speed":1}"#));
    let at = Timestamp::from_millis(1);
    assert_eq!(state.take(&telemetry(r#"{"speed":null}"#), at, at), Ok(true));
    assert_eq!(state.values().get("speed"), Some(&Value::Null));
}

#[test]
fn faults_of_a_reading_are_told_with_their_place() {
    let long_text = format!(r#"{{"telemetry":{{"a":"{}"}}}}"#, "x".repeat(TEXT_MAX + 1));
    let long_key = format!(r#"{{"telemetry":{{"{}":1}}}}"#, "k".repeat(KEY_MAX + 1));
    let many: Vec<_> = (0..=KEYS_MAX).map(|number| format!(r#""k{number}":1"#)).collect();
    let many_keys = format!(r#"{{"telemetry":{{{}}}}}"#, many.join(","));
    for (json, pointer) in [
        (r#"{"telemetry":{"a":1,"b":[1]}}"#, "/telemetry/b"),
        (r#"{"telemetry":{"a":{"b":1}}}"#, "/telemetry/a"),
        (r#"{"telemetry":{"a/b":{}}}"#, "/telemetry/a~1b"),
        (r#"{"telemetry":{"a":1e999}}"#, "/telemetry/a"),
        (r#"{"telemetry":[]}"#, "/telemetry"),
        (r#"{"ts":"yesterday","telemetry":{}}"#, "/ts"),
        (r#"{"ts":12,"telemetry":{}}"#, "/ts"),
        (&long_text, "/telemetry/a"),
        (&many_keys, "/telemetry"),
    ] {
        let problem = read_json::<Reading>(json.as_bytes()).unwrap_err();
        assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, pointer), "{json:.80}");
    }
    for json in [long_key.as_str(), r#"{"telemetry":{"":1}}"#, "{}", r#"{"telemetry":{},"x":1}"#, "7"] {
        assert_eq!(read_json::<Reading>(json.as_bytes()).unwrap_err().status, 422, "{json:.80}");
    }
    for json in [r#"{"telemetry":{"a":NaN}}"#, r#"{"telemetry":{"a":Infinity}}"#, r#"{"telemetry":{"a":01}}"#] {
        assert_eq!(read_json::<Reading>(json.as_bytes()).unwrap_err().status, 400, "{json}");
    }
}

#[test]
fn keys_with_control_characters_are_refused_with_advice() {
    for key in ["\\u0000", "a\\u0000b", "\\n", "\\u001f", "\\u007f", "\\u0085"] {
        let problem = read_json::<Reading>(format!(r#"{{"telemetry":{{"{key}":1}}}}"#).as_bytes()).unwrap_err();
        assert_eq!(problem.status, 422, "{key}");
        let told = serde_json::to_string(&problem).unwrap();
        assert!(told.contains("cannot be a key; use 1 to 64 characters, no control characters"), "{told}");
        assert!(read_json::<Telemetry>(format!(r#"{{"{key}":1}}"#).as_bytes()).is_err(), "{key}");
    }
    assert_eq!(telemetry(r#"{"\u00fc °C":1}"#).len(), 1);
}

#[test]
fn huge_whole_numbers_and_far_times_are_taken() {
    let json = br#"{"ts":"9999-12-30T00:00:00Z","telemetry":{"a":123456789012345678901234567890,"b":-1e300}}"#;
    assert_eq!(read_json::<Reading>(json).unwrap().telemetry.len(), 2);
}
