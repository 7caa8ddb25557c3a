//! What went wrong, for whoever asked: one shape at every door (RFC 9457).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// A problem as it is told outside, in HTTP bodies and in frames.
///
/// JSON: `{type, title, status, detail, errors?: [{pointer, detail}]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// What kind of problem, e.g. `/problems/module-exists`.
    pub r#type: String,
    /// The kind in words, the same for every problem of the kind.
    pub title: String,
    /// The HTTP status, also where no HTTP is spoken.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where it stands (RFC 6901), e.g. `/0/telemetry/speed`.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// A problem of a kind: `kind` is kebab-case, the title is made from it.
    #[must_use]
    pub fn new(kind: &str, status: u16, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("/problems/{kind}"),
            title: title_of(kind),
            status,
            detail: detail.into(),
            errors: vec![],
        }
    }

    /// The hub cannot tell now, as somebody inside did not answer in time.
    #[must_use]
    pub fn busy() -> Self {
        Self::new("unavailable", 503, "the hub is busy; try again in a moment")
    }

    /// The kind, e.g. `module-exists`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.r#type.trim_start_matches("/problems/")
    }

    /// The same problem with a field at fault.
    #[must_use]
    pub fn with_error(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }
}

/// Fields at fault, as they are found; a problem is made of them only if there are any.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes what is wrong with a field.
    pub fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError { pointer: pointer.into(), detail: detail.into() });
    }

    /// What was read from a field; else notes why nothing was.
    pub fn take<T>(&mut self, pointer: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|detail| self.add(pointer, detail)).ok()
    }

    /// The problem of these fields, of a kind as in [`Problem::new`].
    #[must_use]
    pub fn into_problem(self, kind: &str, status: u16, detail: impl Into<String>) -> Problem {
        Problem { errors: self.0, ..Problem::new(kind, status, detail) }
    }
}

/// Writes a path of keys and places as a JSON pointer.
#[must_use]
pub fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { variant } => format!("/{}", escaped(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

fn escaped(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) { key.replace('~', "~0").replace('/', "~1").into() } else { key.into() }
}

/// Reads a JSON object, telling the place of a fault: 400 for what is no JSON, 422 for what does not fit.
///
/// # Errors
/// A [`Problem`] that names the field.
pub fn read_json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, Problem> {
    // Where all is well nobody need note the way there.
    if let Some(value) = str::from_utf8(json).ok().and_then(read_json_text) {
        return Ok(value);
    }
    // Derived readers would take an array for an object, value by value.
    if json.trim_ascii_start().starts_with(b"[") {
        read_any::<IgnoredAny>(json)?;
        return Err(invalid_fields().with_error("", "must be a JSON object"));
    }
    read_any(json)
}

/// Reads a JSON object, if it is as it must be.
pub fn read_json_text<'de, T: Deserialize<'de>>(json: &'de str) -> Option<T> {
    // All at once known to be text, its strings need not be looked at one by one.
    serde_json::from_str(json).ok().map(|Object(value)| value)
}

/// Reads a JSON array of objects like [`read_json`]; all of them or nothing.
///
/// # Errors
/// A [`Problem`] that names the element and the field.
pub fn read_json_list<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<Vec<T>, Problem> {
    let text = str::from_utf8(json).ok();
    if let Some(elements) = text.and_then(|text| serde_json::from_str::<Vec<Object<T>>>(text).ok()) {
        return Ok(elements.into_iter().map(|Object(element)| element).collect());
    }
    let elements: Vec<&RawValue> = read_any(json)?;
    let read = |(index, element): (usize, &&'de RawValue)| {
        read_json(element.get().as_bytes()).map_err(|mut problem| {
            problem.errors.iter_mut().for_each(|error| error.pointer.insert_str(0, &format!("/{index}")));
            problem
        })
    };
    elements.iter().enumerate().map(read).collect()
}

/// What is written as a JSON object, never as an array of its values.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Visit<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Visit(PhantomData))
    }
}

fn read_any<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer_of(error.path());
        problem_of(json, error.inner(), pointer)
    })?;
    reader.end().map_err(|error| problem_of(json, &error, String::new()))?;
    Ok(value)
}

/// The reader's own kinds of error do not tell the two apart: it stops at the first fault, and calls some values that
/// no field can hold (a huge number, half of a surrogate pair) bad syntax.
fn problem_of(json: &[u8], error: &serde_json::Error, pointer: String) -> Problem {
    if let Err(error) = std::str::from_utf8(json) {
        return Problem::new("invalid-json", 400, format!("the body is not UTF-8: {error}"));
    }
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(json) {
        return Problem::new("invalid-json", 400, format!("the body is not JSON: {error}"));
    }
    invalid_fields().with_error(pointer, without_place(error))
}

/// What is wrong with a field; the pointer says where it stands, which the reader counts in lines and columns.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map_or(text.clone(), str::to_owned)
}

fn invalid_fields() -> Problem {
    Problem::new("invalid-fields", 422, "some fields are not as they must be")
}

fn title_of(kind: &str) -> String {
    let words = kind.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only read")]
        speeds: Vec<u8>,
    }

    #[test]
    fn faults_in_a_list_name_their_element() {
        assert_eq!(read_json_list::<Body>(br#"[{"speeds":[1]},{"speeds":[]}]"#).unwrap().len(), 2);
        for (bad, pointer) in [(r#"[{"speeds":[]},{"speeds":["x"]}]"#, "/1/speeds/0"), ("[[[]]]", "/0"), ("{}", "")] {
            let problem = read_json_list::<Body>(bad.as_bytes()).unwrap_err();
            assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, pointer), "{bad}");
        }
        assert_eq!(read_json_list::<Body>(b"[{]").unwrap_err().status, 400);
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let problem = read_json::<Body>(br#"{"speeds":[1,"x"]}"#).unwrap_err();
        assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/speeds/1"));
        let problem = read_json::<Body>(br#"{"speed":1}"#).unwrap_err();
        assert_eq!((problem.status, problem.title.as_str()), (422, "Invalid fields"));
        assert_eq!(problem.errors[0].detail, "unknown field `speed`, expected `speeds`");
        assert_eq!(read_json::<Body>(b"{").unwrap_err().status, 400);
        assert_eq!(read_json::<Body>(br#"{"speeds":[]} x"#).unwrap_err().status, 400);
        assert_eq!(read_json::<Body>(br#"{"speeds":["x"]} x"#).unwrap_err().status, 400);
        assert_eq!(read_json::<Body>(b"{\"speeds\":[\"\xff\"]}").unwrap_err().status, 400);
        assert_eq!(read_json::<Body>(b" [[1]]").unwrap_err().status, 422);
        assert_eq!(read_json::<Body>(b" [[1]").unwrap_err().status, 400);
        assert_eq!(read_json::<Body>(br#"{"speeds":[1e999]}"#).unwrap_err().status, 422);
        for half in [r#"["\ud800"]"#, r#"["\udc00"]"#, r#"["\ud800\u0041"]"#] {
            let problem = read_any::<Vec<String>>(half.as_bytes()).unwrap_err();
            assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/0"), "{half}");
        }
    }
}
