//! One value of a stat, of every kind there is.

use super::{NatOf, Real, Text, TimeUnit};

/// One value of a stat.
///
/// Values are equal if they are identical to a reader who looks closely: `1` is not `1.0`, `0.0`
/// not `-0.0`, a tuple no list, seconds no milliseconds; but no number equals no number, and a set
/// has no order (make it with [`StatValue::set`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatValue {
    /// Python's `None`.
    None,
    /// Python's `bool`.
    Bool(bool),
    /// Python's `int`, where 64 bits are enough.
    Int(i64),
    /// Python's `int` beyond 64 bits with a sign, in decimal digits: see [`StatValue::integer`].
    BigInt(Box<str>),
    /// Python's `float`.
    Float(Real),
    /// Python's `str`.
    Str(Text),
    /// Python's `bytes`.
    Bytes(Box<[u8]>),
    /// Python's `Decimal`, as its own text: `1E+5`, `-0.00`, `sNaN`.
    Decimal(Box<str>),
    /// Python's `date`: days since 1970-01-01.
    Date(i32),
    /// Python's `time`.
    Time {
        /// Microseconds since midnight.
        micros: i64,
        /// Its time zone, as text: `UTC`, `+05:30`, `Europe/Berlin`.
        zone: Option<Box<str>>,
        /// Whether it is the second of two that a clock showed alike.
        fold: bool,
    },
    /// Python's `datetime`.
    DateTime {
        /// Microseconds since 1970-01-01 00:00: in UTC if it has a zone, else on its own clock.
        micros: i64,
        /// Its time zone, as text; none if it is naive.
        zone: Option<Box<str>>,
        /// Whether it is the second of two that a clock showed alike.
        fold: bool,
    },
    /// pandas' `Timestamp`.
    Timestamp {
        /// Units since 1970-01-01 00:00: in UTC if it has a zone, else on its own clock.
        value: i64,
        /// What `value` counts.
        unit: TimeUnit,
        /// Its time zone, as text; none if it is naive.
        zone: Option<Box<str>>,
    },
    /// pandas' `Timedelta`.
    Timedelta {
        /// How many units.
        value: i64,
        /// What `value` counts.
        unit: TimeUnit,
    },
    /// Python's `timedelta`: see [`StatValue::py_timedelta`].
    PyTimedelta {
        /// Whole days, rounded down.
        days: i64,
        /// Microseconds besides, less than a day's.
        micros: i64,
    },
    /// pandas' "not a time", or numpy's inside [`StatValue::Numpy`].
    NaT(NatOf),
    /// A numpy scalar.
    Numpy(Box<Numpy>),
    /// pandas' `Period`.
    Period {
        /// Which period, counted in its frequency since 1970.
        ordinal: i64,
        /// Its frequency as pandas writes it: `D`, `M`, `Q-DEC`.
        freq: Box<str>,
    },
    /// pandas' `Interval`.
    Interval(Box<Interval>),
    /// Python's `complex`.
    Complex {
        /// The real part.
        re: Real,
        /// The imaginary part.
        im: Real,
    },
    /// pandas' `NA`.
    NA,
    /// Python's `tuple`.
    Tuple(Vec<StatValue>),
    /// Python's `list`.
    List(Vec<StatValue>),
    /// Python's `set`, sorted and each value once: see [`StatValue::set`].
    Set(Vec<StatValue>),
    /// Python's `dict` whose keys are texts, in its own order.
    Dict(Vec<(Text, StatValue)>),
    /// Python's `dict` with any other key, in its own order.
    Map(Vec<(StatValue, StatValue)>),
    /// A numpy array.
    Array(Box<Array>),
    /// What is not understood here, kept as it came.
    Opaque(Box<Opaque>),
}

/// A numpy scalar.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numpy {
    /// Its type as numpy names it: `int8`, `float32`, `bool`, `datetime64[ns]`, `str`.
    pub dtype: Box<str>,
    /// Its value: a number, a truth or a text; of times the count of units, or [`StatValue::NaT`].
    pub value: StatValue,
}

/// pandas' `Interval`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// Which ends belong to it: `left`, `right`, `both`, `neither`.
    pub closed: Box<str>,
    /// Where it begins.
    pub left: StatValue,
    /// Where it ends.
    pub right: StatValue,
}

/// A numpy array.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Array {
    /// The type of its items as numpy names it: `int64`, `datetime64[ns]`, `object`.
    pub dtype: Box<str>,
    /// How many items along each axis.
    pub shape: Vec<u64>,
    /// Its items, the last axis fastest.
    pub values: Vec<StatValue>,
}

/// What is not understood here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque {
    /// What it is called where it comes from.
    pub tag: Text,
    /// What stood there, letter by letter.
    pub payload: Text,
}

impl Numpy {
    /// Whether it is a point in time or a length of time, whose value is a count of units.
    pub fn is_time(&self) -> bool {
        self.dtype.starts_with("datetime64") || self.dtype.starts_with("timedelta64")
    }
}

impl StatValue {
    /// Returns the text as a value.
    pub fn text(text: impl Into<Text>) -> StatValue {
        StatValue::Str(text.into())
    }

    /// Returns the number as a value.
    pub fn float(number: f64) -> StatValue {
        StatValue::Float(Real(number))
    }

    /// Returns the whole number of those decimal digits; `None` if it is none.
    pub fn integer(digits: &str) -> Option<StatValue> {
        if let Ok(small) = digits.parse() {
            return Some(StatValue::Int(small));
        }
        let rest = digits.strip_prefix(['-', '+']).unwrap_or(digits);
        if rest.is_empty() || !rest.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let minus = if digits.starts_with('-') { "-" } else { "" };
        // Not a small number, so that some digit is left.
        let plain = rest.trim_start_matches('0');
        let number = format!("{minus}{plain}");
        Some(number.parse().map_or_else(|_| StatValue::BigInt(number.into()), StatValue::Int))
    }

