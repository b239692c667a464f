//! Bundles: the first render of a table view, stored once, replayed without touching data, with
//! every version of it (docs/design/005-bundles.md).

mod canonical;
mod config_id;
mod display;
mod draft;
mod key;
mod memory;
mod meta;
mod mismatch;
mod noting;
mod operations;
mod put;
mod report;
mod schema;
mod store;
mod stored;
mod window;

pub use config_id::{Analysis, DataConfig, Sampling};
pub use display::DisplayOverrides;
pub use draft::{RowsDraft, StatsDraft};
pub use key::{BundleKey, DEFAULT_SPACE};
pub use meta::Bounds;
pub use mismatch::Mismatch;
pub use operations::{Operations, Scope};
pub use put::{Attached, PutRows};
pub use report::{BundleReport, ReportEntry};
pub use schema::Schema;
pub use store::{BundleOptions, BundleStore, Nearby, Prewarmed, Probe, versions_among};
pub use stored::{Bundle, StatsState};
pub use window::{WindowAnswer, WindowRequest, WindowRows};
