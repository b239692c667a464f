//! What the store holds of a notebook, and which recorded cell each of its cells is.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::cells::{CellIdentity, CellMatch, MatchedBy, match_cells};
use super::document::Notebook;
use super::hash::ModuleHashes;
use super::name::NotebookName;
use crate::digest::Digest;
use crate::entry::Manifest;
use crate::index::Pattern;
use crate::name::{EntryName, encode};
use crate::store::Snapshot;

/// The version label of what is recorded: results of other labels are of other tools.
const VERSION: &str = "0";
/// The annotation that holds a cell's place among all cells of its notebook.
pub(super) const POSITION: &str = "position";
/// The ingredient that holds the hash of the cell's own code.
const CODE: &str = "code";
/// How the names of cells without an id begin.
const NAMELESS: &str = "code-";

/// The entries of one notebook, by cell.
pub(super) struct RecordedCells {
    /// The encoded cell segment, and the cell's entries, oldest first.
    cells: BTreeMap<String, Vec<EntryName>>,
}

/// A cell of the notebook at hand, as the store knows it.
pub(super) struct FoundCell<'r> {
    /// What the cell is called in the store.
    pub(super) name: Cow<'r, str>,
    /// Its entries, oldest first; none for a new cell.
    pub(super) entries: &'r [EntryName],
}

/// A recorded cell that was looked into.
struct Seen<'r> {
    segment: &'r str,
    name: String,
    position: usize,
    code: Digest,
}

impl RecordedCells {
    /// Looks up all entries of a notebook, in one listing.
    pub(super) fn of(snapshot: &Snapshot, name: &NotebookName) -> RecordedCells {
        let mut cells: BTreeMap<String, Vec<EntryName>> = BTreeMap::new();
        for entry in snapshot.list(&Pattern::notebook(name.as_str())) {
            if entry.version() != VERSION {
                continue;
            }
            match cells.get_mut(entry.cell_segment()) {
                Some(entries) => entries.push(entry),
                None => drop(cells.insert(entry.cell_segment().to_owned(), vec![entry])),
            }
        }
        for entries in cells.values_mut() {
            // They came sorted by module first. The whole name breaks ties, the same everywhere.
            entries.sort_by(|a, b| (a.created_at(), a).cmp(&(b.created_at(), b)));
        }
        RecordedCells { cells }
    }

    /// Returns for each code cell which recorded one it is.
    ///
    /// By its name, as a rule. Where a cell's name is new and recorded cells are gone from the
    /// notebook, the newest entries of all of them are read to tell whether its id was made
    /// anew or, in a notebook without ids, its code was edited (docs/architecture.md).
    pub(super) fn find<'r>(
        &'r self,
        snapshot: &Snapshot,
        notebook: &Notebook<'_>,
        hashes: &'r ModuleHashes,
    ) -> Vec<FoundCell<'r>> {
        let mut found: Vec<FoundCell<'r>> = Vec::with_capacity(hashes.codes.len());
        for code in &hashes.codes {
            let entries = self.cells.get(&*encode(&code.name));
            found.push(FoundCell {
                name: Cow::Borrowed(&code.name),
                entries: entries.map_or(&[], Vec::as_slice),
            });
        }
        let known = found.iter().filter(|cell| !cell.entries.is_empty()).count();
        if known < found.len() && known < self.cells.len() {
            self.find_renamed(snapshot, notebook, hashes, &mut found);
        }
        found
    }

    fn find_renamed<'r>(
        &'r self,
        snapshot: &Snapshot,
        notebook: &Notebook<'_>,
        hashes: &'r ModuleHashes,
        found: &mut [FoundCell<'r>],
    ) {
        let mut seen = Vec::with_capacity(self.cells.len());
        for (segment, entries) in &self.cells {
            seen.extend(look_into(snapshot, segment, entries));
        }
        seen.sort_by_key(|cell| cell.position);
        let known: Vec<CellIdentity> = seen
            .iter()
            .map(|cell| CellIdentity { id: Some(cell.segment.to_owned()), code: cell.code })
            .collect();
        let current: Vec<CellIdentity> = hashes
            .codes
            .iter()
            .map(|code| CellIdentity { id: Some(encode(&code.name).into()), code: code.hash })
            .collect();
        let matches = match_cells(&known, &current);
        let has_id: HashSet<usize> = notebook
            .code_cells()
            .enumerate()
            .filter(|(_, (_, cell))| cell.id().is_some())
            .map(|(index, _)| index)
            .collect();
        let some = |by| matches.iter().flatten().any(|found| found.by == by);
        // Where cells kept their ids or code, a new id at an old place is a new cell.
        let all_anew = some(MatchedBy::Code) && !some(MatchedBy::Id);
        for (index, (cell, found_by)) in found.iter_mut().zip(&matches).enumerate() {
            let Some(CellMatch { known, by }) = *found_by else { continue };
            let Seen { segment, name, .. } = &seen[known];
            let nameless = !has_id.contains(&index) && name.starts_with(NAMELESS);
            if by == MatchedBy::Id || (by == MatchedBy::Order && !nameless && !all_anew) {
                continue;
            }
            cell.name = Cow::Owned(name.clone());
            cell.entries = &self.cells[*segment];
        }
    }
}

/// Returns what the newest entry of a recorded cell says of it; `None` if it cannot be read.
fn look_into<'r>(snapshot: &Snapshot, segment: &'r str, entries: &[EntryName]) -> Option<Seen<'r>> {
    let newest = entries.last().expect("a recorded cell has an entry");
    let entry = snapshot.entry(newest).hit()?;
    let manifest = entry.manifest();
    let position = manifest.provenance.annotations.get(POSITION);
    let position = position.and_then(|text| text.parse().ok())?;
    let code = code_of(manifest)?;
    Some(Seen { segment, name: manifest.key.cell().to_owned(), position, code })
}

/// Returns the hash of the code that an entry is the result of.
pub(super) fn code_of(manifest: &Manifest) -> Option<Digest> {
    let ingredients = &manifest.provenance.ingredients;
    ingredients.iter().find(|(name, _)| name == CODE)?.1.parse().ok()
}
