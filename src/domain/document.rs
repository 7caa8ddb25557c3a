//! JSON objects that change by merge patches (RFC 7396), bounded in size and depth.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The longest document, in bytes of JSON.
pub const DOCUMENT_MAX: usize = 16 * 1024;
/// The deepest document: objects and arrays in one another.
pub const DEPTH_MAX: usize = 8;

/// A JSON object: the desired or the reported state of a module.
///
/// Invariant: at most [`DOCUMENT_MAX`] bytes and [`DEPTH_MAX`] levels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document(Map<String, Value>);

/// A merge patch: a JSON object whose `null`s remove.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MergePatch(Map<String, Value>);

/// Why a document cannot become what a patch makes of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Too long.
    #[error("the state would have {0} bytes; keep it below {DOCUMENT_MAX}")]
    Long(usize),
    /// Too deep.
    #[error("the state would be deeper than {DEPTH_MAX} levels; make it flatter")]
    Deep,
}

impl Document {
    /// The document after a patch; this one if it changes nothing.
    ///
    /// # Errors
    /// [`DocumentError`] when it would be too long or too deep.
    pub fn merged(&self, patch: &MergePatch) -> Result<Self, DocumentError> {
        let mut merged = self.0.clone();
        merge(&mut merged, &patch.0);
        if depth_of_object(&merged) > DEPTH_MAX {
            return Err(DocumentError::Deep);
        }
        let merged = Self(merged);
        let length = merged.to_json().len();
        if length > DOCUMENT_MAX { Err(DocumentError::Long(length)) } else { Ok(merged) }
    }

    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A map of strings to JSON can always be written.
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

/// RFC 7396, section 2, for a target and a patch that are objects.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                target.remove(key);
            }
            Value::Object(inner) => {
                let mut object = match target.remove(key) {
                    Some(Value::Object(object)) => object,
                    _ => Map::new(),
                };
                merge(&mut object, inner);
                target.insert(key.clone(), Value::Object(object));
            }
            other => {
                target.insert(key.clone(), other.clone());
            }
        }
    }
}

fn depth_of_object(object: &Map<String, Value>) -> usize {
    1 + object.values().map(depth_of).max().unwrap_or(0)
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::Object(object) => depth_of_object(object),
        Value::Array(list) => 1 + list.iter().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for MergePatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn document(value: Value) -> Document {
        serde_json::from_value(value).unwrap()
    }

    fn patch(value: Value) -> MergePatch {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn patches_do_what_the_examples_of_the_standard_say() {
        for (before, change, after) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            assert_eq!(document(before).merged(&patch(change)), Ok(document(after)));
        }
    }

    #[test]
    fn documents_are_bounded() {
        let long = patch(json!({"a": "x".repeat(DOCUMENT_MAX)}));
        assert!(matches!(Document::default().merged(&long), Err(DocumentError::Long(_))));
        let nested = |levels: usize| (1..levels).fold(json!({"a": 1}), |inner, _| json!({"a": inner}));
        assert!(Document::default().merged(&patch(nested(DEPTH_MAX))).is_ok());
        assert_eq!(Document::default().merged(&patch(nested(DEPTH_MAX + 1))), Err(DocumentError::Deep));
        assert!(serde_json::from_str::<MergePatch>("[1]").is_err());
    }

    proptest! {
        #[test]
        fn merging_twice_is_merging_once(
            before in prop::collection::btree_map("[a-c]", prop::option::of(0..3_u8), 0..4),
            change in prop::collection::btree_map("[a-c]", prop::option::of(0..3_u8), 0..4),
        ) {
            let (before, change) = (document(json!(before)), patch(json!(change)));
            let once = before.merged(&change).unwrap();
            prop_assert_eq!(once.merged(&change).unwrap(), once);
        }
    }
}
