//! What `cells_before` of an entry stood for: each cell with code before it, by name and code.
//!
//! `cells_before` is the end of a chain of digests, a link for each cell. Every entry holds the
//! link of its own cell: its `cells_before` and its `code` give the `cells_before` of the cell
//! after it. So the entries of a notebook together tell every chain, and no guess is made: a link
//! that was found is the one, as digests do not meet by chance. Cells that were not recorded with
//! the others have their links in an annotation of the entry after them (format.md, section 3).

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::hash::{ModuleHashes, chain_after};
use super::known::{CELLS_BEFORE, RecordedCells, chain_before, code_of};
use super::name::NotebookName;
use super::standing::StandingCell;
use crate::digest::Digest;
use crate::entry::Manifest;
use crate::name::EntryName;
use crate::store::Snapshot;

/// The annotation that holds the cells right before a cell that were not recorded with it.
pub(super) const NOT_RECORDED_BEFORE: &str = "not_recorded_before";

/// The chains of cells of one notebook, as its entries tell them.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    /// By the digest of a chain, its last cell.
    links: HashMap<Digest, Link>,
    /// By the hash of a cell's code, an entry that holds it.
    codes: HashMap<Digest, EntryName>,
}

#[derive(Debug, Clone)]
struct Link {
    cell: String,
    code: Digest,
    /// The digest of the chain before it.
    before: Digest,
}

/// The cells that stood before a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CellsBefore {
    /// What each is called in the store and the hash of its code, in their order.
    pub cells: Vec<(String, Digest)>,
    /// Whether these are all; else only the last ones are known, maybe none.
    pub is_whole: bool,
}

impl Lineage {
    /// Reads what the entries of a notebook tell. Entries that cannot be read tell nothing.
    pub fn of(snapshot: &Snapshot, name: &NotebookName) -> Lineage {
        let mut lineage = Lineage::default();
        for entries in RecordedCells::of(snapshot, name).histories() {
            // All entries of one module hash tell the same.
            let mut modules: HashSet<&str> = HashSet::new();
            for entry in entries.iter().rev() {
                if !modules.contains(entry.module_segment())
                    && let Some(read) = snapshot.entry(entry).hit()
                {
                    lineage.add(entry, read.manifest());
                    modules.insert(entry.module_segment());
                }
            }
        }
        lineage
    }

    fn add(&mut self, name: &EntryName, manifest: &Manifest) {
        let Some((code, before)) = code_of(manifest).zip(chain_before(manifest)) else { return };
        self.codes.entry(code).or_insert_with(|| name.clone());
        self.link(manifest.key.cell(), code, before);
        let annotations = &manifest.provenance.annotations;
        let not_recorded = annotations.get(NOT_RECORDED_BEFORE).and_then(|text| read_links(text));
        if let Some((mut before, cells)) = not_recorded {
            for (cell, code) in cells {
                before = self.link(&cell, code, before);
            }
        }
    }

    /// Adds what a notebook says as it stands.
    pub fn add_standing(&mut self, cells: &[StandingCell]) {
        let mut before = chain_after(None);
        for cell in cells.iter().filter(|cell| cell.has_code) {
            before = self.link(&cell.name, cell.code, before);
        }
    }

    fn link(&mut self, cell: &str, code: Digest, before: Digest) -> Digest {
        let after = chain_after(Some((before, code)));
        let link = || Link { cell: cell.to_owned(), code, before };
        self.links.entry(after).or_insert_with(link);
        after
    }

    /// Returns the cells that stood before the cell of an entry; `None` if the entry does not say
    /// that any cells count.
    pub fn cells_before(&self, manifest: &Manifest) -> Option<CellsBefore> {
        let none = chain_after(None);
        let mut at = chain_before(manifest)?;
        let mut cells = Vec::new();
        while let Some(link) = self.links.get(&at).filter(|_| at != none) {
            cells.push((link.cell.clone(), link.code));
            at = link.before;
        }
        cells.reverse();
        Some(CellsBefore { cells, is_whole: at == none })
    }

    /// Returns an entry whose cell has the code of that hash.
    pub fn entry_of_code(&self, code: &Digest) -> Option<&EntryName> {
        self.codes.get(code)
    }
}

/// Returns the cells that stand before the cell at `index`.
pub fn standing_before(cells: &[StandingCell], index: usize) -> CellsBefore {
    let before = cells[..index].iter().filter(|cell| cell.has_code);
    let cells = before.map(|cell| (cell.name.clone(), cell.code)).collect();
    CellsBefore { cells, is_whole: true }
}

/// Returns the annotation of the cell at `index`: the cells with code right before it that are not
/// recorded with it, and the chain before them. `None` if there are none, as a rule.
pub(super) fn not_recorded_before(
    hashes: &ModuleHashes,
    index: usize,
    name_of: impl Fn(usize) -> String,
    is_recorded: impl Fn(usize) -> bool,
) -> Option<String> {
    let with_code = (0..index).rev().filter(|&at| hashes.codes[at].has_code);
    let mut links: Vec<usize> = with_code.take_while(|&at| !is_recorded(at)).collect();
    links.reverse();
    let chain = &hashes.modules[*links.first()?].ingredients;
    let (_, before) = chain.iter().find(|(name, _)| name == CELLS_BEFORE)?;
    let link = |at: usize| json!([name_of(at), hashes.codes[at].hash.to_string()]);
    let links = links.into_iter().map(link);
    Some(Value::Array([json!(before)].into_iter().chain(links).collect()).to_string())
}

/// Reads the annotation; `None` if somebody else wrote it.
fn read_links(text: &str) -> Option<(Digest, Vec<(String, Digest)>)> {
    let all: Vec<Value> = serde_json::from_str(text).ok()?;
    let (before, links) = all.split_first()?;
    let link = |link: &Value| {
        let (cell, code) = (link.get(0)?.as_str()?, link.get(1)?.as_str()?);
        Some((cell.to_owned(), code.parse().ok()?))
    };
    Some((before.as_str()?.parse().ok()?, links.iter().map(link).collect::<Option<_>>()?))
}
