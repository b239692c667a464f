//! Moments in UTC, printed at a fixed width so that the order of names is the order of time.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};

/// A moment in UTC, in whole microseconds, between the years 1 and 9999.
///
/// Prints as `20261121T012400.123456Z`: always 23 bytes, so that text order is time order
/// (format.md, section 2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The bytes of a printed [`Timestamp`].
pub(crate) const TIMESTAMP_LEN: usize = 23;

impl Timestamp {
    /// The first moment that can be printed.
    pub const MIN: Timestamp = Timestamp(-62_135_596_800_000_000);
    /// The last moment that can be printed.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999_999);

    /// Returns the moment `micros` microseconds after 1970, moved into the printable years.
    pub fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Returns the moment `seconds` seconds after 1970, moved into the printable years.
    pub(crate) fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Returns the microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Returns this moment plus one microsecond.
    #[must_use]
    pub fn next(self) -> Timestamp {
        Timestamp::from_micros(self.0 + 1)
    }

    /// Returns how long after `earlier` this moment is; zero if it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns this moment as RFC 3339 text for people and JSON: `2026-11-21T01:24:00.123456Z`.
    pub fn to_rfc3339(self) -> String {
        let mut out = String::with_capacity(27);
        let t = self.utc();
        push_digits(&mut out, u32::try_from(t.year()).unwrap_or(0), 4);
        for (before, value) in [
            ('-', t.month()),
            ('-', t.day()),
            ('T', t.hour()),
            (':', t.minute()),
            (':', t.second()),
        ] {
            out.push(before);
            push_digits(&mut out, value, 2);
        }
        out.push('.');
        push_digits(&mut out, t.nanosecond() / 1000, 6);
        out.push('Z');
        out
    }

    /// Reads RFC 3339 text, in any zone; text without a zone is in UTC. `None` if it is no moment.
    pub fn from_rfc3339(text: &str) -> Option<Timestamp> {
        let zoned = DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc());
        let moment = zoned.or_else(|_| text.parse().map(|naive: NaiveDateTime| naive.and_utc()));
        moment.ok().map(|moment| Timestamp::from_micros(moment.timestamp_micros()))
    }

    /// Returns this moment in the local zone, to the second: `2026-11-21 01:24:00`.
    pub fn to_local(self) -> String {
        let t = self.utc().with_timezone(&chrono::Local);
        let mut out = String::with_capacity(19);
        let year = t.year();
        push_digits(&mut out, u32::try_from(year).unwrap_or(0), if year > 9999 { 5 } else { 4 });
        for (before, value) in [
            ('-', t.month()),
            ('-', t.day()),
            (' ', t.hour()),
            (':', t.minute()),
            (':', t.second()),
        ] {
            out.push(before);
            push_digits(&mut out, value, 2);
        }
        out
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).expect("the value is kept inside MIN and MAX")
    }

    /// Appends the fixed-width form.
    pub(crate) fn write_to(self, out: &mut String) {
        let t = self.utc();
        let year = u32::try_from(t.year()).expect("years before 1 are outside MIN");
        push_digits(out, year, 4);
        push_digits(out, t.month(), 2);
        push_digits(out, t.day(), 2);
        out.push('T');
        push_digits(out, t.hour(), 2);
        push_digits(out, t.minute(), 2);
        push_digits(out, t.second(), 2);
        out.push('.');
        push_digits(out, t.nanosecond() / 1000, 6);
        out.push('Z');
    }
}

fn push_digits(out: &mut String, value: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_u32.pow(place) % 10;
        out.push(char::from_digit(digit, 10).expect("a remainder of ten is one digit"));
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(TIMESTAMP_LEN);
        self.write_to(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whose days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// UTC.
    Utc,
    /// The zone of this machine.
    Local,
    /// So many seconds east of Greenwich, all the year.
    East(i32),
}

/// A day, and the week it is in as ISO 8601 counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Day {
    /// The year.
    pub year: i32,
    /// The month, from 1.
    pub month: u32,
    /// The day of the month, from 1.
    pub day: u32,
    /// The year that the week is counted to, which may be the one before or after.
    pub week_year: i32,
    /// The week, from 1.
    pub week: u32,
}

impl Timestamp {
    /// Returns the day that this moment is in.
    pub fn day(self, zone: Zone) -> Day {
        let date = match zone {
            Zone::Utc => self.utc().date_naive(),
            Zone::Local => self.utc().with_timezone(&chrono::Local).date_naive(),
            Zone::East(seconds) => {
                Timestamp::from_micros(self.0 + i64::from(seconds) * 1_000_000).utc().date_naive()
            }
        };
        let week = date.iso_week();
        Day {
            year: date.year(),
            month: date.month(),
            day: date.day(),
            week_year: week.year(),
            week: week.week(),
        }
    }

