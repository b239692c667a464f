//! Which cells a notebook had at a moment, as far as its entries tell.

use std::collections::HashMap;

use super::hash::{cell_hash, chain_after};
use super::known::{POSITION, RecordedCells, chain_before, code_of};
use super::name::NotebookName;
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::error::Result;
use crate::lookup::Miss;
use crate::name::EntryName;
use crate::store::{Entry, Snapshot};

/// A cell of a notebook at a moment, with what it showed then.
#[derive(Debug, Clone)]
pub struct CellState {
    /// What it is called in the store.
    pub cell: String,
    /// Its position among all cells, from 0, when that entry was recorded; `None` if nobody said.
    pub position: Option<usize>,
    /// The name of its newest entry.
    pub name: EntryName,
    /// That entry, or why it cannot be handed out.
    pub entry: Result<Entry, Miss>,
}

/// Returns the cells that the notebook has in `snapshot`, in the order of their positions,
/// each with its newest entry.
///
/// The store never hears that a cell was deleted: its entries stay. But all that runs after it is
/// recorded anew then, as its module hash covers the code before it. So a cell is gone
///
/// - if a later entry of another cell has its position;
/// - if the cell after it says that the code before it is a chain without this one, and is newer;
/// - if a cell before it changed after its own newest entry, while its chain is not the present one.
///
/// A last cell that was deleted stays until another one is recorded at its position or one before
/// it changes. Entries without a position, which were put by hand, are always there.
///
/// `until` says of the entries of a cell, oldest first, how many of them count.
pub fn cells_at(
    snapshot: &Snapshot,
    name: &NotebookName,
    until: impl Fn(&[EntryName]) -> usize,
) -> Vec<CellState> {
    let recorded = RecordedCells::of(snapshot, name);
    let mut placed = Vec::new();
    let mut others = Vec::new();
    let counted = recorded.histories().map(|entries| &entries[..until(entries)]);
    for entries in counted.filter(|entries| !entries.is_empty()) {
        let newest = entries.last().expect("a recorded cell has an entry");
        let entry = snapshot.entry(newest).ok();
        match Recorded::of(entries, entry) {
            Ok(cell) => placed.push(cell),
            Err(state) => others.push(*state),
        }
    }
    let mut cells: Vec<CellState> = present(placed).into_iter().map(|cell| cell.state).collect();
    cells.extend(others);
    cells
}

/// A cell whose newest entry says where it stood.
struct Recorded {
    state: CellState,
    position: usize,
    at: Timestamp,
    /// When its module hash became what it is; `None` if it never was another.
    changed: Option<Timestamp>,
    code: Digest,
    before: Option<Digest>,
}

impl Recorded {
    fn of(entries: &[EntryName], entry: Result<Entry, Miss>) -> Result<Recorded, Box<CellState>> {
        let name = entries.last().expect("a recorded cell has an entry").clone();
        let manifest = entry.as_ref().ok().map(Entry::manifest);
        let cell = manifest.map_or_else(|| name.cell().into_owned(), |it| it.key.cell().to_owned());
        let annotation = manifest.and_then(|it| it.provenance.annotations.get(POSITION));
        let position: Option<usize> = annotation.and_then(|text| text.parse().ok());
        let code = manifest.and_then(code_of);
        let before = manifest.and_then(chain_before);
        let run =
            entries.iter().rev().take_while(|it| it.module_segment() == name.module_segment());
        let run: Vec<&EntryName> = run.collect();
        let changed =
            (run.len() < entries.len()).then(|| run.last().map(|it| it.created_at())).flatten();
        let at = name.created_at();
        let state = CellState { cell, position, name, entry };
        match (position, code) {
            (Some(position), Some(code)) => {
                Ok(Recorded { state, position, at, changed, code, before })
            }
            _ => Err(Box::new(state)),
        }
    }
}

fn present(cells: Vec<Recorded>) -> Vec<Recorded> {
    // Of cells at one position the newest is there; the whole name breaks ties.
    let mut by_position: HashMap<usize, Recorded> = HashMap::new();
    for cell in cells {
        match by_position.get(&cell.position) {
            Some(known) if (known.at, &known.state.name) > (cell.at, &cell.state.name) => {}
            _ => drop(by_position.insert(cell.position, cell)),
        }
    }
    let mut cells: Vec<Recorded> = by_position.into_values().collect();
    cells.sort_by_key(|cell| cell.position);
    let no_code = cell_hash("");
    let start = chain_after(None);
    // What is there so far, each with the chain before it.
    let mut kept: Vec<(Recorded, Digest)> = Vec::with_capacity(cells.len());
    for cell in cells {
        let link = |(known, before): &(Recorded, Digest)| {
            if known.code == no_code { *before } else { chain_after(Some((*before, known.code))) }
        };
        let now = kept.last().map_or(start, link);
        if cell.before.is_none_or(|before| before == now) {
            kept.push((cell, now));
            continue;
        }
        // The cells just before it went if its chain ends before them, and it is newer.
        let ends = kept.iter().rposition(|(_, before)| cell.before == Some(*before));
        if let Some(end) = ends
            && kept[end..].iter().all(|(known, _)| known.at < cell.at)
        {
            let before = kept[end].1;
            kept.truncate(end);
            kept.push((cell, before));
            continue;
        }
        if kept.iter().any(|(known, _)| known.changed.is_some_and(|changed| changed > cell.at)) {
            continue;
        }
        kept.push((cell, now));
    }
    kept.into_iter().map(|(cell, _)| cell).collect()
}
