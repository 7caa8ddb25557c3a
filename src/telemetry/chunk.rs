//! Samples of one series as one compressed BLOB; pure.
//!
//! ```text
//! version (1) · kind (1) · length of the times (2) · times · length of the lags (2) · lags · values
//! ```
//! Times are Unix milliseconds, lags how much later the hub got a sample. Columns of numbers are compressed by `pco`,
//! values of several types as a deflated JSON array. Lengths are little-endian.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use pco::standalone::{simple_compress, simple_decompress};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};
use serde_json::Number;

use crate::domain::telemetry::{TEXT_MAX, Value};

/// Samples of one chunk.
pub const SAMPLES_MAX: usize = 240;

const VERSION: u8 = 1;
/// Up to here whole numbers and floating-point numbers are the same.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// Higher ones cost more time and save next to nothing.
const LEVEL: usize = 6;
/// No column of values is longer when it is unpacked, with every byte of a text written as `\u0000`.
const UNPACKED_MAX: u64 = SAMPLES_MAX as u64 * (TEXT_MAX as u64 * 6 + 8);

/// One value of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// When it was measured, in Unix milliseconds.
    pub ts: i64,
    /// When the hub got it, in Unix milliseconds.
    pub received_at: i64,
    /// What was measured.
    pub value: Value,
}

/// A BLOB that no version of this hub has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of the history cannot be read; restore the database from a backup")]
pub struct Unreadable;

/// How the values of a chunk are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Whole numbers.
    Whole = 0,
    /// Floating-point numbers.
    Floating = 1,
    /// Both, as floating-point numbers; what is whole is given back as a whole number.
    Mixed = 2,
    /// Switches, as 0 and 1.
    Switch = 3,
    /// Anything, as JSON.
    Any = 4,
}

/// Packs at most [`SAMPLES_MAX`] points.
#[must_use]
pub fn pack(points: &[Point]) -> Vec<u8> {
    let times: Vec<i64> = points.iter().map(|point| point.ts).collect();
    let lags: Vec<i64> = points.iter().map(|point| point.received_at.wrapping_sub(point.ts)).collect();
    let (kind, values) = pack_values(points);
    let mut data = vec![VERSION, kind as u8];
    let stepped = config(ModeSpec::Classic, DeltaSpec::TryConsecutive(1));
    for column in [numbers(&times, &stepped), numbers(&lags, &config(ModeSpec::Classic, DeltaSpec::NoOp))] {
        // Some kilobytes at most: `SAMPLES_MAX` numbers of eight bytes.
        let length = u16::try_from(column.len()).unwrap_or(u16::MAX);
        data.extend(length.to_le_bytes());
        data.extend(column);
    }
    data.extend(values);
    data
}

fn config(mode: ModeSpec, delta: DeltaSpec) -> ChunkConfig {
    ChunkConfig::default().with_compression_level(LEVEL).with_mode_spec(mode).with_delta_spec(delta)
}

fn numbers<T: pco::data_types::Number>(column: &[T], config: &ChunkConfig) -> Vec<u8> {
    // Only a configuration that cannot be is refused, and a test has packed with each of these.
    simple_compress(column, config).unwrap_or_default()
}

fn pack_values(points: &[Point]) -> (Kind, Vec<u8>) {
    let kind = kind_of(points);
    let values = match kind {
        Kind::Whole => numbers(&column(points, Value::as_whole), &config(ModeSpec::Auto, DeltaSpec::TryConsecutive(1))),
        Kind::Floating | Kind::Mixed => {
            numbers(&column(points, Value::as_number), &config(ModeSpec::Auto, DeltaSpec::Auto))
        }
        Kind::Switch => numbers(&column(points, Value::as_switch), &config(ModeSpec::Classic, DeltaSpec::Auto)),
        Kind::Any => {
            let values: Vec<&Value> = points.iter().map(|point| &point.value).collect();
            deflate(&serde_json::to_vec(&values).unwrap_or_default())
        }
    };
    (kind, values)
}

fn column<T: Default>(points: &[Point], read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    points.iter().map(|point| read(&point.value).unwrap_or_default()).collect()
}

fn kind_of(points: &[Point]) -> Kind {
    let all = |is_so: fn(&Value) -> bool| points.iter().all(|point| is_so(&point.value));
    if all(|value| value.as_whole().is_some()) {
        Kind::Whole
    } else if all(|value| matches!(value, Value::Number(number) if number.is_f64())) {
        Kind::Floating
    } else if all(is_exact) {
        Kind::Mixed
    } else if all(|value| value.as_switch().is_some()) {
        Kind::Switch
    } else {
        Kind::Any
    }
}

/// Whether a number is the same when it is read as a floating-point number.
fn is_exact(value: &Value) -> bool {
    let Value::Number(number) = value else { return false };
    number.is_f64() || number.as_f64().is_some_and(|number| number.abs() <= EXACT_MAX)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = packed.write_all(bytes);
    packed.finish().unwrap_or_default()
}

/// Unpacks what [`pack`] has packed.
///
/// # Errors
/// [`Unreadable`] for anything else.
pub fn unpack(data: &[u8]) -> Result<Vec<Point>, Unreadable> {
    let [VERSION, kind, rest @ ..] = data else { return Err(Unreadable) };
    let (times, rest) = length_and_column(rest)?;
    let (lags, values) = length_and_column(rest)?;
    let times: Vec<i64> = simple_decompress(times).map_err(|_| Unreadable)?;
    let lags: Vec<i64> = simple_decompress(lags).map_err(|_| Unreadable)?;
    let values = unpack_values(*kind, values)?;
    if times.len() != values.len() || times.len() != lags.len() {
        return Err(Unreadable);
    }
    let point = |((ts, lag), value): ((i64, i64), Value)| Point { ts, received_at: ts.wrapping_add(lag), value };
    Ok(times.into_iter().zip(lags).zip(values).map(point).collect())
}

