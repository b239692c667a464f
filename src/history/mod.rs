//! The time machine: which results of the past are meant, the store as it was then, and questions
//! about it.
//!
//! A [`Selector`] is a text that people and scripts write everywhere alike (docs/selectors.md):
//! names, then how many versions back, then when. When is a time, which [`TimeSpan`] reads, or a
//! commit of the host repository, which only the caller can ask for; either becomes a [`View`] of
//! the store, in which the selector finds its entries. Nothing here asks for the time, the zone or
//! a repository: they are handed in. The past itself is nothing special: a
//! [`Snapshot`](crate::Snapshot) with a bound on the time.
//!
//! ```text
//! diff::diff_entries(before, after)    -> an EntryDiff: each part, by its kind of content
//! diff::diff_notebooks(before, after)  -> a NotebookDiff: each cell, in the document's order
//! nearest(snapshot, entries, recipe)   -> the entry that is made of most of the same
//! compare(before, after)               -> what two results are made of, side by side
//! since(snapshot, entries, question)   -> the version at which an output crossed a line
//! ```

mod as_of;
mod bisect;
mod changes;
mod clock_words;
mod code_diff;
pub mod diff;
mod log;
mod reading;
mod resolve;
mod selector;
mod when;
mod why;

pub use as_of::{CommitLine, View};
pub use bisect::{Crossing, Line, Question, Since, TextPattern, Version, since};
pub use code_diff::{CodeDiff, code_diff};
pub(crate) use log::{LogEntry, LogOptions, log};
pub use reading::{InvalidNumberPattern, JsonPath, NumberPattern};
pub(crate) use resolve::shown;
pub use selector::{NotASelector, Selector, When};
pub use when::TimeSpan;
pub use why::{
    Before, CellChange, CellChanged, Change, Comparison, Nearest, Recipe, compare, nearest,
};
