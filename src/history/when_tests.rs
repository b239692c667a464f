use chrono::{FixedOffset, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeDelta};
use proptest::prelude::*;

use super::*;

/// A zone like that of Berlin in 2026: one hour before UTC, two from 2026-03-29 01:00 UTC until
/// 2026-10-25 01:00 UTC. So 02:30 is never shown on the one day, and twice on the other.
#[derive(Debug, Clone, Copy)]
struct Berlin;

impl Berlin {
    fn of_utc(utc: NaiveDateTime) -> FixedOffset {
        let summer = naive("2026-03-29 01:00:00") <= utc && utc < naive("2026-10-25 01:00:00");
        FixedOffset::east_opt(if summer { 7200 } else { 3600 }).unwrap()
    }
}

impl TimeZone for Berlin {
    type Offset = FixedOffset;

    fn from_offset(_: &FixedOffset) -> Berlin {
        Berlin
    }

    fn offset_from_local_date(&self, day: &NaiveDate) -> LocalResult<FixedOffset> {
        self.offset_from_local_datetime(&day.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> LocalResult<FixedOffset> {
        let fits = |hours: i32| {
            let offset = FixedOffset::east_opt(hours * 3600).unwrap();
            let utc = *local - TimeDelta::hours(hours.into());
            (Berlin::of_utc(utc) == offset).then_some(offset)
        };
        match (fits(2), fits(1)) {
            (Some(summer), Some(winter)) => LocalResult::Ambiguous(summer, winter),
            (Some(one), None) | (None, Some(one)) => LocalResult::Single(one),
            (None, None) => LocalResult::None,
        }
    }

    fn offset_from_utc_date(&self, day: &NaiveDate) -> FixedOffset {
        Berlin::of_utc(day.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> FixedOffset {
        Berlin::of_utc(*utc).fix()
    }
}

fn naive(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
}

fn utc(text: &str) -> Timestamp {
    Timestamp::from_micros(naive(text).and_utc().timestamp_micros())
}

/// Saturday, 2026-11-21, 10:30 in Berlin.
const NOW: &str = "2026-11-21 09:30:00";

fn shown(span: Option<TimeSpan>) -> Option<(String, String)> {
    span.map(|span| (span.first.to_rfc3339(), span.last.to_rfc3339()))
}

#[track_caller]
fn holds(now: &str, cases: &[(&str, &str, &str, &str)]) {
    for (text, first, last, why) in cases {
        let found = shown(read(text, utc(now), &Berlin));
        let expected = Some(((*first).to_owned() + "Z", (*last).to_owned() + "Z"));
        assert_eq!(found, expected, "`{text}` at {now}: {why}");
    }
}

#[test]
fn times_in_figures_are_all_that_they_name() {
    holds(
        NOW,
        &[
            ("2026", "2025-12-31T23:00:00.000000", "2026-12-31T22:59:59.999999", "a year"),
            ("2026-11", "2026-10-31T23:00:00.000000", "2026-11-30T22:59:59.999999", "a month"),
            ("2026-W45", "2026-11-01T23:00:00.000000", "2026-11-08T22:59:59.999999", "a week"),
            (
                "2026-W45-3",
                "2026-11-03T23:00:00.000000",
                "2026-11-04T22:59:59.999999",
                "its Wednesday",
            ),
            (
                "2026-11-01",
                "2026-10-31T23:00:00.000000",
                "2026-11-01T22:59:59.999999",
                "the whole day",
            ),
            (
                "20261101",
                "2026-10-31T23:00:00.000000",
                "2026-11-01T22:59:59.999999",
                "without dashes",
            ),
            (
                "2026-11-01 13:00",
                "2026-11-01T12:00:00.000000",
                "2026-11-01T12:00:59.999999",
                "a minute",
            ),
            (
                "2026-11-01T13:00:05",
                "2026-11-01T12:00:05.000000",
                "2026-11-01T12:00:05.999999",
                "a second",
            ),
            (
                "2026-11-01T13:00:05.25",
                "2026-11-01T12:00:05.250000",
                "2026-11-01T12:00:05.250000",
                "exact",
            ),
            (
                "2026-11-01T13:00Z",
                "2026-11-01T13:00:00.000000",
                "2026-11-01T13:00:59.999999",
                "in UTC",
            ),
            (
                "2026-11-01T13:00:05-05:30",
                "2026-11-01T18:30:05.000000",
                "2026-11-01T18:30:05.999999",
                "in another zone",
            ),
            (
                "2026-11-01 13:00 +0100",
                "2026-11-01T12:00:00.000000",
                "2026-11-01T12:00:59.999999",
                "as git prints it",
            ),
            (
                "20261101T120005.250000Z",
                "2026-11-01T12:00:05.250000",
                "2026-11-01T12:00:05.250000",
                "as names have it",
            ),
            (
                "1700000000",
                "2023-11-14T22:13:20.000000",
                "2023-11-14T22:13:20.999999",
                "seconds since 1970",
            ),
            (
                "@0",
                "1970-01-01T00:00:00.000000",
                "1970-01-01T00:00:00.999999",
                "few of them, as git has it",
            ),
            (
                "2026-02-28",
                "2026-02-27T23:00:00.000000",
                "2026-02-28T22:59:59.999999",
                "the last of February",
            ),
        ],
    );
}

#[test]
fn words_are_counted_from_now() {
    holds(
        NOW,
        &[
            ("now", "2026-11-21T09:30:00.000000", "2026-11-21T09:30:00.000000", "this moment"),
            ("today", "2026-11-20T23:00:00.000000", "2026-11-21T22:59:59.999999", "the whole day"),
            (
                "Yesterday",
                "2026-11-19T23:00:00.000000",
                "2026-11-20T22:59:59.999999",
                "in any case",
            ),
            (
                "yesterday noon",
                "2026-11-20T11:00:00.000000",
                "2026-11-20T11:00:59.999999",
                "at a time",
            ),
            (
                "yesterday at 9:30pm",
                "2026-11-20T20:30:00.000000",
                "2026-11-20T20:30:59.999999",
                "as some say it",
            ),
            (
                "noon",
                "2026-11-20T11:00:00.000000",
                "2026-11-20T11:00:59.999999",
                "it is not noon yet: the last one",
            ),
            ("9:15", "2026-11-21T08:15:00.000000", "2026-11-21T08:15:59.999999", "it was today"),
            (
                "midnight",
                "2026-11-20T23:00:00.000000",
                "2026-11-20T23:00:59.999999",
                "the last one",
            ),
            ("12am", "2026-11-20T23:00:00.000000", "2026-11-20T23:00:59.999999", "which is 12 am"),
            (
                "2 days ago",
                "2026-11-19T09:30:00.000000",
                "2026-11-19T09:30:00.000000",
                "at this time of day",
            ),
            (
                "2.days.ago",
                "2026-11-19T09:30:00.000000",
                "2026-11-19T09:30:00.000000",
                "without blanks, as in git",
            ),
            (
                "2 days ago 14:00",
                "2026-11-19T13:00:00.000000",
                "2026-11-19T13:00:59.999999",
                "at another",
            ),
            ("3 hours ago", "2026-11-21T06:30:00.000000", "2026-11-21T06:30:00.000000", "hours"),
            ("3h ago", "2026-11-21T06:30:00.000000", "2026-11-21T06:30:00.000000", "shortened"),
            (
                "1 hour and 30 minutes ago",
                "2026-11-21T08:00:00.000000",
                "2026-11-21T08:00:00.000000",
                "several units",
            ),
            (
                "a week ago",
                "2026-11-14T09:30:00.000000",
                "2026-11-14T09:30:00.000000",
                "a number in a word",
            ),
            (
                "a month ago",
                "2026-10-21T08:30:00.000000",
                "2026-10-21T08:30:00.000000",
                "then it was summer time: 10:30 as well",
            ),
            ("two years ago", "2024-11-21T09:30:00.000000", "2024-11-21T09:30:00.000000", "years"),
        ],
    );
}

#[test]
fn days_by_name_are_the_last_ones() {
    holds(
        NOW,
        &[
            (
                "tuesday",
                "2026-11-16T23:00:00.000000",
                "2026-11-17T22:59:59.999999",
                "the one before",
            ),
            (
                "saturday",
                "2026-11-20T23:00:00.000000",
                "2026-11-21T22:59:59.999999",
                "today is one",
            ),
            (
                "last saturday",
                "2026-11-13T23:00:00.000000",
                "2026-11-14T22:59:59.999999",
                "not today",
            ),
            (
                "last tuesday 14:00",
                "2026-11-17T13:00:00.000000",
                "2026-11-17T13:00:59.999999",
                "and a time",
            ),
            (
                "sat 18:00",
                "2026-11-14T17:00:00.000000",
                "2026-11-14T17:00:59.999999",
                "today it is not 18:00 yet",
            ),
            ("mon 9:30", "2026-11-16T08:30:00.000000", "2026-11-16T08:30:59.999999", "shortened"),
            (
                "last week",
                "2026-11-08T23:00:00.000000",
                "2026-11-15T22:59:59.999999",
                "Monday to Sunday",
            ),
            ("this week", "2026-11-15T23:00:00.000000", "2026-11-22T22:59:59.999999", "all of it"),
            (
                "last month",
                "2026-09-30T22:00:00.000000",
                "2026-10-31T22:59:59.999999",
                "clocks went back in it",
            ),
            ("last year", "2024-12-31T23:00:00.000000", "2025-12-31T22:59:59.999999", "all of it"),
            (
                "nov 1",
                "2026-10-31T23:00:00.000000",
                "2026-11-01T22:59:59.999999",
                "a month and a day",
            ),
            (
                "24 december",
                "2025-12-23T23:00:00.000000",
                "2025-12-24T22:59:59.999999",
                "the last one",
            ),
            (
                "Dec 24, 2024 14:00",
                "2024-12-24T13:00:00.000000",
                "2024-12-24T13:00:59.999999",
                "with a year",
            ),
            (
                "29 feb",
                "2024-02-28T23:00:00.000000",
                "2024-02-29T22:59:59.999999",
                "the last leap year",
            ),
        ],
    );
}

#[test]
fn where_clocks_change_every_moment_has_its_time() {
    holds(
        "2026-10-26 12:00:00",
        &[
            (
                "2026-03-29 02:30",
                "2026-03-29T01:00:00.000000",
                "2026-03-29T01:00:00.000000",
                "never shown: the jump",
            ),
            (
                "2026-03-29 03:00",
                "2026-03-29T01:00:00.000000",
                "2026-03-29T01:00:59.999999",
                "the first after it",
            ),
            (
                "2026-03-29",
                "2026-03-28T23:00:00.000000",
                "2026-03-29T21:59:59.999999",
                "a day of 23 hours",
            ),
            (
                "2026-10-25",
                "2026-10-24T22:00:00.000000",
                "2026-10-25T22:59:59.999999",
                "a day of 25 hours",
            ),
            (
                "2026-10-25 02:30",
                "2026-10-25T00:30:00.000000",
                "2026-10-25T01:30:59.999999",
                "shown twice: both",
            ),
            (
                "yesterday 3:00",
                "2026-10-25T02:00:00.000000",
                "2026-10-25T02:00:59.999999",
                "once again",
            ),
            (
                "2 days ago",
                "2026-10-24T11:00:00.000000",
                "2026-10-24T11:00:00.000000",
                "49 hours, the same time",
            ),
            (
                "48 hours ago",
                "2026-10-24T12:00:00.000000",
                "2026-10-24T12:00:00.000000",
                "hours are hours",
            ),
        ],
    );
}

#[test]
fn what_says_no_time_is_none() {
    for (text, why) in [
        ("", "empty"),
        ("HEAD~5", "a revision"),
        ("main", "a branch"),
        ("4b8aad0", "a short id"),
        ("1.2", "a release"),
        ("tomorrow", "nothing is stored yet"),
        ("2 days", "when?"),
        ("ago", "how long?"),
        ("2026-13-01", "there is no such month"),
        ("2026-02-30", "there is no such day"),
        ("2026-W60", "there is no such week"),
        ("25:00", "there is no such hour"),
        ("13pm", "there is no such hour"),
        ("2026-11-01 25:00", "a day with no such hour"),
        ("11/01/2026", "which is the month?"),
        ("last", "last what?"),
        ("99999999999 years ago", "before all time"),
        ("now or never", "more words"),
        ("2026-11-01T", "a time is missing"),
        ("12:30:00.x", "no fraction"),
        ("éé", "no ASCII"),
    ] {
        assert_eq!(read(text, utc(NOW), &Berlin), None, "`{text}`: {why}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_time_or_none_and_ends_after_it_begins(text in "[0-9a-z:@. +TWZ-]{0,20}") {
        if let Some(span) = read(&text, utc(NOW), &Berlin) {
            prop_assert!(span.first <= span.last);
        }
    }

    #[test]
    fn a_moment_is_within_what_its_local_time_says(seconds in 1_760_000_000..1_800_000_000_i64, micros in 0..1_000_000_i64) {
        let at = Timestamp::from_micros(seconds * 1_000_000 + micros);
        let local = Here { now: at, zone: &Berlin }.local(at);
        for format in ["%Y", "%Y-%m", "%G-W%V", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.6f"] {
            let text = local.format(format).to_string();
            let span = read(&text, at, &Berlin).unwrap();
            prop_assert!(span.first <= at && at <= span.last, "{text} of {at}: {span:?}");
        }
    }
}
