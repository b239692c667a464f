//! The past as answers: what differs between two results, and between two states of a notebook.
//!
//! ```text
//! diff::diff_entries(before, after)    -> an EntryDiff: each part, by its kind of content
//! diff::diff_notebooks(before, after)  -> a NotebookDiff: each cell, in the document's order
//! ```

pub mod diff;
