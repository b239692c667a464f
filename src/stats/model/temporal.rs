//! Units of time, and days of the calendar.

/// Microseconds of a day.
pub(in crate::stats) const DAY_MICROS: i64 = 86_400_000_000;

/// What a count of time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeUnit {
    /// Seconds.
    Second,
    /// Thousandths.
    Milli,
    /// Millionths.
    Micro,
    /// Billionths.
    Nano,
}

impl TimeUnit {
    /// Returns the unit of that name: `s`, `ms`, `us` or `ns`.
    pub fn of(name: &str) -> Option<TimeUnit> {
        Some(match name {
            "s" => TimeUnit::Second,
            "ms" => TimeUnit::Milli,
            "us" => TimeUnit::Micro,
            "ns" => TimeUnit::Nano,
            _ => return None,
        })
    }

    /// Returns its name: `s`, `ms`, `us` or `ns`.
    pub fn name(self) -> &'static str {
        match self {
            TimeUnit::Second => "s",
            TimeUnit::Milli => "ms",
            TimeUnit::Micro => "us",
            TimeUnit::Nano => "ns",
        }
    }

    /// Returns how many of it are a second.
    pub fn per_second(self) -> i64 {
        10_i64.pow(self.digits())
    }

    /// Returns how many digits of a second it shows.
    pub fn digits(self) -> u32 {
        match self {
            TimeUnit::Second => 0,
            TimeUnit::Milli => 3,
            TimeUnit::Micro => 6,
            TimeUnit::Nano => 9,
        }
    }
}

/// What a "not a time" would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NatOf {
    /// A point in time; pandas' own `NaT` too, which does not say.
    Timestamp,
    /// A length of time.
    Timedelta,
}

/// Returns year, month and day of a day counted from 1970-01-01 (proleptic Gregorian).
pub(in crate::stats) fn civil_of_days(days: i64) -> (i64, u32, u32) {
    // Years begin in March, so that the leap day ends one; 146,097 days are 400 years.
    let shifted = i128::from(days) + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    let small = |number: i128| u32::try_from(number).expect("a month or a day");
    (i64::try_from(year).expect("fewer years than days"), small(month), small(day))
}

/// Returns the day counted from 1970-01-01, if there is such a date.
pub(in crate::stats) fn days_of_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted_year = i128::from(year) - i128::from(month <= 2);
    let (era, year_of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
    let month_from_march = i128::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * month_from_march + 2) / 5 + i128::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = i64::try_from(era * 146_097 + day_of_era - 719_468).ok()?;
    (civil_of_days(days) == (year, month, day)).then_some(days)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (-719_162, (1, 1, 1)),
            (2_932_896, (9999, 12, 31)),
        ] {
            assert_eq!(civil_of_days(days), date);
        }
        for (year, month, day) in [(2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 4, 31)] {
            assert_eq!(days_of_civil(year, month, day), None, "{year}-{month}-{day}");
        }
    }

    proptest! {
        #[test]
        fn days_and_dates_are_inverse(days: i64) {
            let (year, month, day) = civil_of_days(days);
            prop_assert_eq!(days_of_civil(year, month, day), Some(days));
        }
    }
}
