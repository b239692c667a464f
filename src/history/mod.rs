//! The time machine: which results of the past are meant, and the store as it was then.
//!
//! A [`Selector`] is a text that people and scripts write everywhere alike (docs/selectors.md):
//! names, then how many versions back, then when. When is a time, which [`TimeSpan`] reads, or a
//! commit of the host repository, which only the caller can ask for; either becomes a [`View`] of
//! the store, in which the selector finds its entries. Nothing here asks for the time, the zone or
//! a repository: they are handed in. The past itself is nothing special: a
//! [`Snapshot`](crate::Snapshot) with a bound on the time.

mod as_of;
mod changes;
mod clock_words;
mod log;
mod resolve;
mod selector;
mod when;

pub use as_of::{CommitLine, View};
pub(crate) use log::{LogEntry, LogOptions, log};
pub(crate) use resolve::shown;
pub use selector::{NotASelector, Selector, When};
pub use when::TimeSpan;
