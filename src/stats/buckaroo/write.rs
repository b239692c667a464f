//! Writes the JSON of `sd.parquet` for Buckaroo's own reader.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::read::stat;
use super::{LEFT_OUT, ODD_COLUMN, STR, TAG, VALUE};
use crate::stats::json::Cursor;
use crate::stats::model::{
    Array, NatOf, Opaque, Piece, StatValue, Stats, Text, TimeUnit, civil_of_days,
};
use crate::stats::text::moment::{read_offset, write_clock, write_date, write_moment};
use crate::stats::text::value_text;

/// Returns the JSON text of an `sd.parquet`: ASCII, and strictly JSON.
///
/// Buckaroo's tags are used where they say what the value is. Infinity is `1e999`, which Python
/// reads so; numpy's scalars are plain, a named zone is UTC, and a unit is not told, as its tags
/// have no place for these. All else, a length of time with nanoseconds or a period say, is the
/// typed JSON of the canonical text under Buckaroo's tag `str`. Opaque values that came from
/// Buckaroo are as they came. `value_counts` is left out.
pub fn write_sd_json(stats: &Stats) -> String {
    let mut out = String::from("{");
    for (at, column) in stats.columns.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        string(&mut out, &column.short.as_str().into());
        out.push_str(": ");
        if let Some(StatValue::Opaque(opaque)) = column.stats.get("")
            && let Some(raw) = raw_column(opaque)
        {
            out.push_str(raw);
            continue;
        }
        out.push('{');
        let stats = column.stats.iter().filter(|(name, _)| **name != *LEFT_OUT);
        for (at, (name, stat)) in stats.enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            string(&mut out, name);
            out.push_str(": ");
            value(&mut out, stat);
        }
        out.push('}');
    }
    out.push('}');
    out
}

fn value(out: &mut String, stat: &StatValue) {
    match stat {
        StatValue::None => out.push_str("null"),
        StatValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        StatValue::Int(number) => write!(out, "{number}").expect("a String takes all"),
        StatValue::BigInt(digits) => out.push_str(digits),
        StatValue::Float(number) if number.0.is_nan() => {
            write!(out, "{{\"{TAG}\": \"nan\"}}").expect("a String takes all");
        }
        StatValue::Float(number) if number.0.is_infinite() => {
            out.push_str(if number.0 > 0.0 { "1e999" } else { "-1e999" });
        }
        StatValue::Float(number) => write!(out, "{:?}", number.0).expect("a String takes all"),
        StatValue::Str(text) => string(out, text),
        StatValue::Bytes(bytes) => tagged(out, "bytes", &STANDARD.encode(bytes)),
        StatValue::Decimal(text) => tagged(out, "decimal", text),
        StatValue::NaT(NatOf::Timestamp | NatOf::Timedelta) => tagged(out, "pd.Timestamp", "NaT"),
        StatValue::Tuple(values) => {
            open(out, "tuple");
            list(out, values);
            out.push('}');
        }
        StatValue::List(values) => list(out, values),
        StatValue::Dict(pairs) if !looks_tagged(pairs) => dict(out, pairs),
        StatValue::Array(array) => nested(out, array, &array.shape, &array.values, stat),
        StatValue::Numpy(numpy) => match &numpy.value {
            StatValue::Int(count) if numpy.dtype.starts_with("datetime64[") => {
                let unit = TimeUnit::of(numpy.dtype[11..].trim_end_matches(']'));
                let timestamp = |unit| StatValue::Timestamp { value: *count, unit, zone: None };
                match unit {
                    Some(unit) => value(out, &timestamp(unit)),
                    None => untold(out, stat),
                }
            }
            StatValue::Int(_) if numpy.dtype.starts_with("timedelta64") => untold(out, stat),
            plain => value(out, plain),
        },
        StatValue::Opaque(opaque) => match raw(opaque) {
            Some(raw) => out.push_str(raw),
            None if opaque.tag == *STR => {
                open(out, "str");
                string(out, &opaque.payload);
                out.push('}');
            }
            None => untold(out, stat),
        },
        _ => match timely(stat) {
            Some((tag, text)) => tagged(out, tag, &text),
            None => match seconds(stat) {
                Some((tag, seconds)) => {
                    open(out, tag);
                    write!(out, "{seconds:?}}}").expect("a String takes all");
                }
                None => untold(out, stat),
            },
        },
    }
}

/// Returns the tag and the text of dates and times, as far as Python's years go.
fn timely(stat: &StatValue) -> Option<(&'static str, String)> {
    let mut text = String::new();
    let tag = match stat {
        StatValue::Date(days) => {
            write_date(&mut text, i64::from(*days));
            is_of_python(i64::from(*days)).then_some("date")?
        }
        StatValue::Time { micros, zone, fold: false } => {
            write_clock(&mut text, *micros, TimeUnit::Micro);
            if let Some(zone) = zone {
                offset_of(zone)?;
                text.push_str(if &**zone == "UTC" { "+00:00" } else { zone });
            }
            "time"
        }
        StatValue::DateTime { micros, zone, fold: false } => {
            moment(&mut text, *micros, TimeUnit::Micro, zone.as_deref())?;
            "datetime"
        }
        StatValue::Timestamp { value, unit, zone } => {
            moment(&mut text, *value, *unit, zone.as_deref())?;
            "pd.Timestamp"
        }
        _ => return None,
    };
    Some((tag, text))
}

