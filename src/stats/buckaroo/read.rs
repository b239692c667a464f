//! Reads the JSON of `sd.parquet` as Python reads it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{LEFT_OUT, NAME, ODD_COLUMN, OPAQUE, STR, TAG, VALUE};
use crate::stats::NotStatsFile;
use crate::stats::json::{Cursor, MOST_LEVELS, Problem};
use crate::stats::model::{ColumnStats, NatOf, StatMap, StatValue, Stats, Text, TimeUnit};
use crate::stats::text::moment::{read_clock, read_date, read_moment, read_offset};
use crate::stats::text::number;

/// Returns the stats in the JSON text of an `sd.parquet`.
///
/// The name of a column is its stat `orig_col_name`, which stays a stat; without one it is the
/// short name. `value_counts` is left out. Of a key that is there twice the last value holds, as in
/// Python. What `pd.Timestamp` wrote has the unit ns if its text has so many digits, else us.
///
/// # Errors
/// [`NotStatsFile`] if it is no object of objects. A single strange value is opaque: its tag
/// `buckaroo:<tag>`, or `buckaroo:` if it has none, its payload the JSON as it came.
pub fn read_sd_json(text: &str) -> Result<Stats, NotStatsFile> {
    let mut cursor = Cursor::new(text);
    let mut stats = Stats::default();
    let mut places = HashMap::new();
    let wrong = |cursor: &Cursor<'_>, problem: Problem| {
        NotStatsFile(format!("`sd_json` at byte {}: {problem}", cursor.position()))
    };
    members(&mut cursor, |short, cursor| {
        let column = column(&short, cursor)?;
        let place = *places.entry(short).or_insert(stats.columns.len());
        match stats.columns.get_mut(place) {
            Some(earlier) => *earlier = column,
            None => stats.columns.push(column),
        }
        Ok(())
    })
    .map_err(|problem| wrong(&cursor, problem))?;
    if !cursor.is_done() {
        return Err(wrong(&cursor, "more follows"));
    }
    Ok(stats)
}

/// Calls `each` at the value of every member of the object that is next.
fn members(
    cursor: &mut Cursor<'_>,
    mut each: impl FnMut(Text, &mut Cursor<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    if !cursor.take(b'{') {
        return Err("no object");
    }
    if cursor.take(b'}') {
        return Ok(());
    }
    loop {
        let key = cursor.string()?;
        if !cursor.take(b':') {
            return Err("a key without a value");
        }
        each(key, cursor)?;
        if !cursor.take(b',') {
            break;
        }
    }
    if cursor.take(b'}') { Ok(()) } else { Err("a bracket does not close") }
}

fn column(short: &Text, cursor: &mut Cursor<'_>) -> Result<ColumnStats, Problem> {
    let mut stats = StatMap::new();
    if cursor.peek() == Some(b'{') {
        members(cursor, |name, cursor| {
            let value = stat(cursor)?;
            if name != *LEFT_OUT {
                stats.insert(name, value);
            }
            Ok(())
        })?;
    } else {
        // No stats at all, but what stands there is kept.
        stats.insert("", StatValue::opaque(ODD_COLUMN, raw(cursor)?));
    }
    let name = stats.get(NAME).cloned().unwrap_or_else(|| StatValue::Str(short.clone()));
    Ok(ColumnStats { short: short.shown().into_owned(), name, stats })
}

fn raw<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Problem> {
    cursor.peek();
    let start = cursor.position();
    cursor.skip()?;
    Ok(cursor.since(start))
}

/// Returns the next value; one that is JSON to Python but is not understood is opaque.
pub(super) fn stat(cursor: &mut Cursor<'_>) -> Result<StatValue, Problem> {
    let mut ahead = cursor.clone();
    if let Ok(value) = value(&mut ahead, 0) {
        *cursor = ahead;
        return Ok(value);
    }
    Ok(StatValue::opaque(OPAQUE, raw(cursor)?))
}

fn value(cursor: &mut Cursor<'_>, levels: usize) -> Result<StatValue, Problem> {
    if levels >= MOST_LEVELS / 2 {
        return Err("nested too deeply");
    }
    Ok(match cursor.peek().ok_or("a value is missing")? {
        b'"' => StatValue::Str(cursor.string()?),
        b'{' => object(cursor, levels)?,
        b'[' => {
            let mut values = Vec::new();
            cursor.take(b'[');
            if cursor.take(b']') {
                return Ok(StatValue::List(values));
            }
            loop {
                values.push(value(cursor, levels + 1)?);
                if !cursor.take(b',') {
                    break;
                }
            }
            if !cursor.take(b']') {
                return Err("a bracket does not close");
            }
            StatValue::List(values)
        }
        _ if cursor.word("null") => StatValue::None,
        _ if cursor.word("true") => StatValue::Bool(true),
        _ if cursor.word("false") => StatValue::Bool(false),
        _ if cursor.word("NaN") => StatValue::float(f64::NAN),
        _ if cursor.word("Infinity") => StatValue::float(f64::INFINITY),
        _ if cursor.word("-Infinity") => StatValue::float(f64::NEG_INFINITY),
        _ => number(cursor.number()?)?,
    })
}

fn object(cursor: &mut Cursor<'_>, levels: usize) -> Result<StatValue, Problem> {
    let start = cursor.position();
    let mut pairs: Vec<(Text, StatValue)> = Vec::new();
    members(cursor, |key, cursor| {
        pairs.push((key, value(cursor, levels + 1)?));
        Ok(())
    })?;
    let pairs = last_of_each(pairs);
    let raw = cursor.since(start);
    let find = |key: &str| pairs.iter().find(|(it, _)| it == key).map(|(_, value)| value);
    let is_tagged = pairs.iter().all(|(key, _)| key == TAG || key == VALUE);
    let Some(StatValue::Str(tag)) = find(TAG).filter(|_| is_tagged) else {
        // A dict of the user, with whatever keys it has.
        return Ok(StatValue::Dict(pairs));
    };
    let tag = tag.shown();
    let known = match (&*tag, find(VALUE)) {
        ("nan", None) => Some(StatValue::float(f64::NAN)),
        (tag, Some(value)) => tagged(tag, value),
        _ => None,
    };
    Ok(known.unwrap_or_else(|| StatValue::opaque(format!("{OPAQUE}{tag}"), raw)))
}

/// Returns the pairs with each key once: at its first place, with its last value.
fn last_of_each(pairs: Vec<(Text, StatValue)>) -> Vec<(Text, StatValue)> {
    let mut places = HashMap::with_capacity(pairs.len());
    let mut unique: Vec<(Text, StatValue)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        match places.entry(key.clone()) {
            Entry::Occupied(place) => {
                let place: &usize = place.get();
                unique[*place].1 = value;
            }
            Entry::Vacant(place) => {
                place.insert(unique.len());
                unique.push((key, value));
            }
        }
    }
    unique
}