fn length_and_column(data: &[u8]) -> Result<(&[u8], &[u8]), Unreadable> {
    let (length, rest) = data.split_first_chunk().ok_or(Unreadable)?;
    rest.split_at_checked(u16::from_le_bytes(*length).into()).ok_or(Unreadable)
}

fn unpack_values(kind: u8, data: &[u8]) -> Result<Vec<Value>, Unreadable> {
    let whole = || simple_decompress::<i64>(data).map_err(|_| Unreadable);
    let floating = || simple_decompress::<f64>(data).map_err(|_| Unreadable);
    match kind {
        kind if kind == Kind::Whole as u8 => Ok(whole()?.into_iter().map(|one| Value::Number(one.into())).collect()),
        kind if kind == Kind::Switch as u8 => Ok(whole()?.into_iter().map(|one| Value::Bool(one != 0)).collect()),
        kind if kind == Kind::Floating as u8 => floating()?.into_iter().map(floating_value).collect(),
        kind if kind == Kind::Mixed as u8 => floating()?.into_iter().map(mixed_value).collect(),
        kind if kind == Kind::Any as u8 => {
            let mut json = Vec::new();
            ZlibDecoder::new(data).take(UNPACKED_MAX).read_to_end(&mut json).map_err(|_| Unreadable)?;
            serde_json::from_slice(&json).map_err(|_| Unreadable)
        }
        _ => Err(Unreadable),
    }
}

fn floating_value(number: f64) -> Result<Value, Unreadable> {
    Number::from_f64(number).map(Value::Number).ok_or(Unreadable)
}

#[expect(clippy::cast_possible_truncation, reason = "only what is whole and small enough is cast")]
fn mixed_value(number: f64) -> Result<Value, Unreadable> {
    let is_whole =
        number.trunc() == number && number.abs() <= EXACT_MAX && !(number == 0.0 && number.is_sign_negative());
    if is_whole { Ok(Value::Number((number as i64).into())) } else { floating_value(number) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(values: Vec<Value>) -> Vec<Point> {
        let point = |(place, value): (usize, Value)| {
            let ts = 1_700_000_000_000 + place as i64 * 1000;
            Point { ts, received_at: ts + (place as i64 * 7) % 31 - 3, value }
        };
        values.into_iter().enumerate().map(point).collect()
    }

    fn number() -> impl Strategy<Value = Number> {
        prop_oneof![
            any::<i64>().prop_map(Number::from),
            any::<u64>().prop_map(Number::from),
            (-1000..1000_i64).prop_map(Number::from),
            prop::num::f64::NORMAL.prop_map(|number| Number::from_f64(number).unwrap()),
            (-1000..1000_i64).prop_map(|tenths| Number::from_f64(tenths as f64 / 10.0).unwrap()),
        ]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let any = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            number().prop_map(Value::Number),
            ".{0,20}".prop_map(|text: String| Value::Text(text.into())),
        ];
        any
    }

    proptest! {
        #[test]
        fn points_of_every_kind_come_back(values in prop_oneof![
            prop::collection::vec(any_value(), 0..SAMPLES_MAX),
            prop::collection::vec(any::<i64>().prop_map(|one| Value::Number(one.into())), 0..SAMPLES_MAX),
            prop::collection::vec(any::<bool>().prop_map(Value::Bool), 0..SAMPLES_MAX),
            prop::collection::vec(
                prop::num::f64::ANY.prop_filter_map("finite", |one| Number::from_f64(one).map(Value::Number)),
                0..SAMPLES_MAX,
            ),
        ]) {
            let points = points(values);
            prop_assert_eq!(unpack(&pack(&points)), Ok(points));
        }

        #[test]
        fn no_bytes_break_the_reader(data in prop::collection::vec(any::<u8>(), 0..200), kind in 0..6_u8) {
            let _ = unpack(&data);
            let _ = unpack(&[&[VERSION, kind], &data[..]].concat());
        }
    }

    #[test]
    fn whole_and_broken_numbers_keep_their_value_together() {
        let values = ["1", "2.5", "3.0", "-0.0", "9007199254740992"].map(|text| serde_json::from_str(text).unwrap());
        let points = points(values.into());
        let texts: Vec<_> = unpack(&pack(&points)).unwrap().iter().map(|point| json(&point.value)).collect();
        assert_eq!(texts, ["1", "2.5", "3", "-0.0", "9007199254740992"]);
    }

    fn json(value: &Value) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn a_regular_series_takes_few_bytes() {
        let wave = |place: i32| ((20.0 + f64::from(place) / 30.0).sin() * 100.0).round() / 10.0;
        let values = (0..240).map(|place| Value::Number(Number::from_f64(wave(place)).unwrap())).collect();
        let packed = pack(&points(values)).len();
        assert!(packed < 500, "{packed} bytes");
    }

    #[test]
    fn the_longest_texts_come_back() {
        let values = vec![Value::Text("\u{1}".repeat(TEXT_MAX).into()); SAMPLES_MAX];
        let points = points(values);
        assert_eq!(unpack(&pack(&points)), Ok(points));
    }
}
