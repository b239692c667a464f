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

mod document;
mod edit;
mod lexer;
mod reader;
mod refusal;
mod strip;
mod text;

pub use document::{Cell, CellKind, Format, Notebook};
pub use lexer::Span;
pub use refusal::NotANotebook;
pub use strip::{StripOptions, strip};