fn tagged(tag: &str, value: &StatValue) -> Option<StatValue> {
    let text = || value.as_str();
    Some(match tag {
        "tuple" => match value {
            StatValue::List(values) => StatValue::Tuple(values.clone()),
            _ => return None,
        },
        // Python's NaT went this way too; Buckaroo itself cannot read that.
        "datetime" | "pd.Timestamp" if text() == Some("NaT") => StatValue::NaT(NatOf::Timestamp),
        "datetime" => {
            let (micros, zone) = moment(text()?, TimeUnit::Micro)?;
            StatValue::DateTime { micros, zone, fold: false }
        }
        "pd.Timestamp" => {
            let digits = text()?
                .split_once('.')
                .map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
            let unit = if digits > 6 { TimeUnit::Nano } else { TimeUnit::Micro };
            let (value, zone) = moment(text()?, unit)?;
            StatValue::Timestamp { value, unit, zone }
        }
        "date" => StatValue::Date(i32::try_from(read_date(text()?)?).ok()?),
        "time" => {
            let (clock, offset) = split_offset(text()?);
            let micros = read_clock(clock, TimeUnit::Micro)?;
            let zone = offset.map(zone_of).transpose().ok()?.map(|(_, zone)| zone);
            StatValue::Time { micros, zone, fold: false }
        }
        "pd.Timedelta" => {
            let value = i64::try_from(micros_of(value)?).ok()?;
            StatValue::Timedelta { value, unit: TimeUnit::Micro }
        }
        "timedelta" => StatValue::py_timedelta(micros_of(value)?),
        "decimal" => StatValue::Decimal(text()?.into()),
        "bytes" => StatValue::Bytes(STANDARD.decode(text()?).ok()?.into()),
        // Something that Buckaroo has no tag for: all that is left of it is this text.
        "str" => match value {
            StatValue::Str(text) => StatValue::opaque(STR, text.clone()),
            _ => return None,
        },
        _ => return None,
    })
}

/// Returns the clock of a time, and its offset from UTC if it has one.
fn split_offset(text: &str) -> (&str, Option<&str>) {
    match text.find(['+', '-', 'Z']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    }
}

/// Returns the offset in microseconds, and the zone as a text.
fn zone_of(offset: &str) -> Result<(i64, Box<str>), Problem> {
    let micros = read_offset(offset).ok_or("no offset")?;
    Ok((micros, if micros == 0 { "UTC".into() } else { offset.into() }))
}

/// Returns a moment, in UTC if it has a zone, and the zone.
fn moment(text: &str, unit: TimeUnit) -> Option<(i64, Option<Box<str>>)> {
    let clock = text.find(['T', ' '])? + 1;
    let (_, offset) = split_offset(&text[clock..]);
    let Some(offset) = offset else { return Some((read_moment(text, unit)?, None)) };
    let value = read_moment(&text[..text.len() - offset.len()], unit)?;
    let (micros, zone) = zone_of(offset).ok()?;
    // Micros or nanos: a second has as many or more.
    let scale = unit.per_second() / TimeUnit::Micro.per_second();
    Some((value.checked_sub(micros.checked_mul(scale)?)?, Some(zone)))
}

/// Returns the microseconds that were written as seconds with a fraction.
fn micros_of(value: &StatValue) -> Option<i128> {
    let seconds = value.as_f64().filter(|it| it.is_finite() && it.abs() < 1e15)?;
    // Whole seconds and the rest apart, so that the product is exact where the number is.
    let (whole, rest) = (seconds.trunc(), seconds.fract());
    #[expect(clippy::cast_possible_truncation, reason = "whole, and below 10^15")]
    Some(whole as i128 * 1_000_000 + (rest * 1e6).round() as i128)
}
