//! Which entry is for a cell.

use super::document::Notebook;
use super::hash::module_hashes;
use super::known::{FoundCell, RecordedCells, code_of};
use super::name::NotebookName;
use super::restore::{RestoreOptions, RestoredBy, Unmatched};
use crate::digest::Digest;
use crate::name::EntryName;
use crate::store::Snapshot;

/// A code cell, and the entry that [`restore`](super::restore) would take for it if it showed
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenCell {
    /// What the cell is called in the store.
    pub name: String,
    /// The module segment of what stands in the notebook.
    pub module: String,
    /// Its position among all cells of the notebook.
    pub position: usize,
    /// Whether it shows outputs or a count.
    pub is_executed: bool,
    /// The entry and why that one; `None` if none is for it.
    pub entry: Option<(EntryName, RestoredBy)>,
}

/// Returns the code cells of `notebook` in their order, each with the entry that is for it.
pub fn chosen(
    snapshot: &Snapshot,
    name: &NotebookName,
    notebook: &Notebook<'_>,
) -> Vec<ChosenCell> {
    let options = RestoreOptions::default();
    let hashes = module_hashes(notebook);
    let recorded = RecordedCells::of(snapshot, name);
    let found = recorded.find(snapshot, notebook, &hashes);
    let mut cells = Vec::with_capacity(found.len());
    for (index, (position, cell)) in notebook.code_cells().enumerate() {
        let module = hashes.modules[index].segment();
        let wanted =
            Wanted { cell: &found[index], module: &module, code: hashes.codes[index].hash };
        let entry = match wanted.choose(snapshot, &options) {
            Choice::Entry { name, by } => Some((name, by)),
            Choice::NotAsked | Choice::None(_) => None,
        };
        let name = found[index].name.clone().into_owned();
        let is_executed = cell.is_executed();
        cells.push(ChosenCell { name, module, position, is_executed, entry });
    }
    cells
}

/// A cell that outputs are looked for.
pub(super) struct Wanted<'a> {
    pub(super) cell: &'a FoundCell<'a>,
    pub(super) module: &'a str,
    pub(super) code: Digest,
}

/// What is for a cell.
pub(super) enum Choice {
    Entry { name: EntryName, by: RestoredBy },
    NotAsked,
    None(Unmatched),
}

impl Wanted<'_> {
    pub(super) fn choose(&self, snapshot: &Snapshot, options: &RestoreOptions) -> Choice {
        let chosen = |name: &EntryName, by| Choice::Entry { name: name.clone(), by };
        if options.pinned || !options.entries.is_empty() {
            let named = options.entries.iter().rfind(|entry| is_of(entry, self.cell));
            return match named {
                Some(name) => chosen(name, RestoredBy::Name),
                None if options.pinned => Choice::None(Unmatched::NotPinned),
                None => Choice::NotAsked,
            };
        }
        let entries = self.cell.entries;
        let of_module = |entry: &&EntryName| entry.module_segment() == self.module;
        let preferred = |entry: &&EntryName| of_module(entry) && options.preferred.contains(*entry);
        let found = entries.iter().rfind(preferred).or_else(|| entries.iter().rfind(of_module));
        if let Some(name) = found {
            return chosen(name, RestoredBy::Module);
        }
        let Some(newest) = entries.last() else {
            return Choice::None(Unmatched::NeverRecorded);
        };
        if let Some(name) = self.newest_of_code(snapshot) {
            return chosen(name, RestoredBy::Code);
        }
        if options.any_code {
            return chosen(newest, RestoredBy::Cell);
        }
        Choice::None(Unmatched::OtherCode { newest: newest.clone() })
    }

    /// Returns the newest entry of the cell's own code. All entries of one module hash are of one
    /// code, so one of each is read.
    fn newest_of_code(&self, snapshot: &Snapshot) -> Option<&EntryName> {
        let mut others: Vec<&str> = Vec::new();
        for entry in self.cell.entries.iter().rev() {
            if others.contains(&entry.module_segment()) {
                continue;
            }
            let code = snapshot.entry(entry).hit().and_then(|entry| code_of(entry.manifest()));
            if code == Some(self.code) {
                return Some(entry);
            }
            others.push(entry.module_segment());
        }
        None
    }
}

/// Whether an entry is of a cell, in whichever notebook.
pub(super) fn is_of(entry: &EntryName, cell: &FoundCell<'_>) -> bool {
    entry.cell_segment() == crate::name::encode(&cell.name)
}
