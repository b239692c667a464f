//! The rules by which entries are kept, as values.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{GroupBy, RetentionRule, RetentionSettings};
use crate::error::{Error, Result};
use crate::index::Pattern;
use crate::name::EntryName;

/// What counts for some entries: which of a series are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The newest so many.
    pub last: Option<u32>,
    /// What was made less than this long ago.
    pub within: Option<Duration>,
    /// The newest of each of so many days that have entries.
    pub daily: Option<u32>,
    /// The newest of each of so many ISO weeks that have entries.
    pub weekly: Option<u32>,
    /// The newest of each of so many months that have entries.
    pub monthly: Option<u32>,
    /// What a series is.
    pub group_by: GroupBy,
    /// Everything is kept, but for caps.
    pub all: bool,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep {
            last: None,
            within: None,
            daily: None,
            weekly: None,
            monthly: None,
            group_by: GroupBy::Cell,
            all: false,
        }
    }
}

impl Keep {
    /// Whether nothing is said, so that nothing goes.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
            && self.within.is_none()
            && self.daily.is_none()
            && self.weekly.is_none()
            && self.monthly.is_none()
    }

    /// Says why an entry that none of these keeps goes.
    pub(super) fn why_not(&self) -> Arc<str> {
        let mut reasons = Vec::new();
        let series = self.group_by.as_str();
        match self.last {
            Some(1) => reasons.push(format!("not the newest of its {series}")),
            Some(last) => reasons.push(format!("not among the newest {last} of its {series}")),
            None => {}
        }
        if let Some(within) = self.within {
            reasons.push(format!("older than {}", span(within)));
        }
        let periods = [(self.daily, "day"), (self.weekly, "week"), (self.monthly, "month")];
        for (most, word) in periods {
            if let Some(most) = most {
                let reason = match most {
                    1 => format!("not the newest of the last {word} with entries"),
                    most => {
                        format!("not the newest of one of the last {most} {word}s with entries")
                    }
                };
                reasons.push(reason);
            }
        }
        reasons.join(", ").into()
    }
}

/// Returns a span as people say it: `30 days`, `2 weeks`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute")];
    let unit = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (unit, word) = unit.unwrap_or((1, "second"));
    match seconds / unit {
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    }
}

/// Upper bounds, which hold whatever the other rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    /// The bytes of all entries, those that they share counted once.
    pub bytes: Option<u64>,
    /// The number of entries.
    pub entries: Option<u32>,
}

impl Caps {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_none() && self.entries.is_none()
    }
}

/// What counts for the entries of one pattern.
#[derive(Debug, Clone)]
pub(super) struct Exception {
    pub(super) pattern: Pattern,
    pub(super) text: Arc<str>,
    pub(super) keep: Keep,
    pub(super) caps: Caps,
}

/// All rules. With none of them, nothing goes.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// What counts for entries that none of the exceptions is about.
    pub keep: Keep,
    /// The caps on all entries together.
    pub caps: Caps,
    /// The first whose pattern matches counts.
    pub(super) exceptions: Vec<Exception>,
    /// Whether only what the caps demand goes.
    pub(super) only_caps: bool,
}

impl Rules {
    /// Returns the rules that the settings make.
    ///
    /// # Errors
    /// [`Error::BadSetting`] if a `match` is no pattern.
    pub fn new(settings: &RetentionSettings) -> Result<Rules> {
        let keep = Keep {
            last: settings.keep_last.map(u32::from),
            within: settings.keep_within.filter(|within| !within.is_zero()),
            daily: settings.keep_daily.map(u32::from),
            weekly: settings.keep_weekly.map(u32::from),
            monthly: settings.keep_monthly.map(u32::from),
            group_by: settings.group_by,
            all: false,
        };
        let exceptions = settings.rule.iter().map(|rule| exception(rule, settings));
        Ok(Rules {
            keep,
            caps: Caps {
                bytes: settings.max_bytes.map(crate::ByteSize::bytes),
                entries: settings.max_entries.map(u32::from),
            },
            exceptions: exceptions.collect::<Result<_>>()?,
            only_caps: false,
        })
    }

    /// Returns rules without exceptions.
    pub fn of(keep: Keep, caps: Caps) -> Rules {
        Rules { keep, caps, ..Rules::default() }
    }

    /// Whether nothing is said, so that nothing goes.
    pub fn is_empty(&self) -> bool {
        self.keep.is_empty()
            && !self.has_caps()
            && self.exceptions.iter().all(|exception| exception.keep.is_empty())
    }

    /// Whether there is a cap: only then anything is ever removed unasked.
    pub fn has_caps(&self) -> bool {
        !self.caps.is_empty() || self.exceptions.iter().any(|exception| !exception.caps.is_empty())
    }

    /// Returns rules by which only as much goes as the caps demand: first what the other rules
    /// would not keep, then what was used least recently.
    #[must_use]
    pub fn only_caps(&self) -> Rules {
        Rules { only_caps: true, ..self.clone() }
    }

    /// Returns the number of the exception that is about an entry.
    pub(super) fn exception_for(&self, name: &EntryName) -> Option<usize> {
        self.exceptions.iter().position(|exception| exception.pattern.matches(name))
    }

    /// Returns what counts under the exception of that number.
    pub(super) fn keep_of(&self, exception: Option<usize>) -> &Keep {
        exception.map_or(&self.keep, |number| &self.exceptions[number].keep)
    }
}

fn exception(rule: &RetentionRule, settings: &RetentionSettings) -> Result<Exception> {
    let pattern = Pattern::parse(&rule.pattern).map_err(|error| Error::BadSetting {
        place: "retention.rule".into(),
        name: "retention.rule",
        expected: "about a pattern such as `reports/*:load*`".into(),
        found: error.to_string(),
    })?;
    let within = rule.keep_within.or(settings.keep_within);
    Ok(Exception {
        pattern,
        text: rule.pattern.as_str().into(),
        keep: Keep {
            last: rule.keep_last.or(settings.keep_last).map(u32::from),
            within: within.filter(|within| !within.is_zero()),
            daily: rule.keep_daily.or(settings.keep_daily).map(u32::from),
            weekly: rule.keep_weekly.or(settings.keep_weekly).map(u32::from),
            monthly: rule.keep_monthly.or(settings.keep_monthly).map(u32::from),
            group_by: rule.group_by.or(Some(settings.group_by)).unwrap_or(GroupBy::Cell),
            all: rule.keep_all,
        },
        caps: Caps {
            bytes: rule.max_bytes.map(crate::ByteSize::bytes),
            entries: rule.max_entries.map(u32::from),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_the_largest_unit_that_fits() {
        for (seconds, text) in [
            (14 * 86_400, "2 weeks"),
            (30 * 86_400, "30 days"),
            (86_400, "1 day"),
            (90, "90 seconds"),
            (0, "0 seconds"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        let rule = RetentionRule { pattern: "a[".into(), ..RetentionRule::default() };
        let settings = RetentionSettings { rule: vec![rule], ..RetentionSettings::default() };
        assert_eq!(Rules::new(&settings).unwrap_err().code(), "bad_setting");
    }
}
