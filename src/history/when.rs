//! Times as people say them: `2 days ago`, `last tuesday 14:00`, `2026-11-01`.
//!
//! Own code, as the crates for it (`interim`, `parse_datetime`) answer with a moment alone: they do
//! not tell a day from its first microsecond, and what was stored *on* a day, or since it, needs
//! both ends of it.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Weekday,
};

use super::clock_words::{TimeOfDay, Unit, date, month, number, split_zone, time_of_day, weekday};
use crate::clock::Timestamp;

/// What a phrase about time means: from its first to its last microsecond.
///
/// A day, a minute or a month is all of it; `2 days ago` and `now` are a single moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan {
    /// Where it begins: the bound of `--since`.
    pub first: Timestamp,
    /// Where it ends: the bound of `--until`, and of what was stored as of then.
    pub last: Timestamp,
}

impl TimeSpan {
    /// Reads a phrase in the zone of this machine; `None` if it says no time.
    pub fn from_local(text: &str, now: Timestamp) -> Option<TimeSpan> {
        read(text, now, &chrono::Local)
    }

    fn moment(at: Timestamp) -> TimeSpan {
        TimeSpan { first: at, last: at }
    }
}

/// Reads a phrase in `zone`; `None` if it says no time. Times to come are none.
///
/// Where clocks go back, a time that they show twice is both; where they go forward, one that they
/// never show is the moment when they jump.
pub(crate) fn read<Z: TimeZone>(text: &str, now: Timestamp, zone: &Z) -> Option<TimeSpan> {
    let text = text.trim();
    if let Ok(fixed) = text.parse() {
        return Some(TimeSpan::moment(fixed));
    }
    let at = Here { now, zone };
    at.since_1970(text).or_else(|| at.iso(text)).or_else(|| at.phrase(text))
}

/// Where and when a phrase is said.
struct Here<'z, Z> {
    now: Timestamp,
    zone: &'z Z,
}

