//! Typed JSON as a value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::moment::{read_clock, read_date, read_moment};
use super::write::TAG;
use crate::stats::json::{Cursor, MOST_LEVELS, Problem};
use crate::stats::model::{Array, DAY_MICROS, Interval, NatOf, Real, StatValue, Text, TimeUnit};

/// Returns the value of a typed JSON text.
pub(in crate::stats) fn read_value(text: &str) -> Result<StatValue, Problem> {
    let mut cursor = Cursor::new(text);
    let value = value(&mut cursor, 0)?;
    if cursor.is_done() { Ok(value) } else { Err("more follows a value") }
}

fn value(cursor: &mut Cursor<'_>, levels: usize) -> Result<StatValue, Problem> {
    match cursor.peek().ok_or("a value is missing")? {
        b'"' => cursor.string().map(StatValue::Str),
        b'{' => object(cursor, levels),
        b'[' => list(cursor, levels).map(StatValue::List),
        b'n' if cursor.word("null") => Ok(StatValue::None),
        b't' if cursor.word("true") => Ok(StatValue::Bool(true)),
        b'f' if cursor.word("false") => Ok(StatValue::Bool(false)),
        _ => number(cursor.number()?),
    }
}

/// Returns the value of a JSON number: whole ones are integers of any size.
pub(in crate::stats) fn number(digits: &str) -> Result<StatValue, Problem> {
    if digits.bytes().any(|it| matches!(it, b'.' | b'e' | b'E')) {
        let number: f64 = digits.parse().map_err(|_| "no number")?;
        return Ok(StatValue::float(number));
    }
    StatValue::integer(digits).ok_or("no number")
}

fn list(cursor: &mut Cursor<'_>, levels: usize) -> Result<Vec<StatValue>, Problem> {
    if levels >= MOST_LEVELS {
        return Err("nested too deeply");
    }
    let mut values = Vec::new();
    cursor.take(b'[');
    if cursor.take(b']') {
        return Ok(values);
    }
    loop {
        values.push(value(cursor, levels + 1)?);
        if !cursor.take(b',') {
            break;
        }
    }
    if cursor.take(b']') { Ok(values) } else { Err("a bracket does not close") }
}

fn object(cursor: &mut Cursor<'_>, levels: usize) -> Result<StatValue, Problem> {
    if levels >= MOST_LEVELS {
        return Err("nested too deeply");
    }
    let start = cursor.position();
    let mut pairs: Vec<(Text, StatValue)> = Vec::new();
    cursor.take(b'{');
    if cursor.take(b'}') {
        return Ok(StatValue::Dict(pairs));
    }
    loop {
        let key = cursor.string()?;
        if !cursor.take(b':') {
            return Err("a key without a value");
        }
        pairs.push((key, value(cursor, levels + 1)?));
        if !cursor.take(b',') {
            break;
        }
    }
    if !cursor.take(b'}') {
        return Err("a bracket does not close");
    }
    if pairs[0].0 != *TAG {
        return Ok(StatValue::Dict(pairs));
    }
    let raw = cursor.since(start);
    let StatValue::Str(tag) = &pairs[0].1 else {
        return Ok(StatValue::opaque(TAG, raw));
    };
    let tag = tag.shown().into_owned();
    let mut members = Members(pairs);
    let value = members.value_of(&tag).filter(|_| members.is_used_up());
    Ok(value.unwrap_or_else(|| StatValue::opaque(format!("{TAG}{tag}"), raw)))
}

/// What stands in place of a zone is no text.
struct NoZone;

/// The members of a tagged object; the first is the tag.
struct Members(Vec<(Text, StatValue)>);

impl Members {
    fn take(&mut self, key: &str) -> Option<StatValue> {
        let at = self.0.iter().position(|(it, _)| it == key)?;
        Some(self.0.remove(at).1)
    }

    /// Whether only the tag is left: what has more members is of a later release.
    fn is_used_up(&self) -> bool {
        self.0.len() == 1
    }

    fn text(&mut self, key: &str) -> Option<Box<str>> {
        let StatValue::Str(text) = self.take(key)? else { return None };
        text.as_str().map(Into::into)
    }

    fn int(&mut self, key: &str) -> Option<i64> {
        let StatValue::Int(number) = self.take(key)? else { return None };
        Some(number)
    }

    fn list(&mut self) -> Option<Vec<StatValue>> {
        let StatValue::List(values) = self.take("v")? else { return None };
        Some(values)
    }

    fn real(&mut self, key: &str) -> Option<Real> {
        let StatValue::Float(number) = self.take(key)? else { return None };
        Some(number)
    }

    fn words(&mut self, key: &str) -> Option<Text> {
        let StatValue::Str(text) = self.take(key)? else { return None };
        Some(text)
    }

    /// A zone that is not there is none; one that is no text makes all of it unknown.
    fn zone(&mut self) -> Result<Option<Box<str>>, NoZone> {
        if self.0.iter().any(|(key, _)| key == "zone") {
            self.text("zone").map(Some).ok_or(NoZone)
        } else {
            Ok(None)
        }
    }

