//! Statistics of tables, typed and lossless: what they are in memory, and their forms on disk.
//!
//! [`model`] is what stats are: values of every kind that Python's tools make of columns, none of
//! which becomes another kind on its way. [`text`] is their canonical form.

mod json;
pub mod model;
#[cfg(test)]
mod samples;
pub mod text;

pub use model::{ColumnStats, StatMap, StatValue, Stats};
pub use text::NotStats;
