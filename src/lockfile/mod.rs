//! `recell.lock`: which entries belong to a commit of the host repository.
//!
//! It is committed with the notebooks, beside `recell.toml`, and pins one entry for each cell
//! (format.md, section 7). Git merges it by lines; what comes of that is still valid.

mod file;
#[cfg(test)]
mod merges;
mod pins;
mod plan;
mod protect;

pub(crate) use file::{LOCKFILE, Lockfile};
pub(crate) use pins::Pins;
pub(crate) use plan::{CellState, Change, NotebookState, holds_the_same};
pub(crate) use protect::{PinnedBy, protected};