    fn fold(&mut self) -> bool {
        let at = self.0.iter().position(|(key, it)| key == "fold" && *it == StatValue::Int(1));
        at.map(|at| self.0.remove(at)).is_some()
    }

    /// Returns pairs of keys and values.
    fn pairs(&mut self) -> Option<Vec<(StatValue, StatValue)>> {
        let pair = |it| match it {
            StatValue::List(pair) => {
                let [key, value] = <[StatValue; 2]>::try_from(pair).ok()?;
                Some((key, value))
            }
            _ => None,
        };
        self.list()?.into_iter().map(pair).collect()
    }

    fn value_of(&mut self, tag: &str) -> Option<StatValue> {
        Some(match tag {
            "tuple" => StatValue::Tuple(self.list()?),
            "set" => StatValue::set(self.list()?),
            "float" => StatValue::Float(unusual(&self.text("v")?)?),
            "str" => StatValue::Str(super::alone::read(&self.text("v")?)?),
            "bytes" => StatValue::Bytes(STANDARD.decode(self.text("v")?.as_bytes()).ok()?.into()),
            "decimal" => StatValue::Decimal(self.text("v")?),
            "date" => StatValue::Date(i32::try_from(read_date(&self.text("v")?)?).ok()?),
            "time" => StatValue::Time {
                micros: read_clock(&self.text("v")?, TimeUnit::Micro)?,
                zone: self.zone().ok()?,
                fold: self.fold(),
            },
            "datetime" => {
                let (text, zone) = (self.text("v")?, self.zone().ok()?);
                let micros = moment(&text, zone.is_some(), TimeUnit::Micro)?;
                StatValue::DateTime { micros, zone, fold: self.fold() }
            }
            "timestamp" => {
                let (text, zone) = (self.text("v")?, self.zone().ok()?);
                let unit = TimeUnit::of(&self.text("unit")?)?;
                StatValue::Timestamp { value: moment(&text, zone.is_some(), unit)?, unit, zone }
            }
            "timedelta" => StatValue::Timedelta {
                value: self.int("v")?,
                unit: TimeUnit::of(&self.text("unit")?)?,
            },
            "pytimedelta" => {
                let (days, micros) = (self.int("days")?, self.int("us")?);
                if !(0..DAY_MICROS).contains(&micros) {
                    return None;
                }
                StatValue::PyTimedelta { days, micros }
            }
            "nat" => StatValue::NaT(match &*self.text("v")? {
                "timestamp" => NatOf::Timestamp,
                "timedelta" => NatOf::Timedelta,
                _ => return None,
            }),
            "numpy" => StatValue::numpy(self.text("dtype")?, self.take("v")?),
            "period" => StatValue::Period { ordinal: self.int("v")?, freq: self.text("freq")? },
            "interval" => StatValue::Interval(Box::new(Interval {
                closed: self.text("closed")?,
                left: self.take("left")?,
                right: self.take("right")?,
            })),
            "complex" => StatValue::Complex { re: self.real("re")?, im: self.real("im")? },
            "na" => StatValue::NA,
            "array" => self.array()?,
            "map" => StatValue::Map(self.pairs()?),
            "dict" => {
                let key = |(key, value)| match key {
                    StatValue::Str(key) => Some((key, value)),
                    _ => None,
                };
                StatValue::Dict(self.pairs()?.into_iter().map(key).collect::<Option<_>>()?)
            }
            "opaque" => StatValue::opaque(self.words("tag")?, self.words("v")?),
            _ => return None,
        })
    }

    fn array(&mut self) -> Option<StatValue> {
        let (dtype, values) = (self.text("dtype")?, self.list()?);
        let mut shape = vec![values.len() as u64];
        if let Some(given) = self.take("shape") {
            let StatValue::List(given) = given else { return None };
            let axis = |it| match it {
                StatValue::Int(size) => u64::try_from(size).ok(),
                _ => None,
            };
            shape = given.into_iter().map(axis).collect::<Option<_>>()?;
            let product = shape.iter().try_fold(1_u64, |all, size| all.checked_mul(*size))?;
            if product != values.len() as u64 {
                return None;
            }
        }
        Some(StatValue::Array(Box::new(Array { dtype, shape, values })))
    }
}

fn moment(text: &str, has_zone: bool, unit: TimeUnit) -> Option<i64> {
    if has_zone { read_moment(text.strip_suffix('Z')?, unit) } else { read_moment(text, unit) }
}

/// Returns a float that JSON has no number for.
fn unusual(text: &str) -> Option<Real> {
    Some(Real(match text {
        "nan" => f64::NAN,
        "inf" => f64::INFINITY,
        "-inf" => f64::NEG_INFINITY,
        _ => {
            let bits = u64::from_str_radix(text.strip_prefix("nan:")?, 16).ok()?;
            Some(f64::from_bits(bits)).filter(|it| it.is_nan())?
        }
    }))
}