    /// Returns the moment so long before this one, at most as long ago as can be printed.
    #[must_use]
    pub fn before(self, span: Duration) -> Timestamp {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.0.saturating_sub(micros))
    }
}

/// A text that is not a timestamp in the fixed-width form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a timestamp reads like 20261121T012400.123456Z")]
pub struct NotATimestamp;

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Timestamp, NotATimestamp> {
        let bytes = text.as_bytes();
        if bytes.len() != TIMESTAMP_LEN
            || bytes[8] != b'T'
            || bytes[15] != b'.'
            || bytes[22] != b'Z'
        {
            return Err(NotATimestamp);
        }
        let number = |from: usize, to: usize| {
            bytes[from..to].iter().try_fold(0_u32, |value, byte| {
                byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0'))
            })
        };
        let field = |from, to| number(from, to).ok_or(NotATimestamp);
        let year = i32::try_from(field(0, 4)?).map_err(|_| NotATimestamp)?;
        NaiveDate::from_ymd_opt(year, field(4, 6)?, field(6, 8)?)
            .filter(|_| year > 0)
            .and_then(|day| {
                let (hour, minute) = (number(9, 11)?, number(11, 13)?);
                day.and_hms_micro_opt(hour, minute, number(13, 15)?, number(16, 22)?)
            })
            .filter(|time| time.nanosecond() < 1_000_000_000)
            .map(|time| Timestamp(time.and_utc().timestamp_micros()))
            .ok_or(NotATimestamp)
    }
}

/// Where the time comes from: the system's clock, or one that a caller controls.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Returns the clock of the system. This is the one place that asks it.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system's clock")]
    pub fn system() -> Clock {
        Clock(Arc::new(|| Timestamp::from_micros(Utc::now().timestamp_micros())))
    }

    /// Returns a clock that always answers `moment`.
    pub fn fixed(moment: Timestamp) -> Clock {
        Clock(Arc::new(move || moment))
    }

    /// Returns a clock that answers what `now` answers.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// Returns the present moment of this clock.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moment_is_written_for_people_as_rfc_3339_has_it() {
        for micros in [Timestamp::MIN.0, -1, 0, 1_795_224_240_123_456, Timestamp::MAX.0] {
            let moment = Timestamp(micros);
            let expected = moment.utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            assert_eq!(moment.to_rfc3339(), expected);
            assert_eq!(Timestamp::from_rfc3339(&expected), Some(moment));
        }
    }

    #[test]
    fn a_moment_prints_at_fixed_width() {
        let moment = Timestamp::from_micros(1_795_224_240_123_456);
        assert_eq!(moment.to_string(), "20261121T012400.123456Z");
        assert_eq!(moment.to_rfc3339(), "2026-11-21T01:24:00.123456Z");
    }

    #[test]
    fn moments_of_others_are_read() {
        let moment = Timestamp::from_micros(1_795_224_240_123_456);
        for (text, expected, why) in [
            ("2026-11-21T01:24:00.123456Z", Some(moment), "as Jupyter writes them"),
            ("2026-11-21T02:24:00.123456+01:00", Some(moment), "another zone"),
            ("2026-11-21T01:24:00.123456", Some(moment), "no zone"),
            ("yesterday", None, "no moment"),
        ] {
            assert_eq!(Timestamp::from_rfc3339(text), expected, "{why}");
        }
    }

    #[test]
    fn text_in_another_form_is_refused() {
        for (text, why) in [
            ("", "empty"),
            ("20261121T012400Z", "microseconds are part of the form"),
            ("20261321T012400.123456Z", "there is no month 13"),
            ("20260230T012400.123456Z", "February has no day 30"),
            ("20261121T242400.123456Z", "there is no hour 24"),
            ("20261121T235960.123456Z", "leap seconds would give one moment two names"),
            ("2026112+T012400.123456Z", "a sign is no digit"),
            ("00001121T012400.123456Z", "there is no year 0"),
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATimestamp), "{text}: {why}");
        }
    }

    proptest! {
        #[test]
        fn text_order_is_time_order(a in Timestamp::MIN.0..=Timestamp::MAX.0, b in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let (a, b) = (Timestamp(a), Timestamp(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(a.to_string().parse(), Ok(a));
        }
    }
}
