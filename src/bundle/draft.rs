//! A bundle before it is stored.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::meta::Bounds;
use super::operations::Scope;
use super::schema::Schema;
use crate::error::{Error, Result};
use crate::stats::Stats;
use crate::table::Window;

/// What a viewer shows at first: the rows, and how they are shown.
#[derive(Debug, Clone)]
pub struct RowsDraft {
    /// The window, as parquet.
    pub window: Vec<u8>,
    /// Which rows of the table these are.
    pub bounds: Bounds,
    /// The columns of the data.
    pub schema: Schema,
    /// What the viewer renders with.
    pub display: Value,
    /// The stats that are not computed, by scope ([`super::DataConfig::skipped_in`]).
    pub skipped: BTreeMap<Scope, BTreeSet<String>>,
    /// Versions of what made it.
    pub versions: BTreeMap<String, String>,
    /// What else the host wants to find again.
    pub host: Map<String, Value>,
    /// The program that made it, and its version.
    pub producer: String,
    /// How long that took to compute.
    pub compute_seconds: Option<f64>,
    /// Files of the host's own, by name, kept to the byte.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether stats are computed anew although those of the same operations are known.
    pub is_fresh: bool,
}

impl RowsDraft {
    /// Returns the first rows of a table, from row 0 on, with an empty display.
    pub fn new(window: Vec<u8>, rows: u64, total_rows: u64, schema: Schema) -> RowsDraft {
        RowsDraft {
            window,
            bounds: Bounds { start: 0, end: rows, total_rows },
            schema,
            display: Value::Object(Map::new()),
            skipped: BTreeMap::new(),
            versions: BTreeMap::new(),
            host: Map::new(),
            producer: format!("recell {}", env!("CARGO_PKG_VERSION")),
            compute_seconds: None,
            files: BTreeMap::new(),
            is_fresh: false,
        }
    }

    /// Returns the rows of a window from row `start` of the table on, with the columns and types
    /// that its file has, and an empty display. Without `total_rows` the table ends with the window.
    ///
    /// # Errors
    /// [`Error::InvalidBundle`] if the window is no parquet.
    pub fn of_window(window: Vec<u8>, start: u64, total_rows: Option<u64>) -> Result<RowsDraft> {
        let opened = Window::open(window).map_err(|problem| Error::InvalidBundle {
            what: "window".into(),
            reason: problem.to_string(),
        })?;
        let columns: Vec<(Value, &str)> = opened
            .columns()
            .iter()
            .map(|it| (it.name.as_str().into(), it.logical.as_deref().unwrap_or(&it.physical)))
            .collect();
        let schema = Schema::new(&columns);
        let end = start.saturating_add(opened.rows());
        let bounds = Bounds { start, end, total_rows: total_rows.unwrap_or(end) };
        Ok(RowsDraft { bounds, ..RowsDraft::new(opened.bytes().to_vec(), 0, 0, schema) })
    }
}

/// The stats of a bundle, by scope. Scopes whose rows are those of an earlier one are left out.
#[derive(Debug, Clone, Default)]
pub struct StatsDraft {
    /// The stats, each of a scope that has rows of its own.
    pub scopes: BTreeMap<Scope, Stats>,
    /// The scopes whose stats are of a sample of the rows.
    pub sampled: BTreeSet<Scope>,
    /// How long they took to compute, all together.
    pub compute_seconds: Option<f64>,
}

impl StatsDraft {
    /// Returns the stats of the data as it is.
    pub fn raw(stats: Stats) -> StatsDraft {
        StatsDraft { scopes: BTreeMap::from([(Scope::Raw, stats)]), ..StatsDraft::default() }
    }

    /// Adds the stats of a scope.
    #[must_use]
    pub fn with(mut self, scope: Scope, stats: Stats) -> StatsDraft {
        self.scopes.insert(scope, stats);
        self
    }
}
