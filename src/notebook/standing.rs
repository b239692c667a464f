//! The code cells of a notebook as they stand in it now, and which recorded cells they are.

use super::document::Notebook;
use super::hash::{ModuleHash, module_hashes};
use super::known::RecordedCells;
use super::name::NotebookName;
use crate::digest::Digest;
use crate::name::EntryName;
use crate::store::Snapshot;

/// A code cell as it stands in a notebook.
#[derive(Debug, Clone)]
pub struct StandingCell {
    /// What the cell is called in the store.
    pub name: String,
    /// What it is called by the notebook alone: its id, or `code-` and the hash of its code.
    pub own_name: String,
    /// Its position among all cells of the notebook.
    pub position: usize,
    /// All that its result depends on.
    pub module: ModuleHash,
    /// Its code.
    pub source: String,
    /// The hash of its code.
    pub code: Digest,
    /// Whether it has any code; a cell without is no ingredient of those after it.
    pub has_code: bool,
    /// Its entries, oldest first; none for a cell that was never recorded.
    pub entries: Vec<EntryName>,
}

impl StandingCell {
    /// Returns the entries of just what stands there, oldest first.
    pub fn hits(&self) -> impl DoubleEndedIterator<Item = &EntryName> {
        let module = self.module.segment();
        self.entries.iter().filter(move |entry| entry.module_segment() == module)
    }
}

/// Returns every code cell of `notebook`, in their order.
pub fn standing(
    snapshot: &Snapshot,
    name: &NotebookName,
    notebook: &Notebook<'_>,
) -> Vec<StandingCell> {
    let hashes = module_hashes(notebook);
    let recorded = RecordedCells::of(snapshot, name);
    let found = recorded.find(snapshot, notebook, &hashes);
    let cells = notebook.code_cells().zip(found).enumerate();
    cells
        .map(|(index, ((position, cell), found))| StandingCell {
            name: found.name.into_owned(),
            own_name: hashes.codes[index].name.clone(),
            position,
            module: hashes.modules[index].clone(),
            source: notebook.source(cell),
            code: hashes.codes[index].hash,
            has_code: hashes.codes[index].has_code,
            entries: found.entries.to_vec(),
        })
        .collect()
}