/// Adds a moment with its offset; that of a named zone is not known here, which makes it UTC.
fn moment(text: &mut String, value: i64, unit: TimeUnit, zone: Option<&str>) -> Option<()> {
    let offset = zone.map(|zone| offset_of(zone).map_or((0, "+00:00"), |it| (it, zone)));
    let micros = offset.map_or(0, |(micros, _)| micros);
    // An offset with parts of a second that the unit does not have has no place.
    let shift = i128::from(micros) * i128::from(unit.per_second());
    let micro = i128::from(TimeUnit::Micro.per_second());
    if shift % micro != 0 {
        return None;
    }
    let value = i64::try_from(i128::from(value) + shift / micro).ok()?;
    is_of_python(value.div_euclid(86_400 * unit.per_second())).then_some(())?;
    write_moment(text, value, unit);
    if let Some((micros, zone)) = offset {
        text.push_str(if micros == 0 { "+00:00" } else { zone });
    }
    Some(())
}

fn offset_of(zone: &str) -> Option<i64> {
    if zone == "UTC" { Some(0) } else { read_offset(zone) }
}

/// Whether Python has a year for the day: 1 to 9999.
fn is_of_python(days: i64) -> bool {
    (1..=9999).contains(&civil_of_days(days).0)
}

/// Returns tag and seconds of a length of time, if a float of seconds says it exactly.
#[expect(clippy::cast_precision_loss, reason = "what is lost is found by looking back")]
#[expect(clippy::cast_possible_truncation, reason = "what is lost is found by looking back")]
fn seconds(stat: &StatValue) -> Option<(&'static str, f64)> {
    let (tag, micros) = match stat {
        StatValue::Timedelta { value, unit } => {
            let micros = i128::from(*value) * 1_000_000;
            let per = i128::from(unit.per_second());
            ("pd.Timedelta", (micros % per == 0).then_some(micros / per)?)
        }
        StatValue::PyTimedelta { days, micros } => {
            ("timedelta", i128::from(*days) * 86_400_000_000 + i128::from(*micros))
        }
        _ => return None,
    };
    let seconds = micros as f64 / 1e6;
    let back = seconds.trunc() as i128 * 1_000_000 + (seconds.fract() * 1e6).round() as i128;
    (back == micros && seconds.abs() < 1e15).then_some((tag, seconds))
}

/// Whether Buckaroo would take a dict of the user for a tagged value.
fn looks_tagged(pairs: &[(Text, StatValue)]) -> bool {
    pairs.iter().any(|(key, value)| key == TAG && matches!(value, StatValue::Str(_)))
}

/// Returns the JSON of an opaque value that came from Buckaroo: it would be read as just that.
fn raw(opaque: &Opaque) -> Option<&str> {
    let payload = opaque.payload.as_str().filter(|_| opaque.tag != *STR)?;
    let mut cursor = Cursor::new(payload);
    let StatValue::Opaque(again) = stat(&mut cursor).ok()? else { return None };
    (cursor.is_done() && *again == *opaque).then_some(payload)
}

/// Returns the JSON that stood in place of a column's stats.
fn raw_column(opaque: &Opaque) -> Option<&str> {
    let payload = opaque.payload.as_str().filter(|_| opaque.tag == *ODD_COLUMN)?;
    let mut cursor = Cursor::new(payload);
    cursor.skip().ok()?;
    (cursor.is_done() && !payload.starts_with('{')).then_some(payload)
}

/// Adds what Buckaroo has no tag for.
fn untold(out: &mut String, stat: &StatValue) {
    match stat {
        StatValue::NA => tagged(out, "str", "<NA>"),
        _ => tagged(out, "str", &value_text(stat)),
    }
}

fn list(out: &mut String, values: &[StatValue]) {
    out.push('[');
    for (at, item) in values.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        value(out, item);
    }
    out.push(']');
}

/// Adds an array as lists of lists along its axes.
fn nested(out: &mut String, array: &Array, shape: &[u64], values: &[StatValue], whole: &StatValue) {
    let size = |axes: &[u64]| {
        let product = axes.iter().try_fold(1_u64, |all, axis| all.checked_mul(*axis))?;
        usize::try_from(product).ok()
    };
    match shape {
        _ if array.shape.len() > 32 || size(shape) != Some(values.len()) => untold(out, whole),
        [] | [_] => list(out, values),
        [_, rest @ ..] => {
            out.push('[');
            let step = size(rest).unwrap_or(0).max(1);
            for (at, part) in values.chunks(step).enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                nested(out, array, rest, part, whole);
            }
            out.push(']');
        }
    }
}

fn dict(out: &mut String, pairs: &[(Text, StatValue)]) {
    out.push('{');
    for (at, (key, item)) in pairs.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        string(out, key);
        out.push_str(": ");
        value(out, item);
    }
    out.push('}');
}

fn open(out: &mut String, tag: &str) {
    write!(out, "{{\"{TAG}\": \"{tag}\", \"{VALUE}\": ").expect("a String takes all");
}

fn tagged(out: &mut String, tag: &str, text: &str) {
    open(out, tag);
    string(out, &text.into());
    out.push('}');
}

/// Adds a text as Python's `json` writes it: all beyond ASCII is escaped.
fn string(out: &mut String, text: &Text) {
    out.push('"');
    for piece in text.pieces() {
        match piece {
            Piece::Alone(unit) => write!(out, "\\u{unit:04x}").expect("a String takes all"),
            Piece::Plain(plain) => plain.chars().for_each(|symbol| match symbol {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                ' '..='~' => out.push(symbol),
                _ => symbol.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                    write!(out, "\\u{unit:04x}").expect("a String takes all");
                }),
            }),
        }
    }
    out.push('"');
}
