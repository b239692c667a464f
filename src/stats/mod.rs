//! Statistics of tables, typed and lossless: what they are in memory, and their forms on disk.
//!
//! [`model`] is what stats are: values of every kind that Python's tools make of columns, none of
//! which becomes another kind on its way. [`text`] is their canonical form; [`compare`] says what
//! changed between two versions.

pub mod compare;
mod json;
pub mod model;
#[cfg(test)]
mod samples;
pub mod text;

pub use model::{ColumnStats, StatMap, StatValue, Stats};
pub use text::NotStats;

impl Stats {
    pub(crate) fn from_text(bytes: &[u8]) -> Result<Stats, NotStats> {
        text::decode(bytes)
    }
    pub(crate) fn to_text(&self) -> Vec<u8> {
        text::encode(self).into_bytes()
    }
}
