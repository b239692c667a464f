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
pub(super) const VERSION: &str = "0";
/// The annotation that holds a cell's place among all cells of its notebook.
pub(super) const POSITION: &str = "position";
/// The ingredient that holds the hash of the cell's own code.
const CODE: &str = "code";
/// The ingredient that is the end of the chain of cells before.
pub(super) const CELLS_BEFORE: &str = "cells_before";
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
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Its encoded segment, and its name.
    pub(super) segment: String,
    pub(super) name: String,
    /// Its place among all cells of the notebook, and the hash of its code, when it ran last.
    pub(super) position: usize,
    pub(super) code: Digest,
}

impl RecordedCells {
    /// Looks up all entries of a notebook in one listing.
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

    /// Returns the entries of each recorded cell, oldest first; never none.
    pub(super) fn histories(&self) -> impl Iterator<Item = &[EntryName]> {
        self.cells.values().map(Vec::as_slice)
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
        for (cell, seen) in found.iter_mut().zip(renamed(notebook, hashes, &mut seen)) {
            if let Some(Seen { segment, name, .. }) = seen {
                cell.name = Cow::Owned(name.clone());
                cell.entries = &self.cells[segment];
            }
        }
    }
}

/// Returns for each code cell the recorded one of another name that it is, if it is one; `seen`
/// are all recorded cells.
pub(super) fn renamed<'s>(
    notebook: &Notebook<'_>,
    hashes: &ModuleHashes,
    seen: &'s mut [Seen],
) -> Vec<Option<&'s Seen>> {
    seen.sort_by_key(|cell| cell.position);
    let known: Vec<CellIdentity> = seen
        .iter()
        .map(|cell| CellIdentity { id: Some(cell.segment.clone()), code: cell.code })
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
    let seen = &*seen;
    let find = |(index, found): (usize, &Option<CellMatch>)| {
        let CellMatch { known, by } = (*found)?;
        let nameless = !has_id.contains(&index) && seen[known].name.starts_with(NAMELESS);
        let other = by != MatchedBy::Id && (by != MatchedBy::Order || nameless || all_anew);
        other.then(|| &seen[known])
    };
    matches.iter().enumerate().map(find).collect()
}

/// Returns what the newest entry of a recorded cell says of it; `None` if it cannot be read.
fn look_into(snapshot: &Snapshot, segment: &str, entries: &[EntryName]) -> Option<Seen> {
    let newest = entries.last().expect("a recorded cell has an entry");
    seen_in(segment, snapshot.entry(newest).hit()?.manifest())
}

/// Returns what a manifest says of its cell; `None` if nothing recorded it.
pub(super) fn seen_in(segment: &str, manifest: &Manifest) -> Option<Seen> {
    let position = manifest.provenance.annotations.get(POSITION)?.parse().ok()?;
    let (code, name) = (code_of(manifest)?, manifest.key.cell().to_owned());
    Some(Seen { segment: segment.to_owned(), name, position, code })
}

/// Returns the hash of the code that an entry is the result of.
pub(super) fn code_of(manifest: &Manifest) -> Option<Digest> {
    digest_named(manifest, CODE)
}

/// Returns the end of the chain of cells before the cell of an entry; `None` if the entry does not
/// say that any count.
pub(super) fn chain_before(manifest: &Manifest) -> Option<Digest> {
    digest_named(manifest, CELLS_BEFORE)
}

fn digest_named(manifest: &Manifest, ingredient: &str) -> Option<Digest> {
    let ingredients = &manifest.provenance.ingredients;
    ingredients.iter().find(|(name, _)| name == ingredient)?.1.parse().ok()
}
