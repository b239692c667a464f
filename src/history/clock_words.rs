//! Single words about time: days of the week, months, numbers, times of day, ISO 8601 dates.

use chrono::{Datelike, Days, FixedOffset, Months, NaiveDate, NaiveTime, Weekday};

/// How exactly a time of day was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Minute,
    Second,
    Microsecond,
}

impl Unit {
    pub(super) fn micros(self) -> i64 {
        match self {
            Unit::Minute => 60_000_000,
            Unit::Second => 1_000_000,
            Unit::Microsecond => 1,
        }
    }
}

/// A time of day and how exactly it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeOfDay {
    pub(super) time: NaiveTime,
    pub(super) unit: Unit,
}

/// Reads `14:00`, `14:00:05`, `14:00:05.25`, `9am`, `9:30pm`, `noon` or `midnight`.
pub(super) fn time_of_day(text: &str) -> Option<TimeOfDay> {
    match text {
        "noon" => return TimeOfDay::of("12", Some("0"), None),
        "midnight" => return TimeOfDay::of("0", Some("0"), None),
        _ => {}
    }
    let (text, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(rest), _) => (rest, Some(0)),
        (_, Some(rest)) => (rest, Some(12)),
        _ => (text, None),
    };
    let mut fields = text.splitn(3, ':');
    let (hour, minute, second) = (fields.next()?, fields.next(), fields.next());
    match half {
        // An hour alone is a number.
        None => minute.and_then(|minute| TimeOfDay::of(hour, Some(minute), second)),
        Some(half) => {
            let hour: u32 = digits(hour)?;
            let hour = (1..=12).contains(&hour).then_some(hour % 12 + half)?;
            TimeOfDay::of(&hour.to_string(), minute, second)
        }
    }
}

impl TimeOfDay {
    fn of(hour: &str, minute: Option<&str>, second: Option<&str>) -> Option<TimeOfDay> {
        let (second, fraction) = match second {
            Some(second) => match second.split_once(['.', ',']) {
                Some((second, fraction)) => (Some(second), Some(fraction)),
                None => (Some(second), None),
            },
            None => (None, None),
        };
        let micros = match fraction {
            None => 0,
            Some(fraction) => digits(format!("{fraction:0<6}").get(..6)?)
                .filter(|_| !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()))?,
        };
        let minute = minute.map_or(Some(0), digits)?;
        let whole = second.map_or(Some(0), digits)?;
        let time = NaiveTime::from_hms_micro_opt(digits(hour)?, minute, whole, micros)?;
        let unit = match (second, fraction) {
            (_, Some(_)) => Unit::Microsecond,
            (Some(_), None) => Unit::Second,
            _ => Unit::Minute,
        };
        Some(TimeOfDay { time, unit })
    }
}

/// Reads digits and nothing else.
fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Takes `Z`, `+01:00` or `-0530` from the end of a time.
pub(super) fn split_zone(text: &str) -> (&str, Option<FixedOffset>) {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return (time.trim_end(), FixedOffset::east_opt(0));
    }
    let zone = |at: usize| -> Option<FixedOffset> {
        let sign = if text[at..].starts_with('-') { -1 } else { 1 };
        let plain = text[at + 1..].replacen(':', "", 1);
        let (hours, minutes) = match plain.len() {
            2 => (digits(&plain)?, 0),
            4 => (digits(&plain[..2])?, digits(plain.get(2..)?)?),
            _ => return None,
        };
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        FixedOffset::east_opt(sign * seconds).filter(|_| minutes < 60)
    };
    match text.rfind(['+', '-']).and_then(|at| Some((at, zone(at)?))) {
        Some((at, offset)) => (text[..at].trim_end(), Some(offset)),
        None => (text, None),
    }
}

/// Reads `2026`, `2026-11`, `2026-W45`, `2026-W45-3`, `2026-11-01` or `20261101`, and returns the
/// first day of it and the one after it.
pub(super) fn date(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    let fields: Vec<&str> = text.split('-').collect();
    let of_day = |day: NaiveDate| Some((day, day.checked_add_days(Days::new(1))?));
    let year = |text: &str| {
        let year = digits(text).filter(|year| text.len() == 4 && *year > 0)?;
        i32::try_from(year).ok()
    };
    let two = |text: &str| digits(text).filter(|_| text.len() == 2);
    match fields[..] {
        [all] if all.len() == 8 => {
            let (of_year, rest) = all.split_at_checked(4)?;
            let (month, day) = rest.split_at_checked(2)?;
            of_day(NaiveDate::from_ymd_opt(year(of_year)?, two(month)?, two(day)?)?)
        }
        [all] => {
            let start = NaiveDate::from_ymd_opt(year(all)?, 1, 1)?;
            Some((start, start.checked_add_months(Months::new(12))?))
        }
        [of_year, week] if week.starts_with(['W', 'w']) => {
            let week = two(&week[1..])?;
            let start = NaiveDate::from_isoywd_opt(year(of_year)?, week, Weekday::Mon)?;
            Some((start, start.checked_add_days(Days::new(7))?))
        }
        [of_year, month] => {
            let start = NaiveDate::from_ymd_opt(year(of_year)?, two(month)?, 1)?;
            Some((start, start.checked_add_months(Months::new(1))?))
        }
        [of_year, week, day] if week.starts_with(['W', 'w']) => {
            let day = digits(day).filter(|day| (1..=7).contains(day))?;
            let week = two(&week[1..])?;
            let start = NaiveDate::from_isoywd_opt(year(of_year)?, week, Weekday::Mon)?;
            of_day(start.checked_add_days(Days::new(u64::from(day) - 1))?)
        }
        [of_year, month, day] => {
            of_day(NaiveDate::from_ymd_opt(year(of_year)?, two(month)?, two(day)?)?)
        }
        _ => None,
    }
    .filter(|(from, _)| from.year() > 0)
}

/// Reads a day of the week, whole or its first three letters.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("monday", Weekday::Mon),
        ("tuesday", Weekday::Tue),
        ("wednesday", Weekday::Wed),
        ("thursday", Weekday::Thu),
        ("friday", Weekday::Fri),
        ("saturday", Weekday::Sat),
        ("sunday", Weekday::Sun),
    ];
    NAMES.iter().find(|(name, _)| is_name(word, name)).map(|(_, day)| *day)
}

/// Reads a month, whole or its first three letters.
pub(super) fn month(word: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    NAMES.iter().zip(1..).find(|(name, _)| is_name(word, name)).map(|(_, number)| number)
}

fn is_name(word: &str, name: &str) -> bool {
    word == name || word == &name[..3]
}

/// Reads a number in digits, or a small one in words.
pub(super) fn number(word: &str) -> Option<u32> {
    const WORDS: [&str; 13] = [
        "a", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    if word == "an" {
        return Some(1);
    }
    let in_words =
        WORDS.iter().position(|name| *name == word).and_then(|at| u32::try_from(at).ok());
    in_words.map(|at| at.max(1)).or_else(|| digits(word).filter(|number| *number <= 1_000_000))
}
