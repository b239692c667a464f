//! Statistics of tables, typed and lossless: what they are in memory, and their forms on disk.
//!
//! [`model`] is what stats are: values of every kind that Python's tools make of columns, none of
//! which becomes another kind on its way. [`text`] is their canonical form and [`columnar`] a table
//! that any parquet tool can query; each has all of them. [`buckaroo`] and [`statcache`] are the
//! forms of others. [`compare`] says what changed between two versions.

mod any;
pub mod buckaroo;
pub mod columnar;
pub mod compare;
mod document;
mod json;
#[cfg(test)]
mod measuring;
pub mod model;
#[cfg(test)]
mod samples;
pub mod statcache;
pub mod text;

use crate::table::NotATable;

pub use any::read_any;
pub use document::{document, value_document};
pub use model::{ColumnStats, StatMap, StatValue, Stats};
pub use text::NotStats;

/// Why bytes are not a file of stats.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotStatsFile(pub(crate) String);

impl From<NotATable> for NotStatsFile {
    fn from(problem: NotATable) -> NotStatsFile {
        NotStatsFile(problem.0)
    }
}

impl From<NotStats> for NotStatsFile {
    fn from(problem: NotStats) -> NotStatsFile {
        NotStatsFile(problem.to_string())
    }
}
