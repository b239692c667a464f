//! What the raw values of a column stand for, and how they are spelled.

use chrono::{DateTime, NaiveTime};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::data_type::Int96;
use parquet::schema::types::ColumnDescriptor;

use crate::table::Value;

/// The most bytes of a binary value that are spelled out.
const BYTES_SHOWN: usize = 32;

/// What the raw values of a column stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    /// The number, text or truth itself.
    Plain,
    /// A whole number without a sign.
    Unsigned,
    Text,
    Date,
    Time(Unit),
    Timestamp(Unit),
    /// A number whose last digits, this many, are a fraction.
    Decimal(i32),
    HalfFloat,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Milli,
    Micro,
    Nano,
}

impl Unit {
    fn of(unit: TimeUnit) -> Unit {
        match unit {
            TimeUnit::MILLIS => Unit::Milli,
            TimeUnit::MICROS => Unit::Micro,
            TimeUnit::NANOS => Unit::Nano,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Unit::Milli => "ms",
            Unit::Micro => "us",
            Unit::Nano => "ns",
        }
    }

    /// How many of it are a second.
    fn per_second(self) -> i64 {
        match self {
            Unit::Milli => 1_000,
            Unit::Micro => 1_000_000,
            Unit::Nano => 1_000_000_000,
        }
    }
}

/// Returns what the values of a column stand for.
pub(super) fn meaning_of(column: &ColumnDescriptor) -> Meaning {
    match column.logical_type_ref() {
        Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) => return Meaning::Text,
        Some(LogicalType::Date) => return Meaning::Date,
        Some(LogicalType::Time(time)) => return Meaning::Time(Unit::of(time.unit)),
        Some(LogicalType::Timestamp(time)) => return Meaning::Timestamp(Unit::of(time.unit)),
        Some(LogicalType::Integer(int)) if !int.is_signed => return Meaning::Unsigned,
        Some(LogicalType::Decimal(decimal)) => return Meaning::Decimal(decimal.scale),
        Some(LogicalType::Float16) => return Meaning::HalfFloat,
        _ => {}
    }
    match column.converted_type() {
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON => Meaning::Text,
        ConvertedType::DATE => Meaning::Date,
        ConvertedType::TIME_MILLIS => Meaning::Time(Unit::Milli),
        ConvertedType::TIME_MICROS => Meaning::Time(Unit::Micro),
        ConvertedType::TIMESTAMP_MILLIS => Meaning::Timestamp(Unit::Milli),
        ConvertedType::TIMESTAMP_MICROS => Meaning::Timestamp(Unit::Micro),
        ConvertedType::UINT_8
        | ConvertedType::UINT_16
        | ConvertedType::UINT_32
        | ConvertedType::UINT_64 => Meaning::Unsigned,
        ConvertedType::DECIMAL => Meaning::Decimal(column.type_scale()),
        _ => Meaning::Plain,
    }
}

/// Returns what a column holds, in the words of pandas and Arrow.
pub(super) fn kind_of(column: &ColumnDescriptor) -> String {
    let bits = match column.logical_type_ref() {
        Some(LogicalType::Integer(int)) => int.bit_width.to_string(),
        _ if column.physical_type() == Physical::INT32 => "32".to_owned(),
        _ => "64".to_owned(),
    };
    let kind = match meaning_of(column) {
        Meaning::Text => "text".to_owned(),
        Meaning::Date => "date".to_owned(),
        Meaning::Time(unit) => format!("time[{}]", unit.name()),
        Meaning::Timestamp(unit) => match column.logical_type_ref() {
            Some(LogicalType::Timestamp(time)) if time.is_adjusted_to_u_t_c => {
                format!("timestamp[{}, UTC]", unit.name())
            }
            _ => format!("timestamp[{}]", unit.name()),
        },
        Meaning::Decimal(scale) => format!("decimal({}, {scale})", column.type_precision()),
        Meaning::HalfFloat => "float16".to_owned(),
        Meaning::Unsigned => format!("uint{bits}"),
        Meaning::Plain => match column.physical_type() {
            Physical::BOOLEAN => "bool".to_owned(),
            Physical::INT32 | Physical::INT64 => format!("int{bits}"),
            Physical::INT96 => "timestamp[ns]".to_owned(),
            Physical::FLOAT => "float32".to_owned(),
            Physical::DOUBLE => "float64".to_owned(),
            Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => "binary".to_owned(),
        },
    };
    if column.max_rep_level() > 0 { format!("list<{kind}>") } else { kind }
}

