use proptest::prelude::*;

use super::*;
use crate::domain::problem::{Problem, read_json, read_json_list};
use crate::domain::time::Timestamp;

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

/// Keys as they stand in a text, some of which no value can have.
fn json_key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        "[a-c]",
        "[ -!#-\\[\\]-~]{0,66}",
        Just("\\u0061".to_owned()),
        Just("\\u0000".to_owned()),
        ".{0,3}"
    ]
}

/// Values as they stand in a text, some of which none can be.
fn json_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?",
        "-?[0-9]{1,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{1,3})?",
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "(true|false|null)[a-z]?",
        "\"[ -!#-~é°\n]{0,30}\"",
        (TEXT_MAX - 1..TEXT_MAX + 2).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
        Just("[1]".to_owned()),
        Just("{}".to_owned()),
    ]
}

/// Members of a plain object, now and then one that is not plain.
fn json_members(keys: &'static str) -> impl Strategy<Value = Vec<(String, String)>> {
    let plain = prop_oneof![
        "-?(0|[1-9][0-9]{0,17})",
        "-?(0|[1-9][0-9]{0,8})\\.[0-9]{1,9}",
        "true|false|null",
        "\"[ !#-\\[\\]-~]{0,30}\"",
    ];
    let value = prop_oneof![30 => plain.boxed(), 1 => json_value().boxed()];
    let key = prop_oneof![30 => keys.boxed(), 1 => json_key().boxed()];
    prop::collection::vec((key, value), 0..6)
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
        let _ = Reading::read(text.as_bytes());
    }

    #[test]
    fn what_is_plain_is_read_like_any_json(
        members in prop_oneof![json_members("[a-f]"), prop::collection::vec((json_key(), json_value()), 0..6)],
        ts in prop::option::of(prop_oneof![
            (-62_135_596_800_000_i64..253_402_207_200_000).prop_map(|at| format!("{:?}", Timestamp::from_millis(at).to_string())),
            "\"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|[+-]0[0-9]:00)?\"",
        ]),
        blank in "[ \n]?",
        cut in prop::option::of(0_usize..200),
    ) {
        let values: Vec<_> = members.iter().map(|(key, value)| format!("{blank}\"{key}\":{blank}{value}")).collect();
        let ts = ts.map_or(String::new(), |ts| format!("\"ts\":{ts},"));
        let text = format!("{{{ts}\"telemetry\":{blank}{{{}}}{blank}}}", values.join(","));
        let text = text.get(..cut.unwrap_or(text.len())).unwrap_or(&text);
        let (read, any) = (Reading::read(text.as_bytes()), read_json::<Reading>(text.as_bytes()));
        let told = |read: &Result<Reading, Problem>| {
            read.as_ref().map(|reading| (reading.ts, reading.telemetry().clone())).map_err(Clone::clone)
        };
        prop_assert_eq!(told(&read), told(&any));
        if let Ok(reading) = read {
            let written = reading.json();
            prop_assert_eq!(&telemetry(&written), reading.telemetry());
            prop_assert!(blank.is_empty() || !written.contains(['\n']), "{}", written);
        }
    }

    #[test]
    fn plain_ones_of_an_array_are_read_like_any_json(
        shapes in prop::collection::vec(prop::collection::vec("[a-f]", 0..5), 1..3),
        list in prop::collection::vec((any::<prop::sample::Index>(), json_members("[a-f]")), 0..12),
    ) {
        let element = |(shape, values): &(prop::sample::Index, Vec<(String, String)>)| {
            let members = shape.get(&shapes).iter().zip(values).map(|(key, (_, value))| format!("\"{key}\":{value}"));
            format!("{{\"telemetry\":{{{}}}}}", members.collect::<Vec<_>>().join(","))
        };
        let text = format!("[{}]", list.iter().map(element).collect::<Vec<_>>().join(","));
        let (read, any) = (Reading::read_list(text.as_bytes()), read_json_list::<Reading>(text.as_bytes()));
        let told = |read: &Result<Vec<Reading>, Problem>| {
            read.as_ref().map(|list| list.iter().map(|one| one.telemetry().clone()).collect::<Vec<_>>()).map_err(Clone::clone)
        };
        prop_assert_eq!(told(&read), told(&any));
        for reading in read.iter().flatten() {
            prop_assert_eq!(&telemetry(&reading.json()), reading.telemetry());
        }
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
    assert_eq!(read_json::<Reading>(json).unwrap().telemetry().len(), 2);
}

#[test]
fn what_came_tight_is_kept_as_it_came_and_the_rest_is_written_anew() {
    let json = |text: &str| Reading::read(format!(r#"{{"telemetry":{text}}}"#).as_bytes()).unwrap().json().to_string();
    for kept in [r#"{"speed":1.50,"on":true,"a":null}"#, "{}", r#"{"a":"b c"}"#] {
        assert_eq!(json(kept), kept);
    }
    for (came, written) in [
        (r#"{"b":1, "a":2}"#, r#"{"a":2,"b":1}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":1e2}"#, r#"{"a":100.0}"#),
        (r#"{"a":0.10000000000000000000000000000000}"#, r#"{"a":0.1}"#),
        (r#"{"a":"\u0062"}"#, r#"{"a":"b"}"#),
    ] {
        assert_eq!(json(came), written);
        let one = format!(r#"{{"telemetry":{came}}}"#);
        for among in [format!("[{one},{one}]"), format!(r#"[{{"telemetry":{{"a":1}}}},{one}]"#)] {
            assert_eq!(*Reading::read_list(among.as_bytes()).unwrap()[1].json(), *written, "{among}");
        }
    }
}