    /// Returns a set of those values.
    pub fn set(mut values: Vec<StatValue>) -> StatValue {
        values.sort_unstable();
        values.dedup();
        StatValue::Set(values)
    }

    /// Returns a length of time of so many microseconds, as Python splits it.
    pub fn py_timedelta(micros: i128) -> StatValue {
        let day = i128::from(super::DAY_MICROS);
        let days = i64::try_from(micros.div_euclid(day)).unwrap_or(i64::MAX);
        let micros = i64::try_from(micros.rem_euclid(day)).expect("less than a day");
        StatValue::PyTimedelta { days, micros }
    }

    /// Returns a numpy scalar of that type.
    pub fn numpy(dtype: impl Into<Box<str>>, value: StatValue) -> StatValue {
        StatValue::Numpy(Box::new(Numpy { dtype: dtype.into(), value }))
    }

    /// Returns what is not understood, as it came.
    pub fn opaque(tag: impl Into<Text>, payload: impl Into<Text>) -> StatValue {
        StatValue::Opaque(Box::new(Opaque { tag: tag.into(), payload: payload.into() }))
    }

    /// Returns which kind of value it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            StatValue::None => "none",
            StatValue::Bool(_) => "bool",
            StatValue::Int(_) | StatValue::BigInt(_) => "int",
            StatValue::Float(_) => "float",
            StatValue::Str(_) => "str",
            StatValue::Bytes(_) => "bytes",
            StatValue::Decimal(_) => "decimal",
            StatValue::Date(_) => "date",
            StatValue::Time { .. } => "time",
            StatValue::DateTime { .. } => "datetime",
            StatValue::Timestamp { .. } => "timestamp",
            StatValue::Timedelta { .. } => "timedelta",
            StatValue::PyTimedelta { .. } => "pytimedelta",
            StatValue::NaT(_) => "nat",
            StatValue::Numpy(_) => "numpy",
            StatValue::Period { .. } => "period",
            StatValue::Interval(_) => "interval",
            StatValue::Complex { .. } => "complex",
            StatValue::NA => "na",
            StatValue::Tuple(_) => "tuple",
            StatValue::List(_) => "list",
            StatValue::Set(_) => "set",
            StatValue::Dict(_) => "dict",
            StatValue::Map(_) => "map",
            StatValue::Array(_) => "array",
            StatValue::Opaque(_) => "opaque",
        }
    }

    /// Returns the number that it is, as near as a float comes; truths and times are none.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "as near as it comes is asked for")]
            StatValue::Int(number) => Some(*number as f64),
            StatValue::BigInt(digits) | StatValue::Decimal(digits) => digits.parse().ok(),
            StatValue::Float(number) => Some(number.0),
            StatValue::Numpy(numpy) if !numpy.is_time() => numpy.value.as_f64(),
            _ => None,
        }
    }

    /// Returns the text, if it is one, of numpy too, and is Unicode.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            StatValue::Str(text) => text.as_str(),
            StatValue::Numpy(numpy) => numpy.value.as_str(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_form() {
        for (digits, value) in [
            ("0", Some(StatValue::Int(0))),
            ("-0", Some(StatValue::Int(0))),
            ("00000000000000000000000000000", Some(StatValue::Int(0))),
            ("-9223372036854775808", Some(StatValue::Int(i64::MIN))),
            ("9223372036854775808", Some(StatValue::BigInt("9223372036854775808".into()))),
            (
                "-0001180591620717411303424",
                Some(StatValue::BigInt("-1180591620717411303424".into())),
            ),
            ("", None),
            ("-", None),
            ("1.5", None),
            ("--99999999999999999999", None),
        ] {
            assert_eq!(StatValue::integer(digits), value, "{digits}");
        }
    }

    #[test]
    fn values_equal_what_a_close_reader_would_not_tell_apart() {
        let float = StatValue::float;
        assert_eq!(float(f64::NAN), float(-f64::NAN));
        for (a, b) in [
            (StatValue::Int(1), float(1.0)),
            (float(0.0), float(-0.0)),
            (StatValue::List(vec![]), StatValue::Tuple(vec![])),
            (StatValue::None, StatValue::NA),
            (StatValue::numpy("int64", StatValue::Int(1)), StatValue::Int(1)),
            (
                StatValue::Timestamp { value: 0, unit: TimeUnit::Nano, zone: None },
                StatValue::Timestamp { value: 0, unit: TimeUnit::Micro, zone: None },
            ),
            (
                StatValue::Timestamp { value: 0, unit: TimeUnit::Nano, zone: None },
                StatValue::Timestamp { value: 0, unit: TimeUnit::Nano, zone: Some("UTC".into()) },
            ),
        ] {
            assert_ne!(a, b);
        }
        let set =
            |values: &[i64]| StatValue::set(values.iter().copied().map(StatValue::Int).collect());
        assert_eq!(set(&[3, 1, 2, 1]), set(&[2, 3, 1]), "a set has no order");
    }

    #[test]
    fn lengths_of_time_are_split_as_python_does() {
        assert_eq!(
            StatValue::py_timedelta(-1),
            StatValue::PyTimedelta { days: -1, micros: 86_399_999_999 }
        );
        let most = i128::from(999_999_999_i64) * 86_400_000_000;
        assert_eq!(
            StatValue::py_timedelta(most),
            StatValue::PyTimedelta { days: 999_999_999, micros: 0 }
        );
    }
}