/// Returns the value of a whole number.
pub(super) fn integer(value: i64, meaning: Meaning) -> Value {
    match meaning {
        Meaning::Unsigned if value < 0 => Value::UInt(value.cast_unsigned()),
        Meaning::Date => {
            let day = value.checked_mul(86_400).and_then(|it| DateTime::from_timestamp(it, 0));
            day.map_or(Value::Int(value), |day| Value::text(day.format("%Y-%m-%d").to_string()))
        }
        Meaning::Time(unit) => {
            let (seconds, nanos) = parts(value, unit);
            let time = u32::try_from(seconds)
                .ok()
                .and_then(|it| NaiveTime::from_num_seconds_from_midnight_opt(it, nanos));
            time.map_or(Value::Int(value), |time| Value::text(time.to_string()))
        }
        Meaning::Timestamp(unit) => {
            let (seconds, nanos) = parts(value, unit);
            moment(seconds, nanos).unwrap_or(Value::Int(value))
        }
        Meaning::Decimal(scale) => Value::text(decimal(i128::from(value), scale)),
        _ => Value::Int(value),
    }
}

/// Returns whole seconds, and the nanoseconds besides.
fn parts(value: i64, unit: Unit) -> (i64, u32) {
    let per = unit.per_second();
    let nanos = value.rem_euclid(per) * (1_000_000_000 / per);
    (value.div_euclid(per), u32::try_from(nanos).unwrap_or(0))
}

fn moment(seconds: i64, nanos: u32) -> Option<Value> {
    let moment = DateTime::from_timestamp(seconds, nanos)?;
    Some(Value::text(moment.naive_utc().to_string()))
}

/// The old timestamp: nanoseconds of a day, and the day (Julian).
pub(super) fn int96(value: &Int96) -> Value {
    const EPOCH: i64 = 2_440_588;
    let [low, high, day] = *value.data() else { return Value::Null };
    let nanos = (u64::from(high) << 32) | u64::from(low);
    let seconds = (i64::from(day) - EPOCH) * 86_400;
    let within = i64::try_from(nanos / 1_000_000_000).unwrap_or(0);
    let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
    moment(seconds.saturating_add(within), rest).unwrap_or(Value::Null)
}

/// Returns the number that a person means by these 32 bits: `0.1` stays so.
pub(super) fn wide(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// Returns the value of raw bytes.
pub(super) fn binary(bytes: &[u8], meaning: Meaning) -> Value {
    match meaning {
        Meaning::Text => Value::text(String::from_utf8_lossy(bytes)),
        Meaning::HalfFloat if bytes.len() == 2 => {
            Value::Float(half(u16::from_le_bytes([bytes[0], bytes[1]])))
        }
        Meaning::Decimal(scale) if !bytes.is_empty() && bytes.len() <= 16 => {
            let sign = if bytes[0] >= 0x80 { -1 } else { 0 };
            let number =
                bytes.iter().fold(sign, |number: i128, byte| (number << 8) | i128::from(*byte));
            Value::text(decimal(number, scale))
        }
        _ => {
            let shown = &bytes[..bytes.len().min(BYTES_SHOWN)];
            let mut text = String::from("0x");
            text.extend(shown.iter().map(|byte| format!("{byte:02x}")));
            if bytes.len() > BYTES_SHOWN {
                // What is left out still tells values apart.
                let digest = crate::digest::Digest::of_here(bytes);
                let (size, digest) = (bytes.len().to_string(), digest.short(12));
                text.extend(["… (", &size, " bytes, BLAKE3 ", &digest, ")"]);
            }
            Value::text(text)
        }
    }
}

/// Returns the decimal of a number whose last `scale` digits are the fraction.
fn decimal(number: i128, scale: i32) -> String {
    let Ok(scale @ 1..=64) = usize::try_from(scale) else { return number.to_string() };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{fraction}", if number < 0 { "-" } else { "" })
}

/// Returns the number that 16 bits are (IEEE 754, binary16).
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_as_people_write_them() {
        assert_eq!(decimal(-1234, 2), "-12.34");
        assert_eq!(decimal(5, 3), "0.005");
        assert_eq!(decimal(5, 0), "5");
        assert_eq!(decimal(5, -2), "5", "no such scale");
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_477_539_063e-8)] {
            assert_eq!(half(bits).to_string(), f64::to_string(&value));
        }
        assert_eq!(wide(0.1).to_string(), "0.1");
        assert_eq!(integer(i64::MAX, Meaning::Timestamp(Unit::Milli)), Value::Int(i64::MAX));
        assert_eq!(
            integer(-1, Meaning::Timestamp(Unit::Nano)),
            Value::text("1969-12-31 23:59:59.999999999")
        );
    }
}
