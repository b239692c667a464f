//! What differs between two results, part by part and each by its kind, and between two states of
//! a notebook, cell by cell.
//!
//! ```text
//! diff_entries(before, after)
//!   parts by path     -> same, added, removed, moved: by their digests, nothing is read
//!   a part of both    -> its kind of content: text, JSON, page, table, image, bytes
//!     text.rs         lines (align.rs) and numbers in them (numbers.rs)
//!     json.rs         values by their path
//!     html.rs, table_read.rs -> tables -> table.rs: columns, rows (rows.rs), cells
//!     image.rs        dimensions and pixels
//! diff_notebooks(before, after)    -> cells by name, then by code (notebook.rs)
//! ```
//! Nothing here prints. Every comparison has a bound on its cost; above it, counts are told, and
//! that they are. Parts that cannot be read are told with the reason.

mod align;
mod entries;
mod html;
mod image;
mod json;
mod kinds;
mod notebook;
mod numbers;
mod rows;
mod table;
mod table_read;
#[cfg(test)]
mod tests;
mod text;

pub use entries::{
    Content, DiffOptions, EntryDiff, IngredientChange, PartChange, PartDiff, PartFacts, PartReader,
    Unreadable, diff_entries, diff_manifests,
};
pub use image::{ImageDiff, ImageFacts, PixelDiff, Region};
pub use json::{JsonChange, JsonDiff};
pub use kinds::{HtmlDiff, HtmlTable};
pub use notebook::{CellDiff, CellOutcome, CellVersion, NotebookDiff, diff_notebooks};
pub use numbers::NumberChange;
pub use rows::RowMatch;
pub use table::{CellChange, Retyped, Row, TableDiff};
pub use text::{Hunk, Line, LineNumber, On, TextDiff};
