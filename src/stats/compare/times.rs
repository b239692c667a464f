//! Times of all libraries on one clock: nanoseconds.

use crate::stats::StatValue;
use crate::stats::model::{DAY_MICROS, TimeUnit};

/// What a value says of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// A point in time, in nanoseconds since 1970, in UTC.
    Instant(i128),
    /// A point on a clock of no known zone, in nanoseconds since 1970 on that clock.
    Naive(i128),
    /// A time of day, in nanoseconds since midnight.
    OfDay(i128),
    /// A length, in nanoseconds.
    Length(i128),
}

const MICRO: i128 = 1_000;
const DAY: i128 = DAY_MICROS as i128 * MICRO;

impl Time {
    /// Returns what a value says of time; `None` if it is none, or no time at all.
    pub(super) fn of(value: &StatValue) -> Option<Time> {
        let point = |zone: &Option<Box<str>>, nanos| {
            if zone.is_some() { Time::Instant(nanos) } else { Time::Naive(nanos) }
        };
        Some(match value {
            StatValue::Date(days) => Time::Naive(i128::from(*days) * DAY),
            StatValue::DateTime { micros, zone, .. } => point(zone, i128::from(*micros) * MICRO),
            StatValue::Timestamp { value, unit, zone } => point(zone, nanos(*value, *unit)),
            StatValue::Time { micros, .. } => Time::OfDay(i128::from(*micros) * MICRO),
            StatValue::Timedelta { value, unit } => Time::Length(nanos(*value, *unit)),
            StatValue::PyTimedelta { days, micros } => {
                let micros = i128::from(*days) * i128::from(DAY_MICROS) + i128::from(*micros);
                Time::Length(micros * MICRO)
            }
            StatValue::Numpy(numpy) => {
                let StatValue::Int(count) = numpy.value else { return None };
                let (kind, unit) = numpy.dtype.strip_suffix(']')?.split_once('[')?;
                let unit = match unit {
                    "D" if kind == "datetime64" => {
                        return Some(Time::Naive(i128::from(count) * DAY));
                    }
                    unit => TimeUnit::of(unit)?,
                };
                match kind {
                    "datetime64" => Time::Naive(nanos(count, unit)),
                    "timedelta64" => Time::Length(nanos(count, unit)),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// Returns the nanoseconds from `before` to it; `None` if they are of different kinds.
    pub(super) fn since(self, before: Time) -> Option<i128> {
        match (self, before) {
            (Time::Instant(after), Time::Instant(before))
            | (Time::Naive(after), Time::Naive(before))
            | (Time::OfDay(after), Time::OfDay(before))
            | (Time::Length(after), Time::Length(before)) => Some(after - before),
            _ => None,
        }
    }

    /// Returns its nanoseconds if it is a length, which has a zero of its own.
    pub(super) fn length(self) -> Option<i128> {
        match self {
            Time::Length(nanos) => Some(nanos),
            _ => None,
        }
    }
}

fn nanos(value: i64, unit: TimeUnit) -> i128 {
    i128::from(value) * (1_000_000_000 / i128::from(unit.per_second()))
}
