//! Dates and times as text (ISO 8601), of which every second digit is there.

use std::fmt::Write as _;

use crate::stats::model::{DAY_MICROS, TimeUnit, civil_of_days, days_of_civil};

/// Adds a date: `2026-11-21`; years beyond four digits have a sign.
pub(in crate::stats) fn write_date(out: &mut String, days: i64) {
    let (year, month, day) = civil_of_days(days);
    let written = if (0..=9999).contains(&year) {
        write!(out, "{year:04}-{month:02}-{day:02}")
    } else {
        write!(out, "{year:+05}-{month:02}-{day:02}")
    };
    written.expect("a String takes all");
}

/// Adds a time of the day: `01:24:00.123456`, the digits of the fraction as the unit has them.
pub(in crate::stats) fn write_clock(out: &mut String, value: i64, unit: TimeUnit) {
    let (seconds, rest) =
        (value.div_euclid(unit.per_second()), value.rem_euclid(unit.per_second()));
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    write!(out, "{hour:02}:{minute:02}:{second:02}").expect("a String takes all");
    let digits = unit.digits() as usize;
    if digits > 0 {
        write!(out, ".{rest:0digits$}").expect("a String takes all");
    }
}

/// Adds date and time of `value` units since 1970.
pub(in crate::stats) fn write_moment(out: &mut String, value: i64, unit: TimeUnit) {
    let day = 86_400 * unit.per_second();
    write_date(out, value.div_euclid(day));
    out.push('T');
    write_clock(out, value.rem_euclid(day), unit);
}

/// Returns the days since 1970 of a date.
pub(in crate::stats) fn read_date(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut pieces = unsigned.split('-');
    let (year, month, day) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if pieces.next().is_some() || year.len() < 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let year = number(year)?;
    let year = if text.starts_with('-') { -year } else { year };
    let small = |text| u32::try_from(number(text)?).ok();
    days_of_civil(year, small(month)?, small(day)?)
}

/// Returns the units since midnight of `01:24:00.123456`; the fraction may have fewer digits than
/// the unit, or none.
pub(in crate::stats) fn read_clock(text: &str, unit: TimeUnit) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut pieces = clock.split(':');
    let (hour, minute, second) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if pieces.next().is_some() || [hour, minute, second].iter().any(|it| it.len() != 2) {
        return None;
    }
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let digits = unit.digits() as usize;
    if fraction.len() > digits || text.ends_with('.') {
        return None;
    }
    let mut rest = if fraction.is_empty() { 0 } else { number(fraction)? };
    for _ in fraction.len()..digits {
        rest *= 10;
    }
    Some(((hour * 60 + minute) * 60 + second) * unit.per_second() + rest)
}

/// Returns the units since 1970 of date and time, with `T` or a blank between them.
pub(in crate::stats) fn read_moment(text: &str, unit: TimeUnit) -> Option<i64> {
    let at = text.find(['T', ' '])?;
    let (date, clock) = (&text[..at], &text[at + 1..]);
    let day = i128::from(86_400 * unit.per_second());
    let value = i128::from(read_date(date)?) * day + i128::from(read_clock(clock, unit)?);
    i64::try_from(value).ok()
}

/// Returns the microseconds east of Greenwich of `+05:30`, `-00:00:01.5` or `Z`.
pub(in crate::stats) fn read_offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let size = text.strip_prefix(['+', '-'])?;
    let whole = if size.len() == 5 { format!("{size}:00") } else { size.to_owned() };
    let micros = read_clock(&whole, TimeUnit::Micro)?;
    (micros < DAY_MICROS).then_some(if text.starts_with('-') { -micros } else { micros })
}

fn number(text: &str) -> Option<i64> {
    text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(value: i64, unit: TimeUnit) -> String {
        let mut out = String::new();
        write_moment(&mut out, value, unit);
        out
    }

    #[test]
    fn moments_are_written_as_people_know_them() {
        for (value, unit, text) in [
            (0, TimeUnit::Second, "1970-01-01T00:00:00"),
            (-1, TimeUnit::Nano, "1969-12-31T23:59:59.999999999"),
            (1_795_224_240_123, TimeUnit::Milli, "2026-11-21T01:24:00.123"),
            (i64::MIN, TimeUnit::Micro, "-290308-12-21T19:59:05.224192"),
        ] {
            assert_eq!(moment(value, unit), text);
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T24:00:00",
            "2026-11-21T01:60:00",
            "2026-13-21T01:00:00",
            "2026-11-21T01:24:00.",
            "2026-11-21T01:24:00.1234567",
            "26-11-21T01:24:00",
            "99999999-11-21T01:24:00",
            "2026-11-21T1:24:00",
            "2026-11-21T01:24:00Z",
            "é-11-21T01:24:00",
        ] {
            assert_eq!(read_moment(text, TimeUnit::Micro), None, "{text}");
        }
    }

    #[test]
    fn offsets_are_read_to_the_microsecond() {
        for (text, offset) in [
            ("Z", Some(0)),
            ("+05:30", Some(19_800_000_000)),
            ("-00:00:01.000002", Some(-1_000_002)),
            ("05:30", None),
            ("+0530", None),
            ("+24:00", None),
        ] {
            assert_eq!(read_offset(text), offset, "{text}");
        }
    }

    proptest! {
        #[test]
        fn moments_come_back(value: i64, unit in 0..4_usize) {
            let unit = [TimeUnit::Second, TimeUnit::Milli, TimeUnit::Micro, TimeUnit::Nano][unit];
            prop_assert_eq!(read_moment(&moment(value, unit), unit), Some(value));
        }
    }
}
