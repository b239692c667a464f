//! Why an entry stays or goes, in words.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::rules::span;
use crate::clock::{Day, Timestamp};
use crate::config::GroupBy;
use crate::name::EntryName;
use crate::size::ByteSize;

/// Why an entry stays or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It stays: somebody pinned it.
    Pinned,
    /// It stays: `recell.lock` names it, there.
    Locked(Arc<str>),
    /// It stays: it is in that collection.
    Collected(Arc<str>),
    /// It stays: that notebook can still produce it.
    Closure(Arc<str>),
    /// It stays: its time has not come yet, and no clock is trusted to delete.
    Future,
    /// It stays: no rule is about it.
    NoRule,
    /// It stays: the rule about it keeps all.
    All,
    /// It stays: among the newest so many of its series.
    Newest(u32, GroupBy),
    /// It stays: made less than so long ago.
    Within(Duration),
    /// It stays: the newest of that day.
    OfDay(Day),
    /// It stays: the newest of that week.
    OfWeek(Day),
    /// It stays: the newest of that month.
    OfMonth(Day),
    /// It goes: none of the rules keeps it.
    Outside(Arc<str>),
    /// It goes: the entries take more bytes than they may.
    OverBytes {
        /// How many they may take.
        cap: u64,
        /// When it was last used.
        used: Timestamp,
    },
    /// It goes: there are more entries than there may be.
    OverEntries {
        /// How many there may be.
        cap: u32,
        /// When it was last used.
        used: Timestamp,
    },
}

impl Reason {
    /// Whether it keeps the entry.
    pub fn keeps(&self) -> bool {
        !matches!(self, Reason::Outside(_) | Reason::OverBytes { .. } | Reason::OverEntries { .. })
    }

    /// Whether it keeps the entry whatever the rules say.
    pub fn protects(&self) -> bool {
        matches!(
            self,
            Reason::Pinned
                | Reason::Locked(_)
                | Reason::Collected(_)
                | Reason::Closure(_)
                | Reason::Future
        )
    }

    /// Returns the stable word for the reason in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::Pinned => "pinned",
            Reason::Locked(_) => "lock",
            Reason::Collected(_) => "collection",
            Reason::Closure(_) => "closure",
            Reason::Future => "future",
            Reason::NoRule => "no_rule",
            Reason::All => "keep_all",
            Reason::Newest(..) => "keep_last",
            Reason::Within(_) => "keep_within",
            Reason::OfDay(_) => "keep_daily",
            Reason::OfWeek(_) => "keep_weekly",
            Reason::OfMonth(_) => "keep_monthly",
            Reason::Outside(_) => "outside_rules",
            Reason::OverBytes { .. } => "max_bytes",
            Reason::OverEntries { .. } => "max_entries",
        }
    }

    /// Returns the reason in words, about the entry of that name.
    pub fn about<'a>(&'a self, name: &'a EntryName) -> impl fmt::Display + 'a {
        About { reason: self, name }
    }
}

struct About<'a> {
    reason: &'a Reason,
    name: &'a EntryName,
}

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Pinned => f.write_str("pinned"),
            Reason::Locked(place) => write!(f, "in recell.lock of {place}"),
            Reason::Collected(name) => write!(f, "in collection {name}"),
            Reason::Closure(notebook) => write!(f, "closure: what {notebook} can still produce"),
            Reason::Future => f.write_str("made in the future: no clock is trusted to delete"),
            Reason::NoRule => f.write_str("no rule is about it"),
            Reason::All => f.write_str("its rule keeps all"),
            Reason::Newest(1, series) => write!(f, "newest of {}", self.series(*series)),
            Reason::Newest(most, series) => write!(f, "newest {most} of {}", self.series(*series)),
            Reason::Within(within) => write!(f, "made within {}", span(*within)),
            Reason::OfDay(day) => {
                write!(f, "newest of {:04}-{:02}-{:02}", day.year, day.month, day.day)
            }
            Reason::OfWeek(day) => write!(f, "newest of {:04}-W{:02}", day.week_year, day.week),
            Reason::OfMonth(day) => write!(f, "newest of {:04}-{:02}", day.year, day.month),
            Reason::Outside(why) => f.write_str(why),
            Reason::OverBytes { cap, used } => {
                write!(f, "over max_bytes {}: last used {}", ByteSize::new(*cap), day_of(*used))
            }
            Reason::OverEntries { cap, used } => {
                write!(f, "over max_entries {cap}: last used {}", day_of(*used))
            }
        }
    }
}

impl About<'_> {
    fn series(&self, group_by: GroupBy) -> String {
        let name = self.name;
        match group_by {
            GroupBy::Store => "the store".into(),
            GroupBy::Notebook => name.notebook().into_owned(),
            GroupBy::Cell => format!("{}:{}", name.notebook(), name.cell()),
            GroupBy::Key => match name.key() {
                Some(key) => key.to_string(),
                None => name.key_path().to_owned(),
            },
        }
    }
}

fn day_of(moment: Timestamp) -> String {
    format!("{} UTC", moment.to_rfc3339()[..16].replace('T', " "))
}
