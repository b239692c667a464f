//! Notebooks as bytes: cells found, outputs taken out and put back, nothing else changed.
//!
//! ```text
//! bytes --Notebook::parse--> cells as spans of those bytes
//!   strip(notebook)        -> the bytes without outputs
//!   split(notebook, cell)  -> one executed cell's outputs as parts, and their layout
//!   join(layout, parts)    -> the outputs again, byte for byte
//!   fill(notebook, filled) -> the bytes with outputs, the inverse of strip
//! ```
//! This is the pure half: no store and no IO. A notebook is never printed anew; all edits
//! replace the values of `outputs` and `execution_count` inside the original bytes, so that
//! indentation, line ends, key order and escapes stay as their author's tool wrote them.

mod cells;
mod document;
mod edit;
mod fill;
mod hash;
mod indent;
mod layout;
mod lexer;
mod media;
mod outputs;
mod payload;
mod reader;
mod refusal;
mod strip;
mod template;
#[cfg(test)]
mod tests;
mod text;

pub use cells::{CellIdentity, CellMatch, MatchedBy, cell_names, match_cells};
pub use document::{Cell, CellKind, Format, Notebook};
pub use fill::{CannotFill, FilledCell, fill};
pub use hash::{CellCode, ModuleHash, ModuleHashes, cell_hash, module_hashes};
pub use indent::reindent;
pub use layout::{CellOutputs, LAYOUT_MEDIA_TYPE, LAYOUT_PATH, LayoutDamage, join};
pub use lexer::Span;
pub use outputs::{OutputPart, split};
pub use refusal::NotANotebook;
pub use strip::{StripOptions, strip};
