//! What Buckaroo's type trees make of the values that parquet holds.

use serde_json::Value as Json;

use crate::stats::model::{DAY_MICROS, Interval, NatOf, StatValue, Text, TimeUnit};
use crate::table::Nested;

/// What stands in place of a zone is no text.
struct NoZone;

/// The type tree of a recorded error.
pub(super) const ERROR: &str = "error";

/// Returns the value of that type, `None` if it does not fit the type or the type is not known.
pub(super) fn value_of(spec: &Json, stored: &Nested) -> Option<StatValue> {
    if matches!(stored, Nested::Null) {
        return Some(StatValue::None);
    }
    let word = |key: &str| spec[key].as_str();
    Some(match (word("t")?, stored) {
        ("bool", Nested::Bool(value)) => StatValue::Bool(*value),
        ("int" | "uint", _) => whole(stored)?,
        ("float", Nested::Float(number)) => StatValue::float(*number),
        ("str", Nested::Text(text)) => StatValue::text(text.as_str()),
        ("bytes", Nested::Bytes(bytes)) => StatValue::Bytes(bytes.clone().into()),
        ("decimal", Nested::Text(text)) => StatValue::Decimal(text.as_str().into()),
        ("date", Nested::Int(days)) => StatValue::Date(i32::try_from(*days).ok()?),
        ("time", Nested::Int(micros)) if (0..DAY_MICROS).contains(micros) => {
            StatValue::Time { micros: *micros, zone: None, fold: false }
        }
        ("timedelta", Nested::Int(micros)) => StatValue::py_timedelta(i128::from(*micros)),
        ("np", _) => numpy(word("dtype")?, stored)?,
        ("np.datetime64", Nested::Int(value)) => {
            times("datetime64", word("unit")?, *value, NatOf::Timestamp)
        }
        ("np.timedelta64", Nested::Int(value)) => {
            times("timedelta64", word("unit")?, *value, NatOf::Timedelta)
        }
        // pandas tells these in nanoseconds whatever their unit is.
        ("pd.Timestamp", Nested::Int(nanos)) => {
            let (value, unit) = in_unit(*nanos, TimeUnit::of(word("unit")?)?);
            StatValue::Timestamp { value, unit, zone: zone(spec).ok()? }
        }
        ("pd.Timedelta", Nested::Int(nanos)) => {
            let (value, unit) = in_unit(*nanos, TimeUnit::of(word("unit")?)?);
            StatValue::Timedelta { value, unit }
        }
        ("pd.NaT", Nested::Bool(true)) => StatValue::NaT(NatOf::Timestamp),
        ("pd.Period", Nested::Int(ordinal)) => {
            StatValue::Period { ordinal: *ordinal, freq: word("freq")?.into() }
        }
        ("pd.Interval", Nested::Struct(fields)) => {
            let end = |name| value_of(&spec["of"], member(fields, name)?);
            let (left, right) = (end("left")?, end("right")?);
            let closed = word("closed")?.into();
            StatValue::Interval(Box::new(Interval { closed, left, right }))
        }
        ("datetime", Nested::Int(micros)) => {
            StatValue::DateTime { micros: *micros, zone: zone(spec).ok()?, fold: false }
        }
        ("list", Nested::List(items)) => StatValue::List(values_of(&spec["of"], items)?),
        ("tuple", Nested::List(items)) => StatValue::Tuple(values_of(&spec["of"], items)?),
        ("union", Nested::Struct(fields)) => {
            let Nested::Int(which) = member(fields, "k")? else { return None };
            let of = spec["of"].get(usize::try_from(*which).ok()?)?;
            value_of(of, member(fields, &format!("v{which}"))?)?
        }
        ("dict", Nested::Struct(fields)) => {
            let pair = |(at, pair): (usize, &Json)| {
                let value = value_of(pair.get(1)?, member(fields, &format!("f{at}"))?)?;
                Some((Text::from(pair.get(0)?.as_str()?), value))
            };
            let pairs = spec["fields"].as_array()?.iter().enumerate().map(pair);
            StatValue::Dict(pairs.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn values_of(spec: &Json, items: &[Nested]) -> Option<Vec<StatValue>> {
    items.iter().map(|item| value_of(spec, item)).collect()
}

fn member<'a>(fields: &'a [(String, Nested)], name: &str) -> Option<&'a Nested> {
    fields.iter().find(|(it, _)| it == name).map(|(_, value)| value)
}

fn whole(stored: &Nested) -> Option<StatValue> {
    match stored {
        Nested::Int(number) => Some(StatValue::Int(*number)),
        Nested::UInt(number) => StatValue::integer(&number.to_string()),
        _ => None,
    }
}

fn numpy(dtype: &str, stored: &Nested) -> Option<StatValue> {
    let value = match stored {
        Nested::Bool(value) => StatValue::Bool(*value),
        Nested::Float(number) => StatValue::float(*number),
        _ => whole(stored)?,
    };
    Some(StatValue::numpy(dtype, value))
}

/// A time of numpy, whose smallest number is no time.
fn times(dtype: &str, unit: &str, value: i64, of: NatOf) -> StatValue {
    let value = if value == i64::MIN { StatValue::NaT(of) } else { StatValue::Int(value) };
    StatValue::numpy(format!("{dtype}[{unit}]"), value)
}

/// Returns nanoseconds in the unit, or as they are if that would lose some.
fn in_unit(nanos: i64, unit: TimeUnit) -> (i64, TimeUnit) {
    let size = TimeUnit::Nano.per_second() / unit.per_second();
    if nanos % size == 0 { (nanos / size, unit) } else { (nanos, TimeUnit::Nano) }
}

/// A zone that is not there is none.
fn zone(spec: &Json) -> Result<Option<Box<str>>, NoZone> {
    match &spec["tz"] {
        Json::Null => Ok(None),
        Json::String(zone) => Ok(Some(zone.as_str().into())),
        _ => Err(NoZone),
    }
}
