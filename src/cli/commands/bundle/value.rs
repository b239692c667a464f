//! Values of stats for people.

use serde_json::Value;

use crate::stats::{StatValue, value_document};

/// The key of what is no plain JSON in the canonical text.
const TAG: &str = "$";

/// Returns a value in few words: numbers with six digits, times as clocks show them.
pub(super) fn shown(value: &StatValue) -> String {
    match value {
        StatValue::None => "none".into(),
        StatValue::Int(number) => number.to_string(),
        StatValue::BigInt(digits) | StatValue::Decimal(digits) => digits.to_string(),
        StatValue::Float(number) => float(number.0),
        StatValue::Numpy(numpy) if !numpy.dtype.contains('[') => shown(&numpy.value),
        StatValue::Str(text) => text.shown().into_owned(),
        StatValue::Tuple(values) => format!("({})", list(values)),
        StatValue::List(values) => format!("[{}]", list(values)),
        value => tagged(&value_document(value)),
    }
}

fn list(values: &[StatValue]) -> String {
    const MOST: usize = 12;
    let mut texts: Vec<String> = values.iter().take(MOST).map(shown).collect();
    if values.len() > MOST {
        texts.push("…".into());
    }
    texts.join(", ")
}

/// Returns a float with as many digits as people compare: `12.8032`, `1.5e-7`.
fn float(number: f64) -> String {
    const DIGITS: i32 = 6;
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .into();
    }
    if number == 0.0 {
        return "0".into();
    }
    let places = number.abs().log10().floor();
    if !(-5.0..15.0).contains(&places) {
        let text = format!("{number:.5e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", without_zeros(mantissa));
    }
    #[expect(clippy::cast_possible_truncation, reason = "between -5 and 15")]
    let decimals = usize::try_from(DIGITS - 1 - places as i32).unwrap_or(0);
    without_zeros(&format!("{number:.decimals$}")).to_owned()
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Returns what is no plain JSON without the words that only a program needs.
fn tagged(value: &Value) -> String {
    let Some(tag) = value.get(TAG).and_then(Value::as_str) else { return value.to_string() };
    let text = |name: &str| value.get(name).map(plain);
    match (tag, text("v")) {
        ("nat", _) => "nat".into(),
        ("na", _) => "na".into(),
        ("timestamp" | "datetime" | "time" | "date", Some(time)) => {
            // The text has a zone only if it is another than UTC.
            let utc = time.ends_with('Z').then(|| "UTC".to_owned());
            let zone = text("tz").or(utc).map(|zone| format!(" {zone}")).unwrap_or_default();
            let time = time.trim_end_matches('Z').replace('T', " ");
            let time = time.strip_suffix(" 00:00:00").unwrap_or(&time);
            let time = if time.contains('.') { without_zeros(time) } else { time };
            format!("{}{}", time.strip_suffix(" 00:00:00").unwrap_or(time), zone)
        }
        ("timedelta", Some(count)) => format!("{count} {}", text("unit").unwrap_or_default()),
        ("bytes" | "decimal" | "int" | "numpy", Some(text)) => text,
        _ => value.to_string(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::model::TimeUnit;

    #[test]
    fn values_are_shown_in_few_words() {
        let float = StatValue::float;
        let stamp = |value: i64, zone: Option<&str>| StatValue::Timestamp {
            value,
            unit: TimeUnit::Nano,
            zone: zone.map(Into::into),
        };
        for (value, expected) in [
            (float(12.803_227_592_429_307), "12.8032"),
            (float(2013.0), "2013"),
            (float(-0.000_000_15), "-1.5e-7"),
            (float(1e300), "1e300"),
            (float(336_776.25), "336776"),
            (float(f64::NAN), "nan"),
            (float(f64::NEG_INFINITY), "-inf"),
            (StatValue::Bool(true), "true"),
            (StatValue::text("UA"), "UA"),
            (StatValue::Tuple(vec![StatValue::text("x"), StatValue::Int(1)]), "(x, 1)"),
            (stamp(1_379_073_600_000_000_000, Some("UTC")), "2013-09-13 12:00:00 UTC"),
            (stamp(1_379_030_400_000_000_000, None), "2013-09-13"),
            (StatValue::Date(0), "1970-01-01"),
            (StatValue::numpy("int8", StatValue::Int(-1)), "-1"),
            (StatValue::NA, "na"),
        ] {
            assert_eq!(shown(&value), expected, "{value:?}");
        }
    }
}
