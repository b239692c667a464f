//! Questions about the past: what differs between two results, why a result is not there or is
//! another, and since when.
//!
//! ```text
//! diff::diff_entries(before, after)    -> an EntryDiff: each part, by its kind of content
//! diff::diff_notebooks(before, after)  -> a NotebookDiff: each cell, in the document's order
//! nearest(snapshot, entries, recipe)   -> the entry that is made of most of the same
//! compare(before, after)               -> what two results are made of, side by side
//! since(snapshot, entries, question)   -> the version at which an output crossed a line
//! ```

mod bisect;
mod code_diff;
pub mod diff;
mod reading;
mod why;

pub use bisect::{Crossing, Line, Question, Since, TextPattern, Version, since};
pub use code_diff::{CodeDiff, code_diff};
pub use reading::{InvalidNumberPattern, JsonPath, NumberPattern};
pub use why::{
    Before, CellChange, CellChanged, Change, Comparison, Nearest, Recipe, compare, nearest,
};