impl<Z: TimeZone> Here<'_, Z> {
    /// Reads seconds since 1970, as git has them with a leading `@`.
    fn since_1970(&self, text: &str) -> Option<TimeSpan> {
        let digits = text.strip_prefix('@').unwrap_or(text);
        // Fewer digits are a year or a day.
        let fits = digits.len() != text.len() || (9..=11).contains(&digits.len());
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let seconds: i64 = digits.parse().ok().filter(|_| fits && plain)?;
        Some(self.spanning(Timestamp::from_micros(seconds.checked_mul(1_000_000)?), Unit::Second))
    }

    /// Reads ISO 8601: a year, month, week or day, or a day and a time with or without a zone.
    fn iso(&self, text: &str) -> Option<TimeSpan> {
        if let Some((from, to)) = date(text) {
            return self.days(from, to);
        }
        let (day, time) = text.split_once(['T', 't', ' '])?;
        let (day, _) =
            date(day).filter(|(from, to)| from.checked_add_days(Days::new(1)) == Some(*to))?;
        let (time, offset) = split_zone(time.trim());
        let time = time_of_day(time)?;
        let naive = day.and_time(time.time);
        match offset {
            Some(offset) => {
                let at = offset.from_local_datetime(&naive).single()?;
                Some(self.spanning(timestamp(&at), time.unit))
            }
            None => Some(self.at_naive(naive, time.unit)),
        }
    }

    /// Reads words.
    fn phrase(&self, text: &str) -> Option<TimeSpan> {
        let mut lower = text.to_ascii_lowercase();
        // As git takes them where blanks are unwelcome: `2.days.ago`.
        if !lower.contains(' ') && lower.contains(|c: char| c.is_ascii_alphabetic()) {
            lower = lower.replace(['.', '_'], " ");
        }
        let words: Vec<&str> = lower.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            ["now"] => return Some(TimeSpan::moment(self.now)),
            ["last" | "this", unit @ ("week" | "month" | "year")] => {
                return self.period(unit, words[0] == "last");
            }
            _ => {}
        }
        if let Some(end) = words.iter().position(|word| *word == "ago") {
            let moment = self.ago(&words[..end])?;
            return match &words[end + 1..] {
                [] => Some(TimeSpan::moment(moment)),
                rest => {
                    let time = time_words(rest)?;
                    Some(self.at_naive(self.local(moment).date().and_time(time.time), time.unit))
                }
            };
        }
        if let Some(time) = time_words(&words) {
            let today = self.at_naive(self.today().and_time(time.time), time.unit);
            // The time of day that was last.
            let yesterday = || Some(self.today().pred_opt()?.and_time(time.time));
            let is_to_come = today.first > self.now;
            return if is_to_come {
                Some(self.at_naive(yesterday()?, time.unit))
            } else {
                Some(today)
            };
        }
        let (day, step, rest) = self.day(&words)?;
        if rest.is_empty() {
            return self.days(day, day.checked_add_days(Days::new(1))?);
        }
        let time = time_words(rest)?;
        let found = self.at_naive(day.and_time(time.time), time.unit);
        if found.first > self.now && step > 0 {
            let before = day.checked_sub_days(Days::new(step))?;
            return Some(self.at_naive(before.and_time(time.time), time.unit));
        }
        Some(found)
    }

    /// Reads a day at the start of `words`. Returns it, how many days before it the same words
    /// mean as well, and the words that are left.
    fn day<'w>(&self, words: &'w [&'w str]) -> Option<(NaiveDate, u64, &'w [&'w str])> {
        let today = self.today();
        Some(match *words {
            ["today", ref rest @ ..] => (today, 0, rest),
            ["yesterday", ref rest @ ..] => (today.pred_opt()?, 0, rest),
            ["last", name, ref rest @ ..] => (before(today.pred_opt()?, weekday(name)?)?, 0, rest),
            [name, ref rest @ ..] if weekday(name).is_some() => {
                (before(today, weekday(name)?)?, 7, rest)
            }
            [one, two, ref rest @ ..] if month(one).is_some() || month(two).is_some() => {
                let (name, day) = if month(one).is_some() { (one, two) } else { (two, one) };
                let day: u32 = day.trim_end_matches(['s', 't', 'n', 'd', 'r', 'h']).parse().ok()?;
                let month = month(name)?;
                if let Some(year) = rest.first().filter(|word| word.len() == 4)
                    && let Ok(year) = year.parse()
                {
                    return Some((NaiveDate::from_ymd_opt(year, month, day)?, 0, &rest[1..]));
                }
                let of =
                    |year| NaiveDate::from_ymd_opt(year, month, day).filter(|day| *day <= today);
                // The 29th of February is four, or eight, years back.
                ((0..9).find_map(|back| of(today.year() - back))?, 0, rest)
            }
            [iso, ref rest @ ..] => (date(iso).filter(|_| iso.len() > 7)?.0, 0, rest),
            [] => return None,
        })
    }

    /// Reads `2 days`, `a week`, `1 hour 30 minutes`.
    fn ago(&self, words: &[&str]) -> Option<Timestamp> {
        let mut at = self.now;
        let mut rest = words.iter().copied().filter(|word| *word != "and");
        let mut is_first = true;
        loop {
            let Some(word) = rest.next() else { return (!is_first).then_some(at) };
            is_first = false;
            let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
            // `2d` in one word.
            let (count, unit) = match word.split_at(digits) {
                (count, unit) if !count.is_empty() && !unit.is_empty() => {
                    (count.parse().ok()?, unit)
                }
                _ => (number(word)?, rest.next()?),
            };
            at = self.back(at, count, unit)?;
        }
    }

    fn back(&self, from: Timestamp, count: u32, unit: &str) -> Option<Timestamp> {
        let singular = unit.strip_suffix('s').filter(|unit| !unit.is_empty()).unwrap_or(unit);
        let exact = |seconds: i64| {
            let micros = i64::from(count) * seconds * 1_000_000;
            Some(Timestamp::from_micros(from.micros().checked_sub(micros)?))
        };
        // Days and more are counted on the calendar: the clock shows the same time then.
        let by_calendar = |naive: Option<NaiveDateTime>| Some(self.instants(naive?).0);
        let local = self.local(from);
        match singular {
            "s" | "sec" | "second" => exact(1),
            "min" | "minute" => exact(60),
            "h" | "hr" | "hour" => exact(3600),
            "d" | "day" => by_calendar(local.checked_sub_days(Days::new(count.into()))),
            "w" | "week" => by_calendar(local.checked_sub_days(Days::new(u64::from(count) * 7))),
            "month" => by_calendar(local.checked_sub_months(Months::new(count))),
            "y" | "year" => {
                by_calendar(local.checked_sub_months(Months::new(count.checked_mul(12)?)))
            }
            _ => None,
        }
    }

    /// Returns the whole week, month or year that is now, or the one before.
    fn period(&self, unit: &str, last: bool) -> Option<TimeSpan> {
        let today = self.today();
        let (start, next, previous) = match unit {
            "week" => {
                let start = before(today, Weekday::Mon)?;
                let week = Days::new(7);
                (start, start.checked_add_days(week)?, start.checked_sub_days(week)?)
            }
            "month" => {
                let start = today.with_day(1)?;
                let month = Months::new(1);
                (start, start.checked_add_months(month)?, start.checked_sub_months(month)?)
            }
            _ => {
                let start = today.with_ordinal(1)?;
                let year = Months::new(12);
                (start, start.checked_add_months(year)?, start.checked_sub_months(year)?)
            }
        };
        if last { self.days(previous, start) } else { self.days(start, next) }
    }

    /// Returns the days from `from` to before `to`.
    fn days(&self, from: NaiveDate, to: NaiveDate) -> Option<TimeSpan> {
        let first = self.instants(from.and_time(NaiveTime::MIN)).0;
        let end = self.instants(to.and_time(NaiveTime::MIN)).0;
        (end > first).then(|| TimeSpan { first, last: Timestamp::from_micros(end.micros() - 1) })
    }

    /// Returns `unit` from the local time `naive` on.
    fn at_naive(&self, naive: NaiveDateTime, unit: Unit) -> TimeSpan {
        let (first, second) = self.instants(naive);
        if self.local(first) != naive {
            return TimeSpan::moment(first);
        }
        TimeSpan { first, last: self.spanning(second, unit).last }
    }

    #[expect(clippy::unused_self, reason = "it reads as one of the ways to make a span here")]
    fn spanning(&self, first: Timestamp, unit: Unit) -> TimeSpan {
        TimeSpan { first, last: Timestamp::from_micros(first.micros() + unit.micros() - 1) }
    }

    /// Returns when clocks show `naive`, for the first and for the last time; when they jump over
    /// it, that moment.
    fn instants(&self, naive: NaiveDateTime) -> (Timestamp, Timestamp) {
        /// No zone ever left out more than a day.
        const MOST: i64 = 24 * 60 + 1;
        for minutes in 0..=MOST {
            // A jump is at a full minute, so from the second step on only those are tried.
            let later = match minutes {
                0 => Some(naive),
                _ => naive
                    .checked_add_signed(chrono::TimeDelta::minutes(minutes))
                    .and_then(|at| chrono::Timelike::with_second(&at, 0))
                    .and_then(|at| chrono::Timelike::with_nanosecond(&at, 0)),
            };
            let Some(later) = later else { break };
            match self.zone.from_local_datetime(&later) {
                chrono::LocalResult::Single(at) => return (timestamp(&at), timestamp(&at)),
                chrono::LocalResult::Ambiguous(a, b) => {
                    let (a, b) = (timestamp(&a), timestamp(&b));
                    return (a.min(b), a.max(b));
                }
                chrono::LocalResult::None => {}
            }
        }
        let utc = Timestamp::from_micros(naive.and_utc().timestamp_micros());
        (utc, utc)
    }

    fn local(&self, at: Timestamp) -> NaiveDateTime {
        let utc =
            DateTime::from_timestamp_micros(at.micros()).expect("a timestamp is in chrono's years");
        self.zone.from_utc_datetime(&utc.naive_utc()).naive_local()
    }

    fn today(&self) -> NaiveDate {
        self.local(self.now).date()
    }
}

fn timestamp<Z: TimeZone>(at: &DateTime<Z>) -> Timestamp {
    Timestamp::from_micros(at.timestamp_micros())
}

/// Returns the last `day` of the week that is not after `from`.
fn before(from: NaiveDate, day: Weekday) -> Option<NaiveDate> {
    from.checked_sub_days(Days::new(from.weekday().days_since(day).into()))
}

/// Reads a time of day with or without `at`.
fn time_words(words: &[&str]) -> Option<TimeOfDay> {
    match *words {
        ["at", ref rest @ ..] => time_words(rest),
        [time] => time_of_day(time),
        [time, half @ ("am" | "pm")] => time_of_day(&format!("{time}{half}")),
        _ => None,
    }
}

#[cfg(test)]
#[path = "when_tests.rs"]
mod tests;
