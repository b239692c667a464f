//! Buckaroo's own layouts: its bundles and its cache of stats, read and written without loss
//! (docs/bundles.md, "Buckaroo's files").

mod export;
mod find;
mod import;
mod manifest;
mod place;
mod python_json;
mod sd;
mod statcache;

pub(super) use statcache::is_scope;

pub use export::{ExportOutcome, ExportSettings, Exported, export_folder};
pub use import::{ImportOutcome, ImportSettings, Imported, import_folder};

/// What a folder of Buckaroo's has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A bundle: a manifest, a window and stats.
    Bundle,
    /// Parts of the cache of stats, all of the same rows.
    StatCache,
    /// Nobody looked.
    Unknown,
}

impl Layout {
    /// Returns the stable word for it: `bundle`, `statcache`, `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Bundle => "bundle",
            Layout::StatCache => "statcache",
            Layout::Unknown => "unknown",
        }
    }
}
