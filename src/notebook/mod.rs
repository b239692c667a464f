//! Notebooks as bytes: cells found, outputs taken out and put back, nothing else changed.
//!
//! ```text
//! bytes --Notebook::parse--> cells as spans of those bytes
//!   strip(notebook)        -> the bytes without outputs
//!   split(notebook, cell)  -> one executed cell's outputs as parts, and their layout
//!   join(layout, parts)    -> the outputs again, byte for byte
//!   fill(notebook, filled) -> the bytes with outputs, the inverse of strip
//!
//! record(store, name, notebook)  -> every executed cell as an entry
//! restore(snapshot, name, notebook) -> the bytes with the outputs of the newest entries
//! cells_at(snapshot, name)       -> the cells that the notebook had then, by their entries
//! import(store, plan)            -> every committed version of every notebook as entries
//! rename(store, old, new)        -> a notebook's entries under another name
//! ```
//! A notebook is never printed anew; all edits replace the values of `outputs` and
//! `execution_count` inside the original bytes, so that indentation, line ends, key order and
//! escapes stay as their author's tool wrote them. All above
//! the gap is pure.

mod ancestry;
mod cells;
mod choose;
mod document;
mod edit;
mod fill;
mod filter;
mod follow;
mod hash;
mod import;
mod imported;
mod indent;
mod known;
mod layout;
mod lexer;
mod lineage;
mod media;
mod name;
mod outputs;
mod past;
mod payload;
mod reader;
mod record;
mod refusal;
mod rename;
mod restore;
mod standing;
mod state;
mod strip;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod timing;
mod versions;

pub use cells::{CellIdentity, CellMatch, MatchedBy, cell_names, match_cells};
pub use choose::{ChosenCell, chosen};
pub use document::{Cell, CellKind, Format, Notebook};
pub use fill::{CannotFill, FilledCell, fill};
pub use filter::{Filtered, clean, smudge};
pub use follow::GoneNotebooks;
pub use hash::{CellCode, ModuleHash, ModuleHashes, cell_hash, module_hashes};
pub use import::{
    BrokenVersion, ImportOptions, ImportReport, ImportWatcher, ImportedNotebook, import,
};
pub use indent::reindent;
pub use layout::{CellOutputs, LAYOUT_MEDIA_TYPE, LAYOUT_PATH, LayoutDamage, join};
pub use lexer::Span;
pub use lineage::{CellsBefore, Lineage, standing_before};
pub use name::NotebookName;
pub use outputs::{OutputPart, split};
pub use past::{ImportPlan, ImportSource, plan_import};
pub use record::{RecordContext, RecordReport, TooLarge, record};
pub use refusal::NotANotebook;
pub use rename::{Rename, has_entries, plan_rename, rename};
pub use restore::{
    RestoreOptions, RestoreOutcome, Restored, RestoredBy, RestoredCell, Unmatched, Unusable,
    restore,
};
pub use standing::{StandingCell, standing};
pub use state::{CellState, cells_at};
pub use strip::{StripOptions, strip};
