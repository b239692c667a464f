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
//! ```
//! A notebook is never printed anew; all edits replace the values of `outputs` and
//! `execution_count` inside the original bytes, so that indentation, line ends, key order and
//! escapes stay as their author's tool wrote them. All but `record` and `restore` is pure.

mod cells;
mod document;
mod edit;
mod fill;
mod filter;
mod hash;
mod indent;
mod known;
mod layout;
mod lexer;
mod media;
mod name;
mod outputs;
mod payload;
mod reader;
mod record;
mod refusal;
mod restore;
mod strip;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod timing;

pub use cells::{CellIdentity, CellMatch, MatchedBy, cell_names, match_cells};
pub use document::{Cell, CellKind, Format, Notebook};
pub use fill::{CannotFill, FilledCell, fill};
pub use filter::{Filtered, clean, smudge};
pub use hash::{CellCode, ModuleHash, ModuleHashes, cell_hash, module_hashes};
pub use indent::reindent;
pub use layout::{CellOutputs, LAYOUT_MEDIA_TYPE, LAYOUT_PATH, LayoutDamage, join};
pub use lexer::Span;
pub use name::NotebookName;
pub use outputs::{OutputPart, split};
pub use record::{RecordContext, RecordReport, TooLarge, record};
pub use refusal::NotANotebook;
pub use restore::{
    RestoreOptions, RestoreOutcome, Restored, RestoredBy, RestoredCell, Unmatched, Unusable,
    restore,
};
pub use strip::{StripOptions, strip};
