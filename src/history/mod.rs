//! Questions about the past: why a result is not there or is another, and since when.
//!
//! ```text
//! nearest(snapshot, entries, recipe) -> the entry that is made of most of the same
//! compare(before, after)             -> what two results are made of, side by side
//! since(snapshot, entries, question) -> the version at which an output crossed a line
//! ```

mod bisect;
mod code_diff;
mod reading;
mod why;

pub use bisect::{Crossing, Line, Question, Since, TextPattern, Version, since};
pub use code_diff::{CodeDiff, code_diff};
pub use reading::{InvalidNumberPattern, JsonPath, NumberPattern};
pub use why::{
    Before, CellChange, CellChanged, Change, Comparison, Nearest, Recipe, compare, nearest,
};
