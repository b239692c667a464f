//! How one value of a stat differs from another.

use super::exact::Exact;
use super::histogram::{Bucket, buckets, distance};
use super::times::Time;
use crate::stats::{StatMap, StatValue};

/// How a value became another.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// The stat was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// A number: by so much, exact where both are whole or decimal.
    Number {
        /// After less before, in decimal digits; `nan` and `inf` are words.
        by: String,
    },
    /// A time or a length of time: by so many nanoseconds.
    Time {
        /// After less before.
        nanos: i128,
    },
    /// A histogram: so much of the rows changed buckets, from 0 to 1 ([`super`] says how it is
    /// computed).
    Histogram {
        /// The buckets whose shares changed, the largest change first.
        buckets: Vec<Bucket>,
    },
    /// A list, whose items were compared one by one.
    Items {
        /// How many of them changed.
        changed: usize,
    },
    /// The same value, of another kind, as `1` is to `1.0`.
    Kind,
    /// Whatever else: it is another.
    Other,
}

/// What a value is, in a word: of numpy the type of the number, of times whether there is a zone.
pub(super) fn kind(value: &StatValue) -> String {
    match value {
        StatValue::Numpy(numpy) => numpy.dtype.to_string(),
        StatValue::Timestamp { zone: Some(zone), .. }
        | StatValue::DateTime { zone: Some(zone), .. }
        | StatValue::Time { zone: Some(zone), .. } => format!("{}[{zone}]", value.kind()),
        _ => value.kind().to_owned(),
    }
}

/// Returns how a value differs from the one before, and the size of that (see
/// [`super::StatChange::drift`]); `None` if it does not.
///
/// `beside` are the stats beside each: the span of a column is the measure of its times, and the
/// edges of its bins that of its histogram.
pub(super) fn difference(
    before: &StatValue,
    after: &StatValue,
    beside: (&StatMap, &StatMap),
) -> Option<(Difference, f64)> {
    if before == after {
        return None;
    }
    if let (Some(one), Some(two)) = (Number::of(before), Number::of(after)) {
        return Some(numbers(&one, &two));
    }
    if let (Some(one), Some(two)) = (Time::of(before), Time::of(after)) {
        let Some(nanos) = two.since(one) else { return Some((Difference::Other, 1.0)) };
        if nanos == 0 {
            return Some((Difference::Kind, 0.0));
        }
        let measure = one.length().or_else(|| span(beside.0));
        return Some((Difference::Time { nanos }, share(nanos, measure)));
    }
    if let (Some(one), Some(two)) = (buckets(before, beside.0), buckets(after, beside.1)) {
        let (size, buckets) = distance(&one, &two);
        let is_same = size == 0.0 && buckets.is_empty();
        return (!is_same).then_some((Difference::Histogram { buckets }, size));
    }
    if let (Some(one), Some(two)) = (items(before), items(after))
        && one.len() == two.len()
    {
        let found: Vec<f64> = one
            .iter()
            .zip(two)
            .filter_map(|(one, two)| difference(one, two, beside).map(|(_, size)| size))
            .collect();
        if found.is_empty() {
            return Some((Difference::Kind, 0.0));
        }
        let largest = found.iter().copied().fold(0.0, f64::max);
        return Some((Difference::Items { changed: found.len() }, largest));
    }
    if before.as_str().is_some() && before.as_str() == after.as_str() {
        return Some((Difference::Kind, 0.0));
    }
    Some((Difference::Other, 1.0))
}

fn items(value: &StatValue) -> Option<&[StatValue]> {
    match value {
        StatValue::List(items) | StatValue::Tuple(items) => Some(items),
        StatValue::Array(array) => Some(&array.values),
        _ => None,
    }
}

/// A number, exact if it can be.
enum Number {
    Exact(Exact),
    Float(f64),
}

impl Number {
    fn of(value: &StatValue) -> Option<Number> {
        Some(match value {
            StatValue::Int(number) => Number::Exact(Exact::of(i128::from(*number))),
            StatValue::BigInt(digits) => Exact::read(digits).map_or_else(
                || digits.parse().ok().map(Number::Float),
                |it| Some(Number::Exact(it)),
            )?,
            StatValue::Decimal(digits) => match Exact::read(digits) {
                Some(exact) => Number::Exact(exact),
                None => Number::Float(not_finite(digits)?),
            },
            StatValue::Float(number) => Number::Float(number.0),
            // Counts of time are no numbers.
            StatValue::Numpy(numpy) if !numpy.dtype.contains('[') => Number::of(&numpy.value)?,
            _ => return None,
        })
    }

    fn float(&self) -> f64 {
        match self {
            Number::Exact(exact) => exact.to_string().parse().unwrap_or(f64::NAN),
            Number::Float(number) => *number,
        }
    }
}

/// Returns the float that a `Decimal` is which has no digits: `NaN`, `sNaN`, `-Infinity`.
fn not_finite(text: &str) -> Option<f64> {
    let (sign, word) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    if word.starts_with("NaN") || word.starts_with("sNaN") {
        return Some(f64::NAN);
    }
    if word == "Infinity" {
        return Some(sign * f64::INFINITY);
    }
    word.parse::<f64>().ok().map(|number| sign * number)
}

fn numbers(before: &Number, after: &Number) -> (Difference, f64) {
    if let (Number::Exact(before), Number::Exact(after)) = (before, after)
        && let Some(by) = after.minus(before)
    {
        if by.is_zero() {
            return (Difference::Kind, 0.0);
        }
        let size = if before.is_zero() { f64::INFINITY } else { by.over(before).abs() };
        return (Difference::Number { by: by.to_string() }, size);
    }
    let (before, after) = (before.float(), after.float());
    #[expect(clippy::float_cmp, reason = "the very same number is meant")]
    let is_same = before == after || (before.is_nan() && after.is_nan());
    if is_same {
        return (Difference::Kind, 0.0);
    }
    let by = after - before;
    let by_words = match by {
        _ if by.is_nan() => "nan".to_owned(),
        _ if by.is_infinite() => if by > 0.0 { "inf" } else { "-inf" }.to_owned(),
        _ => format!("{by:?}"),
    };
    let size = if before.is_finite() && after.is_finite() && before != 0.0 {
        // Dividing first, as the difference may be beyond what floats hold.
        if by.is_finite() { (by / before).abs() } else { (after / before - 1.0).abs() }
    } else {
        f64::INFINITY
    };
    (Difference::Number { by: by_words }, size)
}

/// Returns the nanoseconds between `min` and `max` of a column of times.
fn span(stats: &StatMap) -> Option<i128> {
    let time = |name: &str| stats.get(name).and_then(Time::of);
    time("max")?.since(time("min")?).filter(|span| *span != 0)
}

/// Returns the share that `part` is of `whole`; all of it if there is no measure.
#[expect(clippy::cast_precision_loss, reason = "as near as it comes is enough for a share")]
fn share(part: i128, whole: Option<i128>) -> f64 {
    match whole {
        Some(0) => f64::INFINITY,
        Some(whole) => (part as f64 / whole as f64).abs(),
        None => 1.0,
    }
}
